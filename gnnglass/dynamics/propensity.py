"""How far particles move: propensity and Debye–Waller factor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from gnnglass._arguments import checks_arguments
from gnnglass._show import by_species
from gnnglass.dynamics._means import CAGE, CloneMean, CloneSums, Local, relative_to_cage
from gnnglass.dynamics.ensemble import IsoconfigurationalEnsemble
from gnnglass.errors import NotComputedError
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@checks_arguments
@dataclass(eq=False)
class Propensity(CloneMean):
    """Isoconfigurational mean of the distance each particle has moved.

    p_i(t) = ``⟨|Δr_i(t)|⟩`` over the clones (Widmer-Cooper, Harrowell & Fynewever, Phys. Rev. Lett.
    93, 135701 (2004), with the modulus in place of the square). In two dimensions the
    cage-relative displacement is more informative, because long-wavelength fluctuations displace
    whole neighbourhoods.

    Args:
        cage_relative: Subtract the mean displacement of the neighbours at t = 0.
        neighbors: Cutoff for neighbours, ``{"r_max": …}`` in units of length.
    """

    cage_relative: bool = False
    neighbors: Mapping[str, float] = field(default_factory=lambda: dict(CAGE))

    def __post_init__(self) -> None:
        self._ensemble: IsoconfigurationalEnsemble | None = None
        self._values: FloatArray | None = None

    def local(self, ensemble: IsoconfigurationalEnsemble) -> Local:
        """How far each particle went, ``|Δr_i|``.

        Raises:
            InputError: If `neighbors` is not a cutoff or does not fit the box.
        """
        relative = relative_to_cage(
            ensemble.initial, self.neighbors if self.cage_relative else None
        )
        return lambda displacements: np.linalg.norm(relative(displacements), axis=-1)

    def settle(self, ensemble: IsoconfigurationalEnsemble, sums: CloneSums) -> None:
        """Keep the mean."""
        self._ensemble, self._values = ensemble, sums.mean

    @property
    def values(self) -> FloatArray:
        """Propensity of each particle at each lag, shape [n_lags, n], in units of length.

        Raises:
            NotComputedError: Before `compute`.
        """
        return self._results()[1]

    @property
    def times(self) -> FloatArray:
        """The lags, shape [n_lags], in units of time; raises like `values`."""
        return self._results()[0].times

    def at(self, time: float) -> FloatArray:
        """Propensity of each particle at one of the lags, shape [n].

        Raises:
            NotComputedError: Before `compute`.
            InputError: If `time` is none of the lags.
        """
        ensemble, values = self._results()
        return np.asarray(values[ensemble.lag(time)])

    def plot(self, ax: Axes | None = None, *, time: float | None = None) -> Axes:
        """Draw the initial configuration coloured by propensity.

        Args:
            ax: Axes to draw on; by default those of a new figure.
            time: One of the lags; the last if None.

        Raises:
            NotComputedError: Before `compute`.
            InputError: If `time` is none of the lags.
        """
        ensemble, values = self._results()
        shown = values[-1] if time is None else self.at(time)
        return ensemble.initial.with_fields(propensity=shown).plot(ax, color="propensity")

    def sentence(self) -> str:
        """The mean over the particles of each species at the last lag; raises like `values`."""
        ensemble, values = self._results()
        relative = "cage-relative " if self.cage_relative else ""
        return (
            f"How far {len(ensemble.initial)} particles have gone after t = {self.times[-1]:g}, "
            f"{relative}mean over {ensemble.n_clones} clones: "
            f"{by_species(values[-1], ensemble.initial.species)}."
        )

    def _results(self) -> tuple[IsoconfigurationalEnsemble, FloatArray]:
        if self._ensemble is None or self._values is None:
            raise NotComputedError("Propensity holds no result yet; call compute first.")
        return self._ensemble, self._values


@checks_arguments
@dataclass(eq=False)
class DebyeWaller(CloneMean):
    """Isoconfigurational mean squared displacement of each particle after a short time.

    u_i² = ``⟨|Δr_i(t)|²⟩`` over the clones, at a time t when particles rattle in their cages: after
    the ballistic motion and long before relaxation, about one unit of time in Lennard-Jones
    mixtures (Widmer-Cooper & Harrowell, Phys. Rev. Lett. 96, 185701 (2006), who use the variance of
    the position over a short run). It comes from short-time dynamics and is not a structural
    indicator.

    Args:
        time: One of the ensemble's lags, in units of time.
        cage_relative: Subtract the mean displacement of the neighbours at t = 0.
        neighbors: Cutoff for neighbours, ``{"r_max": …}`` in units of length.
    """

    time: float
    cage_relative: bool = True
    neighbors: Mapping[str, float] = field(default_factory=lambda: dict(CAGE))

    def __post_init__(self) -> None:
        self._ensemble: IsoconfigurationalEnsemble | None = None
        self._values: FloatArray | None = None

    @checks_arguments
    def compute(self, ensemble: IsoconfigurationalEnsemble) -> Self:
        """Average over the clones of `ensemble`, each read once; returns self.

        Raises:
            InputError: If `time` is none of the lags, or `neighbors` is not a cutoff or does not
                fit the box.
        """
        ensemble.lag(self.time)
        return super().compute(ensemble)

    def local(self, ensemble: IsoconfigurationalEnsemble) -> Local:
        """How far each particle went, squared; raises `InputError` as `compute`."""
        relative = relative_to_cage(
            ensemble.initial, self.neighbors if self.cage_relative else None
        )
        return lambda displacements: (relative(displacements) ** 2).sum(axis=-1)

    def settle(self, ensemble: IsoconfigurationalEnsemble, sums: CloneSums) -> None:
        """Keep the mean at the lag."""
        self._ensemble, self._values = ensemble, sums.mean[ensemble.lag(self.time)]

    @property
    def values(self) -> FloatArray:
        """u² of each particle, shape [n], in units of length².

        Raises:
            NotComputedError: Before `compute`.
        """
        return self._results()[1]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the initial configuration coloured by u²; raises like `values`.

        Args:
            ax: Axes to draw on; by default those of a new figure.
        """
        ensemble, values = self._results()
        return ensemble.initial.with_fields(debye_waller=values).plot(ax, color="debye_waller")

    def sentence(self) -> str:
        """The mean over the particles of each species; raises like `values`."""
        ensemble, values = self._results()
        relative = "cage-relative " if self.cage_relative else ""
        return (
            f"Squared {relative}displacement of {len(ensemble.initial)} particles after "
            f"t = {self.time:g}, mean over {ensemble.n_clones} clones: "
            f"{by_species(values, ensemble.initial.species)}."
        )

    def _results(self) -> tuple[IsoconfigurationalEnsemble, FloatArray]:
        if self._ensemble is None or self._values is None:
            raise NotComputedError("DebyeWaller holds no result yet; call compute first.")
        return self._ensemble, self._values
