"""LAMMPS' text files: data files of one configuration, dumps of many, as text or YAML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.errors import FileError, InputError
from gnnglass.trajectories.formats import (
    FORMATS,
    LETTERS,
    CutOffError,
    DamagedError,
    Format,
    Lines,
    as_integers,
    decompressed_head,
    errors_naming,
    identified,
    is_flat,
    named_types,
    note,
    note_not_kept,
    numeric,
    open_decompressed,
    order_by_id,
    orthogonal_edges,
    read_columns,
    real_numbers,
    require_2d,
    shown,
    time_facts,
    types_from_numbers,
    whole_number,
)
from gnnglass.trajectories.snapshot import FloatArray, IntArray, Snapshot, Trajectory

NUMBER_OF_ATOMS = re.compile(rb"^[ \t]*\d+[ \t]+atoms\b", re.MULTILINE)
STEP = re.compile(r"timestep *= *(\d{1,18})\b")
UNITS = re.compile(r"units *= *(\w{1,20})")
#: Columns of the section Atoms before the image flags, by atom style.
STYLES = {
    "atomic": ("id", "type", "x", "y", "z"),
    "charge": ("id", "type", "q", "x", "y", "z"),
    "molecular": ("id", "mol", "type", "x", "y", "z"),
    "full": ("id", "mol", "type", "q", "x", "y", "z"),
    "sphere": ("id", "type", "diameter", "density", "x", "y", "z"),
}
IMAGES = ("ix", "iy", "iz")
VELOCITIES = ("vx", "vy", "vz")


@dataclass
class _DataFile:
    """The parts of a data file that a snapshot is made of.

    Attributes:
        step: Simulation step, from the first line.
        facts: Further facts for the metadata.
        counts: Numbers of things by their name, such as ``"atoms"``.
        bounds: Lower and upper bound by axis.
        tilts: The tilt factors xy, xz and yz.
        vectors: Edges of the box by axis, where they are given as vectors.
        origin: Where these begin.
        labels: Names of the atom types by their number, if they have any.
        masses: Masses of the atom types, by their number or label.
        columns: Columns of the section Atoms by name.
        velocities: Columns of the section Velocities by name.
        others: Names of the other sections.
    """

    step: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    vectors: dict[str, list[float]] = field(default_factory=dict)
    tilts: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    origin: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    labels: dict[int, str] = field(default_factory=dict)
    masses: dict[str, float] = field(default_factory=dict)
    columns: dict[str, FloatArray | list[str]] = field(default_factory=dict)
    velocities: dict[str, FloatArray] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)

    def count(self, what: str) -> int:
        """How many things of a kind the header announces.

        Raises:
            DamagedError: If it does not say.
        """
        if what not in self.counts:
            raise DamagedError(f"its header lacks the number of {what}")
        return self.counts[what]

    def box(self) -> tuple[FloatArray, FloatArray]:
        """Lower corner and edges, each of shape [3].

        Raises:
            DamagedError: If an axis is missing.
            InputError: If the box is tilted.
        """
        if {*"abc"} <= set(self.vectors):
            edges = orthogonal_edges([self.vectors[axis] for axis in "abc"])
            return np.array(self.origin), edges
        if not {*"xyz"} <= set(self.bounds):
            raise DamagedError("its header lacks the bounds of an axis")
        lower, upper = np.array([self.bounds[axis] for axis in "xyz"]).T
        return lower, _upright(upper - lower, self.tilts)


def _upright(edges: FloatArray, tilts: ArrayLike) -> FloatArray:
    """The same edges, if the tilt factors xy, xz and yz are zero but for rounding.

    Raises:
        InputError: If they are not.
    """
    vectors = np.diag(edges)
    vectors[[1, 2, 2], [0, 0, 1]] = tilts
    return orthogonal_edges(vectors)


@FORMATS.register("lammps-data")
class LAMMPSDataFormat(Format):
    """LAMMPS data files of the atom styles atomic, charge, molecular, full and sphere.

    The style is read from the line ``Atoms # style``; if it gives none, it is atomic, and the
    section must have the columns of that. Atoms are sorted by id; types carry their labels, or
    are named A, B, …; charges, velocities and the like become fields, masses and units entries of
    the metadata; coefficients and bonds are named in a warning. The file does not say whether a
    simulation was 2D: it is taken as such if all particles (two or more) share one z. The box is
    moved so that its centre is the origin; data files hold no boundary conditions, so it is taken
    to be periodic.
    """

    def matches(self, path: Path, head: bytes) -> bool:
        """A line such as ``64 atoms`` near the beginning, after a first line of any text."""
        lines = decompressed_head(path, head).partition(b"\n")
        return not lines[0].startswith(b"ITEM:") and bool(NUMBER_OF_ATOMS.search(lines[2]))

    def read(self, path: Path) -> Trajectory:
        """Read the one configuration.

        Raises:
            FileError: If the file ends too early or is malformed.
            InputError: If the box is tilted, the atom style is not known here or not stated, or
                positions are not finite.
        """
        with errors_naming(path), open_decompressed(path) as stream:
            found = _read_data(Lines(stream))
            trajectory = _data_trajectory(found)
            note_not_kept(path, found.others)
            return trajectory


#: The name of a section, such as Pair Coeffs.
SECTION = re.compile(r"[A-Z][A-Za-z]*(?: [A-Za-z]+)*")


def _read_data(lines: Lines) -> _DataFile:
    found = _DataFile()
    title = _data_text(lines.next())
    step, units = STEP.search(title), UNITS.search(title)
    found.step = int(step.group(1)) if step else 0
    if units:
        found.facts["units"] = units[1]
    while line := lines.next():
        words, _, comment = _data_text(line).partition("#")
        words = words.strip()
        if words == "Atoms":
            found.columns = _atoms(lines, found.count("atoms"), comment.strip())
        elif words == "Velocities":
            found.velocities = _velocities(lines, found.count("atoms"))
        elif words == "Atom Type Labels":
            rows = _section(lines, found.count("atom types"))
            found.labels = dict(map(_label, rows))
        elif words == "Masses":
            rows = _section(lines, found.count("atom types"))
            found.masses = dict(map(_mass, rows))
        elif SECTION.fullmatch(words):
            found.others.append(words)
        elif words and not found.columns and not found.others:
            _header(words, found)
    if not found.columns:
        raise DamagedError("it ends before the section Atoms")
    return found


def _data_text(line: bytes) -> str:
    return line.decode(errors="replace")


def _label(line: bytes) -> tuple[int, str]:
    words = _data_text(line).partition("#")[0].split()
    if len(words) != 2:
        raise DamagedError(f"expected a type and its label, found {shown(line)}")
    return whole_number(words[0]), words[1]


def _mass(line: bytes) -> tuple[str, float]:
    words = _data_text(line).partition("#")[0].split()
    if len(words) != 2:
        raise DamagedError(f"expected a type and its mass, found {shown(line)}")
    return words[0], real_numbers(words[1:])[0]


def _header(words: str, found: _DataFile) -> None:
    """Store what a line of the header says; lines that say nothing here are skipped."""
    values = words.split()
    match values:
        case [number, "atoms"] | [number, "atom", "types"]:
            found.counts[" ".join(values[1:])] = whole_number(number)
        case [lower, upper, low, high] if (low[1:], high[1:]) == ("lo", "hi"):
            bounds = real_numbers([lower, upper])
            found.bounds[low[0]] = bounds[0], bounds[1]
        case [xy, xz, yz, "xy", "xz", "yz"]:
            found.tilts = real_numbers([xy, xz, yz])
        case [*vector, "avec" | "bvec" | "cvec" as name] if len(vector) == 3:
            found.vectors[name[0]] = real_numbers(vector)
        case [*vector, "abc", "origin"] if len(vector) == 3:
            found.origin = real_numbers(vector)


def _section(lines: Lines, n: int) -> list[bytes]:
    """The `n` rows of a section, whose header is followed by a blank line."""
    first = lines.next()
    rows = [] if first.isspace() else [first]
    try:
        rows += lines.rows(n - len(rows))
    except CutOffError as error:
        raise CutOffError("it ends within a section") from error
    if not rows or not rows[0].strip():
        raise CutOffError("it ends within a section")
    return rows


def _atoms(lines: Lines, n: int, style: str) -> dict[str, FloatArray | list[str]]:
    if style and style not in STYLES:
        raise InputError(
            f"atom style {shown(style)} is not known here; expected one of {', '.join(STYLES)}."
        )
    rows = _section(lines, n)
    names, given = STYLES[style or "atomic"], len(rows[0].split())
    if not style and given not in (len(names), len(names) + len(IMAGES)):
        fitting = [
            known
            for known, columns in STYLES.items()
            if given in (len(columns), len(columns) + len(IMAGES))
        ]
        raise InputError(
            f"its section Atoms has {given} columns and does not say its atom style, and they are "
            f"not those of style atomic; write the style behind the header of the section, "
            f"{' or '.join(f'Atoms # {one}' for one in fitting or STYLES)}."
        )
    names = names if given == len(names) else names + IMAGES
    return read_columns(rows, names, first_line=lines.number - len(rows) + 1)


def _velocities(lines: Lines, n: int) -> dict[str, FloatArray]:
    rows = _section(lines, n)
    first = lines.number - len(rows) + 1
    # Some styles have further columns, such as angular momenta.
    others = [f"velocity_{k}" for k in range(4, len(rows[0].split()))]
    columns = read_columns(rows, ["id", *VELOCITIES, *others], first_line=first)
    return numeric(columns, ("id", *VELOCITIES))


def _data_trajectory(found: _DataFile) -> Trajectory:
    numbers = numeric(found.columns, ("id", *"xyz"))
    order = order_by_id(numbers["id"])
    ids = numbers["id"][order].astype(np.int64)
    lower, edges = found.box()
    d = 2 if is_flat(numbers["z"], edges) else 3
    axes = "xyz"[:d]
    images = [numbers[f"i{axis}"] for axis in axes if f"i{axis}" in numbers]
    used = {"id", "type", *"xyz", *IMAGES}
    fields = {name: values[order] for name, values in numbers.items() if name not in used}
    if found.velocities:
        theirs = order_by_id(found.velocities["id"])
        if not np.array_equal(found.velocities["id"][theirs], ids):
            raise DamagedError("its sections Atoms and Velocities are of different atoms")
        fields |= {
            name: values[theirs] for name, values in found.velocities.items() if name != "id"
        }
    types, names = _types(found)
    snapshot = Snapshot(
        box=edges[:d],
        positions=np.stack([numbers[axis] for axis in axes], axis=1)[order]
        - lower[:d]
        - edges[:d] / 2,
        types=types[order],
        type_names=names,
        images=as_integers(np.stack(images, axis=1)[order], "image flags") if images else None,
        fields=fields,
        step=found.step,
        ids=ids,
    )
    return Trajectory([snapshot], {**found.facts, **_masses(found)})


def _types(found: _DataFile) -> tuple[IntArray, tuple[str, ...]]:
    """The types of the atoms in the order of the file, and the names of all types."""
    types = found.columns["type"]
    if isinstance(types, list):
        numbers = {name: float(number) for number, name in found.labels.items()}
        unknown = [name for name in types if name not in numbers]
        if unknown:
            raise DamagedError(f"the type {shown(unknown[0])} is none of its Atom Type Labels")
        types = np.array([numbers[name] for name in types])
    indices = types_from_numbers(types)
    names = _names_by_number(found)
    if len(names) <= indices.max():
        raise InputError(
            f"types reach to {indices.max() + 1}, but the header says {len(names)} atom types."
        )
    # In alphabetical order, as in all formats.
    order = sorted(names)
    return np.array([order.index(name) for name in names], dtype=np.int32)[indices], tuple(order)


def _names_by_number(found: _DataFile) -> list[str]:
    names = LETTERS[: found.count("atom types")]
    return [found.labels.get(number, name) for number, name in enumerate(names, 1)]


def _masses(found: _DataFile) -> dict[str, dict[str, float]]:
    """The masses of the types by their name, as an entry of the metadata."""
    names = {str(number): name for number, name in enumerate(_names_by_number(found), 1)}
    masses = {names.get(type_, type_): mass for type_, mass in found.masses.items()}
    return {"masses": masses} if masses else {}


FIRST_WORD = b"ITEM:"
#: Suffix of a coordinate column -> (is scaled by the box, is unwrapped); the first found is used.
SUFFIXES = {"u": (False, True), "su": (True, True), "": (False, False), "s": (True, False)}
#: Columns that name species; of several the first is used.
NAMES = ("typelabel", "type", "element")


@dataclass(frozen=True)
class _Frame:
    """The content of one frame of a dump, atoms sorted by id if they have ids.

    Attributes:
        name: Which frame of which file, for messages.
        step: Simulation step.
        time: Time, if it is there.
        units: Style of units, if it is there.
        lower: Lower corner of the box, shape [3].
        edges: Edges of the box, shape [3].
        periodic: Whether each axis is periodic.
        columns: Numeric columns by name, each of shape [n].
        words: Columns of words by name.
        not_kept: What else it says.
    """

    name: str
    step: int
    time: float | None
    units: str | None
    lower: FloatArray
    edges: FloatArray
    periodic: tuple[bool, ...]
    columns: dict[str, FloatArray]
    words: dict[str, list[str]]
    not_kept: tuple[str, ...] = ()

    @property
    def is_flat(self) -> bool:
        """Whether the frame is of a 2D run: all particles share one z, or have none.

        Raises:
            InputError: If there is no z, but the box is that of a 3D run.
        """
        suffix = _suffix(self, "z")
        if suffix is None:
            require_2d(self.edges, len(next(iter(self.columns.values()), ())))
            return True
        scale = self.edges[2] if SUFFIXES[suffix][0] else 1.0
        return is_flat(self.columns["z" + suffix] * scale, self.edges)


#: Reads the next frame, which messages call by the name; None at the end.
NextFrame: TypeAlias = Callable[[Lines, str], _Frame | None]


@FORMATS.register("lammps-dump")
class LAMMPSDumpFormat(Format):
    """LAMMPS text dumps.

    Coordinates may be plain (x), scaled (xs), unwrapped (xu) or both (xsu); if there are several,
    the unwrapped ones are used. Images are known if coordinates are unwrapped or the columns
    ix iy (iz) are present.
    Atoms are sorted by id. Without ids they keep the order of the file, which a warning and the
    entry ``order`` of the metadata say; particles can then be followed only where the frames show
    that their order stays the same. Species have the names in the columns typelabel, type or
    element; types 1, 2, … are named A, B, …; other numeric columns become fields, other words are
    named in a warning. Times and units become entries of the metadata (``dt``, ``units``).
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
            InputError: If a frame lacks species or coordinates, has a tilted or non-periodic box,
                a 3D box without z, or positions that are not finite.
        """
        return _dump_trajectory(path, _next_frame)


@FORMATS.register("lammps-yaml")
class LAMMPSYAMLFormat(Format):
    """LAMMPS dumps in YAML (dump style yaml), with the columns of text dumps.

    They are read as `LAMMPSDumpFormat` reads text dumps. Thermodynamic output is named in a
    warning. Only what LAMMPS writes is understood: one key a line, one atom a line.
    """

    def matches(self, path: Path, head: bytes) -> bool:
        """A YAML document whose creator is LAMMPS."""
        return YAML_START.match(decompressed_head(path, head)) is not None

    def read(self, path: Path) -> Trajectory:
        """Read all frames; raises like `LAMMPSDumpFormat.read`."""
        return _dump_trajectory(path, _next_yaml_frame)


def _dump_trajectory(path: Path, next_frame: NextFrame) -> Trajectory:
    """The trajectory in a dump, of which `next_frame` reads one frame after the other."""
    with errors_naming(path), open_decompressed(path) as stream:
        frames = list(_frames(Lines(stream), path, next_frame))
    # Of all frames, so that each is looked at.
    flat = [_is_flat(frame) for frame in frames]
    d = 2 if all(flat) else 3
    types, names, told_by = _species(frames, path)
    snapshots = []
    for frame, of_frame in zip(frames, types, strict=True):
        with errors_naming(frame.name):
            snapshots.append(_dump_snapshot(frame, d, of_frame, names))
    facts: dict[str, Any] = time_facts(
        path, [frame.step for frame in frames], [frame.time for frame in frames]
    )
    if frames[0].units is not None:
        facts["units"] = frames[0].units
    if "id" not in frames[0].columns:
        snapshots = identified(snapshots)
        facts["order"] = "of the file"
        note(path, "it has no ids, so its particles are taken in the order of the file")
    forgotten = [
        name for frame in frames for name in (*frame.not_kept, *frame.words) if name != told_by
    ]
    note_not_kept(path, forgotten)
    return Trajectory(snapshots, facts)


def _frames(lines: Lines, path: Path, next_frame: NextFrame) -> Iterator[_Frame]:
    has_ids = None
    for number in count():
        name = f"frame {number} of {path}"
        with errors_naming(name):
            try:
                frame = next_frame(lines, name)
            except CutOffError as error:
                raise FileError(
                    f"{name} is cut off: the file ends before the frame does; remove that frame or "
                    "repeat the run that wrote it."
                ) from error
            except DamagedError as error:
                raise FileError(f"{name} is not a whole LAMMPS dump frame: {error}.") from error
            if frame is None:
                return
            if has_ids not in (None, "id" in frame.columns):
                raise InputError("some frames have a column 'id' and others have none.")
            has_ids = "id" in frame.columns
        yield frame


def _next_frame(lines: Lines, name: str) -> _Frame | None:
    step, n, time, units = 0, None, None, None
    lower = edges = None
    periodic: tuple[bool, ...] = (True, True, True)
    line = lines.next_with_text()
    if not line:
        return None
    while True:
        item = _dump_text(line)
        if item.startswith("ITEM: TIMESTEP"):
            step = whole_number(_dump_text(lines.next()))
        elif item.startswith("ITEM: NUMBER OF ATOMS"):
            n = whole_number(_dump_text(lines.next()))
        elif item.startswith("ITEM: BOX BOUNDS"):
            lower, edges = _box([_dump_text(lines.next()) for _ in range(3)], item)
            flags = [word for word in item.split()[3:] if len(word) == 2 and word[0] in "pfsm"]
            periodic = tuple(flag == "pp" for flag in flags) or periodic
        elif item.startswith("ITEM: ATOMS"):
            if n is None or lower is None or edges is None or n < 0:
                raise DamagedError("NUMBER OF ATOMS or BOX BOUNDS is missing before ATOMS")
            numbers, words = _columns(lines.rows(n), item.split()[2:], lines)
            return _sorted_by_id(
                _Frame(name, step, time, units, lower, edges, periodic, numbers, words)
            )
        elif item.startswith("ITEM: UNITS"):
            units = _dump_text(lines.next())
        elif item.startswith("ITEM: TIME"):
            time = real_numbers([_dump_text(lines.next())])[0]
        else:
            raise DamagedError(f"expected a line that begins with ITEM:, found {shown(item)}")
        line = lines.next()


def _columns(
    rows: list[bytes], names: list[str], lines: Lines
) -> tuple[dict[str, FloatArray], dict[str, list[str]]]:
    """The columns of numbers and those of words in the rows that were read last."""
    first_line = lines.number - len(rows) + 1
    columns = read_columns(rows, names, first_line=first_line, words={"element", "typelabel"})
    numbers = numeric(columns)
    return numbers, {name: list(columns[name]) for name in columns if name not in numbers}


YAML_START = re.compile(rb"---\s*\ncreator: LAMMPS\s*\n")
#: A list on a line of its own, or behind a key.
YAML_LIST = re.compile(rb"\s*(?:-\s+)?\[(.*)\]\s*")


def _next_yaml_frame(lines: Lines, name: str) -> _Frame | None:
    values: dict[str, str] = {}
    bounds: list[list[float]] = []
    key, line = "", lines.next_with_text()
    if not line:
        return None
    if line.strip() != b"---":
        raise DamagedError(f"expected a line ---, found {shown(line)}")
    while True:
        text = _dump_text(lines.next())
        if text.startswith("-") and key == "box":
            bounds.append(real_numbers(_yaml_items(text.encode()).decode().split()))
        elif not (text.startswith("-") and key == "thermo"):
            key, colon, value = text.partition(":")
            if not colon or key in values:
                raise DamagedError(f"expected a key and its value, found {shown(text)}")
            values[key] = value.strip()
            if key == "data":
                break
    missing = [key for key in ("timestep", "natoms", "boundary", "keywords") if key not in values]
    if missing or [len(row) for row in bounds] not in ([2, 2, 2], [2, 2, 2, 3]):
        raise DamagedError(f"{missing[0] if missing else 'the box'} is missing before data")
    flags = _yaml_items(values["boundary"].encode()).decode().split()
    n = whole_number(values["natoms"])
    if len(flags) != 6 or n < 0:
        raise DamagedError(f"its boundary or natoms make no sense: {shown(values['boundary'])}")
    names = _yaml_items(values["keywords"].encode()).decode().split()
    rows = [_yaml_items(row) for row in lines.rows(n)]
    numbers, words = _columns(rows, names, lines)
    if _dump_text(lines.next()) != "...":
        raise DamagedError(f"it has more than {n} lines of particles")
    lower, upper = np.array(bounds[:3]).T
    used = {"creator", "timestep", "natoms", "boundary", "box", "keywords", "data", "units", "time"}
    frame = _Frame(
        name,
        whole_number(values["timestep"]),
        real_numbers([values["time"]])[0] if "time" in values else None,
        values.get("units"),
        lower,
        _upright(upper - lower, bounds[3] if len(bounds) > 3 else [0.0, 0.0, 0.0]),
        tuple(set(pair) == {"p"} for pair in zip(flags[::2], flags[1::2], strict=True)),
        numbers,
        words,
    )
    return _sorted_by_id(replace(frame, not_kept=tuple(key for key in values if key not in used)))


def _yaml_items(line: bytes) -> bytes:
    """What is in a list on a line, with blanks between.

    Raises:
        DamagedError: If the line is not one.
    """
    match = YAML_LIST.fullmatch(line)
    if match is None:
        raise DamagedError(f"expected a list in brackets, found {shown(line)}")
    return match[1].replace(b",", b" ")


def _dump_text(line: bytes) -> str:
    if not line.endswith(b"\n"):
        raise CutOffError
    return line.decode(errors="replace").strip()


def _box(lines: list[str], item: str) -> tuple[FloatArray, FloatArray]:
    """Lower corner and edges of the box, each of shape [3]."""
    rows = [real_numbers(line.split()) for line in lines]
    columns = 4 if "abc" in item else 2
    if any(len(row) < columns for row in rows):
        raise DamagedError(
            f"expected {columns} numbers on each line of the box, found {shown(lines)}"
        )
    if "abc" in item:
        table = np.array([row[:4] for row in rows])
        return table[:, 3], orthogonal_edges(table[:, :3])
    lower, upper, tilts = np.array([[*row, 0.0][:3] for row in rows]).T
    return lower, _upright(upper - lower, tilts)


def _sorted_by_id(frame: _Frame) -> _Frame:
    if not ({*NAMES} & {*frame.columns, *frame.words}):
        raise InputError(
            f"it has no column that names species (only {shown(' '.join(frame.columns))}); write "
            "the dump with id, type and coordinates."
        )
    if "type" in frame.columns and not {*NAMES} & {*frame.words}:
        types_from_numbers(frame.columns["type"])
    if "id" not in frame.columns:
        if "id" in frame.words:
            raise DamagedError("the column 'id' is not numeric")
        return frame
    order = order_by_id(frame.columns["id"])
    return replace(
        frame,
        columns={column: values[order] for column, values in frame.columns.items()},
        words={
            column: [values[index] for index in order] for column, values in frame.words.items()
        },
    )


def _species(
    frames: list[_Frame], path: Path
) -> tuple[list[IntArray], tuple[str, ...], str | None]:
    """The types of each frame, their names, and the column of words that told them, if any did."""
    named = [name for name in NAMES if all(name in frame.words for frame in frames)]
    numbered = all("type" in frame.columns for frame in frames)
    with errors_naming(path):
        if not named and not numbered:
            raise InputError("its frames do not name species in the same column.")
        types, names = named_types(
            [frame.words[named[0]] for frame in frames] if named else None,
            [frame.columns["type"] for frame in frames] if numbered else None,
        )
    return types, names, named[0] if named else None


def _suffix(frame: _Frame, axis: str) -> str | None:
    return next((suffix for suffix in SUFFIXES if axis + suffix in frame.columns), None)


def _is_flat(frame: _Frame) -> bool:
    with errors_naming(frame.name):
        return frame.is_flat


def _dump_snapshot(frame: _Frame, d: int, types: IntArray, names: tuple[str, ...]) -> Snapshot:
    axes = "xyz"[:d]
    if not all(frame.periodic[:d]):
        raise InputError(
            f"it has a boundary that is not periodic; only boxes periodic along "
            f"{', '.join(axes)} (pp) are supported."
        )
    positions, unwrapped = [], []
    for k, axis in enumerate(axes):
        suffix = _suffix(frame, axis)
        if suffix is None:
            raise InputError(
                f"it has no {axis} coordinate (its columns are "
                f"{shown(' '.join(frame.columns))}); write the dump with id, type and coordinates."
            )
        scaled, is_unwrapped = SUFFIXES[suffix]
        values, edge = frame.columns[axis + suffix], frame.edges[k]
        centre = 0.5 if scaled else frame.lower[k] + edge / 2
        positions.append((values - centre) * (edge if scaled else 1))
        unwrapped.append(is_unwrapped)
    images = None
    if all(unwrapped):
        images = np.zeros((len(positions[0]), d))
    elif not any(unwrapped) and all(f"i{axis}" in frame.columns for axis in axes):
        images = np.stack([frame.columns[f"i{axis}"] for axis in axes], axis=1)
    return Snapshot(
        box=frame.edges[:d],
        positions=np.stack(positions, axis=1),
        types=types,
        type_names=names,
        images=None if images is None else as_integers(images, "image flags"),
        fields=_fields(frame),
        step=frame.step,
        ids=frame.columns["id"].astype(np.int64) if "id" in frame.columns else None,
    )


def _fields(frame: _Frame) -> dict[str, FloatArray]:
    used = {"id", "type", *(axis + suffix for axis in "xyz" for suffix in SUFFIXES)}
    used |= {f"i{axis}" for axis in "xyz"}
    return {name: values for name, values in frame.columns.items() if name not in used}
