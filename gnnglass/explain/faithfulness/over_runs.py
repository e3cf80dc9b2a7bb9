"""From one value per configuration to a mean and an interval over independent runs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.errors import InputError
from gnnglass.training import Interval
from gnnglass.trajectories.snapshot import FloatArray

LEVEL = 0.95
N_RESAMPLES = 9_999


def run_means(values: ArrayLike, runs: Sequence[Hashable]) -> FloatArray:
    """Mean over each run's configurations, shape [n_configurations, ...] -> [n_runs, ...].

    Raises:
        InputError: If there is no value, or not one run per value.
    """
    array = np.asarray(values, dtype=np.float64)
    names = [str(run) for run in runs]
    if array.ndim == 0 or len(array) == 0 or len(names) != len(array):
        raise InputError(
            f"values have shape {list(array.shape)} and {len(names)} runs were named; expected at "
            "least one configuration and the run of each."
        )
    return np.stack(
        [array[[name == run for name in names]].mean(axis=0) for run in dict.fromkeys(names)]
    )


def mean_over_runs(values: ArrayLike, runs: Sequence[Hashable], *, seed: int = 0) -> Interval:
    """Mean within each run, then over runs, with a 95 % interval.

    Whole runs are resampled, and the quantiles are read at Φ(±√(n / (n − 1)) t_{n−1}) (the
    expanded percentile interval: Hesterberg, Am. Stat. 69, 371 (2015), §5.3), as in all tables
    of correlations. With n runs no resampling covers more than 1 − 2^(1−n).

    Args:
        values: One per configuration (or per control, for an interval over controls).
        runs: Run of each.
        seed: Seed of the resampling.

    Returns:
        The mean and its interval; NaN ends for a single run, which says nothing about how runs
        differ.

    Raises:
        InputError: If there is no value, or not one run per value.
    """
    from scipy.special import ndtr, stdtrit

    means = run_means(values, runs)
    n = len(means)
    if n == 1:
        return Interval(float(means[0]), float("nan"), float("nan"))
    picks = np.random.default_rng(seed).integers(n, size=(N_RESAMPLES, n))
    tail = float(ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 - LEVEL) / 2)))
    low, high = np.quantile(means[picks].mean(axis=1), [tail, 1 - tail])
    return Interval(float(means.mean()), float(low), float(high))
