"""XYZ files: extended as ASE and OVITO write them, those of atooms and RUMD, and plain ones."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.trajectories.formats import (
    FLAT,
    FORMATS,
    LETTERS,
    NUMBER,
    BoxlessFormat,
    DamagedError,
    Lines,
    RawFrame,
    decompressed_head,
    errors_naming,
    joined,
    note,
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
from gnnglass.trajectories.snapshot import FloatArray, Snapshot, Trajectory

FIRST_LINES = re.compile(rb"[ \t]*\d+[ \t\r]*\n[^\n]*\b(Lattice|Properties)[ \t]*=", re.IGNORECASE)
#: A number of particles, a comment, and then either the comment says it or the first particle does.
LOOSE_LINES = re.compile(
    rb"[ \t]*\d+[ \t\r]*\n[^\n]*?"
    rb"(\b(columns|ioformat)[ \t]*[=:]|\n[ \t]*\S+([ \t]+" + NUMBER.pattern + rb"){2,}[ \t\r\n])"
)
#: A key, and its value bare, in quotes or in brackets.
KEY_VALUE = re.compile(
    r"""(?<![\w-])([A-Za-z_][\w-]*+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)"|\{([^}]*)\}|\[([^]]*)\]|([^\s"]+))"""
)
#: A key, and one value or several with commas between them; a word before = or : is another key.
KEY_LIST = re.compile(
    r"""(?<![\w-])([A-Za-z_][\w-]*+)\s*[=:]\s*([^\s,=:]++(?!\s*[=:])(?:\s*,\s*[^\s,=:]++(?!\s*[=:]))*)"""
)
LONGEST_COMMENT = 1 << 16
#: What the columns are if nothing is said, as in ASE.
PROPERTIES = "species:S:1:pos:R:3"
POSITION = ("pos_x", "pos_y", "pos_z")
#: Properties that tell species; of several the first is used.
NAMES = ("species", "typelabel", "element", "Z", "type")
#: The same for columns, of which atooms calls the species id if nothing else tells it.
COLUMN_NAMES = (*NAMES, "name", "id")
#: Names of vectors for which LAMMPS has names of one letter and the axis, such as vx.
LETTER_OF = {
    **dict.fromkeys(("vel", "velo", "velocity", "velocities"), "v"),
    **dict.fromkeys(("force", "forces"), "f"),
}
#: What vectors of atooms stand for, by the names of their components.
COMPONENTS = {
    **{name: (letter, "") for name, letter in LETTER_OF.items()},
    **dict.fromkeys(("pos", "position"), ("", "")),
    "position_unfolded": ("", "u"),
}
MOST_COLUMNS = 1000
TRUE = ("T", "True", "TRUE", "true", "1")
#: Keys in lower case under which programs write the step and the time; the first is used.
STEPS = (
    *("step", "timestep", "time_step", "md_step", "timestepindex"),
    *("frame", "frame_number", "iteration", "iter", "i"),
)
MAY_BE_DT = {"timestep", "time_step"}
TIMES = ("time", "md_time", "simulation_time", "t")
CELLS = ("cell", "boxlengths", "sim_box")
UPRIGHT = "RectangularSimulationBox"
USED_KEYS = {"lattice", "properties", "origin", "pbc"}
LOOSE_KEYS = {*CELLS, "columns", "ioformat", "ndim", "numtypes", "mass"}
#: What LAMMPS begins the comment with, in dumps of style xyz.
LAMMPS_COMMENT = "Atoms."
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
class _Header:
    """What the second line of a frame says.

    Attributes:
        names: Name of each column.
        words: Columns of words.
        numbers: Columns that have to be of numbers.
        told_by: The column that tells species.
        positions: The columns of the coordinates, two or three.
        fields: Names of the fields that columns become, where they are others.
        edges: Edges of the box, shape [3], that along z 0 if there are two; None if not stated.
        origin: What is subtracted from positions, shape [3], so that the box is centred.
        periodic: Whether each axis is periodic.
        step: Simulation step, if given.
        time: Time, if given.
        dt: Time per step, if given.
        images: The columns of image flags.
        superseded: Columns whose content others tell better.
        is_unwrapped: Whether positions are known to be unwrapped.
        from_zero: Whether species are numbers that begin with 0.
        masses: Mass of each species, in the order of their names, or one for all.
        not_kept: Keys that a snapshot has no place for.
    """

    names: list[str]
    words: set[str]
    numbers: set[str]
    told_by: str
    positions: tuple[str, ...]
    fields: dict[str, str] = field(default_factory=dict)
    edges: FloatArray | None = None
    origin: FloatArray = field(default_factory=lambda: np.zeros(3))
    periodic: tuple[bool, ...] = (True, True, True)
    step: int | None = None
    time: float | None = None
    dt: float | None = None
    images: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()
    is_unwrapped: bool = False
    from_zero: bool = False
    masses: tuple[float, ...] = ()
    not_kept: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Frame:
    """One frame of the file.

    Attributes:
        header: What its second line says.
        raw: The frame itself; particles are sorted by id if they have ids.
        not_kept: Keys and columns that a snapshot has no place for.
    """

    header: _Header
    raw: RawFrame
    not_kept: list[str]


class _XYZFormat(BoxlessFormat):
    """What the dialects have in common: a number of particles, a comment, a line for each."""

    @abstractmethod
    def header(self, comment: str, first_row: bytes) -> _Header:
        """What the second line of a frame says, and the line after it shows.

        Raises:
            DamagedError: If it contradicts itself.
            InputError: If it does not describe a periodic configuration.
        """

    def read(self, path: Path, box: FloatArray | None = None) -> Trajectory:
        """Read all frames.

        Args:
            path: The file.
            box: Edges of the box, for files that state none.

        Raises:
            FileError: If the file ends within a frame or a frame is malformed.
            InputError: If a frame has no box and none is given, or the other way round, if a box
                is tilted or not periodic, or if there are no species, or positions that are not
                finite.
        """
        with errors_naming(path), open_decompressed(path) as stream:
            frames = list(self._frames(Lines(stream), path, box))
        snapshots = joined([frame.raw for frame in frames], path)
        if box is not None:
            _note_reach(snapshots[0], frames[0].raw, path)
        facts, forgotten = _facts(frames, snapshots[0].type_names, path)
        note_not_kept(path, [name for frame in frames for name in frame.not_kept] + forgotten)
        return Trajectory(snapshots, facts)

    def _frames(self, lines: Lines, path: Path, box: FloatArray | None) -> Iterator[_Frame]:
        for number in count():
            with errors_naming(f"frame {number} of {path}"):
                frame = self._next_frame(lines, number, box)
            if frame is None:
                return
            yield frame

    def _next_frame(self, lines: Lines, number: int, box: FloatArray | None) -> _Frame | None:
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
        said = comment.decode(errors="replace").strip()
        header = self.header(said, rows[0])
        if header.edges is None and box is None:
            raise InputError(
                f"it states no box (its second line is {shown(said)}); give the edges, with "
                "box=[Lx, Ly, Lz] in Python or --box Lx,Ly,Lz, or two of them in 2D."
            )
        if header.edges is not None and box is not None:
            raise InputError("it states its own box; leave box (--box) out.")
        edges = header.edges if header.edges is not None else _three(box)
        columns = read_columns(
            rows, header.names, first_line=lines.number - n + 1, words=header.words
        )
        numbers = numeric(columns, [name for name in header.names if name in header.numbers])
        has_ids = "id" in numbers and header.told_by != "id"
        order = order_by_id(numbers["id"]) if has_ids else np.arange(n)
        used = {"id", header.told_by, *header.positions, *header.images, *header.superseded}
        positions = np.stack([numbers[name] for name in header.positions], axis=1)[order]
        images = np.zeros(positions.shape) if header.is_unwrapped else None
        if header.images:
            images = np.stack([numbers[name] for name in header.images], axis=1)[order]
        labels, types = _species(columns[header.told_by], order, header)
        raw = RawFrame(
            edges=edges,
            positions=positions - header.origin[: positions.shape[1]],
            labels=labels,
            numbers=types,
            images=images,
            fields={
                header.fields.get(name, name): values[order]
                for name, values in numbers.items()
                if name not in used
            },
            ids=numbers["id"][order].astype(np.int64) if has_ids else None,
            periodic=header.periodic,
            step=number if header.step is None else header.step,
        )
        others = [name for name in columns if name not in {*numbers, *used}]
        return _Frame(header, raw, [*header.not_kept, *others])


@FORMATS.register("extxyz")
class ExtendedXYZFormat(_XYZFormat):
    """Extended XYZ: one or more frames, each with ``Lattice`` and ``Properties``.

    Without ``Properties`` the columns are species and position, and without ``Lattice`` a box has
    to be given. Species have the names that the file gives in ``species``, ``typelabel``,
    ``element`` or ``type``, in alphabetical order, or the symbols of the atomic numbers ``Z``;
    those that are numbered 1, 2, … are named A, B, …. Properties that are numbers become fields,
    vectors one for each component: ``vx``, ``vy``, ``vz`` of velocities, ``fx``, … of forces,
    ``name_x``, … of others. If there is a property ``id``, the particles are sorted by it;
    without, they can be followed only where the frames show that their order stays the same. Steps
    and times are taken from the keys that programs write them under (``step``, ``Timestep``,
    ``Time``, …); a frame without a step gets its number in the file. Other keys and texts are
    named in a warning.
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

    def header(self, comment: str, first_row: bytes) -> _Header:
        """What the keys of extended XYZ say."""
        values = _key_values(comment)
        names, words, vectors = _column_names(values.get("properties", PROPERTIES))
        told_by = next((name for name in NAMES if name in names), None)
        if told_by is None or not set(POSITION) <= set(names):
            raise InputError("its Properties lack species:S:1 or pos:R:3.")
        step_key = next((key for key in STEPS if _is_step(key, values)), None)
        time_key = next((key for key in TIMES if key in values), None)
        edges, origin = None, np.zeros(3)
        periodic: tuple[bool, ...] = (True, True, True)
        if "lattice" in values:
            edges = orthogonal_edges(_floats(values["lattice"], 9).reshape(3, 3))
            origin = _floats(values.get("origin", "0 0 0"), 3) + edges / 2
            # Without a lattice nothing is periodic in the file, whose box is given all the same.
            periodic = tuple(word in TRUE for word in _words(values.get("pbc", "T T T")))
        return _Header(
            names=names,
            words=words,
            numbers=({*names} - words | {"id", *POSITION}) - {told_by},
            told_by=told_by,
            positions=POSITION,
            fields=vectors,
            edges=edges,
            origin=origin,
            periodic=periodic,
            step=None if step_key is None else whole_number(values[step_key]),
            time=None if time_key is None else real_number(values[time_key].strip()),
            not_kept=[key for key in values if key not in USED_KEYS | {step_key, time_key}],
        )


@FORMATS.register("xyz")
class XYZFormat(_XYZFormat):
    """XYZ files of atooms and RUMD, and plain ones with a box that is given.

    The second line may hold keys, ``key:value`` or ``key=value``, with commas between several
    values: ``columns`` names the columns, as atooms and RUMD do (``position`` and ``velocity`` are
    as many as the box has edges; of atooms ``id`` is the species); ``cell``, ``boxLengths`` or
    ``sim_box`` is the box; ``step``, ``timeStepIndex`` or ``Timestep`` the step, ``dt`` or
    ``integrator`` the time per step, ``mass`` the masses. Without ``columns`` they are species and
    coordinates, and what follows becomes fields ``column_5``, …. Files that state no box, such as
    those of LAMMPS, need one that is given. Species that are numbered 1, 2, … or, as in RUMD,
    0, 1, … are named A, B, …; other numeric columns become fields, everything else is named in a
    warning. Images are known from RUMD's ``imx``, ``imy``, ``imz`` and atooms'
    ``position_unfolded``. There are no ids, so that particles can be followed only where the frames
    show that their order stays the same. A trajectory is 2D if its box has two edges, or if in
    every frame all particles share one z.
    """

    def matches(self, path: Path, head: bytes) -> bool:
        """A number of particles, then a line of any text, then one of a word and numbers."""
        start = decompressed_head(path, head)
        return FIRST_LINES.match(start) is None and LOOSE_LINES.match(start) is not None

    def header(self, comment: str, first_row: bytes) -> _Header:
        """What the keys of atooms and RUMD say, or else the first row shows."""
        values = {_key(match[1]): _items(match[2]) for match in KEY_LIST.finditer(comment)}
        is_rumd = "ioformat" in values
        edges = _cell(values)
        columns = _columns(values, edges) if "columns" in values else None
        names = columns or _plain_columns(first_row)
        told_by = next((name for name in COLUMN_NAMES if name in names), None)
        if told_by is None:
            raise InputError(f"none of its columns {shown(' '.join(names))} tells species.")
        suffix = "u" if "xu" in names else ""
        positions = tuple(axis + suffix for axis in "xyz" if axis + suffix in names)
        if positions not in (("x", "y"), ("x", "y", "z"), ("xu", "yu"), ("xu", "yu", "zu")):
            raise InputError(f"its columns {shown(' '.join(names))} lack coordinates x, y, z.")
        images = tuple(f"im{axis[0]}" for axis in positions if f"im{axis[0]}" in names)
        images = images if len(images) == len(positions) else ()
        step_key = next((key for key in STEPS if _is_whole(key, values)), None)
        time_key = next((key for key in TIMES if _is_number(key, values)), None)
        dt, dt_key = _time_per_step(values) if step_key else (None, None)
        masses = values.get("mass", ())
        if not all(NUMBER.fullmatch(mass.encode()) for mass in masses):
            raise DamagedError(f"its masses are not numbers: {shown(','.join(masses))}")
        text = " ".join(KEY_LIST.sub(" ", comment).removeprefix(LAMMPS_COMMENT).split())
        if columns is None and _is_only_numbers(first_row):
            raise InputError(
                f"its first column holds {shown(first_row.split()[0])}, which is no species; "
                "expected lines of a species and coordinates."
            )
        return _Header(
            names=names,
            words=set() if is_rumd else {told_by},
            numbers={*positions, *images, *({told_by} if is_rumd else {"id"} - {told_by})},
            told_by=told_by,
            positions=positions,
            edges=edges,
            step=None if step_key is None else whole_number(values[step_key][0]),
            time=None if time_key is None else real_number(values[time_key][0]),
            dt=dt,
            images=() if suffix else images,
            superseded=(*"xyz", *images) if suffix else (),
            is_unwrapped=bool(suffix),
            from_zero=is_rumd,
            masses=tuple(map(real_number, masses)),
            not_kept=[
                *(key for key in values if key not in LOOSE_KEYS | {step_key, time_key, dt_key}),
                *([f"the comment {text}"] if text else []),
            ],
        )


def _is_step(key: str, values: dict[str, str]) -> bool:
    """Whether a key says the step; a time step may also be the time between steps."""
    return key in values and (key not in MAY_BE_DT or values[key].strip().isdecimal())


def _is_whole(key: str, values: dict[str, list[str]]) -> bool:
    return len(values.get(key, ())) == 1 and values[key][0].isdecimal()


def _is_number(key: str, values: dict[str, list[str]]) -> bool:
    return len(values.get(key, ())) == 1 and bool(NUMBER.fullmatch(values[key][0].encode()))


def _is_only_numbers(row: bytes) -> bool:
    """Whether a line begins with a number that no species has."""
    first = row.split()[0] if row.split() else b""
    return bool(NUMBER.fullmatch(first)) and not first.isdigit()


def _time_per_step(values: dict[str, list[str]]) -> tuple[float | None, str | None]:
    """The time per step, and the key that says it."""
    for key in ("dt", *MAY_BE_DT):
        if _is_number(key, values) and not (key in MAY_BE_DT and _is_whole(key, values)):
            return real_number(values[key][0]), key
    # RUMD: the name of the integrator, then its time step.
    said = values.get("integrator", ())
    if len(said) > 1 and NUMBER.fullmatch(said[1].encode()):
        return real_number(said[1]), "integrator"
    return None, None


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _cell(values: dict[str, list[str]]) -> FloatArray | None:
    """The edges that one of the keys states, shape [3].

    Raises:
        DamagedError: If they are not two or three numbers.
        InputError: If the box is of a kind that is not upright.
    """
    key = next((key for key in CELLS if key in values), None)
    if key is None:
        return None
    edges = values[key]
    if key == "sim_box" and edges and not NUMBER.fullmatch(edges[0].encode()):
        if edges[0] != UPRIGHT:
            raise InputError(f"its box is a {shown(edges[0])}; only a {UPRIGHT} is supported.")
        edges = edges[1:]
    if len(edges) not in (2, 3):
        raise InputError(f"its {key} has {len(edges)} numbers; expected two or three edges.")
    return _three(np.array(real_numbers(edges)))


def _three(edges: FloatArray | None) -> FloatArray:
    """Two or three edges as three, of which the third may be 0."""
    assert edges is not None
    return edges if len(edges) == 3 else np.append(edges, 0.0)


def _columns(values: dict[str, list[str]], edges: FloatArray | None) -> list[str]:
    """The names of all columns; those of vectors are repeated for each component."""
    flat = edges is not None and edges[2] == 0
    if _is_whole("ndim", values):
        flat = values["ndim"][0] == "2"
    names: list[str] = []
    for name in values["columns"]:
        column = name.removeprefix("particle.")
        if column in COMPONENTS:
            letter, suffix = COMPONENTS[column]
            names += [f"{letter}{axis}{suffix}" for axis in ("xy" if flat else "xyz")]
        else:
            names.append(column)
    return names


def _plain_columns(first_row: bytes) -> list[str]:
    """The names of columns that nothing names: a species, two or three coordinates, and more."""
    n = len(first_row.split())
    if n > MOST_COLUMNS:
        raise DamagedError(f"its lines have {n} columns")
    return ["species", *"xyz"][:n] + [f"column_{k}" for k in range(5, n + 1)]


def _species(
    column: FloatArray | list[str], order: NDArray[np.intp], header: _Header
) -> tuple[list[str] | None, FloatArray | None]:
    """Names or numbers, from 1, of the species, in order; the others are None.

    Raises:
        DamagedError: If there is no element of some atomic number.
    """
    if isinstance(column, list):
        return [column[index] for index in order], None
    if header.told_by != "Z":
        return None, column[order] + header.from_zero
    if not np.all(np.isin(column, np.arange(1, len(SYMBOLS) + 1))):
        raise DamagedError("some Z are not atomic numbers")
    return [SYMBOLS[int(number) - 1] for number in column[order]], None


def _key(word: str) -> str:
    """A key in lower case, but for single letters: t is a time, T a temperature."""
    return word if len(word) == 1 else word.lower()


def _key_values(comment: str) -> dict[str, str]:
    """The keys in lower case, with the text of their values."""
    return {
        _key(match[1]): next(value for value in match.groups()[1:] if value is not None)
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


#: Particles that are everywhere reach over more of each edge; those of a wrong box do not.
REACH = 0.8
FEWEST = 50


def _note_reach(snapshot: Snapshot, raw: RawFrame, path: Path) -> None:
    """Tell of particles that reach over much less than the box that was given, or beyond it."""
    reach = np.ptp(raw.positions[:, : snapshot.dimension], axis=0) / snapshot.box
    if len(snapshot) >= FEWEST and (reach.min() < REACH or reach.max() > 1 + FLAT):
        shares = ", ".join(f"{share:.2g}" for share in reach)
        note(path, f"its particles reach over {shares} of the edges of the box that was given")


def _facts(
    frames: list[_Frame], names: tuple[str, ...], path: Path
) -> tuple[dict[str, Any], list[str]]:
    """Entries of the metadata, and keys that do not become any."""
    headers, forgotten = [frame.header for frame in frames], []
    facts: dict[str, Any] = time_facts(
        path, [frame.raw.step for frame in frames], [header.time for header in headers]
    )
    steps = {header.dt for header in headers}
    if steps != {None} and not facts:
        dt = steps.pop()
        if steps or dt is None or not dt > 0:
            forgotten.append("dt")
        else:
            facts["dt"] = dt
    masses = headers[0].masses
    # RUMD also states those of species that no particle is of.
    called = LETTERS[: len(masses)] if headers[0].from_zero else names
    if any(header.masses != masses for header in headers) or len(masses) not in (
        *(0, 1),
        len(called),
    ):
        forgotten.append("mass")
    elif masses:
        facts["masses"] = dict.fromkeys(names, masses[0]) | dict(
            zip(called, masses, strict=len(masses) > 1)
        )
    if headers[0].from_zero:
        note(path, "its species are numbered from 0; 0 is called A, 1 is B, and so on")
    return facts, forgotten
