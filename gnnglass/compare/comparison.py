"""The result of comparing two fields: a number, how sure it is, and what it rests on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gnnglass.compare.axes import axes_or_new
from gnnglass.compare.bootstrap import Interval
from gnnglass.compare.over_runs import run_means
from gnnglass.compare.scores import SHARES, Method
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Comparison:
    """How field `x` goes with field `y` over the particles of one species.

    Attributes:
        x: Name of the predictor.
        y: Name of the target.
        species: Which particles.
        method: ``"spearman"``, ``"pearson"``, or the share of the particles in the top decile of
            `x` that are in the ``"top-decile"`` or ``"bottom-decile"`` of `y`.
        given: Fields that were held fixed -> run -> smoothing length; empty unless the
            correlation is a partial one.
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
    given: dict[str, dict[str, float]]
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
        means = run_means(self.per_configuration, self.runs)
        return dict(zip(self.lengths, means.tolist(), strict=True))

    @property
    def quantity(self) -> str:
        """What the figure is, in words."""
        if self.method in SHARES:
            end = self.method.removesuffix("-decile")
            return (
                f"Share of the top decile of {self.x} that is in the {end} decile of {self.y}, "
                f"{self.species} particles"
            )
        partial = "Partial " if self.given else ""
        beyond = f" given {', '.join(self.given)}" if self.given else ""
        coefficient = f"{partial}{self.method.capitalize()} correlation"
        return f"{coefficient} of {self.x} with {self.y}{beyond}, {self.species} particles"

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
                    "given": ", ".join(self.given),
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
        used = {self.x: self.lengths, **self.given} if self.smoothed else {}
        smoothed = [
            f"{name} over {' or '.join(f'{length:g}' for length in sorted(set(at.values())))}"
            for name, at in used.items()
        ]
        how = f"; smoothed: {', '.join(smoothed)}" if smoothed else ""
        if smoothed and self.n_runs > 1:
            how += ", chosen on other runs"
        if self.censored_share is not None:
            how += f"; {self.censored_share:.1%} of {self.y} censored"
        pooled = f"pooled {self.pooled:{self._style}}"
        if self.method in SHARES:
            pooled += ", chance 0.100"
        return (
            f"{self.quantity}: {self.estimate:{self._style}} "
            f"{self.interval.words(self._style)}, {self.n_configurations} configurations; "
            f"{pooled}{how}."
        )

    @property
    def _style(self) -> str:
        """Correlations are written with their sign, shares without."""
        return ".3f" if self.method in SHARES else "+.3f"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each configuration's coefficient by run, with the estimate and its interval.

        Args:
            ax: Axes to draw on; a new figure is made without.
        """
        ax = axes_or_new(ax)
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
        chance = 0.1 if self.method in SHARES else 0.0
        ax.axhline(chance, color="0.7", linewidth=0.8, zorder=0)
        ax.set_xticks(range(len(names)), names, rotation=90 if len(names) > 6 else 0)
        ax.set_xlabel("run")
        ax.set_ylabel("share" if self.method in SHARES else f"{self.method} r")
        ax.set_title(self.quantity, fontsize="small", wrap=True)
        return ax
