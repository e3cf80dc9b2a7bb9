"""How many neighbours each particle has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gnnglass.structure.indicator import INDICATORS, Indicator
from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray


@INDICATORS.register("coordination-number")
@dataclass(eq=False)
class CoordinationNumber(Indicator):
    """Z_i, the number of particles j ≠ i of every species with r_ij < r_max; a pure number.

    The cutoff is usually the first minimum of g(r) (Hansen & McDonald, Theory of Simple Liquids,
    4th ed., Academic Press (2013), section 2.5): neighbours of the first shell.

    Args:
        r_max: The cutoff, in units of length; by default the first minimum of g_AA(r) of the
            Kob–Andersen mixture at density 1.2.
    """

    r_max: float = 1.5

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """Number of neighbours of each particle, shape [n].

        Raises:
            InputError: If `r_max` is not positive or beyond half the box.
        """
        pairs = neighbor_pairs(snapshot, self.r_max)
        return np.bincount(pairs.i, minlength=len(snapshot)).astype(np.float64)
