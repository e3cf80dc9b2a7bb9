"""Data files of LAMMPS (``write_data``), plain or packed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from gnnglass.errors import InputError
from gnnglass.trajectories.formats import FORMATS, Format, speaking_of
from gnnglass.trajectories.packed import unpacked, unpacked_head
from gnnglass.trajectories.snapshot import FloatArray, IntArray, Snapshot
from gnnglass.trajectories.text_table import (
    LETTERS,
    order_of,
    read_columns,
    type_indices,
    whole_numbers,
)
from gnnglass.trajectories.trajectory import Trajectory

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
class _Contents:
    """What a data file says, as far as a snapshot needs it.

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

    The style is read off the line ``Atoms # style``; without, it is taken to be atomic. Atoms
    are sorted by id; types carry their labels, or are named A, B, …; charges and the like become
    fields; velocities and coefficients are passed over. The file does not say whether a simulation
    was 2D: it is taken as such if all particles (two or more) share one z. The box is moved so
    that its centre is the origin; data files hold no boundary conditions, so it is taken to be
    periodic.
    """

    def matches(self, path: Path, head: bytes) -> bool:
        """Data files tell the number of atoms near their beginning, after a line of any text."""
        lines = unpacked_head(path, head).partition(b"\n")
        return not lines[0].startswith(b"ITEM:") and bool(NUMBER_OF_ATOMS.search(lines[2]))

    def read(self, path: Path) -> Trajectory:
        """Read the one configuration.

        Raises:
            FileError: If the file ends too early or is malformed.
            InputError: If the box is tilted, the atom style is not known here, or positions are
                not finite.
        """
        with speaking_of(path), unpacked(path) as stream:
            return Trajectory([_snapshot(_contents(stream))])


def _contents(stream: IO[bytes]) -> _Contents:
    found = _Contents()
    step = STEP.search(_text(stream.readline()))
    found.step = int(step.group(1)) if step else 0
    for line in stream:
        words, _, comment = _text(line).partition("#")
        words = words.strip()
        if words == "Atoms":
            names = _names(comment.strip())
            found.columns = _atoms(_rows(stream, found.counts.get("atoms", 0)), names)
        elif words == "Atom Type Labels":
            rows = _rows(stream, found.counts.get("atom types", 0))
            found.labels = {int(number): name for number, name in map(_words, rows)}
        elif words and not found.columns:
            _header(words, found)
    if not found.columns:
        raise ValueError("it ends before the section Atoms")
    if not {*"xyz"} <= set(found.bounds) or "atom types" not in found.counts:
        raise ValueError("its header lacks the bounds of an axis or the number of atom types")
    return found


def _text(line: bytes) -> str:
    return line.decode(errors="replace")


def _words(line: bytes) -> list[str]:
    return _text(line).split()


def _header(words: str, found: _Contents) -> None:
    """Take up a line of the header; those of other sections are passed over."""
    values = words.split()
    match values:
        case [number, "atoms"] | [number, "atom", "types"]:
            found.counts[" ".join(values[1:])] = int(number)
        case [lower, upper, low, high] if (low[1:], high[1:]) == ("lo", "hi"):
            found.bounds[low[0]] = float(lower), float(upper)
        case [*tilts, "xy", "xz", "yz"] if any(float(tilt) != 0 for tilt in tilts):
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
        raise ValueError("it ends within a section")
    return rows


def _atoms(rows: list[bytes], names: tuple[str, ...]) -> dict[str, FloatArray | list[str]]:
    given = len(rows[0].split())
    return read_columns(rows, names if given == len(names) else names + IMAGES)


def _snapshot(found: _Contents) -> Snapshot:
    types = _types(found)
    numbers = {
        name: values for name, values in found.columns.items() if not isinstance(values, list)
    }
    order = order_of(numbers["id"])
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
        images=whole_numbers(np.stack(images, axis=1)[order], "image flags") if images else None,
        fields={name: values[order] for name, values in numbers.items() if name not in used},
        step=found.step,
    )


def _types(found: _Contents) -> IntArray:
    types = found.columns["type"]
    if isinstance(types, list):
        known = {name: number for number, name in found.labels.items()}
        types = np.array([known[name] if name in known else float(name) for name in types])
    return type_indices(types)


def _type_names(found: _Contents) -> tuple[str, ...]:
    names = LETTERS[: found.counts["atom types"]]
    return tuple(found.labels.get(number, name) for number, name in enumerate(names, 1))
