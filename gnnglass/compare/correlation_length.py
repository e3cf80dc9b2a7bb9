"""The length over which a field is correlated, and whether the box is large enough for it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gnnglass.compare.bootstrap import Interval, bootstrap_interval
from gnnglass.compare.decay import Decay, expected_shapes, fit_decay
from gnnglass.compare.spatial import SpatialCorrelation, spatial_correlation
from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LARGEST_SHARE = 0.1
"""A length beyond this share of the shortest edge is called limited by the box."""

STEP = 0.01
"""Relative step between the lengths that are tried."""

FEWEST_BINS = 4
N_RESAMPLES = 999


@dataclass(frozen=True, eq=False)
class CorrelationLength:
    """Length ξ of the decay of a field's spatial correlation, C(r) = A exp(−r / ξ).

    Attributes:
        correlation: The correlation function that was fitted.
        decay: ξ and A; NaN if they have no value, with the reason in the interval's note.
        interval: 95 % bootstrap interval of ξ over runs.
        fit_range: Distances between which it was fitted.
        ratio: ξ of the blocks of half the edge divided by ξ of the box.
        ratio_interval: 95 % bootstrap interval of the ratio over runs.
    """

    correlation: SpatialCorrelation
    decay: Decay
    interval: Interval
    fit_range: tuple[float, float]
    ratio: float
    ratio_interval: Interval

    @property
    def estimate(self) -> float:
        """ξ, in units of length; NaN if it has no value."""
        return self.decay.length

    @property
    def quantity(self) -> str:
        """What the figure is, in words."""
        return (
            f"Correlation length of {self.correlation.field}, {self.correlation.species} particles"
        )

    @property
    def warning(self) -> str:
        """Why the box may be too small for ξ; empty if nothing speaks for that."""
        if np.isnan(self.estimate):
            return ""
        edge = float(self.correlation.edges.min())
        reasons = []
        if self.estimate > LARGEST_SHARE * edge:
            reasons.append(f"ξ is {self.estimate / edge:.0%} of the box edge {edge:.4g}")
        if self.ratio_interval.low > 1 or self.ratio_interval.high < 1:
            reasons.append("blocks of half the edge give another length")
        return f"limited by the box: {' and '.join(reasons)}" if reasons else ""

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        import pandas as pd

        notes = [note for note in (self.interval.note, self.warning) if note]
        return pd.DataFrame(
            [
                {
                    "field": self.correlation.field,
                    "species": self.correlation.species,
                    "estimate": self.estimate,
                    "low": self.interval.low,
                    "high": self.interval.high,
                    "amplitude": self.decay.amplitude,
                    "fit_from": self.fit_range[0],
                    "fit_to": self.fit_range[1],
                    "edge": float(self.correlation.edges.min()),
                    "ratio": self.ratio,
                    "ratio_low": self.ratio_interval.low,
                    "ratio_high": self.ratio_interval.high,
                    "n_runs": self.correlation.n_runs,
                    "note": "; ".join(notes),
                }
            ]
        )

    def sentence(self) -> str:
        """The result in one sentence, with everything needed to quote it."""
        fitted = f"fitted at r = {self.fit_range[0]:g} … {self.fit_range[1]:.4g}"
        if np.isnan(self.estimate):
            return f"{self.quantity}: none, {fitted}: {self.interval.note}."
        ratio = f"{self.ratio:.2f}"
        if np.isfinite(self.ratio_interval.low):
            ratio += f" [{self.ratio_interval.low:.2f}, {self.ratio_interval.high:.2f}]"
        warning = f"; {self.warning}" if self.warning else ""
        return (
            f"{self.quantity}: {self.estimate:.2f} {self.interval.words('.2f')}, A exp(−r/ξ) with "
            f"A = {self.decay.amplitude:.2f} {fitted} in a box of edge "
            f"{self.correlation.edges.min():.4g}; blocks of half the edge give {ratio} times as "
            f"much{warning}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw C(r) with its intervals and the fit.

        Args:
            ax: Axes to draw on; a new figure is made without.
        """
        ax = self.correlation.plot(ax)
        if np.isfinite(self.estimate):
            r = np.linspace(*self.fit_range, 100)
            shape = expected_shapes(self.correlation, r, [self.estimate])[:, 0]
            curve = self.decay.amplitude * shape - 1 / self.correlation.n_particles
            ax.plot(r, curve, color="C1", label=f"ξ = {self.estimate:.3g}")
            ax.legend(frameon=False)
        return ax


def correlation_length(
    snapshots: Sequence[Snapshot],
    field: str,
    *,
    runs: Sequence[Hashable],
    species: Sequence[str] | None = None,
    bin_width: float = 0.25,
    fit_range: tuple[float, float | None] = (1.0, None),
    seed: int = 0,
) -> dict[str, CorrelationLength]:
    """Length over which a field is correlated, and a check against the size of the box.

    C(r), averaged over runs, is fitted by A exp(−r / ξ), less the mean that was removed
    (`expected_shapes`), by unweighted least squares over equal bins. An exponential is what
    correlations of particle motion in glassy samples were found to decay like (Weeks, Crocker &
    Weitz, J. Phys.: Condens. Matter 19, 205131 (2007)); A is free because a part of any
    per-particle field is independent from one particle to the next, and so is left out of ξ. The
    fit begins beyond the particles' diameter, where neighbours have the same surroundings for a
    reason that has nothing to do with ξ, and ends at a quarter of the box.

    The check: the same is done within blocks of half the edge. If ξ depends on that, it depends
    on the size of the box, too.

    Args:
        snapshots: Configurations holding the field, all in boxes of one size.
        field: Name of the field, best one that was not smoothed, because smoothing alone already
            correlates it over the smoothing length.
        runs: Independent run of each configuration.
        species: As in `spatial_correlation`.
        bin_width: Width of the bins of distances.
        fit_range: Distances between which C(r) is fitted; to a quarter of the shortest edge if
            the second is None.
        seed: Seed of the bootstrap.

    Returns:
        One `CorrelationLength` per species.

    Raises:
        InputError: Like `spatial_correlation`, or if fewer than four bins are to be fitted.
        UndefinedCorrelationError: Like `spatial_correlation`.
    """
    start, end = fit_range
    whole, halved = (
        spatial_correlation(
            snapshots,
            field,
            runs=runs,
            species=species,
            bin_width=bin_width,
            r_max=end,
            blocks=blocks,
            seed=seed,
        )
        for blocks in (1, 2)
    )
    return {name: _fitted(whole[name], halved[name], start) for name in whole}


def _fitted(
    whole: SpatialCorrelation, halved: SpatialCorrelation, start: float
) -> CorrelationLength:
    use = (whole.r >= start) & np.isfinite(whole.estimate) & np.isfinite(halved.estimate)
    if use.sum() < FEWEST_BINS:
        raise InputError(
            f"the fit of a correlation length from r = {start:g} on has {use.sum()} bins with "
            f"pairs; expected at least {FEWEST_BINS}: use narrower bins, begin the fit earlier or "
            "simulate a larger system."
        )
    r, width = whole.r[use], float(whole.r[1] - whole.r[0])
    fit_range = (float(r[0] - width / 2), float(r[-1] + width / 2))
    lengths = np.exp(np.arange(np.log(width), np.log(whole.edges.min()), STEP))
    in_box, in_blocks = (
        _Fitter(
            each.per_run[:, use] + 1 / each.n_particles, lengths, expected_shapes(each, r, lengths)
        )
        for each in (whole, halved)
    )
    everyone = range(whole.n_runs)

    def over_runs(statistic: Callable[[Sequence[int]], float]) -> Interval:
        return bootstrap_interval(everyone, statistic, n_resamples=N_RESAMPLES, seed=whole.seed)

    decay = in_box(everyone)
    amplitude = over_runs(lambda picked: in_box(picked).amplitude)
    nothing = ""
    if decay.amplitude <= 0 or amplitude.low <= 0:
        nothing = "the correlation there is not told apart from none"
    elif decay.length == lengths[0]:
        nothing = f"the decay is faster than bins of {width:g} can tell"
    elif decay.length == lengths[-1]:
        nothing = "there is no decay within the box"
    if nothing:
        none = Interval(np.nan, np.nan, whole.n_runs, nothing)
        return CorrelationLength(whole, Decay(np.nan, np.nan), none, fit_range, np.nan, none)
    return CorrelationLength(
        correlation=whole,
        decay=decay,
        interval=over_runs(lambda picked: in_box(picked).length),
        fit_range=fit_range,
        ratio=in_blocks(everyone).length / decay.length,
        ratio_interval=over_runs(lambda picked: in_blocks(picked).length / in_box(picked).length),
    )


@dataclass(frozen=True, eq=False)
class _Fitter:
    """Fits of the mean over some runs.

    Attributes:
        excess: C(r) + 1/N of each run, shape [n_runs, n_bins].
        lengths: Values of ξ to choose from, shape [n_lengths].
        shapes: What each of them is expected to look like, shape [n_bins, n_lengths].
    """

    excess: FloatArray
    lengths: FloatArray
    shapes: FloatArray

    def __call__(self, picked: Sequence[int]) -> Decay:
        return fit_decay(self.excess[list(picked)].mean(axis=0), self.lengths, self.shapes)
