"""Means and intervals over runs: the same as in tables of correlations."""

from __future__ import annotations

import numpy as np
import pytest

from gnnglass.errors import InputError
from gnnglass.explain.faithfulness import mean_over_runs
from gnnglass.stats import bootstrap_interval


@pytest.mark.parametrize("n_runs", [2, 5, 20])
def test_the_interval_is_that_of_tables_of_correlations(n_runs):
    rng = np.random.default_rng(n_runs)
    values = rng.normal(size=3 * n_runs)
    runs = np.repeat(np.arange(n_runs), 3)
    per_run = values.reshape(n_runs, 3).mean(axis=1)
    found = mean_over_runs(values, runs, seed=4)
    expected = bootstrap_interval(per_run.tolist(), seed=4)
    assert found.estimate == pytest.approx(per_run.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_runs_weigh_the_same_in_any_order():
    found = mean_over_runs([1, 5, 1, 1], ["a", "b", "a", "a"])
    assert found.estimate == 3


def test_one_run_gives_no_interval():
    found = mean_over_runs([1.0, 2.0], ["a", "a"])
    assert found.estimate == 1.5
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize(("values", "runs"), [([], []), ([1.0, 2.0], ["a"]), (1.0, ["a"])])
def test_runs_that_do_not_fit_are_refused(values, runs):
    with pytest.raises(InputError, match="at least one configuration and the run of each"):
        mean_over_runs(values, runs)
