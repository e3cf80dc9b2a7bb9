"""Snapshots and trajectories: the one currency, in memory and on disk."""

from gnnglass.trajectories.neighbors import NeighborPairs, neighbor_pairs
from gnnglass.trajectories.snapshot import Snapshot
from gnnglass.trajectories.trajectory import Trajectory

__all__ = ["NeighborPairs", "Snapshot", "Trajectory", "neighbor_pairs"]
