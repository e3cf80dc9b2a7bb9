"""The highest correlation to expect with a noisy target, from split-half reliability."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gnnglass._arguments import checks_arguments
from gnnglass.compare.correlation import correlate
from gnnglass.compare.fields import CORRELATIONS, Method, UndefinedCorrelationError, scores_for
from gnnglass.errors import InputError
from gnnglass.stats import Interval
from gnnglass.trajectories import RunsLike, by_run


@dataclass(frozen=True, repr=False)
class NoiseCeiling:
    """Noise ceiling of a target, from the agreement of two halves of the measurements.

    Attributes:
        r_half: Correlation of the mean over one half of the clones with that over the other.
        reliability: 2 r_half / (1 + r_half): expected correlation of the mean over all clones
            with the mean over as many new ones; equivalently, the share of its variance that is
            signal.
        interval: √reliability with its 95 % interval over runs: correlation of a perfect,
            noiseless predictor with the mean over all clones. No predictor is expected to exceed
            it.
    """

    r_half: float
    reliability: float
    interval: Interval

    def __repr__(self) -> str:
        return (
            f"<NoiseCeiling {self.interval.sentence('.3f')}: halves agree with {self.r_half:.3f}>"
        )

    @property
    def ceiling(self) -> float:
        """√reliability."""
        return self.interval.estimate


@checks_arguments
def spearman_brown(r_half: float) -> float:
    """Reliability of the mean over all clones from the correlation of two halves, 2r / (1 + r).

    Spearman, Br. J. Psychol. 3, 271 (1910); Brown, ibid. 296. The formula is exact for Pearson's
    coefficient and halves of equal noise, and a good approximation for ranks. Halves that do not
    agree (r ≤ 0) share no signal: the reliability is 0.
    """
    return 2 * r_half / (1 + r_half) if r_half > 0 else 0.0


@checks_arguments
def split_half(a: ArrayLike, b: ArrayLike, method: Method = "pearson") -> NoiseCeiling:
    """Noise ceiling from two halves of one configuration's measurements.

    If target = signal + noise with independent noise in each half, corr(a, b) is the reliability of
    one half. The Spearman–Brown formula gives the reliability of the whole; its square root is the
    correlation of the whole with a predictor equal to the signal.

    Args:
        a: Mean over the first half of the clones, shape [n].
        b: Mean over the second half, shape [n].
        method: ``"pearson"`` or ``"spearman"``.

    Raises:
        InputError: If the halves differ in shape or hold NaN, or the method is not a correlation.
        UndefinedCorrelationError: If there are fewer than three values or a half is constant.
    """
    _refuse_shares(method)
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise InputError(
            f"the halves have shapes {first.shape} and {second.shape}; expected the same [n]."
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise InputError("a half holds NaN or infinite values; expected one number per particle.")
    if len(first) < 3:
        raise UndefinedCorrelationError(
            f"{len(first)} values per half are too few for a correlation; expected at least 3."
        )
    x, y = scores_for(first, method), scores_for(second, method)
    if x is None or y is None:
        raise UndefinedCorrelationError("a half is constant, so the halves have no correlation.")
    note = "a single configuration: no interval"
    return _from_halves(Interval(float(x @ y), np.nan, np.nan, 1, note))


@checks_arguments
def noise_ceiling(
    snapshots: RunsLike,
    half_a: str,
    half_b: str,
    *,
    runs: Sequence[Hashable] | None = None,
    species: Sequence[str] | None = None,
    method: Method = "spearman",
    censored: str | None = None,
    seed: int = 0,
) -> dict[str, NoiseCeiling]:
    """Noise ceiling of a target whose two halves are fields, for each species separately.

    `r_half` is averaged like any correlation (per configuration, per run, over runs), and the ends
    of its interval over runs are transformed by the same formula.

    Args:
        snapshots: Configurations holding both fields: one trajectory or file per independent
            run, or snapshots whose runs are given by `runs`.
        half_a: Name of the field measured on the first half of the clones.
        half_b: Name of the field measured on the second half.
        runs: Independent run of each snapshot; left out with trajectories or files.
        species: Names of the species to treat; all that are present by default.
        method: ``"spearman"`` or ``"pearson"``.
        censored: Name of the field of marks of the whole target, as in `correlate`: particles
            that have no value by it are left out.
        seed: Seed of the interval.

    Raises:
        InputError: Like `gnnglass.compare.correlate`, or if the method is not a correlation.
    """
    _refuse_shares(method)
    snapshots, runs = by_run(snapshots, runs)
    if censored is not None:
        # Which particles are censored in the whole is of no concern to the halves.
        snapshots = [s.with_fields(**{censored: 0 * s.field(censored)}) for s in snapshots]
    agreement = correlate(
        snapshots,
        half_a,
        half_b,
        runs=runs,
        species=species,
        method=method,
        censored=censored,
        seed=seed,
    )
    return {name: _from_halves(one.interval) for name, one in agreement.items()}


def _refuse_shares(method: Method) -> None:
    if method not in CORRELATIONS:
        raise InputError(
            f"the noise ceiling was asked for {method!r}, but Spearman and Brown's formula is for "
            f"correlations; use one of {', '.join(CORRELATIONS)}."
        )


def _from_halves(agreement: Interval) -> NoiseCeiling:
    """The ceiling; the ends of the interval of the agreement are transformed in the same way."""
    reliability = spearman_brown(agreement.estimate)
    low, high = (
        float(np.sqrt(spearman_brown(end))) if agreement.exists else np.nan
        for end in (agreement.low, agreement.high)
    )
    return NoiseCeiling(
        r_half=agreement.estimate,
        reliability=reliability,
        interval=Interval(float(np.sqrt(reliability)), low, high, agreement.n_runs, agreement.note),
    )
