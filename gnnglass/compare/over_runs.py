"""Means within each run: frames of one run are not independent, and no run weighs more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gnnglass.trajectories.snapshot import FloatArray


def run_means(values: FloatArray, runs: Sequence[str]) -> FloatArray:
    """Mean over each run's configurations, shape [n_configurations, ...] -> [n_runs, ...]."""
    names = np.array(runs)
    return np.stack([values[names == run].mean(axis=0) for run in dict.fromkeys(runs)])
