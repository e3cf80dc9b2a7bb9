"""Figures of merit against scikit-learn and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from gnnglass.errors import InputError
from gnnglass.stats import auc, auc_difference
from gnnglass.testing import example_snapshot
from gnnglass.training import (
    Calibration,
    LabelledSet,
    evaluate,
    linear_scores,
    matched_auc,
    split_by_run,
)
from gnnglass.training.evaluation import calibration_error
from gnnglass.trajectories import Trajectory


def test_calibration_error_closed_form():
    """Five at 0.2 of which two are glasses, five at 0.9 of which all are."""
    probability = np.repeat([0.2, 0.9], 5)
    targets = np.array([1, 1, 0, 0, 0, 1, 1, 1, 1, 1])
    assert calibration_error(probability, targets) == pytest.approx((0.2 + 0.1) / 2)


def test_interval_is_over_runs_not_frames():
    """Frames repeated a hundredfold within runs must not narrow the interval."""
    rng = np.random.default_rng(0)
    targets = np.repeat([0, 1], 6)
    probability = expit(rng.normal(size=12) + 1.2 * targets - 0.6)
    runs = [f"run-{k}" for k in range(12)]
    few = evaluate(probability, targets, runs)
    many = evaluate(np.repeat(probability, 100), np.repeat(targets, 100), np.repeat(runs, 100))
    assert many.auc == few.auc
    assert few.auc.low < few.auc.estimate < few.auc.high
    assert (few.n_runs, many.n_snapshots) == (12, 1200)


def test_evaluation_of_one_class_is_refused():
    with pytest.raises(InputError, match="both classes"):
        evaluate([0.1, 0.2], [1, 1], ["a", "b"])


def test_evaluation_of_unequal_lengths_is_refused():
    with pytest.raises(InputError, match="one of each per configuration"):
        evaluate([0.1, 0.2], [0, 1, 1], ["a", "b", "c"])


def scores_of_runs(n: int) -> tuple[np.ndarray, ...]:
    """Two scores that share most of their noise, and the classes, of n configurations a class."""
    rng = np.random.default_rng(4)
    targets = np.repeat([0, 1], n)
    common = rng.normal(size=2 * n) + 1.5 * targets
    return common + 0.1 * rng.normal(size=2 * n), common + 0.4 * rng.normal(size=2 * n), targets


def test_interval_of_a_difference_is_that_of_delong():
    """With one configuration a run: DeLong et al., Biometrics 44, 837 (1988), eqs. 4 to 6."""
    better, worse, targets = scores_of_runs(200)
    above = np.stack(
        [np.sign(s[targets == 1][:, None] - s[targets == 0]) / 2 + 0.5 for s in (better, worse)]
    )
    # The difference is a mean over both classes; each adds its variance to that of the mean.
    gain = above[0] - above[1]
    error = np.sqrt(gain.mean(axis=0).var(ddof=1) / 200 + gain.mean(axis=1).var(ddof=1) / 200)
    found = auc_difference(better, worse, targets, [f"run-{k}" for k in range(400)])
    assert found.estimate == pytest.approx(gain.mean(), abs=1e-12)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    alone = evaluate(expit(better), targets, [f"run-{k}" for k in range(400)]).auc
    assert found.high - found.low < 0.6 * (alone.high - alone.low)


def test_interval_of_a_difference_is_over_runs_not_frames():
    better, worse, targets = scores_of_runs(12)
    runs = [f"run-{k}" for k in range(24)]
    few = auc_difference(better, worse, targets, runs)
    many = auc_difference(*(np.repeat(v, 50) for v in (better, worse, targets, runs)))
    assert (many.low, many.high) == pytest.approx((few.low, few.high))
    assert few.low < few.estimate < few.high


def test_a_score_is_no_better_than_itself_however_it_is_scaled():
    better, worse, targets = scores_of_runs(12)
    runs = [f"run-{k}" for k in range(24)]
    found = auc_difference(better, 3 * better - 1, targets, runs)
    assert found.estimate == 0
    assert found.low < 0 < found.high
    other = auc_difference(better, worse, targets, runs)
    assert found.high - found.low < other.high - other.low


def test_two_scores_that_both_separate_few_runs_may_differ_in_others():
    targets = np.repeat([0, 1], 4)
    found = auc_difference(targets, 2.0 * targets + 0.1 * np.arange(8), targets, range(8))
    assert found.estimate == 0
    assert found.low < -0.5
    assert found.high > 0.5


def test_a_difference_of_unequal_lengths_is_refused():
    with pytest.raises(InputError, match="2 scores, 3 targets and 3 runs"):
        auc_difference([0.1, 0.2, 0.3], [0.1, 0.2], [0, 1, 1], ["a", "b", "c"])


def test_matched_auc_counts_only_pairs_of_equal_energy():
    """By hand: three pairs within 0.1; the glass is lower in one, which weighs as much as two."""
    energies = np.array([1.0, 2.0, 1.05, 1.98, 2.05, 9.0])
    targets = np.array([0, 0, 1, 1, 1, 1])
    scores = np.array([0.1, 0.9, 0.6, 1.5, 0.2, 1.0])
    # Higher: (1.05 > 1) right, (2.05 > 2) wrong; lower: (1.98 < 2) right.
    assert matched_auc(scores, targets, energies, tolerance=0.1) == ((0.5 + 1) / 2, 3)


@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("tolerance", [0.02, 0.1, 0.5])
def test_energy_itself_cannot_tell_matched_pairs_apart(shift, tolerance):
    rng = np.random.default_rng(1)
    targets = np.repeat([0, 1], 200)
    energies = rng.normal(size=400) - shift * targets
    for score in (-energies, energies, np.tanh(-energies)):
        matched, n_pairs = matched_auc(score, targets, energies, tolerance=tolerance)
        assert n_pairs > 100
        assert matched == pytest.approx(0.5, abs=1e-12)


def test_noisy_energy_is_at_chance_and_structure_beyond_it_is_not():
    rng = np.random.default_rng(2)
    targets = np.repeat([0, 1], 1000)
    energies = rng.normal(size=2000) - 1.5 * targets
    noisy, _ = matched_auc(rng.normal(-energies, 0.2), targets, energies, tolerance=0.1)
    assert noisy == pytest.approx(0.5, abs=0.02)
    beyond = rng.normal(size=2000) + targets - energies
    found, _ = matched_auc(beyond, targets, energies, tolerance=0.01)
    # Two normal scores one standard deviation apart.
    assert found == pytest.approx(0.760, abs=0.03)


def test_equal_energies_weigh_what_they_are():
    energies, targets = np.array([0.0, 0.0, 0.0, 0.0]), np.array([0, 0, 1, 1])
    scores = np.array([0.0, 2.0, 1.0, 3.0])
    assert matched_auc(scores, targets, energies, tolerance=1.0) == (0.75, 4)
    assert matched_auc(np.zeros(4), targets, energies, tolerance=1.0) == (0.5, 4)


def test_matched_auc_needs_pairs_of_either_sign():
    matched, n_pairs = matched_auc([0.0, 1.0], [0, 1], [0.0, -0.05], tolerance=0.1)
    assert np.isnan(matched) and n_pairs == 0


def test_matched_auc_without_any_pair_is_not_a_number():
    matched, n_pairs = matched_auc([0.0, 1.0], [0, 1], [0.0, 5.0], tolerance=0.1)
    assert np.isnan(matched) and n_pairs == 0


def test_calibration_recovers_a_known_curve():
    rng = np.random.default_rng(2)
    scores = rng.normal(scale=3, size=20_000) + 40
    targets = rng.random(len(scores)) < expit(0.7 * (scores - 40) - 0.4)
    found = Calibration.fit(scores, targets)
    assert found.scale == pytest.approx(0.7, rel=0.05)
    np.testing.assert_allclose(
        found.probability([38.0, 40.0, 43.0]), expit([-1.8, -0.4, 1.7]), atol=0.02
    )


def test_calibration_stays_finite_on_separable_scores_and_never_turns_them_over():
    targets = np.repeat([0, 1], 8)
    separable = Calibration.fit(np.repeat([-0.01, 0.01], 8), targets).probability([-0.01, 0.01])
    assert 0.02 < separable[0] < 0.2 and 0.8 < separable[1] < 0.98
    assert Calibration.fit(np.repeat([1.0, -1.0], 8), targets).scale > 0


def test_linear_baseline_finds_the_informative_feature_without_the_test_runs():
    rng = np.random.default_rng(3)
    frames = [Trajectory([example_snapshot(2, 16, k)], {"run": f"run-{k}"}) for k in range(40)]
    labelled = LabelledSet.from_trajectories({"liquid": frames[:20], "glass": frames[20:]})
    split = split_by_run(labelled)
    features = rng.normal(size=(40, 6))
    features[:, 2] = 5 + 100 * (labelled.targets + 0.1 * rng.normal(size=40))
    test = labelled.where(split.test)
    scores = linear_scores(features, labelled, split)
    assert auc(scores[test], labelled.targets[test]) == 1
    poisoned = features.copy()
    poisoned[test] *= 1e3
    others = np.setdiff1d(np.arange(40), test)
    np.testing.assert_array_equal(linear_scores(poisoned, labelled, split)[others], scores[others])
