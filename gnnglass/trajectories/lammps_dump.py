"""Text dumps of LAMMPS (``dump atom`` and ``dump custom``), plain or gzipped."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import IO

import numpy as np

from gnnglass.errors import FileError, InputError
from gnnglass.trajectories.formats import FORMATS, Format, speaking_of
from gnnglass.trajectories.packed import unpacked, unpacked_head
from gnnglass.trajectories.snapshot import FloatArray, Snapshot
from gnnglass.trajectories.text_table import (
    LETTERS,
    order_of,
    read_columns,
    type_indices,
    whole_numbers,
)
from gnnglass.trajectories.trajectory import Trajectory

FIRST_WORD = b"ITEM:"
#: Suffix of a coordinate column -> (is scaled by the box, is unwrapped); the first found is used.
SUFFIXES = {"u": (False, True), "su": (True, True), "": (False, False), "s": (True, False)}


@dataclass(frozen=True)
class _Frame:
    """One frame as it stands in the file, atoms sorted by id.

    Attributes:
        name: Which frame of which file, for messages.
        step: Simulation step.
        bounds: Lower and upper bound along each axis, shape [3, 2].
        periodic: Whether each axis is periodic.
        columns: Numeric columns by name, each of shape [n].
    """

    name: str
    step: int
    bounds: FloatArray
    periodic: tuple[bool, ...]
    columns: dict[str, FloatArray]


@FORMATS.register("lammps-dump")
class LAMMPSDumpFormat(Format):
    """LAMMPS text dumps.

    Coordinates may be plain (x), scaled (xs), unwrapped (xu) or both (xsu); with several, the
    unwrapped are used. Images are known if coordinates are unwrapped or ix iy (iz) are there.
    Atoms are sorted by id; types 1, 2, … are named A, B, …; other numeric columns become fields.
    The trajectory is 2D if the file has no z column, or if in every frame all particles (two or
    more) share one z. The box is moved so that its centre is the origin.
    """

    def matches(self, path: Path, head: bytes) -> bool:
        """Dumps begin with ``ITEM:``, perhaps after unpacking."""
        return unpacked_head(path, head).startswith(FIRST_WORD)

    def read(self, path: Path) -> Trajectory:
        """Read all frames.

        Raises:
            FileError: If the file ends within a frame or a frame is malformed.
            InputError: If a frame lacks ids, types or coordinates, has a tilted or
                non-periodic box, or positions that are not finite.
        """
        with unpacked(path) as stream:
            frames = list(_frames(stream, path))
        d = 2 if all(_is_flat(frame) for frame in frames) else 3
        n_types = max(int(max(frame.columns["type"], default=1)) for frame in frames)
        snapshots = []
        for frame in frames:
            with speaking_of(frame.name):
                snapshots.append(_snapshot(frame, d, LETTERS[:n_types]))
        return Trajectory(snapshots)


def _frames(stream: IO[bytes], path: Path) -> Iterator[_Frame]:
    for number in count():
        name = f"frame {number} of {path}"
        try:
            frame = _next_frame(stream, name)
        except InputError:
            raise
        except EOFError as error:
            raise FileError(
                f"{name} is cut off: the file ends before the frame does; remove that frame or "
                "repeat the run that wrote it."
            ) from error
        except (ValueError, OSError, zlib.error) as error:
            reason = str(error).splitlines()[0]
            raise FileError(f"{name} is not a whole LAMMPS dump frame: {reason}.") from error
        if frame is None:
            return
        yield frame


def _next_frame(stream: IO[bytes], name: str) -> _Frame | None:
    step, n = 0, None
    bounds: FloatArray | None = None
    periodic: tuple[bool, ...] = (True, True, True)
    line = stream.readline()
    while line.isspace():
        line = stream.readline()
    if not line:
        return None
    while True:
        item = _text(line)
        if item.startswith("ITEM: TIMESTEP"):
            step = int(_text(stream.readline()))
        elif item.startswith("ITEM: NUMBER OF ATOMS"):
            n = int(_text(stream.readline()))
        elif item.startswith("ITEM: BOX BOUNDS"):
            bounds = _bounds([_text(stream.readline()) for _ in range(3)], item, name)
            flags = [word for word in item.split()[3:] if len(word) == 2 and word[0] in "pfsm"]
            periodic = tuple(flag == "pp" for flag in flags) or periodic
        elif item.startswith("ITEM: ATOMS"):
            if n is None or bounds is None:
                raise ValueError("NUMBER OF ATOMS or BOX BOUNDS is missing before ATOMS")
            columns = _columns(list(islice(stream, n)), n, item.split()[2:])
            return _Frame(name, step, bounds, periodic, _sorted_by_id(columns, name))
        elif item.startswith(("ITEM: UNITS", "ITEM: TIME")):
            stream.readline()
        else:
            raise ValueError(f"expected a line that begins with ITEM:, found {item[:40]!r}")
        line = stream.readline()


def _text(line: bytes) -> str:
    if not line.endswith(b"\n"):
        raise EOFError
    return line.decode(errors="replace").strip()


def _bounds(lines: list[str], item: str, name: str) -> FloatArray:
    rows = [[float(word) for word in line.split()] for line in lines]
    if "abc" in item or any(tilt != 0 for row in rows for tilt in row[2:]):
        raise InputError(
            f"{name} has a tilted (triclinic) box; only orthorhombic boxes are supported."
        )
    if any(len(row) < 2 for row in rows):
        raise ValueError(f"expected a lower and an upper bound on each line, found {lines}")
    return np.array([row[:2] for row in rows])


def _columns(lines: list[bytes], n: int, names: list[str]) -> dict[str, FloatArray]:
    if len(lines) < n or (lines and not lines[-1].endswith(b"\n")):
        raise EOFError
    columns = read_columns(lines, names)
    return {name: values for name, values in columns.items() if not isinstance(values, list)}


def _sorted_by_id(columns: dict[str, FloatArray], name: str) -> dict[str, FloatArray]:
    for needed in ("id", "type"):
        if needed not in columns:
            raise InputError(
                f"{name} has no numeric column {needed!r} (it has {', '.join(columns)}); write "
                "the dump with id, type and coordinates."
            )
    type_indices(columns["type"])
    order = order_of(columns["id"])
    return {column: values[order] for column, values in columns.items()}


def _suffix(frame: _Frame, axis: str) -> str | None:
    return next((suffix for suffix in SUFFIXES if axis + suffix in frame.columns), None)


def _is_flat(frame: _Frame) -> bool:
    suffix = _suffix(frame, "z")
    if suffix is None:
        return True
    z = frame.columns["z" + suffix]
    return len(z) > 1 and bool(np.all(z == z[0]))


def _snapshot(frame: _Frame, d: int, type_names: tuple[str, ...]) -> Snapshot:
    axes = "xyz"[:d]
    if not all(frame.periodic[:d]):
        raise InputError(
            f"it has a boundary that is not periodic; only boxes periodic along "
            f"{', '.join(axes)} (pp) are supported."
        )
    lower, upper = frame.bounds[:d].T
    box = upper - lower
    positions, unwrapped = [], []
    for k, axis in enumerate(axes):
        suffix = _suffix(frame, axis)
        if suffix is None:
            raise InputError(
                f"it has no {axis} coordinate (its columns are "
                f"{', '.join(frame.columns)}); write the dump with id, type and coordinates."
            )
        scaled, is_unwrapped = SUFFIXES[suffix]
        values = frame.columns[axis + suffix]
        centre = 0.5 if scaled else (lower[k] + upper[k]) / 2
        positions.append((values - centre) * (box[k] if scaled else 1))
        unwrapped.append(is_unwrapped)
    images = None
    if all(unwrapped):
        images = np.zeros((len(positions[0]), d))
    elif not any(unwrapped) and all(f"i{axis}" in frame.columns for axis in axes):
        images = np.stack([frame.columns[f"i{axis}"] for axis in axes], axis=1)
    return Snapshot(
        box=box,
        positions=np.stack(positions, axis=1),
        types=type_indices(frame.columns["type"]),
        type_names=type_names,
        images=None if images is None else whole_numbers(images, "image flags"),
        fields=_fields(frame),
        step=frame.step,
    )


def _fields(frame: _Frame) -> dict[str, FloatArray]:
    used = {"id", "type", *(axis + suffix for axis in "xyz" for suffix in SUFFIXES)}
    used |= {f"i{axis}" for axis in "xyz"}
    return {name: values for name, values in frame.columns.items() if name not in used}
