"""Exponential decay of a spatial correlation whose mean over the box was removed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.compare.spatial import SpatialCorrelation
from gnnglass.trajectories.snapshot import FloatArray

N_NODES = {2: 60, 3: 20}
"""Nodes per edge of the means over the box."""


@dataclass(frozen=True)
class Decay:
    """An exponential A exp(−r / ξ).

    Attributes:
        length: ξ, in units of length.
        amplitude: A, its value at r = 0.
    """

    length: float
    amplitude: float


def expected_shapes(
    correlation: SpatialCorrelation, r: ArrayLike, lengths: ArrayLike
) -> FloatArray:
    """What exp(−r / ξ) looks like once the mean of each configuration has been removed.

    The mean φ̄ is made of the same values, and ⟨(φ_i − φ̄)(φ_j − φ̄)⟩ = C(r_ij) − ⟨φ̄²⟩, where
    ⟨φ̄²⟩ is the mean of C over all pairs, that of a particle with itself included. A field that
    varies like A exp(−r / ξ) over distances, and by itself from one particle to the next, is
    therefore expected at A [exp(−r / ξ) − ⟨exp(−r / ξ)⟩] − 1/N, with ⟨…⟩ over two places in the
    box. (That ⟨δ²⟩ lacks ⟨φ̄²⟩, too, is taken up by A.)

    Args:
        correlation: Tells of the box, periodic if it was not cut in blocks.
        r: Distances, shape [n_bins].
        lengths: Values of ξ, shape [n_lengths].

    Returns:
        exp(−r / ξ) − ⟨exp(−r / ξ)⟩, shape [n_bins, n_lengths].
    """
    tried = np.asarray(lengths, dtype=np.float64)
    nodes = (np.arange(N_NODES[len(correlation.edges)]) + 0.5) / N_NODES[len(correlation.edges)]
    periodic = correlation.blocks == 1
    # Along one edge, two places are any part of half the edge apart in a periodic box; in an open
    # one the number of places at a distance falls off linearly.
    reach = correlation.edges / 2 if periodic else correlation.edges
    distance = np.linalg.norm(np.stack(np.meshgrid(*(nodes * a for a in reach))), axis=0).ravel()
    weight = np.ones_like(nodes) if periodic else 2 * (1 - nodes)
    weights = np.prod(np.meshgrid(*[weight] * len(reach)), axis=0).ravel()
    means = np.array([np.average(np.exp(-distance / length), weights=weights) for length in tried])
    return np.asarray(np.exp(-np.asarray(r)[:, None] / tried) - means)


def fit_decay(excess: FloatArray, lengths: FloatArray, shapes: FloatArray) -> Decay:
    """Least squares over A and the lengths to choose from.

    For each ξ the best A is linear algebra, so that one search over ξ finds the global minimum.

    Args:
        excess: C(r) + 1/N, shape [n_bins].
        lengths: Values of ξ to choose from, shape [n_lengths].
        shapes: What each of them is expected to look like, shape [n_bins, n_lengths].

    Returns:
        The best; its amplitude is negative if nearby particles differ more than distant ones.
    """
    sizes = np.linalg.norm(shapes, axis=0)
    projections = excess @ shapes / sizes
    best = int(np.argmax(np.abs(projections)))
    return Decay(float(lengths[best]), float(projections[best] / sizes[best]))
