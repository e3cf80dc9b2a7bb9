"""Snapshots and trajectories: the one currency, in memory and on disk."""

from gnnglass.trajectories.files import written_whole
from gnnglass.trajectories.formats import FORMATS, Format, as_trajectory, read
from gnnglass.trajectories.gsd_file import write
from gnnglass.trajectories.neighbors import NeighborPairs, neighbor_pairs
from gnnglass.trajectories.snapshot import Snapshot
from gnnglass.trajectories.trajectory import Trajectory

__all__ = [
    "FORMATS",
    "Format",
    "NeighborPairs",
    "Snapshot",
    "Trajectory",
    "as_trajectory",
    "neighbor_pairs",
    "read",
    "write",
    "written_whole",
]
