"""Spheres that repel by a spring where they overlap."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.systems.potential import POTENTIALS, FloatArray, PairPotential


@final
@POTENTIALS.register("harmonic-spheres")
@dataclass(frozen=True)
class HarmonicSpheres(PairPotential):
    """Spheres that repel harmonically where they overlap, and not at all elsewhere.

    U(r) = (ε/2)(1 − r/σ)² for r < σ (O'Hern, Silbert, Liu & Nagel, Phys. Rev. E 68, 011306
    (2003), equation 1 with α = 2). The energy is finite at r = 0.

    Attributes:
        epsilon: Twice the energy of a pair at r = 0, in units of energy.
        sigma: Diameter σ, in units of length.
        cutoff: Equal to `sigma`.
    """

    epsilon: float
    sigma: float
    cutoff: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "cutoff", self.sigma)

    def energy(self, r: ArrayLike) -> FloatArray:
        """U(r), shape of `r`."""
        overlap = np.maximum(1 - np.asarray(r, dtype=np.float64) / self.sigma, 0)
        return np.asarray(self.epsilon / 2 * overlap**2)

    def force(self, r: ArrayLike) -> FloatArray:
        """−dU/dr = (ε/σ)(1 − r/σ) for r < σ, shape of `r`."""
        overlap = np.maximum(1 - np.asarray(r, dtype=np.float64) / self.sigma, 0)
        return np.asarray(self.epsilon / self.sigma * overlap)
