"""Snapshots as graphs: particles are nodes, close pairs are edges."""

from gnnglass.graphs.dataset import SnapshotDataset
from gnnglass.graphs.recipe import GraphRecipe

__all__ = ["GraphRecipe", "SnapshotDataset"]
