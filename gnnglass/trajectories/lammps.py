"""LAMMPS' text files: data files of one configuration, dumps of many."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import IO

import numpy as np

from gnnglass.errors import FileError, InputError
from gnnglass.trajectories.formats import (
    FORMATS,
    LETTERS,
    CutOffError,
    DamagedError,
    Format,
    as_integers,
    decompressed_head,
    errors_naming,
    open_decompressed,
    order_by_id,
    read_columns,
    real_numbers,
    types_from_numbers,
    whole_number,
)
from gnnglass.trajectories.snapshot import FloatArray, IntArray, Snapshot, Trajectory

NUMBER_OF_ATOMS = re.compile(rb"^[ \t]*\d+[ \t]+atoms\b", re.MULTILINE)
STEP = re.compile(r"timestep *= *(\d{1,18})\b")
#: Columns of the section Atoms before the image flags, by atom style.
STYLES = {
    "atomic": ("id", "type", "x", "y", "z"),
    "charge": ("id", "type", "q", "x", "y", "z"),
    "molecular": ("id", "mol", "type", "x", "y", "z"),
    "full": ("id", "mol", "type", "q", "x", "y", "z"),
    "sphere": ("id", "type", "diameter", "density", "x", "y", "z"),
}
IMAGES = ("ix", "iy", "iz")
TILTED = "the box is tilted (triclinic); only orthorhombic boxes are supported."


@dataclass
class _DataFile:
    """The parts of a data file that a snapshot is made of.

    Attributes:
        step: Simulation step, from the first line.
        counts: Numbers of things by their name, such as ``"atoms"``.
        bounds: Lower and upper bound by axis.
        labels: Names of the atom types by their number, if they have any.
        columns: Columns of the section Atoms by name.
    """

    step: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    columns: dict[str, FloatArray | list[str]] = field(default_factory=dict)


@FORMATS.register("lammps-data")
class LAMMPSDataFormat(Format):
    """LAMMPS data files of the atom styles atomic, charge, molecular, full and sphere.

    The style is read from the line ``Atoms # style``; if it gives none, it is atomic. Atoms
    are sorted by id; types carry their labels, or are named A, B, …; charges and the like become
    fields; velocities and coefficients are ignored. The file does not say whether a simulation
    was 2D: it is taken as such if all particles (two or more) share one z. The box is moved so
    that its centre is the origin; data files hold no boundary conditions, so it is taken to be
    periodic.
    """

    def matches(self, path: Path, head: bytes) -> bool:
        """A line such as ``64 atoms`` near the beginning, after a first line of any text."""
        lines = decompressed_head(path, head).partition(b"\n")
        return not lines[0].startswith(b"ITEM:") and bool(NUMBER_OF_ATOMS.search(lines[2]))

    def read(self, path: Path) -> Trajectory:
        """Read the one configuration.

        Raises:
            FileError: If the file ends too early or is malformed.
            InputError: If the box is tilted, the atom style is not known here, or positions are
                not finite.
        """
        with errors_naming(path), open_decompressed(path) as stream:
            return Trajectory([_data_snapshot(_read_data(stream))])


def _read_data(stream: IO[bytes]) -> _DataFile:
    found = _DataFile()
    step = STEP.search(_data_text(stream.readline()))
    found.step = int(step.group(1)) if step else 0
    for line in stream:
        words, _, comment = _data_text(line).partition("#")
        words = words.strip()
        if words == "Atoms":
            names = _names(comment.strip())
            found.columns = _atoms(_rows(stream, found.counts.get("atoms", 0)), names)
        elif words == "Atom Type Labels":
            rows = _rows(stream, found.counts.get("atom types", 0))
            found.labels = dict(map(_label, rows))
        elif words and not found.columns:
            _header(words, found)
    if not found.columns:
        raise DamagedError("it ends before the section Atoms")
    if not {*"xyz"} <= set(found.bounds) or "atom types" not in found.counts:
        raise DamagedError("its header lacks the bounds of an axis or the number of atom types")
    return found


def _data_text(line: bytes) -> str:
    return line.decode(errors="replace")


def _label(line: bytes) -> tuple[int, str]:
    words = _data_text(line).split()
    if len(words) != 2:
        raise DamagedError(f"expected a type and its label, found {line[:40]!r}")
    return whole_number(words[0]), words[1]


def _header(words: str, found: _DataFile) -> None:
    """Store what a line of the header says; lines of other sections are skipped."""
    values = words.split()
    match values:
        case [number, "atoms"] | [number, "atom", "types"]:
            found.counts[" ".join(values[1:])] = whole_number(number)
        case [lower, upper, low, high] if (low[1:], high[1:]) == ("lo", "hi"):
            bounds = real_numbers([lower, upper])
            found.bounds[low[0]] = bounds[0], bounds[1]
        case [*tilts, "xy", "xz", "yz"] if any(tilt != 0 for tilt in real_numbers(tilts)):
            raise InputError(TILTED)
        case [*_, "avec" | "bvec" | "cvec"]:
            raise InputError(TILTED)


def _names(style: str) -> tuple[str, ...]:
    if (style or "atomic") not in STYLES:
        raise InputError(
            f"atom style {style!r} is not known here; expected one of {', '.join(STYLES)}."
        )
    return STYLES[style or "atomic"]


def _rows(stream: IO[bytes], n: int) -> list[bytes]:
    """The next `n` lines, the first of which may be preceded by a blank one."""
    first = stream.readline()
    rows = [] if first.isspace() else [first]
    rows += islice(stream, max(n - len(rows), 0))
    if len(rows) < n or not rows or not rows[-1].endswith(b"\n"):
        raise DamagedError("it ends within a section")
    return rows


def _atoms(rows: list[bytes], names: tuple[str, ...]) -> dict[str, FloatArray | list[str]]:
    given = len(rows[0].split())
    return read_columns(rows, names if given == len(names) else names + IMAGES)


def _data_snapshot(found: _DataFile) -> Snapshot:
    types = _types(found)
    numbers = {
        name: values for name, values in found.columns.items() if not isinstance(values, list)
    }
    for needed in ("id", *"xyz"):
        if needed not in numbers:
            raise DamagedError(f"the column {needed!r} of its section Atoms is not numeric")
    order = order_by_id(numbers["id"])
    z = numbers["z"]
    d = 2 if len(z) > 1 and np.all(z == z[0]) else 3
    axes = "xyz"[:d]
    lower, upper = np.array([found.bounds[axis] for axis in axes]).T
    images = [numbers[f"i{axis}"] for axis in axes if f"i{axis}" in numbers]
    used = {"id", "type", *"xyz", *IMAGES}
    return Snapshot(
        box=upper - lower,
        positions=np.stack([numbers[axis] for axis in axes], axis=1)[order] - (lower + upper) / 2,
        types=types[order],
        type_names=_type_names(found),
        images=as_integers(np.stack(images, axis=1)[order], "image flags") if images else None,
        fields={name: values[order] for name, values in numbers.items() if name not in used},
        step=found.step,
    )


def _types(found: _DataFile) -> IntArray:
    types = found.columns["type"]
    if isinstance(types, list):
        numbers = {name: float(number) for number, name in found.labels.items()}
        types = np.array(
            [numbers[name] if name in numbers else real_numbers([name])[0] for name in types]
        )
    return types_from_numbers(types)


def _type_names(found: _DataFile) -> tuple[str, ...]:
    names = LETTERS[: found.counts["atom types"]]
    return tuple(found.labels.get(number, name) for number, name in enumerate(names, 1))


FIRST_WORD = b"ITEM:"
#: Suffix of a coordinate column -> (is scaled by the box, is unwrapped); the first found is used.
SUFFIXES = {"u": (False, True), "su": (True, True), "": (False, False), "s": (True, False)}


@dataclass(frozen=True)
class _Frame:
    """The content of one frame of a dump, atoms sorted by id.

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

    Coordinates may be plain (x), scaled (xs), unwrapped (xu) or both (xsu); if there are several,
    the unwrapped ones are used. Images are known if coordinates are unwrapped or the columns
    ix iy (iz) are present.
    Atoms are sorted by id; types 1, 2, … are named A, B, …; other numeric columns become fields.
    The trajectory is 2D if the file has no z column, or if in every frame all particles (two or
    more) share one z. The box is moved so that its centre is the origin.
    """

    def matches(self, path: Path, head: bytes) -> bool:
        """Dumps begin with ``ITEM:``, once decompressed."""
        return decompressed_head(path, head).startswith(FIRST_WORD)

    def read(self, path: Path) -> Trajectory:
        """Read all frames.

        Raises:
            FileError: If the file ends within a frame or a frame is malformed.
            InputError: If a frame lacks ids, types or coordinates, has a tilted or
                non-periodic box, or positions that are not finite.
        """
        with errors_naming(path), open_decompressed(path) as stream:
            frames = list(_frames(stream, path))
        d = 2 if all(_is_flat(frame) for frame in frames) else 3
        n_types = max(int(max(frame.columns["type"], default=1)) for frame in frames)
        snapshots = []
        for frame in frames:
            with errors_naming(frame.name):
                snapshots.append(_dump_snapshot(frame, d, LETTERS[:n_types]))
        return Trajectory(snapshots)


def _frames(stream: IO[bytes], path: Path) -> Iterator[_Frame]:
    for number in count():
        name = f"frame {number} of {path}"
        with errors_naming(name):
            try:
                frame = _next_frame(stream, name)
            except CutOffError as error:
                raise FileError(
                    f"{name} is cut off: the file ends before the frame does; remove that frame or "
                    "repeat the run that wrote it."
                ) from error
            except DamagedError as error:
                raise FileError(f"{name} is not a whole LAMMPS dump frame: {error}.") from error
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
        item = _dump_text(line)
        if item.startswith("ITEM: TIMESTEP"):
            step = whole_number(_dump_text(stream.readline()))
        elif item.startswith("ITEM: NUMBER OF ATOMS"):
            n = whole_number(_dump_text(stream.readline()))
        elif item.startswith("ITEM: BOX BOUNDS"):
            bounds = _bounds([_dump_text(stream.readline()) for _ in range(3)], item)
            flags = [word for word in item.split()[3:] if len(word) == 2 and word[0] in "pfsm"]
            periodic = tuple(flag == "pp" for flag in flags) or periodic
        elif item.startswith("ITEM: ATOMS"):
            if n is None or bounds is None or n < 0:
                raise DamagedError("NUMBER OF ATOMS or BOX BOUNDS is missing before ATOMS")
            columns = _columns(list(islice(stream, n)), n, item.split()[2:])
            return _Frame(name, step, bounds, periodic, _sorted_by_id(columns))
        elif item.startswith(("ITEM: UNITS", "ITEM: TIME")):
            stream.readline()
        else:
            raise DamagedError(f"expected a line that begins with ITEM:, found {item[:40]!r}")
        line = stream.readline()


def _dump_text(line: bytes) -> str:
    if not line.endswith(b"\n"):
        raise CutOffError
    return line.decode(errors="replace").strip()


def _bounds(lines: list[str], item: str) -> FloatArray:
    rows = [real_numbers(line.split()) for line in lines]
    if "abc" in item or any(tilt != 0 for row in rows for tilt in row[2:]):
        raise InputError(TILTED)
    if any(len(row) < 2 for row in rows):
        raise DamagedError(f"expected a lower and an upper bound on each line, found {lines}")
    return np.array([row[:2] for row in rows])


def _columns(lines: list[bytes], n: int, names: list[str]) -> dict[str, FloatArray]:
    if len(lines) < n or (lines and not lines[-1].endswith(b"\n")):
        raise CutOffError
    columns = read_columns(lines, names)
    return {name: values for name, values in columns.items() if not isinstance(values, list)}


def _sorted_by_id(columns: dict[str, FloatArray]) -> dict[str, FloatArray]:
    for needed in ("id", "type"):
        if needed not in columns:
            raise InputError(
                f"it has no numeric column {needed!r} (only {', '.join(columns)}); write "
                "the dump with id, type and coordinates."
            )
    types_from_numbers(columns["type"])
    order = order_by_id(columns["id"])
    return {column: values[order] for column, values in columns.items()}


def _suffix(frame: _Frame, axis: str) -> str | None:
    return next((suffix for suffix in SUFFIXES if axis + suffix in frame.columns), None)


def _is_flat(frame: _Frame) -> bool:
    suffix = _suffix(frame, "z")
    if suffix is None:
        return True
    z = frame.columns["z" + suffix]
    return len(z) > 1 and bool(np.all(z == z[0]))


def _dump_snapshot(frame: _Frame, d: int, type_names: tuple[str, ...]) -> Snapshot:
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
        types=types_from_numbers(frame.columns["type"]),
        type_names=type_names,
        images=None if images is None else as_integers(images, "image flags"),
        fields=_fields(frame),
        step=frame.step,
    )


def _fields(frame: _Frame) -> dict[str, FloatArray]:
    used = {"id", "type", *(axis + suffix for axis in "xyz" for suffix in SUFFIXES)}
    used |= {f"i{axis}" for axis in "xyz"}
    return {name: values for name, values in frame.columns.items() if name not in used}
