"""Pair potentials in NumPy: the oracle that every engine must match."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


class PairPotential(ABC):
    """A spherically symmetric interaction between two particles that vanishes at a cutoff."""

    cutoff: float

    @abstractmethod
    def energy(self, r: ArrayLike) -> FloatArray:
        """U(r), shape of `r`; zero at and beyond the cutoff."""

    @abstractmethod
    def force(self, r: ArrayLike) -> FloatArray:
        """−dU/dr, shape of `r`; positive where the pair repels, zero beyond the cutoff."""


@dataclass(frozen=True)
class ForceShiftedLJ(PairPotential):
    """Lennard-Jones, shifted so that energy and force both vanish at the cutoff.

    U(r) = φ(r) − φ(r_c) − (r − r_c) φ'(r_c), with φ(r) = 4ε[(σ/r)¹² − (σ/r)⁶]
    (Toxvaerd & Dyre, J. Chem. Phys. 134, 081102 (2011)).

    Attributes:
        epsilon: Depth ε of the unshifted well, in units of energy.
        sigma: Diameter σ, in units of length.
        cutoff: r_c, in units of length.
    """

    epsilon: float
    sigma: float
    cutoff: float

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

    def _phi(self, r: FloatArray | np.float64) -> FloatArray:
        six = (self.sigma / r) ** 6
        return np.asarray(4 * self.epsilon * (six**2 - six))

    def _slope(self, r: FloatArray | np.float64) -> FloatArray:
        six = (self.sigma / r) ** 6
        return np.asarray(-24 * self.epsilon * (2 * six**2 - six) / r)
