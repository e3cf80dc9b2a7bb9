"""GSD files (HOOMD schema): trajectories on disk, with fields where OVITO finds them."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from gnnglass.errors import FileError, GnnglassError
from gnnglass.trajectories.files import written_whole
from gnnglass.trajectories.formats import FORMATS, Format, speaking_of
from gnnglass.trajectories.gsd_check import MAGIC, count_frames
from gnnglass.trajectories.gsd_frame import (
    LOG,
    METADATA,
    SCHEMA_CHUNKS,
    UNKNOWN,
    as_bytes,
    frame_from_snapshot,
    snapshot_from_values,
)
from gnnglass.trajectories.snapshot import Snapshot
from gnnglass.trajectories.trajectory import Trajectory


def write(path: str | Path, trajectory: Trajectory) -> None:
    """Write a trajectory as GSD; the file appears whole or not at all.

    Box and positions are stored in single precision, as HOOMD does: they come back with a
    relative error of 6e-8. Fields are stored in double precision as
    ``log["particles/gnnglass/<field>"]``, metadata as JSON in frame 0. In a frame that lacks a
    field that another has, other readers see NaN and `read` sees no such field. 2D
    configurations have dimensions = 2 and Lz = 0, as in HOOMD 3 and later.

    Raises:
        FileError: If the file cannot be written.
        InputError: If the metadata are not JSON-like.
    """
    import gsd.hoomd

    # gsd and OVITO fail on a log quantity that frame 0 lacks, so all names must be known first.
    names = sorted({name for snapshot in trajectory for name in snapshot.fields})
    with written_whole(path) as aside:
        try:
            with gsd.hoomd.open(aside, "w") as file:
                for index, snapshot in enumerate(trajectory):
                    frame = frame_from_snapshot(snapshot, names)
                    if index == 0:
                        frame.log[METADATA] = as_bytes(dict(trajectory.metadata))
                    file.append(frame)
        except GnnglassError:
            raise
        except (OSError, RuntimeError, ValueError, OverflowError) as error:
            raise FileError(f"cannot write {path}: {error}.") from error


@FORMATS.register("gsd")
class GSDFormat(Format):
    """GSD files of HOOMD and of this package; frames are decoded when asked for."""

    def matches(self, path: Path, head: bytes) -> bool:
        """GSD files begin with a magic number."""
        return head.startswith(MAGIC)

    def read(self, path: Path) -> Trajectory:
        """Read the index and frame 0, and the other frames when they are asked for.

        HOOMD always writes image flags, so a frame without them has crossed no boundary; only
        this package marks images as unknown.
        """
        frames = GSDFrames(path.absolute(), count_frames(path))
        if len(frames) == 0:
            raise FileError(f"{path} holds no frame; what wrote it was probably killed.")
        with speaking_of(path), _Chunks(path) as chunks:
            stored = chunks.at(0, f"log/{METADATA}")
            metadata = {} if stored is None else json.loads(bytes(stored))
            if not isinstance(metadata, dict):
                raise FileError(f"{path} holds metadata that are not a table of names and values.")
        _ = frames[0]  # A file that holds nothing usable is refused here, not at its first use.
        return Trajectory(frames, metadata)


class GSDFrames(Sequence[Snapshot]):
    """The snapshots of a GSD file, each decoded when asked for; no file is held open.

    Args:
        path: The file, which must stay as it is while frames are read.
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
        with speaking_of(self.path):
            chunks = _Chunks(self.path)
        with chunks:
            for number in numbers:
                with speaking_of(f"frame {number} of {self.path}"):
                    snapshot = snapshot_from_values(chunks.frame(number))
                yield snapshot


class _Chunks:
    """An open GSD file as chunks by frame and name, with the inheritance of the HOOMD schema.

    ``gsd.hoomd`` would do, but it also decodes bonds and velocities, and fails on a file in
    which a log quantity is absent from frame 0.
    """

    def __init__(self, path: Path) -> None:
        import gsd.fl

        self._file = gsd.fl.open(str(path), "r")
        if self._file.schema != "hoomd":
            schema = self._file.schema
            self._file.close()
            raise FileError(f"{path} is a GSD file of schema {schema!r}; expected 'hoomd'.")
        self._logs = self._file.find_matching_chunk_names(LOG)

    def __enter__(self) -> _Chunks:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def at(self, frame: int, name: str) -> Any:
        """The chunk as it is stored in this very frame; None if it is not."""
        if not self._file.chunk_exists(frame=frame, name=name):
            return None
        return self._file.read_chunk(frame=frame, name=name)

    def frame(self, frame: int) -> dict[str, Any]:
        """All that a snapshot needs; what the frame lacks is taken from frame 0, if it fits."""
        values = {}
        n = self._inherited(frame, "particles/N")
        same_size = np.array_equal(n, self.at(0, "particles/N"))
        for name in (*SCHEMA_CHUNKS, f"log/{UNKNOWN}", *self._logs):
            per_particle = name.startswith(("particles/", LOG)) and name not in (
                "particles/N",
                "particles/types",
            )
            value = self.at(frame, name)
            if value is None and (same_size or not per_particle):
                value = self.at(0, name)
            if value is not None:
                values[name] = value
        if "particles/types" in values:
            values["particles/types"] = _names(values["particles/types"])
        return values

    def _inherited(self, frame: int, name: str) -> Any:
        value = self.at(frame, name)
        return self.at(0, name) if value is None else value


def _names(characters: Any) -> list[str]:
    rows = np.atleast_2d(np.asarray(characters, dtype=np.int8))
    return [row.tobytes().split(b"\0")[0].decode() for row in rows]
