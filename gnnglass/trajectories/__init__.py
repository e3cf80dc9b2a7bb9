"""Snapshots and trajectories: the one currency, in memory and on disk."""

from gnnglass._files import written_whole
from gnnglass.trajectories._conversion import (
    RunsLike,
    SnapshotLike,
    TrajectoryLike,
    as_runs,
    as_snapshot,
    as_trajectory,
    by_run,
)
from gnnglass.trajectories.formats import FORMATS, Format, read
from gnnglass.trajectories.gsd import write
from gnnglass.trajectories.neighbors import NeighborPairs, neighbor_pairs
from gnnglass.trajectories.snapshot import Snapshot, Trajectory

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
