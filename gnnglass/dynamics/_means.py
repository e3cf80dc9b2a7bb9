"""Means over clones in one pass over their files, and displacements relative to the cage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import numpy as np

from gnnglass._arguments import checks_arguments
from gnnglass._show import Shown
from gnnglass.dynamics.ensemble import IsoconfigurationalEnsemble
from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray

CAGE: Mapping[str, float] = {"r_max": 1.5}
"""Default cage: the first minimum of g_AA(r) of the Kob–Andersen mixture at density 1.2."""


def relative_to_cage(
    initial: Snapshot, neighbors: Mapping[str, float] | None
) -> Callable[[FloatArray], FloatArray]:
    """A function that subtracts the motion of each cage from displacements since `initial`.

    The cage-relative displacement is Δr_i − (1/N_i) Σ_j Δr_j over the N_i neighbours j of i at
    t = 0, i not included (Mazoyer, Ebert, Maret & Keim, EPL 88, 66004 (2009); Vivek, Kelleher,
    Chaikin & Weeks, PNAS 114, 1850 (2017)). A particle without neighbours has no cage and keeps
    its displacement.

    Args:
        initial: Configuration of n particles in d dimensions.
        neighbors: Cutoff for the cage, ``{"r_max": …}`` in units of length; None leaves
            displacements unchanged.

    Returns:
        A function of displacements, shape [n_lags, n, d], that returns an array of the same shape.

    Raises:
        InputError: If `neighbors` is not a cutoff, or the cutoff does not fit the box.
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


#: Maps the displacements of one clone, shape [n_lags, n, d], to a value per lag and particle.
Local = Callable[[FloatArray], FloatArray]


class CloneSums:
    """Sums over clones of a value of each particle at each lag, and of its square.

    Args:
        n_lags: Number of lags.
        n: Number of particles.
    """

    def __init__(self, n_lags: int, n: int) -> None:
        self._total = np.zeros((n_lags, n))
        self._squares = np.zeros((n_lags, n))
        self._n_clones = 0

    def add(self, values: FloatArray) -> None:
        """Add the values of one more clone, shape [n_lags, n]."""
        self._total += values
        self._squares += values**2
        self._n_clones += 1

    @property
    def mean(self) -> FloatArray:
        """Mean over the clones, shape [n_lags, n]."""
        return np.asarray(self._total / self._n_clones)

    @property
    def standard_error(self) -> FloatArray:
        """Standard error of the mean over two clones or more, shape [n_lags, n]."""
        # Rounding may make a zero variance slightly negative.
        variance = np.maximum(self._squares / self._n_clones - self.mean**2, 0.0)
        return np.asarray(np.sqrt(variance / (self._n_clones - 1)))


class CloneMean(Shown, ABC):
    """A value of each particle at each lag, averaged over the clones of an ensemble.

    Subclasses are dataclasses of their parameters. They define the value in one clone and the
    result that is computed from the average.
    """

    @abstractmethod
    def local(self, ensemble: IsoconfigurationalEnsemble) -> Local:
        """The value in one clone of an ensemble.

        Returns:
            A function of the displacements of the clone, shape [n_lags, n, d], that returns the
            values, shape [n_lags, n].

        Raises:
            InputError: If a parameter does not fit the configuration.
        """

    @abstractmethod
    def settle(self, ensemble: IsoconfigurationalEnsemble, sums: CloneSums) -> None:
        """Compute and store the result from the sums over the clones of `ensemble`."""

    @checks_arguments
    def compute(self, ensemble: IsoconfigurationalEnsemble) -> Self:
        """Average over the clones of `ensemble`, each read once; returns self.

        Raises:
            InputError: If a parameter does not fit the ensemble, or a clone cannot be used.
        """
        compute_together(ensemble, [self])
        return self


@checks_arguments
def compute_together(ensemble: IsoconfigurationalEnsemble, quantities: Sequence[CloneMean]) -> None:
    """Compute several quantities of one ensemble, reading each clone once.

    Raises:
        InputError: As `CloneMean.compute`.
    """
    size = (len(ensemble.times), len(ensemble.initial))
    gathered = [(one, one.local(ensemble), CloneSums(*size)) for one in quantities]
    for clone in ensemble:
        for _, local, sums in gathered:
            sums.add(local(clone))
    for quantity, _, sums in gathered:
        quantity.settle(ensemble, sums)
