"""Displacements relative to the cage, free of long-wavelength fluctuations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray

CAGE: Mapping[str, float] = {"r_max": 1.5}
"""The cage by default: the first minimum of g_AA(r) of the Kob–Andersen mixture at density 1.2."""


def relative_to_cage(
    initial: Snapshot, neighbors: Mapping[str, float] | None
) -> Callable[[FloatArray], FloatArray]:
    """What takes the motion of each cage out of displacements since `initial`.

    The cage-relative displacement is Δr_i − (1/N_i) Σ_j Δr_j over the N_i neighbours j of i at
    t = 0, i not included (Mazoyer, Ebert, Maret & Keim, EPL 88, 66004 (2009); Vivek, Kelleher,
    Chaikin & Weeks, PNAS 114, 1850 (2017)). A particle without neighbours has no cage and keeps
    its displacement.

    Args:
        initial: Configuration of n particles in d dimensions.
        neighbors: Who belongs to the cage, ``{"r_max": …}`` in units of length; None leaves
            displacements as they are.

    Returns:
        A function of displacements, shape [n_lags, n, d], that returns others of that shape.

    Raises:
        InputError: If `neighbors` is anything else, or the cutoff does not fit the box.
    """
    if neighbors is None:
        return lambda displacements: displacements
    if set(neighbors) != {"r_max"}:
        raise InputError(
            f"neighbors are {dict(neighbors)!r}; expected a cutoff, such as {dict(CAGE)!r}."
        )
    from scipy.sparse import csr_array

    n = len(initial)
    pairs = neighbor_pairs(initial, neighbors["r_max"])
    weights = 1.0 / np.bincount(pairs.i, minlength=n)[pairs.i]
    mean_of_cage = csr_array((weights, (pairs.i, pairs.j)), shape=(n, n))
    return lambda displacements: np.stack([one - mean_of_cage @ one for one in displacements])
