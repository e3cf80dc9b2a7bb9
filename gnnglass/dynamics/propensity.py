"""Propensity: how far a particle goes, by the configuration it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gnnglass.dynamics.cage import CAGE, relative_to_cage
from gnnglass.dynamics.clone_mean import CloneMean, CloneSums, Local
from gnnglass.dynamics.ensemble import IsoconfigurationalEnsemble
from gnnglass.errors import NotComputedError
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(eq=False)
class Propensity(CloneMean):
    """Isoconfigurational mean of the distance each particle has gone.

    p_i(t) = ``⟨|Δr_i(t)|⟩`` over the clones (Widmer-Cooper, Harrowell & Fynewever, Phys. Rev. Lett.
    93, 135701 (2004), with the modulus in place of the square). In two dimensions the
    cage-relative displacement tells more, because long-wavelength fluctuations carry whole
    neighbourhoods along.

    Args:
        cage_relative: Subtract the mean displacement of the neighbours at t = 0.
        neighbors: Who is a neighbour, ``{"r_max": …}`` in units of length.
    """

    cage_relative: bool = False
    neighbors: Mapping[str, float] = field(default_factory=lambda: dict(CAGE))

    def __post_init__(self) -> None:
        self._ensemble: IsoconfigurationalEnsemble | None = None
        self._values: FloatArray | None = None

    def local(self, initial: Snapshot) -> Local:
        """How far each particle went, ``|Δr_i|``.

        Raises:
            InputError: If `neighbors` is not a cutoff or does not fit the box.
        """
        relative = relative_to_cage(initial, self.neighbors if self.cage_relative else None)
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
            ax: Axes to draw on; a new figure is made without.
            time: One of the lags; the last if None.

        Raises:
            NotComputedError: Before `compute`.
            InputError: If `time` is none of the lags.
        """
        ensemble, values = self._results()
        shown = values[-1] if time is None else self.at(time)
        return ensemble.initial.with_fields(propensity=shown).plot(ax, color="propensity")

    def _results(self) -> tuple[IsoconfigurationalEnsemble, FloatArray]:
        if self._ensemble is None or self._values is None:
            raise NotComputedError("Propensity holds no result yet; call compute first.")
        return self._ensemble, self._values
