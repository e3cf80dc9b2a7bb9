"""Symmetries a convolution does not have built in, shown to it during training."""

from __future__ import annotations

import torch
from torch import Tensor


def random_symmetry(grid: Tensor) -> Tensor:
    """Shift, reflect and turn a batch of periodic grids at random, all members alike.

    Shifts are by whole voxels, less than four: what pooling with stride does not see. Axes are
    exchanged only where they are equally long.

    Args:
        grid: Shape [b, c, *grid].

    Returns:
        A grid of the same shape.
    """
    axes = list(range(2, grid.ndim))
    shifts = torch.randint(0, 4, (len(axes),)).tolist()
    grid = torch.roll(grid, shifts, dims=axes)
    grid = grid.flip([axis for axis in axes if torch.rand(()) < 0.5])
    if len(set(grid.shape[2:])) == 1:
        order = (torch.randperm(len(axes)) + 2).tolist()
        grid = grid.permute(0, 1, *order)
    return grid
