"""Inverse powers of the distance, smoothed at the cutoff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.systems.potential import POTENTIALS, FloatArray, PairPotential


@final
@POTENTIALS.register("smoothed-inverse-power")
@dataclass(frozen=True)
class SmoothedInversePower(PairPotential):
    """Soft spheres whose energy vanishes at the cutoff together with its first two derivatives.

    U(r) = ε[x⁻ⁿ + c₀ + c₂x² + c₄x⁴] with x = r/σ, x_c = r_c/σ and c₀ = −(n+2)(n+4)/8 x_c⁻ⁿ,
    c₂ = n(n+4)/4 x_c⁻ⁿ⁻², c₄ = −n(n+2)/8 x_c⁻ⁿ⁻⁴ (for n = 12 the form of Ninarello, Berthier &
    Coslovich, Phys. Rev. X 7, 021039 (2017)).

    Attributes:
        epsilon: Energy ε of the bare power at r = σ, in units of energy.
        sigma: Diameter σ, in units of length.
        exponent: n.
        cutoff: r_c, in units of length.
    """

    epsilon: float
    sigma: float
    exponent: float
    cutoff: float

    def energy(self, r: ArrayLike) -> FloatArray:
        """U(r), shape of `r`."""
        r = np.asarray(r, dtype=np.float64)
        x, (c0, c2, c4) = r / self.sigma, self._coefficients()
        inside = self.epsilon * (x**-self.exponent + c0 + c2 * x**2 + c4 * x**4)
        return np.where(r < self.cutoff, inside, 0.0)

    def force(self, r: ArrayLike) -> FloatArray:
        """−dU/dr = (ε/σ)[n x⁻ⁿ⁻¹ − 2c₂x − 4c₄x³], shape of `r`."""
        r = np.asarray(r, dtype=np.float64)
        x, n, (_, c2, c4) = r / self.sigma, self.exponent, self._coefficients()
        inside = self.epsilon / self.sigma * (n * x ** (-n - 1) - 2 * c2 * x - 4 * c4 * x**3)
        return np.where(r < self.cutoff, inside, 0.0)

    def _coefficients(self) -> tuple[float, float, float]:
        n, x = self.exponent, self.cutoff / self.sigma
        power = x**-n
        return (
            -(n + 2) * (n + 4) / 8 * power,
            n * (n + 4) / 4 * power / x**2,
            -n * (n + 2) / 8 * power / x**4,
        )
