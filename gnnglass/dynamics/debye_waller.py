"""The local Debye–Waller factor: how much room a particle has in its cage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from gnnglass.dynamics.cage import CAGE, relative_to_cage
from gnnglass.dynamics.clone_mean import CloneMean, CloneSums, Local
from gnnglass.dynamics.ensemble import IsoconfigurationalEnsemble
from gnnglass.errors import NotComputedError
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(eq=False)
class DebyeWaller(CloneMean):
    """Isoconfigurational mean squared displacement of each particle after a short time.

    u_i² = ``⟨|Δr_i(t)|²⟩`` over the clones, with t where particles rattle in their cages: after the
    ballistic motion and long before relaxation, about one unit of time in Lennard-Jones mixtures
    (Widmer-Cooper & Harrowell, Phys. Rev. Lett. 96, 185701 (2006), who take the variance of the
    place over a short run). It is dynamics, though of short runs, and no structural indicator.

    Args:
        time: One of the ensemble's lags, in units of time.
        cage_relative: Subtract the mean displacement of the neighbours at t = 0.
        neighbors: Who is a neighbour, ``{"r_max": …}`` in units of length.
    """

    time: float
    cage_relative: bool = True
    neighbors: Mapping[str, float] = field(default_factory=lambda: dict(CAGE))

    def __post_init__(self) -> None:
        self._ensemble: IsoconfigurationalEnsemble | None = None
        self._values: FloatArray | None = None

    def compute(self, ensemble: IsoconfigurationalEnsemble) -> Self:
        """Average over the clones of `ensemble`, each read once; returns self.

        Raises:
            InputError: If `time` is none of the lags, or `neighbors` is not a cutoff or does not
                fit the box.
        """
        ensemble.lag(self.time)
        return super().compute(ensemble)

    def local(self, initial: Snapshot) -> Local:
        """How far each particle went, squared; raises `InputError` as `compute`."""
        relative = relative_to_cage(initial, self.neighbors if self.cage_relative else None)
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
            ax: Axes to draw on; a new figure is made without.
        """
        ensemble, values = self._results()
        return ensemble.initial.with_fields(debye_waller=values).plot(ax, color="debye_waller")

    def _results(self) -> tuple[IsoconfigurationalEnsemble, FloatArray]:
        if self._ensemble is None or self._values is None:
            raise NotComputedError("DebyeWaller holds no result yet; call compute first.")
        return self._ensemble, self._values
