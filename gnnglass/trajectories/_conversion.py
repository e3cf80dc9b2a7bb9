"""From anything like a configuration to a trajectory."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from gnnglass.errors import InputError
from gnnglass.trajectories.formats import read
from gnnglass.trajectories.gsd import snapshot_from_frame
from gnnglass.trajectories.snapshot import FloatArray, Snapshot, Trajectory


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
