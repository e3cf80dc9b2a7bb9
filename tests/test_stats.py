import numpy as np
import pytest
from scipy import stats

from gnnglass.errors import InputError
from gnnglass.stats import bootstrap_interval


def coverage(n_runs, trials, method="percentile", n_resamples=1999):
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(trials):
        found = bootstrap_interval(
            rng.normal(0.3, 0.1, n_runs).tolist(),
            method=method,
            n_resamples=n_resamples,
            seed=trial,
        )
        hits += found.low <= 0.3 <= found.high
    return hits / trials


def test_covers_the_mean_as_often_as_it_says():
    assert 0.90 <= coverage(12, 200) <= 0.99


@pytest.mark.validate
@pytest.mark.parametrize("n_runs", [8, 12, 30])
def test_coverage_of_the_mean_within_three_percent(n_runs):
    assert 0.92 <= coverage(n_runs, 500) <= 0.98


def test_agrees_with_the_t_interval_for_normal_values():
    values = np.random.default_rng(3).normal(size=15)
    t = stats.t.interval(0.95, 14, values.mean(), stats.sem(values))
    found = bootstrap_interval(values.tolist())
    np.testing.assert_allclose((found.low, found.high), t, atol=0.08)


def test_bca_agrees_with_scipy():
    values = np.random.default_rng(4).lognormal(size=25)
    expected = stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=20_000, rng=1
    ).confidence_interval
    found = bootstrap_interval(values.tolist(), method="bca", n_resamples=20_000)
    np.testing.assert_allclose((found.low, found.high), expected, rtol=0.03)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_a_statistic_of_whole_runs_equals_the_built_in_mean(method):
    values = np.random.default_rng(5).normal(size=9).tolist()
    built_in = bootstrap_interval(values, method=method, n_resamples=500)
    given = bootstrap_interval(
        values, lambda runs: float(np.mean(runs)), method=method, n_resamples=500
    )
    assert (given.low, given.high) == pytest.approx((built_in.low, built_in.high))


def test_resamples_runs_not_what_is_inside_them():
    """Runs that are all alike leave no uncertainty, however much their frames vary."""
    frames = np.random.default_rng(6).normal(size=50)
    found = bootstrap_interval([frames] * 8, lambda runs: float(np.concatenate(runs).mean()))
    assert found.low == pytest.approx(found.high)


def test_same_seed_same_interval():
    values = [0.1, 0.5, 0.2, 0.9, 0.4, 0.3]
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)


def test_few_runs_are_told_what_they_cannot_do():
    one = bootstrap_interval([0.4])
    assert np.isnan(one.low)
    assert np.isnan(one.high)
    assert "single run" in one.note
    three = bootstrap_interval([0.1, 0.2, 0.4])
    assert (three.low, three.high) == (pytest.approx(0.1), pytest.approx(0.4))
    assert "only 3 runs" in three.note
    assert "75%" in three.note
    assert bootstrap_interval(list(range(6))).note == ""


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([], {}, "no run to resample"),
        ([1, 2], {"level": 95}, "confidence level is 95"),
        ([1, 2], {"method": "magic"}, "unknown interval method 'magic'; known: percentile, bca"),
    ],
)
def test_bad_input_is_refused(values, options, message):
    with pytest.raises(InputError, match=message):
        bootstrap_interval(values, **options)
