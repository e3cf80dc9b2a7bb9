"""Snapshots and trajectories, the common data structures, in memory and in files."""

from gnnglass._files import written_whole
from gnnglass.trajectories.formats import FORMATS, Format, read
from gnnglass.trajectories.gsd import write
from gnnglass.trajectories.snapshot import (
    NeighborPairs,
    RunsLike,
    Snapshot,
    SnapshotLike,
    Trajectory,
    TrajectoryLike,
    as_runs,
    as_snapshot,
    as_trajectory,
    by_run,
    neighbor_pairs,
)

__all__ = [
    "FORMATS",
    "Format",
    "NeighborPairs",
    "RunsLike",
    "Snapshot",
    "SnapshotLike",
    "Trajectory",
    "TrajectoryLike",
    "as_runs",
    "as_snapshot",
    "as_trajectory",
    "by_run",
    "neighbor_pairs",
    "read",
    "write",
    "written_whole",
]
