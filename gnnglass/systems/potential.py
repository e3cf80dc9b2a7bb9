"""What a pair potential is, in NumPy: the oracle that every engine must match."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from numbers import Real

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


POTENTIALS: Registry[PairPotential] = Registry("pair potential", "gnnglass.systems.potentials")


def parameters_of(kind: type) -> tuple[str, ...]:
    """Names of the parameters that make a potential of this kind."""
    if not dataclasses.is_dataclass(kind):
        return ()
    return tuple(field.name for field in dataclasses.fields(kind) if field.init)
