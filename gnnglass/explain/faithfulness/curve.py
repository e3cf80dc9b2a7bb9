"""How the logit follows the particles, in the order of a map against random orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from gnnglass.explain.faithfulness.over_runs import mean_over_runs, run_means
from gnnglass.training import Interval
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Mode = Literal["deletion", "insertion"]


@dataclass(frozen=True, eq=False)
class FaithfulnessCurve:
    """Logit of a class against the fraction of the particles that were deleted or inserted.

    Attributes:
        mode: ``"deletion"`` or ``"insertion"``.
        target: The class whose logit it is.
        fractions: Share of the particles deleted or inserted, shape [n_fractions].
        logits: In the order of the map, shape [n_configurations, n_fractions]; NaN where no
            particle is left.
        random: In random orders, shape [n_random, n_configurations, n_fractions].
        runs: Run of each configuration.
    """

    mode: Mode
    target: str
    fractions: FloatArray
    logits: FloatArray
    random: FloatArray
    runs: tuple[str, ...]

    @property
    def areas(self) -> FloatArray:
        """Area between the map's curve and the mean random one, shape [n_configurations].

        ∫ (random − logit) df for deletion and ∫ (logit − random) df for insertion, so that
        positive is better than chance for both; in units of the logit.
        """
        from scipy.integrate import trapezoid

        gain = self.logits - self.random.mean(axis=0)
        # At both ends all orders are the same, whether or not there is anything left.
        inside = (self.fractions > 0) & (self.fractions < 1)
        area = trapezoid(np.where(inside, gain, 0.0), self.fractions, axis=1)
        return np.asarray(area if self.mode == "insertion" else -area)

    @property
    def area(self) -> Interval:
        """Mean of `areas` within each run, then over runs, with a 95 % interval over runs."""
        return mean_over_runs(self.areas, self.runs)

    def to_frame(self) -> pd.DataFrame:
        """One row per fraction: the logit, and the random one, as means over runs."""
        import pandas as pd

        return pd.DataFrame(
            {
                "mode": self.mode,
                "fraction": self.fractions,
                "logit": run_means(self.logits, self.runs).mean(axis=0),
                "random": run_means(self.random.mean(axis=0), self.runs).mean(axis=0),
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the curve, and the mean and range of those of random orders.

        Args:
            ax: Axes to draw on; a new figure is made without.
        """
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(5, 3), layout="constrained").add_subplot()
        frame = self.to_frame()
        each = np.stack([run_means(order, self.runs).mean(axis=0) for order in self.random])
        ax.fill_between(
            self.fractions, each.min(axis=0), each.max(axis=0), color="0.85", linewidth=0
        )
        ax.plot(self.fractions, frame["random"], color="0.45", label="random orders")
        ax.plot(self.fractions, frame["logit"], color="C0", label="order of the map")
        what = {"deletion": "deleted", "insertion": "inserted"}[self.mode]
        ax.set_xlabel(f"fraction of particles {what}")
        ax.set_ylabel(f"logit of {self.target}")
        ax.set_title(f"{self.mode}, area {self.area.estimate:+.3g}", fontsize="medium")
        ax.legend(frameon=False)
        return ax
