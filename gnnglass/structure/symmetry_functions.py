"""Behler and Parrinello's symmetry functions: a particle's surroundings as a row of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.errors import InputError
from gnnglass.structure.radial_counts import CENTERS, WIDTH, radial_counts
from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray

BLOCK = 2_000_000
"""Triplets that are held in memory at once."""


@dataclass(frozen=True)
class Angular:
    """One angular function: range ξ in units of length, sign λ = ±1, and sharpness ζ ≥ 1."""

    xi: float
    sign: int
    zeta: float


ANGULAR = tuple(
    Angular(xi, sign, zeta) for xi in (0.7, 1.0, 1.6, 2.5) for sign in (-1, 1) for zeta in (1, 2, 4)
)
"""Ranges from contact to the second shell, angles near 180° and near 0°, broad and sharp."""


def symmetry_functions(
    snapshot: Snapshot,
    centers: ArrayLike = CENTERS,
    width: float = WIDTH,
    angular: Sequence[Angular] = ANGULAR,
    r_max: float = 2.0,
) -> FloatArray:
    """Radial and angular symmetry functions of each particle, one for each (pair of) species.

    Radial: G_i(b; μ) = Σ_j exp[−(r_ij − μ)²/L²] over the neighbours j of species b, with
    L² = 2 width². Angular: Ψ_i(bc; ξ, λ, ζ) = Σ_{j,k} exp[−(r_ij² + r_ik² + r_jk²)/ξ²]
    (1 + λ cos θ_jik)^ζ over the pairs of neighbours j of species b and k of species c within
    r_max, each pair once (Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007); in this form,
    without their cutoff function, Cubuk et al., Phys. Rev. Lett. 114, 108001 (2015)). The default
    parameters are of the kind that the latter use, not those of their tables.

    Args:
        snapshot: Configuration of n particles.
        centers: The distances μ, shape [n_radial], in units of length.
        width: Standard deviation of the radial Gaussians, in units of length.
        angular: The angular functions.
        r_max: Where their sum ends, in units of length.

    Returns:
        Shape [n, n_species n_radial + n_pairs n_angular]: the radial functions as
        `radial_counts` orders them, then all angular functions for each of the
        n_species (n_species + 1)/2 pairs of species, AA, AB, BB.

    Raises:
        InputError: As `radial_counts`, if an angular function has a ξ that is not positive, a
            sign other than ±1 or a ζ below 1, or if `r_max` does not fit the box.
    """
    for one in angular:
        if not (np.isfinite(one.xi) and one.xi > 0 and one.sign in (-1, 1) and one.zeta >= 1):
            raise InputError(f"{one!r} is no angular function; expected xi > 0, sign ±1, zeta ≥ 1.")
    radial = radial_counts(snapshot, centers, width)
    return np.concatenate([radial, _angular(snapshot, angular, r_max)], axis=1)


def _angular(snapshot: Snapshot, functions: Sequence[Angular], r_max: float) -> FloatArray:
    """Angular functions, shape [n, n_pairs n_angular]; one block of particles after the other."""
    pairs, n = neighbor_pairs(snapshot, r_max), len(snapshot)
    n_species = len(snapshot.type_names)
    first, second = np.triu_indices(n_species)
    pair_of = np.empty((n_species, n_species), dtype=np.int64)
    pair_of[first, second] = pair_of[second, first] = np.arange(len(first))
    features = np.zeros((n, len(first), len(functions)))
    starts = np.searchsorted(pairs.i, np.arange(n + 1))
    n_bonds = np.diff(starts)
    most = max(int(n_bonds.max()), 1)
    step = max(BLOCK // most**2, 1)
    for begin in range(0, n, step):
        rows = np.arange(begin, min(begin + step, n))
        # All pairs (j, k) of bonds of the block: padded to the same count, then those that are.
        j, k = np.triu_indices(int(n_bonds[rows].max()), 1)
        row, which = np.nonzero(k < n_bonds[rows, None])
        a, b = starts[rows[row]] + j[which], starts[rows[row]] + k[which]
        squares = pairs.distances[a] ** 2, pairs.distances[b] ** 2
        dot = (pairs.vectors[a] * pairs.vectors[b]).sum(axis=1)
        cosines = dot / (pairs.distances[a] * pairs.distances[b])
        extent = 2 * (squares[0] + squares[1] - dot)
        species = pair_of[snapshot.types[pairs.j[a]], snapshot.types[pairs.j[b]]]
        column = row * len(first) + species
        # Functions share their factors.
        near = {xi: np.exp(-extent / xi**2) for xi in {one.xi for one in functions}}
        kinds = {(one.sign, one.zeta) for one in functions}
        along = {(sign, zeta): (1 + sign * cosines) ** zeta for sign, zeta in kinds}
        for f, one in enumerate(functions):
            value = near[one.xi] * along[one.sign, one.zeta]
            summed = np.bincount(column, weights=value, minlength=len(rows) * len(first))
            features[rows, :, f] = summed.reshape(len(rows), -1)
    return features.reshape(n, -1)
