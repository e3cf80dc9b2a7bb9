"""Snapshots as periodic density grids, and maps on a grid read at the particles."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from gnnglass.errors import InputError
from gnnglass.models._recipe import Recipe
from gnnglass.trajectories import SnapshotLike, as_snapshot
from gnnglass.trajectories.snapshot import FloatArray


def sample_periodic(grid: ArrayLike, places: ArrayLike) -> FloatArray:
    """Multilinear interpolation of a periodic map.

    Cell j of m along an axis has its centre at (j + 1/2) / m of the box edge, so maps of any
    resolution over the same box are sampled at the same places.

    Args:
        grid: Map or stack of maps, shape [..., m_1, …, m_d].
        places: Positions as fractions of the box edges, from its lower corner; shape [n, d].
            They may lie outside [0, 1), meaning the periodic image inside.

    Returns:
        The maps at the places, shape [..., n].

    Raises:
        InputError: If the map has fewer axes than the places have coordinates.
    """
    values = np.asarray(grid, dtype=np.float64)
    fractions = np.asarray(places, dtype=np.float64)
    dimension = fractions.shape[1]
    if values.ndim < dimension:
        raise InputError(
            f"the map has shape {values.shape}; expected at least {dimension} axes, one per "
            "space dimension."
        )
    shape = np.array(values.shape[-dimension:])
    cells = fractions * shape - 0.5
    lower = np.floor(cells)
    weight = cells - lower
    index = lower.astype(np.int64)
    result = np.zeros((*values.shape[:-dimension], len(fractions)))
    for corner in itertools.product((0, 1), repeat=dimension):
        offset = np.array(corner)
        at = (index + offset) % shape
        share = np.prod(np.where(offset, weight, 1 - weight), axis=1)
        result += values[(..., *at.T)] * share
    return result


# A Gaussian is cut this many widths from the particle, where it has fallen to 4e-6 of its peak.
_REACH = 5.0
# By Poisson summation, a Gaussian of width w sampled every h sums to its integral within
# 2 exp(−2π² w²/h²) per axis; at w = 2h/3 that is 3e-4.
_MIN_WIDTH = 2 / 3
# Particles deposited at once are limited by the memory of their kernels.
_BLOCK = 2**22


@dataclass(frozen=True)
class VoxelRecipe(Recipe):
    """The number density of each species on a periodic grid, every particle a Gaussian.

    The Gaussians are evaluated at the voxel centres relative to the exact particle positions, so
    a shift by a fraction of a voxel changes the grid smoothly, a shift by a whole voxel rolls it,
    and the sum over voxels times the voxel volume is the number of particles within 1e-3.

    Attributes:
        voxel_size: Wanted voxel edge, in units of length; each box edge is divided into the
            nearest whole number of voxels.
        width: Standard deviation of the Gaussian, in units of length; at least 2/3 of a voxel.
        type_names: The species the network knows, in the order of the channels.
        dimension: Number of space dimensions, 2 or 3.
        multiple: The number of voxels along each edge is rounded to a multiple of this; set it
            to the total stride of the network, which is periodic only if the stride divides the
            grid.

    Raises:
        InputError: If a parameter is not meaningful.
    """

    voxel_size: float
    width: float
    type_names: tuple[str, ...] = ("A", "B")
    dimension: int = 2
    multiple: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("voxel_size")
        self._require_positive("width")
        if self.multiple < 1:
            raise InputError(f"multiple is {self.multiple}; expected a positive whole number.")
        self._check_width(self.voxel_size)

    def _check_width(self, edge: float) -> None:
        if self.width < _MIN_WIDTH * edge * (1 - 1e-9):
            raise InputError(
                f"a Gaussian of width {self.width:g} is too narrow for voxels of edge {edge:.4g}: "
                "it would fall between them; use a width of at least 2/3 of the voxel or "
                "smaller voxels."
            )

    def shape(self, snapshot: SnapshotLike) -> tuple[int, ...]:
        """Number of voxels along each edge of the snapshot's box.

        Raises:
            InputError: If the box is too small for the Gaussians, or if rounding to whole voxels
                made them too large.
        """
        snapshot = as_snapshot(snapshot)
        blocks = np.round(snapshot.box / (self.voxel_size * self.multiple)).astype(int)
        counts = np.maximum(blocks, 1) * self.multiple
        edges = snapshot.box / counts
        self._check_width(float(edges.max()))
        needed = (2 * self._reach(edges) + 1) * edges
        if np.any(needed > snapshot.box * (1 + 1e-9)):
            raise InputError(
                f"the box {' × '.join(f'{edge:.4g}' for edge in snapshot.box)} is too small for "
                f"Gaussians of width {self.width:g}: every edge must be at least "
                f"{needed.max():.4g}; use a smaller width or a larger system."
            )
        return tuple(int(count) for count in counts)

    def _reach(self, edges: FloatArray) -> NDArray[np.int64]:
        return np.asarray(np.ceil(_REACH * self.width / edges), dtype=np.int64)

    def __call__(self, snapshot: SnapshotLike) -> torch.Tensor:
        """The density grid of a snapshot, shape [n_species, *grid], float32.

        Voxel v of m along an axis has its centre at −L/2 + (v + 1/2) L/m.

        Raises:
            InputError: If the snapshot has another dimension, an unknown species, or a box that
                is too small.
        """
        snapshot = as_snapshot(snapshot)
        species = self.species(snapshot)
        shape = self.shape(snapshot)
        edges = snapshot.box / shape
        reach = self._reach(edges)
        channels = len(self.type_names)
        grid = np.zeros(channels * int(np.prod(shape)))
        block = max(1, _BLOCK // int(np.prod(2 * reach + 1)))
        for start in range(0, len(snapshot), block):
            part = slice(start, start + block)
            indices, weights = self._kernels(
                snapshot.positions[part] + snapshot.box / 2, species[part], shape, edges, reach
            )
            grid += np.bincount(indices.ravel(), weights.ravel(), minlength=grid.size)
        return torch.from_numpy(grid.astype(np.float32).reshape(channels, *shape))

    def _kernels(
        self,
        corner_positions: FloatArray,
        species: NDArray[np.int64],
        shape: tuple[int, ...],
        edges: FloatArray,
        reach: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], FloatArray]:
        """Flat voxel indices and densities of each particle's Gaussian, each [n, n_voxels]."""
        n = len(corner_positions)
        indices = species[:, None]
        weights = np.ones((n, 1))
        # The Gaussian is a product over axes, so only one exponential per axis and layer is due.
        for axis, count in enumerate(shape):
            inside = corner_positions[:, axis, None] / edges[axis]
            voxel = np.floor(inside).astype(np.int64) + np.arange(-reach[axis], reach[axis] + 1)
            distance = (voxel + 0.5 - inside) * edges[axis] / self.width
            density = np.exp(-0.5 * distance**2) / (np.sqrt(2 * np.pi) * self.width)
            indices = (indices[:, :, None] * count + (voxel % count)[:, None, :]).reshape(n, -1)
            weights = (weights[:, :, None] * density[:, None, :]).reshape(n, -1)
        return indices, weights

    def sample(self, grid: ArrayLike, snapshot: SnapshotLike) -> FloatArray:
        """A map over the snapshot's box at its particles, by periodic linear interpolation.

        Args:
            grid: Map or stack of maps of any resolution that cover the box, shape
                [..., m_1, …, m_d].
            snapshot: Configuration of n particles.

        Returns:
            Values at the particles, shape [..., n].
        """
        snapshot = as_snapshot(snapshot)
        return sample_periodic(grid, snapshot.positions / snapshot.box + 0.5)
