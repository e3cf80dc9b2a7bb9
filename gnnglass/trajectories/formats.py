"""From a path, or anything like a configuration, to a trajectory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from gnnglass.errors import FileError, InputError
from gnnglass.registry import Registry
from gnnglass.trajectories.gsd_frame import snapshot_from_frame
from gnnglass.trajectories.snapshot import FloatArray, Snapshot
from gnnglass.trajectories.trajectory import Trajectory

HEAD_BYTES = 512


class Format(ABC):
    """One file format: knows its files by their content, and reads them."""

    @abstractmethod
    def matches(self, path: Path, head: bytes) -> bool:
        """Whether the file at `path`, whose first bytes are `head`, is of this format.

        Raises:
            FileError: If it is of a family of formats, but too damaged to tell which.
        """

    @abstractmethod
    def read(self, path: Path) -> Trajectory:
        """Read the file, which `matches`.

        Raises:
            FileError: If the file is broken or cut off.
            InputError: If it holds something that a snapshot cannot be.
        """


@contextmanager
def speaking_of(what: str | Path) -> Iterator[None]:
    """Name the file or frame in any error; libraries raise nearly anything on a damaged file.

    NumPy's warnings about damaged numbers are silenced, for these are refused in the end.
    """
    try:
        with np.errstate(invalid="ignore", over="ignore"):
            yield
    except FileError:
        raise
    except InputError as error:
        raise InputError(f"{what}: {error}") from error
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise FileError(f"cannot read {what}, which seems damaged: {reason}.") from error


FORMATS: Registry[Format] = Registry("trajectory format", "gnnglass.trajectories")


def read(path: str | PathLike[str]) -> Trajectory:
    """Read a trajectory; its format is told from its content, whatever its name.

    Raises:
        FileError: If the file is missing, a folder, empty, broken or of no known format.
        InputError: If a frame is not a periodic configuration (NaN positions, a tilted box).
    """
    path = Path(path)
    if path.is_dir():
        raise FileError(f"{path} is a folder; give the path of one trajectory file.")
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise FileError(f"there is no file {path}; check its name and folder.") from error
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}; check its permissions.") from error
    if not head:
        raise FileError(f"{path} is empty (0 bytes); whatever wrote it has probably failed.")
    for known in map(FORMATS.create, filter(FORMATS.available, FORMATS)):
        if known.matches(path, head):
            return known.read(path)
    raise FileError(
        f"{path} is of no trajectory format known here ({', '.join(FORMATS)}); "
        "convert it to one of them."
    )


def as_trajectory(source: Any) -> Trajectory:
    """Make a trajectory of whatever holds configurations.

    Args:
        source: A path; a `Trajectory`; a `Snapshot` or a sequence of them; a
            ``gsd.hoomd.Frame``; or a pair (box, points) as freud takes it, with the box given
            as 2 or 3 edge lengths, as ``[Lx, Ly, Lz, xy, xz, yz]`` or as a ``freud.box.Box``
            (Lz = 0 means 2D), and points of shape [n, 2] or [n, 3], all of species ``"A"``.

    Raises:
        FileError: If a path cannot be read.
        InputError: If `source` is none of these, or not a periodic configuration.
    """
    if isinstance(source, Trajectory):
        return source
    if isinstance(source, str | PathLike):
        return read(source)
    if isinstance(source, Snapshot):
        return Trajectory([source])
    if hasattr(source, "configuration") and hasattr(source, "particles"):
        return Trajectory([snapshot_from_frame(source)])
    if isinstance(source, Sequence):
        if all(isinstance(item, Snapshot) for item in source):
            return Trajectory(source)
        if len(source) == 2 and not any(isinstance(item, Snapshot) for item in source):
            return Trajectory([_from_points(*source)])
    raise InputError(
        f"a {type(source).__name__} is not a trajectory; expected a path, a Trajectory, one or "
        "more Snapshots, a gsd.hoomd.Frame, or a pair (box, points)."
    )


def _from_points(box: Any, points: Any) -> Snapshot:
    try:
        edges = _edges(box)
        positions = np.asarray(points, dtype=np.float64)
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(
            "the pair (box, points) is not numeric; expected edge lengths and an array of shape "
            "[n, 2] or [n, 3]."
        ) from error
    if positions.ndim == 2 and positions.shape[1] == 3 and edges.size == 2:
        if np.any(positions[:, 2] != 0):
            raise InputError("the box is 2D, but the points leave the plane z = 0.")
        positions = positions[:, :2]
    types = np.zeros(positions.shape[:1], dtype=np.int32)
    return Snapshot(edges, positions, types, type_names=("A",))


def _edges(box: Any) -> FloatArray:
    if hasattr(box, "Lx"):
        box = [box.Lx, box.Ly, box.Lz, box.xy, box.xz, box.yz]
    values = np.asarray(box, dtype=np.float64)
    if values.shape not in ((2,), (3,), (6,)):
        raise InputError(
            f"box has shape {values.shape}; expected 2 or 3 edge lengths, or "
            "[Lx, Ly, Lz, xy, xz, yz]."
        )
    if np.any(values[3:] != 0):
        raise InputError("the box is tilted (triclinic); only orthorhombic boxes are supported.")
    edges = values[:3]
    return edges[:2] if edges.size == 3 and edges[2] == 0 else edges
