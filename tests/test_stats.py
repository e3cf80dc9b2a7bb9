"""Intervals over runs against closed forms, enumeration and SciPy; coverage in simulation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interval_coverage import FIGURES, RUNS, SHAPES, coverage
from scipy import stats
from sklearn.metrics import roc_auc_score

from gnnglass.errors import InputError
from gnnglass.stats import (
    N_RESAMPLES,
    Interval,
    among_largest,
    auc,
    auc_difference,
    auc_over_runs,
    best_on_other_runs,
    mean_over_runs,
    null_quantile,
    run_means,
    share_over_runs,
    standard_scores,
    statistic_over_runs,
)


def test_the_mean_of_few_runs_equals_the_enumeration_of_all_resamples():
    """Five runs have 3125 resamples; the studentised bootstrap of all of them, by hand."""
    values = np.array([0.1, 0.5, 0.2, 0.9, 0.4])
    t = []
    for resample in product(values, repeat=5):
        error = np.std(resample, ddof=1) / np.sqrt(5)
        distance = np.mean(resample) - values.mean()
        t.append(distance / error if error > 1e-12 else np.sign(distance) * np.inf)
    lower, upper = np.quantile(t, [0.025, 0.975], method="inverted_cdf")
    error = values.std(ddof=1) / np.sqrt(5)
    found = mean_over_runs(values)
    assert found.estimate == pytest.approx(0.42)
    assert found.low == pytest.approx(0.42 - upper * error, abs=0.05)
    assert found.high == pytest.approx(0.42 - lower * error, abs=0.05)


def test_the_mean_agrees_with_the_t_interval_for_normal_values():
    values = np.random.default_rng(3).normal(size=40)
    t = stats.t.interval(0.95, 39, values.mean(), stats.sem(values))
    found = mean_over_runs(values)
    np.testing.assert_allclose((found.low, found.high), t, atol=0.05)


def test_skewed_values_have_the_longer_end_where_they_have_the_tail():
    values = np.random.default_rng(1).exponential(size=12)
    found = mean_over_runs(values)
    assert found.high - found.estimate > 1.3 * (found.estimate - found.low)


def test_runs_weigh_the_same_and_frames_add_nothing():
    assert mean_over_runs([1, 5, 1, 1], ["a", "b", "a", "a"]).estimate == 3
    values = np.random.default_rng(0).normal(size=6)
    runs = np.arange(6)
    assert mean_over_runs(values, runs) == mean_over_runs(np.repeat(values, 9), np.repeat(runs, 9))


def test_a_mean_of_correlations_stays_in_its_range():
    high = mean_over_runs([0.97, 0.99, 0.9, 0.95], scale="correlation")
    assert 0 < high.low < high.estimate < high.high < 1
    mirrored = mean_over_runs([-0.97, -0.99, -0.9, -0.95], scale="correlation")
    assert (mirrored.low, mirrored.high) == pytest.approx((-high.high, -high.low))


def test_same_seed_same_interval():
    values = [0.1, 0.5, 0.2, 0.9, 0.4, 0.3]
    assert mean_over_runs(values, seed=3) == mean_over_runs(values, seed=3)
    assert mean_over_runs(values, seed=3) != mean_over_runs(values, seed=4)


@pytest.mark.parametrize("values", [[0.4], [0.1, 0.2], [0.1, 0.25, 0.4]])
def test_with_too_few_runs_the_runs_themselves_are_given(values):
    found = mean_over_runs(values)
    assert not found.exists
    assert found.note.endswith("only: " + ", ".join(map(str, values)))
    assert "95" not in found.sentence(".2f")
    assert found.to_dict()["low"] is None
    assert found.holds(17)


def test_runs_that_agree_have_no_interval():
    found = mean_over_runs([0.3] * 7)
    assert not found.exists
    assert "same value" in found.note
    assert not statistic_over_runs([0.3] * 7, np.mean).exists


def test_any_statistic_equals_the_mean_where_it_is_the_mean():
    values = np.random.default_rng(5).normal(size=5).tolist()
    given_mean = statistic_over_runs(
        values, lambda runs: float(np.mean(runs)), n_resamples=N_RESAMPLES, seed=2
    )
    found = mean_over_runs(values, seed=2)
    assert (given_mean.low, given_mean.high) == pytest.approx((found.low, found.high))


def test_the_ends_of_a_length_are_positive():
    found = statistic_over_runs(
        [0.1, 2.0, 0.3, 5.0], lambda runs: float(np.mean(runs)), scale="log"
    )
    assert 0 < found.low < found.estimate < found.high


def test_an_interval_in_a_sentence_and_as_json():
    found = Interval(0.5, 0.25, 0.75, 6)
    assert found.sentence("+.2f") == "+0.50 [+0.25, +0.75] (95 % over 6 runs)"
    assert found.to_dict() == {"estimate": 0.5, "low": 0.25, "high": 0.75, "n_runs": 6}
    assert found.holds(0.3)
    assert not found.holds(0)
    none = Interval(0.5, np.nan, np.nan, 2, "2 runs only: 0.4, 0.6")
    assert none.sentence(".1f") == "0.5 (2 runs only: 0.4, 0.6)"


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), digits=st.integers(0, 3))
def test_auc_equals_scikit_learn_and_the_pairs_of_runs(seed, digits):
    """Of one configuration a run, the mean over pairs of runs is the area itself, ties included."""
    rng = np.random.default_rng(seed)
    targets = np.repeat([0, 1], [7, 12])
    scores = np.round(rng.normal(size=19) + targets, digits)
    expected = pytest.approx(roc_auc_score(targets, scores), abs=1e-12)
    assert auc(scores, targets) == expected
    assert auc_over_runs(scores, targets, range(19)).estimate == expected


def test_runs_count_the_same_however_many_configurations_they_have():
    scores = [0.1, 0.6, 0.6, 0.6, 0.5]
    targets, runs = [0, 0, 0, 0, 1], ["a", "b", "b", "b", "c"]
    assert auc(scores, targets) == 0.25
    assert auc(scores, targets, runs) == auc_over_runs(scores, targets, runs).estimate == 0.5


@pytest.mark.parametrize("n", [1, 2, 4, 20])
def test_where_classes_separate_the_interval_is_that_of_clopper_and_pearson(n):
    targets = np.repeat([0, 1], n)
    found = auc_over_runs(targets + np.linspace(0, 0.1, 2 * n), targets, range(2 * n))
    exact = stats.binomtest(n, n).proportion_ci(method="exact")
    assert (found.estimate, found.high) == (1, 1)
    assert found.low == pytest.approx(exact.low)


def test_of_many_runs_the_interval_of_an_area_is_that_of_delong():
    rng = np.random.default_rng(4)
    targets = np.repeat([0, 1], 300)
    scores = rng.normal(size=600) + 1.0 * targets
    above = np.sign(scores[targets == 1][:, None] - scores[targets == 0]) / 2 + 0.5
    error = np.sqrt(sum(above.mean(axis=axis).var(ddof=1) / 300 for axis in (0, 1)))
    found = auc_over_runs(scores, targets, range(600))
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.05)


def test_shares_of_runs_that_succeed_or_fail_are_trials():
    found = share_over_runs([1, 1, 1, 1, 0, 1, 1, 1], range(8))
    exact = stats.binomtest(7, 8).proportion_ci(method="exact")
    assert found.low >= exact.low - 1e-12
    assert found.high <= exact.high + 1e-12
    all_right = share_over_runs(np.ones(24), np.repeat(range(8), 3))
    assert all_right.low == pytest.approx(stats.binomtest(8, 8).proportion_ci(method="exact").low)
    assert not share_over_runs([0.5, 0.7], ["a", "a"]).exists


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.1, 0.2], [1, 1], ["a", "b"]), r"targets hold the classes \[1\]"),
        (([0.1, 0.2], [0, 1, 1], ["a", "b", "c"]), "2 scores, 3 targets and 3 runs"),
        (
            ([0.1, 0.2, 0.3], [0, 1, 1], ["a", "a", "b"]),
            "run 'a' holds configurations of both classes",
        ),
    ],
)
def test_areas_of_what_does_not_fit_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        auc_over_runs(*arguments)
    scores, targets, runs = arguments
    with pytest.raises(InputError, match=message):
        auc_difference(scores, scores, targets, runs)


@pytest.mark.parametrize(("values", "runs"), [([], []), ([1.0, 2.0], ["a"])])
def test_runs_that_do_not_fit_are_refused(values, runs):
    with pytest.raises(InputError, match="at least one configuration and the run of each"):
        mean_over_runs(values, runs)
    with pytest.raises(InputError, match="no run to resample"):
        statistic_over_runs([], np.mean)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), run=st.integers(0, 4))
def test_what_a_run_is_judged_with_does_not_depend_on_it(seed, run):
    rng = np.random.default_rng(seed)
    figures, runs = rng.normal(size=(10, 3)), np.repeat(range(5), 2)
    chosen = best_on_other_runs(figures, runs, run)
    others = run_means(figures, runs)[np.arange(5) != run].mean(axis=0)
    assert chosen == np.argmax(np.abs(others))
    figures[runs == run] = 1e6 * rng.normal(size=(2, 3))
    assert best_on_other_runs(figures, runs, run) == chosen


def test_nothing_is_chosen_on_the_only_run():
    assert best_on_other_runs(np.ones((2, 1)), ["a", "a"], "a") == 0
    with pytest.raises(InputError, match="2 candidates were given for a single run"):
        best_on_other_runs(np.ones((2, 2)), ["a", "a"], "a")


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.integers(0, 4), min_size=3, max_size=12), k=st.integers(1, 3))
def test_the_largest_share_their_places_where_they_are_tied(values, k):
    """Against the mean over many random orders of the tied."""
    array = np.array(values, dtype=float)
    member = among_largest(array, k)
    assert member.sum() == pytest.approx(k)
    ranks = stats.rankdata(-array, method="min")
    last = stats.rankdata(-array, method="max")
    assert np.all(member[last <= k] == 1)
    assert np.all(member[ranks > k] == 0)
    for value in set(values):
        assert len(set(member[array == value])) == 1


def test_scores_are_what_coefficients_are_made_of():
    x, y = np.random.default_rng(2).normal(size=(2, 30))
    for ranked, coefficient in ((False, stats.pearsonr), (True, stats.spearmanr)):
        of_x, of_y = standard_scores(x, ranked=ranked), standard_scores(y, ranked=ranked)
        assert of_x is not None and of_y is not None
        assert of_x @ of_y == pytest.approx(coefficient(x, y).statistic)
    assert standard_scores(np.ones(5), ranked=True) is None


@pytest.mark.parametrize("figure", ["mean", "correlation", "AUC, shift 4", "accuracy, shift 1"])
def test_intervals_of_four_runs_hold_the_true_value_as_often_as_they_say(figure):
    share, _ = coverage(figure, "skewed", 4, 100)
    assert share >= 0.9


@pytest.mark.validate
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("n", RUNS)
def test_whatever_is_called_95_percent_covers(figure, shape, n):
    """In 500 trials; of a random field, at most 8 % of the intervals leave out none at all."""
    share, _ = coverage(figure, shape, n, 500)
    assert np.isnan(share) or share >= 0.92


@pytest.mark.parametrize(
    ("estimate", "null", "quantile"),
    [
        (-0.5, [0.1, -0.2, 0.6, -0.7], 0.5),
        (0.9, [0.1, -0.2, 0.6, -0.7], 1.0),
        (0.05, [0.1, -0.2, 0.6, -0.7], 0.0),
        # Of four, two are below and one is tied.
        (0.6, [0.1, -0.2, -0.6, 0.7], 0.625),
    ],
)
def test_where_a_size_lies_among_those_of_a_null(estimate, null, quantile):
    assert null_quantile(estimate, null) == pytest.approx(quantile)
    assert null_quantile(-estimate, [-r for r in null]) == pytest.approx(quantile)


@pytest.mark.parametrize(("estimate", "null"), [(0.1, []), (0.1, [0.2, np.nan]), (np.nan, [0.2])])
def test_a_null_without_members_or_values_is_refused(estimate, null):
    with pytest.raises(InputError, match="expected at least one, and finite values"):
        null_quantile(estimate, null)
