"""Bond-orientational order: hexatic in two dimensions, Steinhardt in three."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.polynomial import Legendre
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.structure._neighbors import bonds
from gnnglass.structure.indicator import INDICATORS, Indicator
from gnnglass.trajectories import NeighborPairs, Snapshot
from gnnglass.trajectories.snapshot import FloatArray

N_FOLD = 6


@INDICATORS.register("hexatic-order")
@dataclass(eq=False)
class HexaticOrder(Indicator):
    """The modulus of ψ₆: 1 where the neighbours form a regular hexagon, near 0 without order.

    ψ₆(i) = (1/N_i) Σ_j exp(6 i θ_ij), with θ_ij the direction from i to its neighbour j (Nelson &
    Halperin, Phys. Rev. B 19, 2457 (1979)). We do not use freud, which computes in single
    precision.

    Args:
        neighbors: Definition of neighbours in freud's form: ``{"num_neighbors": 6}`` for the
            nearest six, or ``{"r_max": …}``; a particle without neighbours has ``|ψ₆| = 0``.
    """

    label = "hexatic order"
    unit = "1"
    formula = (
        r"\lvert\psi_6(i)\rvert ="
        r" \Big\lvert \frac1{N_i} \sum_j e^{6 \mathrm i \theta_{ij}} \Big\rvert"
    )

    neighbors: Mapping[str, float] = field(default_factory=lambda: {"num_neighbors": N_FOLD})

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Two; for three, see `Steinhardt`."""
        return (2,)

    @property
    def reach(self) -> float | None:
        """``r_max`` of the neighbours; None if they are the nearest few."""
        return self.neighbors.get("r_max")

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """``|ψ₆|`` of each particle, shape [n].

        Raises:
            InputError: As `gnnglass.structure._neighbors.bonds`.
        """
        pairs, n = bonds(snapshot, self.neighbors), len(snapshot)
        ((_, turned),) = harmonics(pairs, N_FOLD)
        total = sums(pairs.i, turned, n)
        return np.abs(total) / np.maximum(np.bincount(pairs.i, minlength=n), 1)


@dataclass(eq=False)
class Steinhardt(Indicator):
    """q_l, from 0 for isotropic bond directions to 1 for a single bond; a pure number.

    q_l(i) = [4π/(2l+1) Σ_m ``|q_lm(i)|²``]^½ with q_lm(i) = (1/N_i) Σ_j Y_lm(r_ij) (Steinhardt,
    Nelson & Ronchetti, Phys. Rev. B 28, 784 (1983), equations 1.1 to 1.3). The averaged version has
    q̄_lm(i) = [q_lm(i) + Σ_j q_lm(j)] / (N_i + 1) in place of q_lm(i) (Lechner & Dellago, J.
    Chem. Phys. 129, 114707 (2008), equations 5 and 6): it includes the second shell and separates
    crystals more clearly from the liquid. We do not use freud, which computes in single precision.

    The registered classes are `SteinhardtQ4`, `SteinhardtQ6` and `SteinhardtQ6Averaged`.

    Args:
        degree: l.
        averaged: Whether to average over the neighbours, as Lechner & Dellago do.
        neighbors: Definition of neighbours in freud's form: ``{"num_neighbors": 12}`` for the
            nearest twelve, or ``{"r_max": …}``; a particle without neighbours has q_l = 0.
    """

    unit = "1"
    formula = (
        r"q_l(i) = \Big[ \frac{4\pi}{2l+1} \sum_m \lvert q_{lm}(i)\rvert^2 \Big]^{1/2},\quad "
        r"q_{lm}(i) = \frac1{N_i} \sum_j Y_{lm}(\mathbf r_{ij})"
    )

    degree: int = 6
    averaged: bool = False
    neighbors: Mapping[str, float] = field(default_factory=lambda: {"num_neighbors": 12})

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Three; for two, see `HexaticOrder`."""
        return (3,)

    @property
    def reach(self) -> float | None:
        """``r_max`` of the neighbours; None if they are the nearest few."""
        return self.neighbors.get("r_max")

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """q_l of each particle, shape [n].

        Raises:
            InputError: If the degree is not a positive whole number, or as
                `gnnglass.structure._neighbors.bonds`.
        """
        if self.degree != int(self.degree) or self.degree < 1:
            raise InputError(f"degree is {self.degree}; expected a whole number from 1, as in q_6.")
        pairs, n = bonds(snapshot, self.neighbors), len(snapshot)
        n_bonds = np.bincount(pairs.i, minlength=n)
        square = np.zeros(n)
        for weight, harmonic in harmonics(pairs, self.degree):
            mean = sums(pairs.i, harmonic, n) / np.maximum(n_bonds, 1)
            if self.averaged:
                mean = (mean + sums(pairs.i, mean[pairs.j], n)) / (n_bonds + 1)
            square += weight * np.abs(mean) ** 2
        return np.sqrt(square)


def harmonics(pairs: NeighborPairs, degree: int) -> Iterator[tuple[int, NDArray[np.complex128]]]:
    """What the directions of bonds are expanded in, up to signs.

    In 2D exp(i l φ); in 3D [4π/(2l+1)]^½ Y_lm for m = 0, …, l, where
    P_l^m(cos θ) exp(i m φ) = (x + i y)^m dᵐP_l/dzᵐ on the unit sphere. So Σ_m Y_m Y'_m* is
    cos(l θ), or P_l(cos θ), with the angle θ between two bonds.

    Args:
        pairs: The bonds.
        degree: l.

    Yields:
        How often a term counts in such a sum (twice, if that with −m, which is its complex
        conjugate, is left out), and its value for each bond, shape [n_bonds].
    """
    directions = pairs.vectors / pairs.distances[:, None]
    x, y = directions[:, 0], directions[:, 1]
    if directions.shape[1] == 2:
        yield 1, (x + 1j * y) ** degree
        return
    legendre = Legendre.basis(degree)
    for m in range(degree + 1):
        norm = math.sqrt(math.factorial(degree - m) / math.factorial(degree + m))
        yield 1 if m == 0 else 2, norm * (x + 1j * y) ** m * legendre.deriv(m)(directions[:, 2])


def sums(i: NDArray[np.int64], values: NDArray[np.complex128], n: int) -> NDArray[np.complex128]:
    """Sum of complex values over the bonds of each particle, shape [n]."""
    real, imaginary = (
        np.bincount(i, weights=part, minlength=n) for part in (values.real, values.imag)
    )
    return real + 1j * imaginary


@INDICATORS.register("steinhardt-q4")
@dataclass(eq=False)
class SteinhardtQ4(Steinhardt):
    """`Steinhardt` of degree 4: 0.191 in an fcc crystal, 0.097 in an hcp one.

    (Steinhardt, Nelson & Ronchetti, Phys. Rev. B 28, 784 (1983)).
    """

    label = "Steinhardt q₄"

    degree: int = 4


@INDICATORS.register("steinhardt-q6")
@dataclass(eq=False)
class SteinhardtQ6(Steinhardt):
    """`Steinhardt` of degree 6: 0.575 in an fcc crystal, 0.485 in an hcp one.

    (Steinhardt, Nelson & Ronchetti, Phys. Rev. B 28, 784 (1983)).
    """

    label = "Steinhardt q₆"


@INDICATORS.register("steinhardt-q6-averaged")
@dataclass(eq=False)
class SteinhardtQ6Averaged(Steinhardt):
    """`Steinhardt` of degree 6 over two shells: q_6m averaged over a particle and its neighbours.

    (Lechner & Dellago, J. Chem. Phys. 129, 114707 (2008)).
    """

    label = "averaged Steinhardt q₆"
    formula = (
        r"\bar q_{lm}(i) = \frac1{N_i + 1} \Big[ q_{lm}(i) + \sum_j q_{lm}(j) \Big]"
        r"\text{ in place of } q_{lm}(i)"
    )

    averaged: bool = True
