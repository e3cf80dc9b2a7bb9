"""Averages over clones, gathered while one clone after the other goes by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Self

import numpy as np

from gnnglass.dynamics.ensemble import IsoconfigurationalEnsemble
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

#: From the displacements of one clone, shape [n_lags, n, d], a value per lag and particle.
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
        """Count in the values of one more clone, shape [n_lags, n]."""
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
        # Rounding may leave a variance that is none slightly negative.
        variance = np.maximum(self._squares / self._n_clones - self.mean**2, 0.0)
        return np.asarray(np.sqrt(variance / (self._n_clones - 1)))


class CloneMean(ABC):
    """A value of each particle at each lag, averaged over the clones of an ensemble.

    Subclasses are dataclasses of their parameters. They say what the value is in one clone and
    what follows from its average.
    """

    @abstractmethod
    def local(self, initial: Snapshot) -> Local:
        """The value in one clone that starts from `initial`.

        Returns:
            A function of the displacements of the clone, shape [n_lags, n, d], that returns the
            values, shape [n_lags, n].

        Raises:
            InputError: If a parameter does not fit the configuration.
        """

    @abstractmethod
    def settle(self, ensemble: IsoconfigurationalEnsemble, sums: CloneSums) -> None:
        """Keep as the result what follows from the sums over the clones of `ensemble`."""

    def compute(self, ensemble: IsoconfigurationalEnsemble) -> Self:
        """Average over the clones of `ensemble`, each read once; returns self.

        Raises:
            InputError: If a parameter does not fit the ensemble, or a clone cannot be used.
        """
        compute_together(ensemble, [self])
        return self


def compute_together(ensemble: IsoconfigurationalEnsemble, quantities: Sequence[CloneMean]) -> None:
    """Compute several quantities of one ensemble while each clone is read once.

    Raises:
        InputError: As `CloneMean.compute`.
    """
    size = (len(ensemble.times), len(ensemble.initial))
    gathered = [(one, one.local(ensemble.initial), CloneSums(*size)) for one in quantities]
    for clone in ensemble:
        for _, local, sums in gathered:
            sums.add(local(clone))
    for quantity, _, sums in gathered:
        quantity.settle(ensemble, sums)
