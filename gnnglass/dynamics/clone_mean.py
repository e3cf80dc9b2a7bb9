"""Averages over clones, gathered while one clone after the other goes by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Self

import numpy as np

from gnnglass.dynamics.ensemble import IsoconfigurationalEnsemble
from gnnglass.dynamics.jackknife import GroupSums
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

#: From the displacements of one clone, shape [n_lags, n, d], a value per lag and particle.
Local = Callable[[FloatArray], FloatArray]


class CloneMean(ABC):
    """A value of each particle at each lag, averaged over the clones of an ensemble.

    Subclasses are dataclasses of their parameters. They say what the value is in one clone and
    what is to be done with the average.
    """

    #: Sums are kept of so many groups of clones; one suffices where no error is asked for.
    n_groups: ClassVar[int] = 1

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
    def settle(self, ensemble: IsoconfigurationalEnsemble, sums: GroupSums) -> None:
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
    locals_ = [quantity.local(ensemble.initial) for quantity in quantities]
    shape = (len(ensemble.times), len(ensemble.initial))
    sums = [np.zeros((quantity.n_groups, *shape)) for quantity in quantities]
    for index, clone in enumerate(ensemble):
        for total, local in zip(sums, locals_, strict=True):
            total[index % len(total)] += local(clone)
    for quantity, total in zip(quantities, sums, strict=True):
        members = np.arange(ensemble.n_clones) % len(total)
        quantity.settle(ensemble, GroupSums(total, np.bincount(members, minlength=len(total))))
