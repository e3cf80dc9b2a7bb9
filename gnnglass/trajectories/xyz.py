"""Extended XYZ files as ASE and OVITO write them, plain or compressed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from gnnglass.errors import InputError
from gnnglass.trajectories.formats import (
    FLAT,
    FORMATS,
    DamagedError,
    Format,
    Lines,
    decompressed_head,
    errors_naming,
    identified,
    is_flat,
    named_types,
    note_not_kept,
    numeric,
    open_decompressed,
    order_by_id,
    orthogonal_edges,
    read_columns,
    real_number,
    real_numbers,
    shown,
    time_facts,
    whole_number,
)
from gnnglass.trajectories.snapshot import FloatArray, IdArray, IntArray, Snapshot, Trajectory

FIRST_LINES = re.compile(rb"[ \t]*\d+[ \t\r]*\n[^\n]*\b(Lattice|Properties)[ \t]*=", re.IGNORECASE)
#: A key, and its value bare, in quotes or in brackets.
KEY_VALUE = re.compile(
    r"""([A-Za-z_][\w-]*)\s*=\s*(?:"([^"]*)"|\{([^}]*)\}|\[([^]]*)\]|([^\s"]+))"""
)
LONGEST_COMMENT = 1 << 16
#: What the columns are if nothing is said, as in ASE.
PROPERTIES = "species:S:1:pos:R:3"
POSITION = ("pos_x", "pos_y", "pos_z")
#: Properties that tell species; of several the first is used.
NAMES = ("species", "typelabel", "element", "Z", "type")
#: Names of vectors for which LAMMPS has names of one letter and the axis, such as vx.
LETTER_OF = {
    **dict.fromkeys(("vel", "velo", "velocity", "velocities"), "v"),
    **dict.fromkeys(("force", "forces"), "f"),
}
MOST_COLUMNS = 1000
TRUE = ("T", "True", "TRUE", "true", "1")
#: Keys in lower case under which programs write the step and the time; the first is used.
STEPS = ("step", "timestep", "time_step", "md_step", "frame", "frame_number", "iteration", "iter")
MAY_BE_DT = {"timestep", "time_step"}
TIMES = ("time", "md_time", "simulation_time", "t")
USED_KEYS = {"lattice", "properties", "origin", "pbc"}
#: The symbol of each atomic number, from 1.
SYMBOLS = (
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S",
    "Cl", "Ar", "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga",
    "Ge", "As", "Se", "Br", "Kr", "Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd",
    "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm",
    "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W", "Re", "Os",
    "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa",
    "U", "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf", "Db", "Sg",
    "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og",
)  # fmt: skip


@dataclass(frozen=True)
class _Frame:
    """The content of one frame of the file, particles sorted by id if they have ids.

    Attributes:
        step: Simulation step; the number of the frame if not given.
        time: Time, if given.
        edges: Edges of the cell, shape [3].
        origin: Corner of the cell, shape [3].
        periodic: Whether each axis is periodic.
        positions: Shape [n, 3].
        species: Name of the species of each particle, or its number.
        fields: The properties that are numbers, one by one.
        ids: Number of each particle, if they have ids.
        not_kept: Keys and properties that a snapshot has no place for.
    """

    step: int
    time: float | None
    edges: FloatArray
    origin: FloatArray
    periodic: tuple[bool, ...]
    positions: FloatArray
    species: list[str] | FloatArray
    fields: dict[str, FloatArray]
    ids: IdArray | None
    not_kept: list[str]

    @property
    def may_be_2d(self) -> bool:
        """Whether all particles share one z, and the cell does not contradict two dimensions.

        Raises:
            InputError: If the cell has no height, but the particles differ in z.
        """
        z = self.positions[:, 2]
        if self.edges[2] == 0 and np.ptp(z) > FLAT * self.edges.max():
            raise InputError(
                f"its box has no height, but its particles differ in z by {np.ptp(z):.3g}; give "
                "the third vector of the Lattice."
            )
        thin = not all(self.periodic[2:]) or self.edges[2] == 0
        return is_flat(z, self.edges) or (len(z) == 1 and thin)


@FORMATS.register("extxyz")
class ExtendedXYZFormat(Format):
    """Extended XYZ: one or more frames, each with ``Lattice`` and ``Properties``.

    Without ``Properties`` the columns are species and position. Species have the names that the
    file gives in ``species``, ``typelabel``, ``element`` or ``type``, in alphabetical order, or
    the symbols of the atomic numbers ``Z``; those that are numbered 1, 2, … are named A, B, ….
    Properties that are numbers become fields, vectors one for each component: ``vx``, ``vy``,
    ``vz`` of velocities, ``fx``, … of forces, ``name_x``, … of others. If there is a property
    ``id``, the particles are sorted by it; without, they can be followed only where the frames
    show that their order stays the same. Steps and times are taken from the keys that programs
    write them under (``step``, ``Timestep``, ``Time``, …); a frame without a step gets its number
    in the file. Other keys and texts are named in a warning.
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
            frames = list(_frames(Lines(stream), path))
        flat = []
        for number, frame in enumerate(frames):
            with errors_naming(f"frame {number} of {path}"):
                flat.append(frame.may_be_2d)
        d = 2 if all(flat) else 3
        with errors_naming(path):
            types, names = _species(frames)
        snapshots = []
        for number, frame in enumerate(frames):
            with errors_naming(f"frame {number} of {path}"):
                snapshots.append(_snapshot(frame, d, types[number], names))
        if frames[0].ids is None:
            snapshots = identified(snapshots)
        facts: dict[str, Any] = time_facts(
            path, [frame.step for frame in frames], [frame.time for frame in frames]
        )
        note_not_kept(path, (name for frame in frames for name in frame.not_kept))
        return Trajectory(snapshots, facts)


def _frames(lines: Lines, path: Path) -> Iterator[_Frame]:
    has_ids = None
    for number in count():
        with errors_naming(f"frame {number} of {path}"):
            frame = _next_frame(lines, number)
            if frame is None:
                return
            if has_ids not in (None, frame.ids is not None):
                raise InputError("some frames have a property 'id' and others have none.")
            has_ids = frame.ids is not None
        yield frame


def _next_frame(lines: Lines, number: int) -> _Frame | None:
    first = lines.next_with_text()
    if not first:
        return None
    n = whole_number(first)
    comment = lines.next()
    if len(comment) > LONGEST_COMMENT:
        raise DamagedError(f"its second line has {len(comment)} characters")
    rows = lines.rows(n)
    if n < 1:
        raise DamagedError(f"it has no lines of particles where {n} are announced")
    values = _key_values(comment.decode(errors="replace"))
    if "lattice" not in values:
        raise InputError("it has no Lattice; only extended XYZ with a periodic box is supported.")
    names, words, vectors = _column_names(values.get("properties", PROPERTIES))
    told_by = next((name for name in NAMES if name in names), None)
    if told_by is None or not set(POSITION) <= set(names):
        raise InputError("its Properties lack species:S:1 or pos:R:3.")
    columns = read_columns(rows, names, first_line=lines.number - n + 1, words=words)
    needed = {"id", *POSITION, *(name for name in names if name not in words)} - {told_by}
    numbers = numeric(columns, [name for name in names if name in needed])
    order = order_by_id(numbers["id"]) if "id" in numbers else np.arange(n)
    step_key = next((key for key in STEPS if _is_step(key, values)), None)
    time_key = next((key for key in TIMES if key in values), None)
    used = {"id", told_by, *POSITION}
    keys = [key for key in values if key not in USED_KEYS | {step_key, time_key}]
    return _Frame(
        step=number if step_key is None else whole_number(values[step_key]),
        time=None if time_key is None else real_number(values[time_key].strip()),
        edges=orthogonal_edges(_floats(values["lattice"], 9).reshape(3, 3)),
        origin=_floats(values.get("origin", "0 0 0"), 3),
        periodic=tuple(word in TRUE for word in _words(values.get("pbc", "T T T"))),
        positions=np.stack([numbers[name] for name in POSITION], axis=1)[order],
        species=_labels(columns[told_by], order, atomic_numbers=told_by == "Z"),
        fields={
            vectors.get(name, name): values[order]
            for name, values in numbers.items()
            if name not in used
        },
        ids=numbers["id"][order].astype(np.int64) if "id" in numbers else None,
        not_kept=[*keys, *(name for name in columns if name not in {*numbers, *used})],
    )


def _is_step(key: str, values: dict[str, str]) -> bool:
    """Whether a key says the step; a time step may also be the time between steps."""
    return key in values and (key not in MAY_BE_DT or values[key].strip().isdecimal())


def _labels(
    column: FloatArray | list[str], order: Any, *, atomic_numbers: bool
) -> FloatArray | list[str]:
    """Names or numbers of the species, in order.

    Raises:
        DamagedError: If there is no element of some atomic number.
    """
    if isinstance(column, list):
        return [column[index] for index in order]
    if not atomic_numbers:
        return column[order]
    if not np.all(np.isin(column, np.arange(1, len(SYMBOLS) + 1))):
        raise DamagedError("some Z are not atomic numbers")
    return [SYMBOLS[int(number) - 1] for number in column[order]]


def _species(frames: list[_Frame]) -> tuple[list[IntArray], tuple[str, ...]]:
    """The types of each frame, and their names."""
    named = [frame.species for frame in frames if isinstance(frame.species, list)]
    numbered = [frame.species for frame in frames if not isinstance(frame.species, list)]
    if named and numbered:
        raise InputError("its frames do not name species in the same way.")
    return named_types(named or None, numbered or None)


def _key_values(comment: str) -> dict[str, str]:
    """The keys in lower case, with the text of their values."""
    return {
        match[1].lower(): next(value for value in match.groups()[1:] if value is not None)
        for match in KEY_VALUE.finditer(comment)
    }


def _column_names(properties: str) -> tuple[list[str], set[str], dict[str, str]]:
    """Names of all columns, those that are words, and names of fields that are others."""
    words = properties.split(":")
    if len(words) % 3:
        raise DamagedError(
            f"its Properties are not triples of name:type:columns: {shown(properties)}"
        )
    names: list[str] = []
    texts: set[str] = set()
    vectors: dict[str, str] = {}
    for name, kind, width in zip(words[::3], words[1::3], words[2::3], strict=True):
        n = whole_number(width)
        if not 1 <= n <= MOST_COLUMNS - len(names):
            raise DamagedError(f"its property {shown(name)} has {n} columns")
        parts = "xyz" if n == len("xyz") else [str(k) for k in range(n)]
        columns = [name] if n == 1 else [f"{name}_{part}" for part in parts]
        names += columns
        # Logical values are letters.
        if kind not in {"R", "I"}:
            texts.update(columns)
        elif n == len("xyz") and name.lower() in LETTER_OF:
            vectors |= {f"{name}_{axis}": f"{LETTER_OF[name.lower()]}{axis}" for axis in "xyz"}
    return names, texts, vectors


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _floats(text: str, n: int) -> FloatArray:
    values = np.array(real_numbers(_words(text)))
    if values.shape != (n,):
        raise DamagedError(f"expected {n} numbers, found {shown(text)}")
    return values


def _snapshot(frame: _Frame, d: int, types: IntArray, names: tuple[str, ...]) -> Snapshot:
    if not all(frame.periodic[:d]) or len(frame.periodic) != 3:
        raise InputError(
            f"it has a boundary that is not periodic; only boxes periodic along "
            f"{', '.join('xyz'[:d])} (pbc T) are supported."
        )
    return Snapshot(
        box=frame.edges[:d],
        positions=frame.positions[:, :d] - frame.origin[:d] - frame.edges[:d] / 2,
        types=types,
        type_names=names,
        fields=frame.fields,
        step=frame.step,
        ids=frame.ids,
    )
