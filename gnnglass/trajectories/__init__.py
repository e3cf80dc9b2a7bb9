"""Snapshots and trajectories, the common data structures, in memory and in files."""

from gnnglass._files import written_whole
from gnnglass.trajectories.formats import FORMATS, Format, read
from gnnglass.trajectories.gsd import write
from gnnglass.trajectories.material import Material, restated
from gnnglass.trajectories.runs import RunsLike, as_runs, by_run
from gnnglass.trajectories.snapshot import (
    NeighborPairs,
    Snapshot,
    SnapshotLike,
    Trajectory,
    TrajectoryLike,
    as_snapshot,
    as_trajectory,
    neighbor_pairs,
)

__all__ = [
    "FORMATS",
    "Format",
    "Material",
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
    "restated",
    "write",
    "written_whole",
]
