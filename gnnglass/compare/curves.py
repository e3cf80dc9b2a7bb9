"""Estimates as a function of a parameter: correlations against lag, lengths against temperature."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from gnnglass._arguments import checks_arguments
from gnnglass._show import Told, axes_or_new
from gnnglass.compare.correlation import compare_species
from gnnglass.compare.fields import FieldSet, Method
from gnnglass.errors import InputError
from gnnglass.stats import Interval
from gnnglass.trajectories import RunsLike, by_run

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class Estimate(Protocol):
    """A number with an interval and a name: `Comparison`, `Gain`, `CorrelationLength`."""

    @property
    def estimate(self) -> float:
        """The number; NaN if there is none."""

    @property
    def interval(self) -> Interval:
        """95 % interval of the number over runs."""

    @property
    def quantity(self) -> str:
        """The quantity in words."""

    def to_frame(self) -> pd.DataFrame:
        """One row."""


@dataclass(frozen=True, eq=False, repr=False)
class Curve(Told):
    """Estimates of one kind as a function of a parameter.

    Attributes:
        along: Name of the parameter, such as ``"lag"`` or ``"kT"``.
        points: Value of the parameter -> estimate; sorted by value.

    Raises:
        InputError: If there is no point.
    """

    along: str
    points: Mapping[float, Estimate]

    def __post_init__(self) -> None:
        if not self.points:
            raise InputError(f"there is no estimate along {self.along}; expected at least one.")
        object.__setattr__(self, "points", {at: self.points[at] for at in sorted(self.points)})

    def to_frame(self) -> pd.DataFrame:
        """The rows of all estimates, with `along` as the first column."""
        import pandas as pd

        frames = [each.to_frame() for each in self.points.values()]
        table = pd.concat(frames, ignore_index=True)
        table.insert(0, self.along, list(self.points))
        return table

    def plot(self, ax: Axes | None = None, *, color: str = "C0", label: str = "") -> Axes:
        """Draw the estimates with their intervals.

        Args:
            ax: Axes to draw on; by default those of a new figure.
            color: Colour of points and intervals.
            label: Label in the legend.
        """
        ax = axes_or_new(ax)
        table = self.to_frame()
        at = table[self.along]
        ax.plot(at, table["estimate"], "o-", color=color, label=label, markersize=4, linewidth=1.2)
        ax.vlines(at, table["low"], table["high"], color=color, linewidth=1.0)
        ax.set_xlabel(self.along)
        quantities = {each.quantity for each in self.points.values()}
        if len(quantities) == 1:
            ax.set_title(quantities.pop(), fontsize="small", wrap=True)
        return ax

    def sentence(self) -> str:
        """The estimates at both ends, and where the estimate is largest in absolute value."""
        values = list(self.points)
        text = "; ".join(self._point(at) for at in dict.fromkeys((values[0], values[-1])))
        sizes = {at: abs(each.estimate) for at, each in self.points.items()}
        known = {at: size for at, size in sizes.items() if np.isfinite(size)}
        if not known:
            return f"{text}; no estimate anywhere."
        return f"{text}; largest in size at {self.along} {max(known, key=known.__getitem__):g}."

    def _point(self, at: float) -> str:
        point = self.points[at]
        return f"{point.quantity}, at {self.along} {at:g}: {point.interval.sentence('.3f')}"


@checks_arguments
def correlate_lags(
    snapshots: RunsLike,
    x: str,
    targets: Mapping[float, str],
    *,
    runs: Sequence[Hashable] | None = None,
    species: Sequence[str] | None = None,
    method: Method = "spearman",
    given: Sequence[str] = (),
    lengths: Sequence[float] | None = None,
    same_species: bool = False,
    censored: Mapping[str, str] | None = None,
    seed: int = 0,
) -> dict[str, Curve]:
    """Correlate field `x` with a family of targets, such as the propensity at several lags.

    Every point is a result of `correlate`, with smoothing lengths chosen for that lag: structure
    that predicts vibrations within the cage need not predict relaxation. All points come from the
    same runs and vary together, so overlapping intervals do not mean that two lags agree.

    Args:
        snapshots: Configurations holding all fields: one trajectory or file per independent
            run, or snapshots whose runs are given by `runs`.
        x: Name of the predictor.
        targets: Lag -> name of the target field at that lag.
        runs: Independent run of each snapshot; left out with trajectories or files.
        species: Names of the species to treat; all that are present by default.
        method: Which coefficient, as in `correlate`.
        given: Names of the fields to be held fixed.
        lengths: Candidate smoothing lengths; None for the bare fields.
        same_species: Smooth over particles of the same species only.
        censored: Target -> field of its marks, as in `compare_fields`.
        seed: Seed of the interval.

    Returns:
        One `Curve` against the lag per species; its points are `Comparison` objects.

    Raises:
        InputError: Like `correlate`, or if no target is named.
        UndefinedCorrelationError: Like `correlate`.
    """
    if not targets:
        raise InputError("no target was named; expected a field for at least one lag.")
    snapshots, runs = by_run(snapshots, runs)
    stored = snapshots[0].spelling
    x, *given = map(stored, [x, *given])
    targets = {lag: stored(y) for lag, y in targets.items()}
    censored = {stored(y): mark for y, mark in (censored or {}).items()}
    fields = FieldSet(snapshots, runs, censored, same_species=same_species)
    return {
        name: Curve(
            "lag",
            {
                lag: compare_species(
                    fields, x, y, name, method=method, given=given, lengths=lengths, seed=seed
                )
                for lag, y in targets.items()
            },
        )
        for name in (fields.species if species is None else tuple(species))
    }
