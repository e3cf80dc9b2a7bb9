"""The two-body excess entropy of each particle, from the distances of its neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gnnglass._options import require_memory
from gnnglass.errors import InputError
from gnnglass.structure.descriptors import radial_counts
from gnnglass.structure.indicator import INDICATORS, Indicator
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

NODES_PER_WIDTH = 4
"""Quadrature nodes per width of the Gaussians; enough for an accuracy of 1e−6."""


@INDICATORS.register("two-body-entropy")
@dataclass(eq=False)
class TwoBodyEntropy(Indicator):
    """S₂(i), in units of k_B: more negative where the neighbour shells are sharper.

    S₂(i) = −½ Σ_b ρ_b ∫₀^r_max [g_ib ln g_ib − g_ib + 1] dV(r) over the species b, with density
    ρ_b, dV = 2πr dr or 4πr² dr, and the particle's own pair correlation function, smoothed by a
    Gaussian G of standard deviation `width`: g_ib(r) = Σ_j G(r − r_ij) / [ρ_b ∫₀^∞ G(r − s) dV(s)]
    over its neighbours j of species b (Piaggi & Parrinello, J. Chem. Phys. 147, 114112 (2017);
    for each pair of species as in Tanaka, Kawasaki, Shintani & Watanabe, Nat. Mater. 9, 324
    (2010)). Here the volume of the shell is smoothed in the same way as the neighbours, so that the
    mean g of an ideal gas is 1 at every r; in the original it is larger by (width/r)² in 3D.

    The mean over an ideal gas is not 0, because few neighbours give a rough g: with many neighbours
    within a width, it is −n_species r_max / (8 √π width), and vanishes only for a large width.

    Args:
        r_max: Upper end of the integral, in units of length.
        width: Standard deviation of the Gaussians, in units of length.
    """

    label = "two-body entropy S₂"
    unit = "k_B"
    formula = (
        r"S_2(i) = -\tfrac12 \sum_b \rho_b \int_0^{r_\text{max}}"
        r" [g_{ib} \ln g_{ib} - g_{ib} + 1]\, \mathrm dV(r)"
    )
    low_is_glassy = True

    r_max: float = 2.5
    width: float = 0.1

    @property
    def reach(self) -> float:
        """`r_max`."""
        return self.r_max

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """S₂ of each particle, shape [n].

        Raises:
            InputError: If a length is not positive, or `r_max` and five widths reach beyond half
                the box.
        """
        for name, length in (("r_max", self.r_max), ("width", self.width)):
            if not (math.isfinite(length) and length > 0):
                raise InputError(f"{name} is {length:g}; expected a positive length.")
        points = NODES_PER_WIDTH * (self.r_max / self.width)
        # Of the matrix whose eigenvalues the nodes are.
        require_memory(8 * points * points, f"a quadrature of {points:.3g} nodes")
        nodes = math.ceil(points)
        x, weights = np.polynomial.legendre.leggauss(nodes)
        r, weights = self.r_max * (x + 1) / 2, self.r_max * weights / 2
        d = snapshot.dimension
        shell = 2 * np.pi * r if d == 2 else 4 * np.pi * r**2
        counts = radial_counts(snapshot, r, self.width).reshape(len(snapshot), -1, nodes)
        entropy = np.zeros(len(snapshot))
        for species, density in enumerate(
            np.bincount(snapshot.types, minlength=counts.shape[1]) / np.prod(snapshot.box)
        ):
            if density > 0:
                g = counts[:, species] / (density * self._smoothed_shell(r, d))
                # x ln x → 0, but 0 ln 0 is NaN.
                integrand = g * np.log(np.maximum(g, np.finfo(float).tiny)) - g + 1
                entropy -= density / 2 * (integrand @ (weights * shell))
        return entropy

    def _smoothed_shell(self, r: FloatArray, dimension: int) -> FloatArray:
        """∫₀^∞ exp[−(r − s)² / (2 width²)] dV(s), in closed form, shape of `r`."""
        from scipy.special import ndtr

        t = r / self.width
        bell, below = np.exp(-(t**2) / 2), math.sqrt(2 * math.pi) * ndtr(t)
        if dimension == 2:
            return np.asarray(2 * math.pi * self.width**2 * (t * below + bell))
        return np.asarray(4 * math.pi * self.width**3 * ((t**2 + 1) * below + t * bell))
