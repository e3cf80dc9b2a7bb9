"""From anything like a configuration to a trajectory, a snapshot, or one trajectory per run."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from os import PathLike
from typing import Any, TypeAlias, TypeGuard

import numpy as np

from gnnglass.errors import InputError
from gnnglass.trajectories.formats import read
from gnnglass.trajectories.snapshot import FloatArray, Snapshot, Trajectory

TrajectoryLike: TypeAlias = (
    str | PathLike[str] | Trajectory | Snapshot | Sequence[Snapshot] | tuple[Any, Any]
)
"""Whatever holds configurations: what `as_trajectory` takes."""

SnapshotLike: TypeAlias = TrajectoryLike
"""The same, where it holds a single configuration: what `as_snapshot` takes."""

RunsLike: TypeAlias = TrajectoryLike | Sequence[TrajectoryLike]
"""One trajectory or file, or several, one for each independent run: what `as_runs` takes."""


def as_trajectory(source: TrajectoryLike) -> Trajectory:
    """Make a trajectory of whatever holds configurations.

    Args:
        source: A path; a `Trajectory`; a `Snapshot` or a sequence of them; a
            ``gsd.hoomd.Frame``; or a pair (box, points) as freud takes it, with the box given
            as 2 or 3 edge lengths, as ``[Lx, Ly, Lz, xy, xz, yz]`` or as a ``freud.box.Box``
            (Lz = 0 means 2D), and points of shape [n, 2] or [n, 3], all of species ``"A"``.

    Returns:
        `source` itself if it is a trajectory; of a path, what `read` gives; else a trajectory
        without metadata, which of a single configuration has one frame.

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
        # Imported here, because that module writes whatever this one takes.
        from gnnglass.trajectories.gsd import snapshot_from_frame

        return Trajectory([snapshot_from_frame(source)])
    if isinstance(source, Sequence):
        if all(isinstance(item, Snapshot) for item in source):
            return Trajectory(source)  # type: ignore[arg-type]
        if len(source) == 2 and not any(isinstance(item, Snapshot) for item in source):
            return Trajectory([_from_points(*source)])
    raise InputError(
        f"a {type(source).__name__} is not a trajectory; expected a path, a Trajectory, one or "
        "more Snapshots, a gsd.hoomd.Frame, or a pair (box, points)."
    )


def as_snapshot(source: SnapshotLike) -> Snapshot:
    """The one configuration that is meant.

    Args:
        source: A `Snapshot`, which is returned as it is, or anything `as_trajectory` turns into
            a trajectory of one frame.

    Raises:
        FileError: If a path cannot be read.
        InputError: If there is more than one frame, or as `as_trajectory`.
    """
    if isinstance(source, Snapshot):
        return source
    trajectory = as_trajectory(source)
    if len(trajectory) != 1:
        raise InputError(
            f"expected one configuration, got {len(trajectory)} frames; pick one of them, such as "
            "trajectory[-1]."
        )
    return trajectory[0]


def as_runs(sources: RunsLike) -> list[Trajectory]:
    """The trajectory of each independent run.

    Args:
        sources: One trajectory or file per independent run, or a single one.

    Raises:
        FileError: If a path cannot be read.
        InputError: If there are bare snapshots, which do not say of which run they are, or as
            `as_trajectory`.
    """
    members: list[Any] = list(sources) if _are_several(sources) else [sources]
    if any(isinstance(member, Snapshot) for member in members):
        raise InputError(
            "a bare snapshot does not say of which run it is; give one trajectory or file per "
            "independent run."
        )
    return [as_trajectory(member) for member in members]


def by_run(
    configurations: RunsLike, runs: Sequence[Hashable] | None
) -> tuple[Sequence[Snapshot], Sequence[Hashable]]:
    """Configurations, and the independent run that each belongs to.

    Args:
        configurations: With `runs`, whatever `as_trajectory` takes; without, what `as_runs`
            takes.
        runs: Run of each configuration. Without, each trajectory or file is a run of its own,
            called what the entry ``run`` of its metadata says, or else by its place.

    Raises:
        FileError: If a path cannot be read.
        InputError: If `runs` are missing for snapshots, or given for several trajectories, if
            two trajectories are of the same run, or as `as_trajectory`.
    """
    if runs is not None:
        given: Any = configurations
        if not _are_several(given):
            return as_trajectory(given), runs
        if all(isinstance(one, Snapshot) for one in given):
            return given, runs
        raise InputError(
            "runs are named for something other than snapshots; leave runs out where each "
            "trajectory or file is a run, or give snapshots and the run of each."
        )
    trajectories = as_runs(configurations)
    names = [str(one.metadata.get("run", f"run-{k}")) for k, one in enumerate(trajectories)]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"two trajectories are called run {name!r}; give all frames of a run in one "
                "trajectory, and each independent run its own name."
            )
    pairs = [(one, name) for whole, name in zip(trajectories, names, strict=True) for one in whole]
    return [one for one, _ in pairs], [name for _, name in pairs]


def _are_several(sources: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(sources, Sequence) and not isinstance(sources, str | Trajectory)


def _from_points(box: Any, points: Any) -> Snapshot:
    edges, positions = _edges(box), _numbers(points)
    if positions.ndim == 2 and positions.shape[1] == 3 and edges.size == 2:
        if np.any(positions[:, 2] != 0):
            raise InputError("the box is 2D, but the points leave the plane z = 0.")
        positions = positions[:, :2]
    types = np.zeros(positions.shape[:1], dtype=np.int32)
    return Snapshot(edges, positions, types, type_names=("A",))


def _numbers(values: Any) -> FloatArray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            "the pair (box, points) is not numeric; expected edge lengths and an array of shape "
            "[n, 2] or [n, 3]."
        ) from error


def _edges(box: Any) -> FloatArray:
    if hasattr(box, "Lx"):
        box = [box.Lx, box.Ly, box.Lz, box.xy, box.xz, box.yz]
    values = _numbers(box)
    if values.shape not in ((2,), (3,), (6,)):
        raise InputError(
            f"box has shape {values.shape}; expected 2 or 3 edge lengths, or "
            "[Lx, Ly, Lz, xy, xz, yz]."
        )
    if np.any(values[3:] != 0):
        raise InputError("the box is tilted (triclinic); only orthorhombic boxes are supported.")
    edges = values[:3]
    return edges[:2] if edges.size == 3 and edges[2] == 0 else edges
