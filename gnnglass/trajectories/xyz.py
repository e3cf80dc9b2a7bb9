"""Extended XYZ files as ASE and OVITO write them, plain or compressed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import IO

import numpy as np

from gnnglass.errors import InputError
from gnnglass.trajectories.formats import (
    FORMATS,
    DamagedError,
    Format,
    decompressed_head,
    errors_naming,
    open_decompressed,
    order_by_id,
    read_columns,
    real_numbers,
    whole_number,
)
from gnnglass.trajectories.snapshot import FloatArray, Snapshot, Trajectory

FIRST_LINES = re.compile(rb"[ \t]*\d+[ \t\r]*\n[^\n]*\b(Lattice|Properties)[ \t]*=")
#: A key, and its value bare, in quotes or in brackets.
KEY_VALUE = re.compile(
    r"""([A-Za-z_][\w-]*)\s*=\s*(?:"([^"]*)"|\{([^}]*)\}|\[([^]]*)\]|([^\s"]+))"""
)
LONGEST_COMMENT = 1 << 16
POSITION = ("pos_0", "pos_1", "pos_2")
MOST_COLUMNS = 1000
TRUE = ("T", "True", "TRUE", "true", "1")
#: How far beside the diagonal a lattice may be, relative to its edges; angles are rounded.
ALMOST_ZERO = 1e-10


@dataclass(frozen=True)
class _Frame:
    """The content of one frame of the file, particles sorted by id if they have ids.

    Attributes:
        step: Simulation step; the number of the frame if not given.
        lattice: Cell vectors as rows, shape [3, 3].
        origin: Corner of the cell, shape [3].
        periodic: Whether each axis is periodic.
        positions: Shape [n, 3].
        species: Name of the species of each particle.
        fields: The properties that are one number for each particle.
    """

    step: int
    lattice: FloatArray
    origin: FloatArray
    periodic: tuple[bool, ...]
    positions: FloatArray
    species: list[str]
    fields: dict[str, FloatArray]

    @property
    def may_be_2d(self) -> bool:
        """Whether all particles share one z, and the cell does not contradict two dimensions."""
        z = self.positions[:, 2]
        thin = not all(self.periodic[2:]) or self.lattice[2, 2] == 0
        return (len(z) > 1 or thin) and bool(np.all(z == z[0]))


@FORMATS.register("extxyz")
class ExtendedXYZFormat(Format):
    """Extended XYZ: one or more frames, each with ``Lattice`` and ``Properties``.

    Species are named as in the file, in alphabetical order; properties of one number become
    fields, vectors (forces, velocities) and texts are ignored; if there is a property
    ``id``, the particles are sorted by it. A frame without ``step`` gets its number in the file.
    The format has no image flags, so crossings of the boundary are unknown. A trajectory is 2D if
    in every frame all particles share one z; a single particle needs a cell without height, or no
    periodicity along z, to be 2D. The box is moved so that its centre is the origin. ``pbc`` must
    be T along the axes that are used, or absent.

    ASE's own reader is not used: it refuses species that are not chemical elements, such as A and
    B, and loops over the announced number of particles, even 10^11 in a file of four lines.
    """

    def matches(self, path: Path, head: bytes) -> bool:
        """A number of particles, then a line with ``Lattice=`` or ``Properties=``."""
        return FIRST_LINES.match(decompressed_head(path, head)) is not None

    def read(self, path: Path) -> Trajectory:
        """Read all frames.

        Raises:
            FileError: If the file ends within a frame or a frame is malformed.
            InputError: If a frame has no lattice, one that is tilted or not periodic, no species,
                or positions that are not finite.
        """
        with errors_naming(path), open_decompressed(path) as stream:
            frames = list(_frames(stream, path))
        d = 2 if all(frame.may_be_2d for frame in frames) else 3
        names = tuple(sorted({name for frame in frames for name in frame.species}))
        snapshots = []
        for number, frame in enumerate(frames):
            with errors_naming(f"frame {number} of {path}"):
                snapshots.append(_snapshot(frame, d, names))
        return Trajectory(snapshots)


def _frames(stream: IO[bytes], path: Path) -> Iterator[_Frame]:
    for number in count():
        with errors_naming(f"frame {number} of {path}"):
            frame = _next_frame(stream, number)
        if frame is None:
            return
        yield frame


def _next_frame(stream: IO[bytes], number: int) -> _Frame | None:
    first = stream.readline()
    while first.isspace():
        first = stream.readline()
    if not first:
        return None
    n = whole_number(first)
    comment = stream.readline()
    if len(comment) > LONGEST_COMMENT:
        raise DamagedError(f"its second line has {len(comment)} characters")
    lines = list(islice(stream, max(n, 0)))
    if n < 1 or len(lines) < n:
        raise DamagedError(f"it has {len(lines)} lines of particles where {n} are announced")
    values = _key_values(comment.decode(errors="replace"))
    for needed in ("lattice", "properties"):
        if needed not in values:
            raise InputError(
                f"it has no {needed.capitalize()}; only extended XYZ with a periodic box is "
                "supported."
            )
    names, single = _column_names(values["properties"])
    columns = read_columns(lines, names)
    if "species" not in columns or not set(POSITION) <= set(columns):
        raise InputError("its Properties lack species:S:1 or pos:R:3.")
    numbers = {name: column for name, column in columns.items() if not isinstance(column, list)}
    if not set(POSITION) <= set(numbers):
        raise DamagedError("some positions are not numbers")
    order = order_by_id(numbers["id"]) if "id" in numbers else np.arange(n)
    species = columns["species"]
    if not isinstance(species, list):
        species = [f"{label:g}" for label in species]
    return _Frame(
        step=whole_number(values["step"]) if "step" in values else number,
        lattice=_floats(values["lattice"], 9).reshape(3, 3),
        origin=_floats(values.get("origin", "0 0 0"), 3),
        periodic=tuple(word in TRUE for word in _words(values.get("pbc", "T T T"))),
        positions=np.stack([numbers[name] for name in POSITION], axis=1)[order],
        species=[species[index] for index in order],
        fields={name: numbers[name][order] for name in single if name in numbers},
    )


def _key_values(comment: str) -> dict[str, str]:
    """The keys in lower case, with the text of their values."""
    return {
        match[1].lower(): next(value for value in match.groups()[1:] if value is not None)
        for match in KEY_VALUE.finditer(comment)
    }


def _column_names(properties: str) -> tuple[list[str], list[str]]:
    """Names of all columns, and of those that are single numbers."""
    words = properties.split(":")
    if len(words) % 3:
        raise DamagedError(
            f"its Properties are not triples of name:type:columns: {properties[:80]!r}"
        )
    names: list[str] = []
    single: list[str] = []
    for name, kind, width in zip(words[::3], words[1::3], words[2::3], strict=True):
        n = whole_number(width)
        if not 1 <= n <= MOST_COLUMNS - len(names):
            raise DamagedError(f"its property {name!r} has {n} columns")
        names += [name] if n == 1 else [f"{name}_{k}" for k in range(n)]
        if n == 1 and kind in {"R", "I"} and name not in {"id", "species"}:
            single.append(name)
    return names, single


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _floats(text: str, n: int) -> FloatArray:
    values = np.array(real_numbers(_words(text)))
    if values.shape != (n,):
        raise DamagedError(f"expected {n} numbers, found {text[:80]!r}")
    return values


def _snapshot(frame: _Frame, d: int, names: tuple[str, ...]) -> Snapshot:
    lattice = frame.lattice
    edges = np.diag(lattice)
    if np.any(np.abs(lattice - np.diag(edges)) > ALMOST_ZERO * np.abs(edges).max()):
        raise InputError("the box is tilted (triclinic); only orthorhombic boxes are supported.")
    if not all(frame.periodic[:d]) or len(frame.periodic) != 3:
        raise InputError(
            f"it has a boundary that is not periodic; only boxes periodic along "
            f"{', '.join('xyz'[:d])} (pbc T) are supported."
        )
    index = {name: number for number, name in enumerate(names)}
    return Snapshot(
        box=edges[:d],
        positions=frame.positions[:, :d] - frame.origin[:d] - edges[:d] / 2,
        types=np.array([index[name] for name in frame.species], dtype=np.int32),
        type_names=names,
        fields=frame.fields,
        step=frame.step,
    )
