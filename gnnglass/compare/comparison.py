"""The result of comparing two fields: a number, how sure it is, and what it rests on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gnnglass.compare.bootstrap import Interval
from gnnglass.compare.scores import Method
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Comparison:
    """Correlation of field `x` with field `y` over the particles of one species.

    Attributes:
        x: Name of the predictor.
        y: Name of the target.
        species: Which particles.
        method: ``"spearman"`` or ``"pearson"``.
        per_configuration: Coefficient of each configuration, shape [n_configurations].
        runs: Run of each configuration.
        estimate: Mean over each run's configurations, then over runs.
        interval: 95 % bootstrap interval of `estimate` over runs.
        lengths: Smoothing length of `x` used for each run; 0 is the bare field.
        smoothed: Whether a smoothing length was asked for at all.
        pooled: One coefficient over all particles of all configurations together. It mixes
            differences between configurations into those between particles, so it is a second,
            separate figure.
        censored_share: Share of the particles whose `y` is censored; None if no mask was given.
    """

    x: str
    y: str
    species: str
    method: Method
    per_configuration: FloatArray
    runs: tuple[str, ...]
    estimate: float
    interval: Interval
    lengths: dict[str, float]
    smoothed: bool
    pooled: float
    censored_share: float | None = None

    @property
    def n_runs(self) -> int:
        """Number of independent runs."""
        return len(self.lengths)

    @property
    def n_configurations(self) -> int:
        """Number of configurations."""
        return len(self.per_configuration)

    @property
    def length(self) -> float:
        """The smoothing length most runs used (the shorter one if two are equally common)."""
        counts = Counter(self.lengths.values())
        return min(counts, key=lambda length: (-counts[length], length))

    @property
    def per_run(self) -> dict[str, float]:
        """Mean coefficient of each run."""
        runs = np.array(self.runs)
        return {run: float(self.per_configuration[runs == run].mean()) for run in self.lengths}

    def to_frame(self) -> pd.DataFrame:
        """One row, as `compare_fields` stacks them."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "predictor": self.x,
                    "target": self.y,
                    "species": self.species,
                    "method": self.method,
                    "smoothed": self.smoothed,
                    "estimate": self.estimate,
                    "low": self.interval.low,
                    "high": self.interval.high,
                    "n_runs": self.n_runs,
                    "n_configurations": self.n_configurations,
                    "length": self.length,
                    "pooled": self.pooled,
                    "censored_share": (
                        np.nan if self.censored_share is None else self.censored_share
                    ),
                    "note": self.interval.note,
                }
            ]
        )

    def sentence(self) -> str:
        """The result in one sentence, with everything needed to quote it."""
        field = self.x
        if self.smoothed:
            used = sorted(set(self.lengths.values()))
            field += " smoothed over " + " or ".join(f"{length:g}" for length in used)
            field += ", chosen on other runs," if self.n_runs > 1 else ""
        if np.isfinite(self.interval.low):
            sure = (
                f" [{self.interval.low:+.3f}, {self.interval.high:+.3f}] "
                f"(95 % bootstrap over {self.n_runs} runs"
            )
        else:
            sure = f" ({self.interval.note}"
        censored = (
            f"; {self.censored_share:.1%} of {self.y} censored"
            if self.censored_share is not None
            else ""
        )
        return (
            f"{self.method.capitalize()} correlation of {field} with {self.y}, "
            f"{self.species} particles: {self.estimate:+.3f}{sure}, "
            f"{self.n_configurations} configurations); pooled {self.pooled:+.3f}{censored}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each configuration's coefficient by run, with the estimate and its interval.

        Args:
            ax: Axes to draw on; a new figure is made without.
        """
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(5, 3), layout="constrained").add_subplot()
        names = list(self.lengths)
        ax.plot(
            [names.index(run) for run in self.runs],
            self.per_configuration,
            "o",
            color="0.45",
            alpha=0.6,
            markersize=4,
        )
        ax.axhline(self.estimate, color="C0")
        if np.isfinite(self.interval.low):
            ax.axhspan(self.interval.low, self.interval.high, color="C0", alpha=0.15, linewidth=0)
        ax.axhline(0, color="0.7", linewidth=0.8, zorder=0)
        ax.set_xticks(range(len(names)), names, rotation=90 if len(names) > 6 else 0)
        ax.set_xlabel("run")
        ax.set_ylabel(f"{self.method} r")
        ax.set_title(f"{self.x} with {self.y}, {self.species}", fontsize="medium")
        return ax
