"""Lennard-Jones whose energy and force both vanish at the cutoff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.systems.potential import POTENTIALS, FloatArray
from gnnglass.systems.potentials.lennard_jones import LennardJones


@final
@POTENTIALS.register("force-shifted-lj")
@dataclass(frozen=True)
class ForceShiftedLJ(LennardJones):
    """Lennard-Jones, shifted so that energy and force both vanish at the cutoff.

    U(r) = φ(r) − φ(r_c) − (r − r_c) φ'(r_c), with φ(r) = 4ε[(σ/r)¹² − (σ/r)⁶]
    (Toxvaerd & Dyre, J. Chem. Phys. 134, 081102 (2011)).

    Attributes:
        epsilon: Depth ε of the unshifted well, in units of energy.
        sigma: Diameter σ, in units of length.
        cutoff: r_c, in units of length.
    """

    def energy(self, r: ArrayLike) -> FloatArray:
        """U(r), shape of `r`."""
        r = np.asarray(r, dtype=np.float64)
        at_cutoff = self._phi(np.float64(self.cutoff))
        slope = self._slope(np.float64(self.cutoff))
        inside = self._phi(r) - at_cutoff - (r - self.cutoff) * slope
        return np.where(r < self.cutoff, inside, 0.0)

    def force(self, r: ArrayLike) -> FloatArray:
        """−dU/dr = −φ'(r) + φ'(r_c), shape of `r`."""
        r = np.asarray(r, dtype=np.float64)
        inside = self._slope(np.float64(self.cutoff)) - self._slope(r)
        return np.where(r < self.cutoff, inside, 0.0)
