"""Number density around each particle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gnnglass.structure.indicator import INDICATORS, Indicator
from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray


@INDICATORS.register("local-density")
@dataclass(eq=False)
class LocalDensity(Indicator):
    """The coarse-grained number density at each particle, in units of length^−d.

    ρ_i = Σ_j w(r_ij) / ∫ w dV over all particles of every species, i itself included, with
    w(r) = ½ [cos(π r / r_max) + 1] for r < r_max: the cutoff function of Behler & Parrinello,
    Phys. Rev. Lett. 98, 146401 (2007), so that a particle enters and leaves smoothly.

    Args:
        r_max: Where the weight vanishes, in units of length.
    """

    r_max: float = 2.0

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """Density at each particle, shape [n].

        Raises:
            InputError: If `r_max` is not positive or beyond half the box.
        """
        pairs = neighbor_pairs(snapshot, self.r_max)
        weights = (np.cos(math.pi * pairs.distances / self.r_max) + 1) / 2
        total = 1 + np.bincount(pairs.i, weights=weights, minlength=len(snapshot))
        return np.asarray(total / self._volume(snapshot.dimension))

    def _volume(self, dimension: int) -> float:
        """∫ w dV, in closed form."""
        if dimension == 2:
            return math.pi * self.r_max**2 * (1 / 2 - 2 / math.pi**2)
        return 4 * math.pi / 3 * self.r_max**3 * (1 / 2 - 3 / math.pi**2)
