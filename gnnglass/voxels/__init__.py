"""Snapshots as periodic pixel or voxel grids: what a convolutional network sees."""

from gnnglass.voxels.recipe import VoxelRecipe
from gnnglass.voxels.sampling import sample_periodic

__all__ = ["VoxelRecipe", "sample_periodic"]
