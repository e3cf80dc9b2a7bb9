"""Pair potentials in NumPy, the reference that every engine must match."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from numbers import Real
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnnglass.errors import InputError
from gnnglass.registry import Registry

FloatArray = NDArray[np.float64]


class PairPotential(ABC):
    """A spherically symmetric interaction between two particles that vanishes at a cutoff.

    Subclasses are frozen dataclasses whose parameters are positive numbers; this class checks
    that and makes them floats.

    Attributes:
        cutoff: Distance from which energy and force are zero, in units of length.

    Raises:
        InputError: If a parameter is not a positive, finite number.
    """

    cutoff: float

    def __post_init__(self) -> None:
        for name in parameters_of(type(self)):
            value = getattr(self, name)
            number = isinstance(value, Real) and not isinstance(value, bool)
            if not (number and np.isfinite(value) and value > 0):
                raise InputError(
                    f"{name} of {type(self).__name__} is {value!r}; expected a positive number."
                )
            object.__setattr__(self, name, float(value))

    @abstractmethod
    def energy(self, r: ArrayLike) -> FloatArray:
        """U(r), shape of `r`; zero at and beyond the cutoff."""

    @abstractmethod
    def force(self, r: ArrayLike) -> FloatArray:
        """−dU/dr, shape of `r`; positive where the pair repels, zero beyond the cutoff."""


POTENTIALS: Registry[PairPotential] = Registry(
    "pair potential", "gnnglass.systems", group="gnnglass.potentials"
)


def parameters_of(kind: type) -> tuple[str, ...]:
    """Names of the parameters of a potential of this kind."""
    if not dataclasses.is_dataclass(kind):
        return ()
    return tuple(field.name for field in dataclasses.fields(kind) if field.init)


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


@final
@POTENTIALS.register("shifted-lj")
@dataclass(frozen=True)
class ShiftedLJ(LennardJones):
    """Lennard-Jones, shifted so that the energy vanishes at the cutoff; the force jumps there.

    U(r) = φ(r) − φ(r_c), with φ(r) = 4ε[(σ/r)¹² − (σ/r)⁶] (Allen & Tildesley, Computer
    Simulation of Liquids, 2nd ed., Oxford (2017), section 5.2). At 2.5 σ the force jumps by
    0.039 ε/σ.

    Attributes:
        epsilon: Depth ε of the unshifted well, in units of energy.
        sigma: Diameter σ, in units of length.
        cutoff: r_c, in units of length.
    """

    def energy(self, r: ArrayLike) -> FloatArray:
        """U(r), shape of `r`."""
        r = np.asarray(r, dtype=np.float64)
        inside = self._phi(r) - self._phi(np.float64(self.cutoff))
        return np.where(r < self.cutoff, inside, 0.0)

    def force(self, r: ArrayLike) -> FloatArray:
        """−dU/dr = −φ'(r), shape of `r`."""
        r = np.asarray(r, dtype=np.float64)
        return np.where(r < self.cutoff, -self._slope(r), 0.0)


def _smoothing(n: float, x: float) -> tuple[float, float, float]:
    """c₀, c₂ and c₄ by which x⁻ⁿ + c₀ + c₂x² + c₄x⁴ and two derivatives vanish at one `x`."""
    power = x**-n
    return (
        -(n + 2) * (n + 4) / 8 * power,
        n * (n + 4) / 4 * power / x**2,
        -n * (n + 2) / 8 * power / x**4,
    )


@final
@POTENTIALS.register("smoothed-lj")
@dataclass(frozen=True)
class SmoothedLJ(LennardJones):
    """Lennard-Jones, smoothed so that energy, force and curvature all vanish at the cutoff.

    U(r) = φ(r) + 4ε[c₀ + c₂x² + c₄x⁴] with φ(r) = 4ε[x⁻¹² − x⁻⁶], x = r/σ, and the coefficients of
    `SmoothedInversePower` for n = 12 less those for n = 6: at 2.5 σ they are 0.0404902,
    −0.00970155 and 0.000620126 (Parmar, Ozawa & Berthier, Phys. Rev. Lett. 125, 085505 (2020)).

    Attributes:
        epsilon: Depth ε of the bare well, in units of energy.
        sigma: Diameter σ, in units of length.
        cutoff: r_c, in units of length.
    """

    def energy(self, r: ArrayLike) -> FloatArray:
        """U(r), shape of `r`."""
        r = np.asarray(r, dtype=np.float64)
        x, (c0, c2, c4) = r / self.sigma, self._coefficients()
        inside = self._phi(r) + 4 * self.epsilon * (c0 + c2 * x**2 + c4 * x**4)
        return np.where(r < self.cutoff, inside, 0.0)

    def force(self, r: ArrayLike) -> FloatArray:
        """−dU/dr = −φ'(r) − (4ε/σ)[2c₂x + 4c₄x³], shape of `r`."""
        r = np.asarray(r, dtype=np.float64)
        x, (_, c2, c4) = r / self.sigma, self._coefficients()
        added = 4 * self.epsilon / self.sigma * (2 * c2 * x + 4 * c4 * x**3)
        return np.where(r < self.cutoff, -self._slope(r) - added, 0.0)

    def _coefficients(self) -> tuple[float, float, float]:
        x = self.cutoff / self.sigma
        c0, c2, c4 = np.subtract(_smoothing(12, x), _smoothing(6, x)).tolist()
        return c0, c2, c4


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
        return _smoothing(self.exponent, self.cutoff / self.sigma)


@final
@POTENTIALS.register("harmonic-spheres")
@dataclass(frozen=True)
class HarmonicSpheres(PairPotential):
    """Spheres that repel harmonically if they overlap, and do not interact otherwise.

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
