"""Reading a periodic map at arbitrary places."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.errors import InputError
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
