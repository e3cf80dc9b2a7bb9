"""What the truncated Lennard-Jones potentials share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gnnglass.systems.potential import FloatArray, PairPotential


@dataclass(frozen=True)
class LennardJones(PairPotential):
    """φ(r) = 4ε[(σ/r)¹² − (σ/r)⁶], to be truncated by a subclass.

    Attributes:
        epsilon: Depth ε of the unshifted well, in units of energy.
        sigma: Diameter σ, in units of length.
        cutoff: r_c, in units of length.
    """

    epsilon: float
    sigma: float
    cutoff: float

    def _phi(self, r: FloatArray | np.float64) -> FloatArray:
        six = (self.sigma / r) ** 6
        return np.asarray(4 * self.epsilon * (six**2 - six))

    def _slope(self, r: FloatArray | np.float64) -> FloatArray:
        six = (self.sigma / r) ** 6
        return np.asarray(-24 * self.epsilon * (2 * six**2 - six) / r)
