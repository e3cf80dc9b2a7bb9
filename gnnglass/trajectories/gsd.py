"""GSD files: writing fields and metadata, and reading files that may be damaged."""

from __future__ import annotations

import json
import operator
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, overload

import numpy as np
from numpy.typing import NDArray

from gnnglass._arguments import checks_arguments
from gnnglass._files import require_replaceable, written_whole
from gnnglass.errors import FileError, InputError
from gnnglass.trajectories.formats import (
    ALMOST_ZERO,
    FORMATS,
    Format,
    damaged_if,
    errors_naming,
    is_flat,
    is_of_3d,
    lettered,
    note_not_kept,
)
from gnnglass.trajectories.snapshot import Snapshot, Trajectory, TrajectoryLike, as_trajectory

MAGIC = b"\xdf\x65" * 4
#: magic, index position, index entries, name list position, name list entries of 64 bytes.
HEADER = struct.Struct("<QQQQQ")
HEADER_BYTES = 256
NAME_BYTES = 64
ENTRY = np.dtype(
    [
        ("frame", "<u8"),
        ("rows", "<u8"),
        ("location", "<i8"),
        ("columns", "<u4"),
        ("name", "<u2"),
        ("type", "u1"),
        ("flags", "u1"),
    ]
)
#: Bytes of one value, by type number; zero where no type has that number.
TYPE_BYTES = np.zeros(256)
TYPE_BYTES[1:12] = [1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 1]


def count_frames(path: Path) -> int:
    """The number of frames in a GSD file, all of whose chunks lie inside the file.

    Layout: the file-layer specification of GSD 1.0 and 2.x (gsd.readthedocs.io).

    Raises:
        FileError: If the file is cut off or its index is damaged; says how many whole frames
            come before the damage.
    """
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        header = stream.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            raise _broken(path, 0)
        _, index_at, n_entries, names_at, n_names = HEADER.unpack_from(header)
        entries = _index(stream, index_at, n_entries, size)
    end = np.flatnonzero(entries["location"] == 0)
    used = entries[: end[0]] if end.size else entries
    wrong = np.flatnonzero(_wrong(used, n_entries, size))
    if wrong.size:
        # Entries are in the order of frames: those of frames before that of the last good
        # entry are all there.
        raise _broken(path, int(used["frame"][wrong[0] - 1]) if wrong[0] else 0)
    frames = int(used["frame"][-1]) + 1 if used.size else 0
    complete = n_entries > 0 and len(entries) == n_entries
    if not complete:
        # The last frame seen may have had more chunks in the part that is lost.
        raise _broken(path, max(frames - 1, 0))
    if n_names == 0 or names_at + NAME_BYTES * n_names > size:
        raise _broken(path, 0)
    if np.any(entries[len(used) :]["location"] != 0):
        raise _broken(path, frames)
    return frames


def _index(stream: BinaryIO, index_at: int, n_entries: int, size: int) -> Any:
    if not HEADER_BYTES <= index_at < size:
        return np.empty(0, ENTRY)
    room = (size - index_at) // ENTRY.itemsize
    stream.seek(index_at)
    return np.fromfile(stream, ENTRY, min(n_entries, room))


def _wrong(used: Any, n_entries: int, size: int) -> Any:
    # In floating point, so that absurd numbers do not wrap around to plausible ones.
    bytes_each = TYPE_BYTES[used["type"]]
    end = used["location"] + used["rows"].astype(float) * used["columns"] * bytes_each
    wrong = (bytes_each == 0) | (used["flags"] != 0) | (used["location"] < HEADER_BYTES)
    wrong |= end > size
    wrong |= used["frame"] >= n_entries
    wrong[1:] |= used["frame"][1:] < used["frame"][:-1]
    return wrong


def _broken(path: Path, whole: int) -> FileError:
    found = f"{whole} whole frame{'' if whole == 1 else 's'}" if whole else "no whole frame"
    return FileError(
        f"{path} is cut off or damaged: {found} could be found in it; copy it again, or repeat "
        "the run that wrote it."
    )


FIELD_PREFIX = "gnnglass/"
METADATA = "gnnglass/metadata"
#: Lists the chunks of a frame whose values are unknown, which other readers see as defaults.
UNKNOWN = "gnnglass/unknown"
IMAGE = "particles/image"
#: Number of each particle, by which it is followed.
IDS = "log/gnnglass/ids"
#: The chunks of the HOOMD schema that are fields, one for each component.
FIELD_CHUNKS = {
    "particles/velocity": ("vx", "vy", "vz"),
    "particles/mass": ("mass",),
    "particles/charge": ("charge",),
    "particles/diameter": ("diameter",),
}
#: The chunks of the HOOMD schema that a snapshot is made of.
SCHEMA_CHUNKS = (
    "configuration/box",
    "configuration/dimensions",
    "configuration/step",
    "particles/N",
    "particles/types",
    "particles/typeid",
    "particles/position",
    IMAGE,
)
#: What the arrays among them are: kinds of numbers, and shapes, None for any length.
SCHEMA_SHAPES: dict[str, tuple[str, tuple[int | None, ...]]] = {
    "configuration/box": ("fiu", (6,)),
    "configuration/dimensions": ("iu", (1,)),
    "configuration/step": ("iu", (1,)),
    "particles/N": ("iu", (1,)),
    "particles/typeid": ("fiu", (None,)),
    "particles/position": ("fiu", (None, 3)),
    IMAGE: ("fiu", (None, 3)),
}
LOG = "log/particles/"
#: In 2D, particles may leave the plane by this part of the longer edge, which is dropped.
OFF_PLANE = 1e-3


def snapshot_from_values(values: Mapping[str, Any]) -> Snapshot:
    """Build a snapshot from GSD chunks; those absent take the default of the HOOMD schema.

    The configuration is 2D if the frame says so, if Lz = 0, or if all particles share one z in a
    box that is too thin for 3D; the z components are then dropped. Per-particle log quantities
    with one number per particle become fields, and so do velocities, masses, charges and
    diameters.

    Args:
        values: Chunk name to content, for any of `SCHEMA_CHUNKS` (types already as names) and
            for names that begin with ``log/``.

    Raises:
        InputError: If the box is tilted, particles of a 2D configuration differ in z, or arrays
            do not fit together.
    """
    _check_shapes(values)
    box = np.asarray(values.get("configuration/box", (1, 1, 1, 0, 0, 0)), dtype=np.float64)
    if np.any(np.abs(box[3:]) > ALMOST_ZERO):
        raise InputError(
            f"the box is tilted (triclinic: xy, xz, yz = {', '.join(f'{t:g}' for t in box[3:])}); "
            "only orthorhombic boxes are supported."
        )
    n = _scalar(values.get("particles/N", 0))
    position = values.get("particles/position", np.zeros((1 if n else 0, 3)))
    if n < 0 or np.shape(position) != (n, 3):
        raise InputError(f"it declares {n} particles, but positions of shape {np.shape(position)}.")
    z = np.asarray(position)[:, 2]
    d = 3
    if _scalar(values.get("configuration/dimensions", 3)) == 2 or box[2] == 0:
        d = 2
        if n and np.ptp(z) > OFF_PLANE * box[:2].max():
            raise InputError(
                f"it is 2D (dimensions = 2 or Lz = 0), but its particles differ in z by "
                f"{np.ptp(z):.3g}; write the box and dimensions of the run."
            )
    elif is_flat(z, box[:3]) and not is_of_3d(box[:3], n):
        d = 2
    unknown = _stored_json(values.get(f"log/{UNKNOWN}", b"[]"))
    if not isinstance(unknown, list):
        raise InputError(f"its log quantity {UNKNOWN!r} is not a list.")
    image = values.get(IMAGE, np.zeros((n, 3))) if IMAGE not in unknown else None
    return Snapshot(
        box=box[:d],
        positions=np.asarray(position)[:, :d],
        types=values.get("particles/typeid", np.zeros(n)),
        type_names=tuple(values.get("particles/types", ("A",))),
        images=None if image is None else np.asarray(image)[:, :d],
        fields={**_schema_fields(values, n), **_fields(values, n, unknown)},
        step=_scalar(values.get("configuration/step", 0)),
        ids=values.get(IDS) if IDS not in unknown else None,
    )


def _check_shapes(values: Mapping[str, Any]) -> None:
    """Refuse chunks that are not what the HOOMD schema says; the number of rows is left open.

    Raises:
        InputError: If one is not.
    """
    for name in SCHEMA_SHAPES.keys() & values.keys():
        kinds, shape = SCHEMA_SHAPES[name]
        array = np.asarray(values[name])
        fits = array.ndim == len(shape) and all(
            wanted in (size, None) for size, wanted in zip(array.shape, shape, strict=True)
        )
        scalar = shape == (1,) and array.size == 1
        if array.dtype.kind not in kinds or not (fits or scalar):
            expected = ", ".join("n" if size is None else str(size) for size in shape)
            raise InputError(
                f"{name} is {array.dtype} of shape {list(array.shape)}; expected numbers of shape "
                f"[{expected}]."
            )


def _stored_json(content: Any) -> Any:
    """What a chunk of JSON says.

    Raises:
        DamagedError: If it is not JSON.
    """
    with damaged_if(ValueError, RecursionError):
        return json.loads(bytes(np.asarray(content)))


def snapshot_from_frame(frame: Any) -> Snapshot:
    """Build a snapshot from a ``gsd.hoomd.Frame``; its images are unknown if it has none.

    Raises:
        InputError: If the frame has no box, or is not a valid orthorhombic configuration.
    """
    values = {f"log/{name}": value for name, value in frame.log.items()}
    for chunk in (*SCHEMA_CHUNKS, *FIELD_CHUNKS):
        group, name = chunk.split("/")
        value = getattr(getattr(frame, group), name)
        if value is not None:
            values[chunk] = value
    if "configuration/box" not in values:
        raise InputError("the frame has no box; set frame.configuration.box.")
    if f"log/{UNKNOWN}" not in values and "particles/types" in values:
        values["particles/types"] = lettered(values["particles/types"])
    if IMAGE not in values:
        values[f"log/{UNKNOWN}"] = json.dumps([IMAGE]).encode()
    return snapshot_from_values(values)


def frame_from_snapshot(snapshot: Snapshot, field_names: Iterable[str]) -> Any:
    """Make a ``gsd.hoomd.Frame`` that holds the snapshot, rounded to single precision.

    A chunk that a frame lacks is read from frame 0, and readers such as OVITO fail on a log
    quantity that frame 0 lacks too. So each frame gets each of `field_names`, NaN where the
    snapshot has no such field, and a list of what is unknown. Since that list is always
    written, no frame is without a chunk: gsd would lose such a frame at the end of a file.
    """
    import gsd.hoomd

    n, d = len(snapshot), snapshot.dimension
    # Rounding can push a particle onto the upper face; wrapping again keeps it inside.
    rounded = snapshot.replace(
        box=snapshot.box.astype(np.float32), positions=snapshot.positions.astype(np.float32)
    )
    frame = gsd.hoomd.Frame()
    frame.configuration.step = snapshot.step
    frame.configuration.dimensions = d
    frame.configuration.box = [*rounded.box, *[0.0] * (6 - d)]
    frame.particles.N = n
    frame.particles.types = list(snapshot.type_names)
    frame.particles.typeid = snapshot.types
    frame.particles.position = _three_columns(rounded.positions, np.float32)
    unknown = []
    if rounded.images is None:
        unknown.append(IMAGE)
    else:
        frame.particles.image = _three_columns(rounded.images, np.int32)
    if snapshot.ids is None:
        unknown.append(IDS)
    else:
        frame.log[IDS.removeprefix("log/")] = snapshot.ids
    for name in field_names:
        chunk = f"particles/{FIELD_PREFIX}{name}"
        if name not in snapshot.fields:
            unknown.append(f"log/{chunk}")
        frame.log[chunk] = snapshot.fields.get(name, np.full(n, np.nan))
    frame.log[UNKNOWN] = as_bytes(unknown)
    return frame


def as_bytes(content: Any) -> NDArray[np.uint8]:
    """JSON as an array of bytes, which GSD can hold.

    Raises:
        InputError: If `content` is not JSON-like.
    """
    try:
        text = json.dumps(content, default=_plain)
    except (TypeError, ValueError) as error:
        raise InputError(f"metadata must be JSON-like (text, numbers, lists): {error}.") from error
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def _fields(values: Mapping[str, Any], n: int, unknown: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    # Our own come last, so that they win over a log quantity of the same name.
    for chunk in sorted(values, key=lambda chunk: chunk.startswith(LOG + FIELD_PREFIX)):
        if not chunk.startswith(LOG) or chunk in unknown:
            continue
        array = np.asarray(values[chunk])
        if array.shape == (n,) and array.dtype.kind in "fiu":
            fields[chunk.removeprefix(LOG).removeprefix(FIELD_PREFIX)] = array
    return fields


def _schema_fields(values: Mapping[str, Any], n: int) -> dict[str, Any]:
    """The fields that the schema has its own chunks for.

    Raises:
        InputError: If one is not one row of numbers for each particle.
    """
    fields: dict[str, Any] = {}
    for chunk, names in FIELD_CHUNKS.items():
        if chunk not in values:
            continue
        array = np.asarray(values[chunk])
        rows = array.reshape(-1, 1) if array.ndim == 1 else array
        if rows.shape != (n, len(names)) or rows.dtype.kind not in "fiu":
            raise InputError(
                f"{chunk} is {array.dtype} of shape {list(array.shape)}; expected numbers for "
                f"each of {n} particles."
            )
        fields |= dict(zip(names, rows.T, strict=True))
    return fields


def _scalar(value: Any) -> int:
    return int(np.ravel(value)[0])


def _three_columns(array: Any, dtype: Any) -> NDArray[Any]:
    padded = np.zeros((len(array), 3), dtype=dtype)
    padded[:, : array.shape[1]] = array
    return padded


def is_ours(path: Path) -> bool:
    """Whether a file is a GSD file that `write` made."""
    import gsd.fl

    with path.open("rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            return False
    try:
        with gsd.fl.open(str(path), "r") as file:
            return f"log/{UNKNOWN}" in file.find_matching_chunk_names(f"log/{UNKNOWN}")
    except (*GSD_ERRORS, UnicodeDecodeError):
        return False


@checks_arguments
def write(path: str | Path, trajectory: TrajectoryLike, *, overwrite: bool = False) -> None:
    """Write a trajectory as GSD; the file appears whole or not at all.

    A file that is there is replaced if `write` made it, unless it is the one the trajectory is
    read from.

    Box and positions are stored in single precision, as HOOMD does: they come back with a
    relative error of 6e-8. Fields are stored in double precision as
    ``log["particles/gnnglass/<field>"]``, metadata as JSON in frame 0. In a frame that lacks a
    field that another has, other readers see NaN and `read` sees no such field. 2D
    configurations have dimensions = 2 and Lz = 0, as in HOOMD 3 and later.

    Args:
        path: The file to write.
        trajectory: Anything that `as_trajectory` takes, such as a trajectory or a single snapshot.
        overwrite: Replace a file whatever it is.

    Raises:
        FileError: If the file cannot be written, or is not to be replaced.
        InputError: If the metadata are not JSON-like.
    """
    import gsd.hoomd

    trajectory = as_trajectory(trajectory)
    frames = trajectory.frames
    inputs = [frames.path] if isinstance(frames, GSDFrames) else []
    require_replaceable(path, ours=is_ours, overwrite=overwrite, inputs=inputs)
    # gsd and OVITO fail on a log quantity that frame 0 lacks, so all names must be known first.
    names = sorted({name for snapshot in trajectory for name in snapshot.fields})
    with written_whole(path, ours=is_ours, overwrite=overwrite) as aside:
        with _refusing(path):
            file = gsd.hoomd.open(aside, "w")
        try:
            for index, snapshot in enumerate(trajectory):
                frame = frame_from_snapshot(snapshot, names)
                if index == 0:
                    frame.log[METADATA] = as_bytes(dict(trajectory.metadata))
                with _refusing(path):
                    if snapshot.step < 0:
                        # With NumPy 1 gsd would write it as a huge step.
                        raise OverflowError(f"step {snapshot.step} is negative, which GSD forbids")
                    file.append(frame)
        finally:
            with _refusing(path):
                file.close()


@contextmanager
def _refusing(path: str | Path) -> Iterator[None]:
    """Wrap one call into gsd, which raises various errors on what it cannot write."""
    try:
        yield
    # Steps can be too large, and species that are not ASCII do not encode.
    except (OSError, RuntimeError, OverflowError, UnicodeError) as error:
        raise FileError(f"cannot write {path}: {error}.") from error


@FORMATS.register("gsd")
class GSDFormat(Format):
    """GSD files of HOOMD and of this package; frames are decoded when accessed."""

    def matches(self, path: Path, head: bytes) -> bool:
        """GSD files begin with a magic number."""
        return head.startswith(MAGIC)

    def read(self, path: Path) -> Trajectory:
        """Read the index and frame 0, and the other frames when they are accessed.

        HOOMD always writes image flags, so a frame without them has crossed no boundary; only
        this package marks images as unknown.
        """
        frames = GSDFrames(path.absolute(), count_frames(path))
        if len(frames) == 0:
            raise FileError(
                f"{path} holds no frame; the program that wrote it was probably killed."
            )
        with errors_naming(path), _Chunks(path) as chunks:
            stored = chunks.at(0, f"log/{METADATA}")
            metadata = {} if stored is None else _stored_json(stored)
            if not isinstance(metadata, dict):
                raise FileError(f"{path} holds metadata that are not a mapping of names to values.")
            others = [*chunks.others, *chunks.without_fields()]
        _ = frames[0]  # An unusable file is refused here, not when its first frame is used.
        note_not_kept(path, others)
        return Trajectory(frames, metadata)


class GSDFrames(Sequence[Snapshot]):
    """The snapshots of a GSD file, each decoded when accessed; no file is held open.

    Args:
        path: The file, which must not change while frames are read.
        n_frames: How many frames it has.
    """

    def __init__(self, path: Path, n_frames: int) -> None:
        self.path = path
        self.n_frames = n_frames

    def __len__(self) -> int:
        return self.n_frames

    @overload
    def __getitem__(self, index: int) -> Snapshot: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Snapshot]: ...
    def __getitem__(self, index: int | slice) -> Snapshot | Sequence[Snapshot]:
        if isinstance(index, slice):
            return list(self._decode(range(*index.indices(self.n_frames))))
        number = operator.index(index)
        number += self.n_frames if number < 0 else 0
        if not 0 <= number < self.n_frames:
            raise IndexError(f"frame {index} of {self.n_frames}")
        [snapshot] = self._decode([number])
        return snapshot

    def __iter__(self) -> Iterator[Snapshot]:
        return self._decode(range(self.n_frames))

    def _decode(self, numbers: Sequence[int]) -> Iterator[Snapshot]:
        with errors_naming(self.path):
            chunks = _Chunks(self.path)
        with chunks:
            for number in numbers:
                with errors_naming(f"frame {number} of {self.path}"):
                    snapshot = snapshot_from_values(chunks.frame(number))
                yield snapshot


#: What gsd raises on damaged files.
GSD_ERRORS = (OSError, RuntimeError, ValueError, MemoryError)


class _Chunks:
    """An open GSD file as chunks by frame and name, with the inheritance of the HOOMD schema.

    ``gsd.hoomd`` would do, but it also decodes bonds and velocities, and fails on a file in
    which a log quantity is absent from frame 0.
    """

    def __init__(self, path: Path) -> None:
        import gsd.fl

        with damaged_if(*GSD_ERRORS):
            self._file = gsd.fl.open(str(path), "r")
        if self._file.schema != "hoomd":
            schema = self._file.schema
            self._file.close()
            raise FileError(f"{path} is a GSD file of schema {schema!r}; expected 'hoomd'.")
        with damaged_if(UnicodeDecodeError):
            names = self._file.find_matching_chunk_names("")
        wanted = {*SCHEMA_CHUNKS, *FIELD_CHUNKS, f"log/{UNKNOWN}", f"log/{METADATA}", IDS}
        self._logs = [name for name in names if name.startswith(LOG)]
        self._particles = [name for name in names if name in FIELD_CHUNKS or name == IDS]
        #: Chunks that no snapshot is made of.
        self.others = [name for name in names if name not in wanted and not name.startswith(LOG)]

    def __enter__(self) -> _Chunks:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def at(self, frame: int, name: str) -> Any:
        """The chunk stored in this frame itself; None if there is none."""
        if not self._file.chunk_exists(frame=frame, name=name):
            return None
        # Of a text without characters gsd takes the first, which is an IndexError.
        with damaged_if(*GSD_ERRORS, IndexError):
            return self._file.read_chunk(frame=frame, name=name)

    def without_fields(self) -> list[str]:
        """Log quantities of particles that are not one number for each, in frame 0."""
        n = self.at(0, "particles/N")
        shapes = {name: np.shape(self.at(0, name)) for name in self._logs}
        return [
            name
            for name, shape in shapes.items()
            if shape and n is not None and shape != (_scalar(n),)
        ]

    def frame(self, frame: int) -> dict[str, Any]:
        """All that a snapshot needs; what the frame lacks is taken from frame 0, if it fits."""
        values = {}
        n = self._inherited(frame, "particles/N")
        same_size = np.array_equal(n, self.at(0, "particles/N"))
        for name in (*SCHEMA_CHUNKS, f"log/{UNKNOWN}", *self._particles, *self._logs):
            per_particle = name.startswith(("particles/", LOG, IDS)) and name not in (
                "particles/N",
                "particles/types",
            )
            value = self.at(frame, name)
            if value is None and (same_size or not per_particle):
                value = self.at(0, name)
            if value is not None:
                values[name] = value
        if "particles/types" in values:
            names = _names(values["particles/types"])
            # This package writes the names that its species have.
            is_ours = f"log/{UNKNOWN}" in values
            values["particles/types"] = names if is_ours else lettered(names)
        return values

    def _inherited(self, frame: int, name: str) -> Any:
        value = self.at(frame, name)
        return self.at(0, name) if value is None else value


def _names(characters: Any) -> list[str]:
    rows = np.atleast_2d(np.asarray(characters))
    if rows.dtype.kind not in "iu" or rows.dtype.itemsize != 1:
        raise InputError(f"its particle types are {rows.dtype}; expected characters.")
    with damaged_if(UnicodeDecodeError):
        return [row.tobytes().split(b"\0")[0].decode() for row in rows]
