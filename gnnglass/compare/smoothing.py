"""Exponentially weighted means of a field over the neighbourhood of each particle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnnglass._arguments import checks_arguments
from gnnglass.errors import InputError
from gnnglass.trajectories import (
    NeighborPairs,
    Snapshot,
    SnapshotLike,
    as_snapshot,
    neighbor_pairs,
)
from gnnglass.trajectories.snapshot import FloatArray

CUT = 4.0
"""Weights are dropped beyond this many smoothing lengths, where they are below exp(−4)."""

SHORTEST_CUT = 2.0
"""A small box may force an earlier cut, but never below this many smoothing lengths."""

LONGEST_CUT = 0.999
"""Largest cut, in units of half the shortest box edge; beyond it images would be counted twice."""


@checks_arguments
def smooth(
    snapshot: SnapshotLike,
    values: ArrayLike,
    length: float,
    r_max: float | None = None,
    *,
    same_species: bool = False,
) -> FloatArray:
    """Replace each value by the weighted mean over the particle and its neighbourhood.

    The smoothed value of particle i is Σ_j w_ij x_j / Σ_j w_ij with w_ij = exp(−r_ij / length),
    over all particles j closer than the cutoff, including i itself (w_ii = 1). Distances are
    periodic. Tong & Tanaka, Phys. Rev. X 8, 011041 (2018), eq. (4), use the same average for
    structural order parameters.

    If the mean of the field differs between species, an average over all of them also depends on
    the local composition. `same_species` avoids this, but averages over fewer particles.

    Args:
        snapshot: Configuration of n particles, or the file of one.
        values: One field, shape [n], or several side by side, shape [n, n_fields].
        length: Smoothing length, in units of length; 0 returns the values unchanged.
        r_max: Cutoff. By default 4 `length`, or just under half the shortest box edge if that is
            less.
        same_species: Average over particles of the particle's own species only.

    Returns:
        Smoothed values, same shape as `values`.

    Raises:
        InputError: If values are not finite or not one per particle, if `length` is negative,
            if `r_max` reaches beyond half the box, or if half the box is less than 2 `length`.
    """
    snapshot = as_snapshot(snapshot)
    return smooth_at_lengths(snapshot, values, [length], r_max, same_species=same_species)[0]


def smooth_at_lengths(
    snapshot: Snapshot,
    values: ArrayLike,
    lengths: Sequence[float],
    r_max: float | None = None,
    *,
    same_species: bool = False,
) -> list[FloatArray]:
    """Smooth with each of several lengths; the pairs are found only once.

    Arguments, result (one array per length) and errors are those of `smooth`.
    """
    array = _checked(snapshot, values)
    cuts = [_cut(snapshot, length, r_max) for length in lengths]
    longest = max(cuts, default=0.0)
    if longest == 0:
        return [array.copy() for _ in lengths]
    pairs = neighbor_pairs(snapshot, longest)
    counted = np.ones(len(pairs), dtype=np.bool_)
    if same_species:
        counted = snapshot.types[pairs.i] == snapshot.types[pairs.j]
    return [
        _weighted_mean(pairs, counted & (pairs.distances < cut), array, length)
        if length > 0
        else array.copy()
        for length, cut in zip(lengths, cuts, strict=True)
    ]


def _weighted_mean(
    pairs: NeighborPairs, near: NDArray[np.bool_], values: FloatArray, length: float
) -> FloatArray:
    from scipy.sparse import csr_array

    n = len(values)
    weights = csr_array(
        (np.exp(-pairs.distances[near] / length), (pairs.i[near], pairs.j[near])), shape=(n, n)
    )
    total = 1 + np.bincount(pairs.i[near], weights=weights.data, minlength=n)
    return np.asarray(((values + weights @ values).T / total).T)


def _cut(snapshot: Snapshot, length: float, r_max: float | None) -> float:
    if not np.isfinite(length) or length < 0:
        raise InputError(
            f"smoothing length is {length}; expected a positive length, or 0 for the bare field."
        )
    if length == 0:
        return 0.0
    if r_max is not None:
        return r_max
    half = float(snapshot.box.min()) / 2
    if half <= SHORTEST_CUT * length:
        raise InputError(
            f"smoothing length {length:g} does not fit the box: half its shortest edge is "
            f"{half:.4g}, expected more than {SHORTEST_CUT:g} lengths; use a shorter length or a "
            "larger system."
        )
    return min(CUT * length, LONGEST_CUT * half)


def _checked(snapshot: Snapshot, values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    n = len(snapshot)
    if array.ndim not in (1, 2) or len(array) != n:
        raise InputError(
            f"values have shape {array.shape}; expected [{n}] or [{n}, n_fields], one row per "
            "particle."
        )
    bad = ~np.isfinite(array.reshape(n, -1)).all(axis=1)
    if bad.any():
        raise InputError(
            f"{bad.sum()} of {n} values to smooth are NaN or infinite (first: particle "
            f"{int(np.argmax(bad))}); a mean over them would spread the gap, so repair the field."
        )
    return array
