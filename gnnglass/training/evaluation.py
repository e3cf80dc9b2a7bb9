"""How well scores tell two classes apart, with intervals over independent runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from gnnglass.errors import InputError
from gnnglass.training.labelled import LabelledSet, Split

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    """Figures of merit of a two-class classifier on held-out runs.

    Attributes:
        auc: Area under the ROC curve.
        accuracy: Share of configurations on the right side of probability 1/2.
        calibration_error: Expected calibration error over ten equal bins of probability.
        n_runs: Independent runs.
        n_snapshots: Configurations.
    """

    auc: Interval
    accuracy: Interval
    calibration_error: float
    n_runs: int
    n_snapshots: int


def evaluate(
    probability: ArrayLike,
    targets: ArrayLike,
    runs: Sequence[str],
    *,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Evaluation:
    """Judge probabilities of the second class.

    Intervals come from resampling whole runs, within each class (a stratified cluster
    bootstrap, percentile interval). With few runs that all are classified perfectly the
    interval has no width; `n_runs` says how little that means.

    Args:
        probability: Of the second class, shape [n_snapshots].
        targets: True class, 0 or 1, shape [n_snapshots].
        runs: Run of each configuration.
        n_resamples: Bootstrap resamples.
        seed: Seed of the resampling.

    Raises:
        InputError: If only one class is present or the lengths differ.
    """
    probability = np.asarray(probability, dtype=np.float64)
    targets = np.asarray(targets)
    _require_one_each("probabilities", probability, targets, runs)
    resamples = _resampled_runs(targets, runs, n_resamples, seed)

    def interval(figure: Callable[[FloatArray, FloatArray], float]) -> Interval:
        return _interval(lambda i: figure(probability[i], targets[i]), len(targets), resamples)

    return Evaluation(
        auc=interval(roc_auc),
        accuracy=interval(lambda p, t: float(np.mean((p > 0.5) == (t == 1)))),
        calibration_error=calibration_error(probability, targets),
        n_runs=len(set(runs)),
        n_snapshots=len(targets),
    )


def auc_difference(
    scores: ArrayLike,
    reference: ArrayLike,
    targets: ArrayLike,
    runs: Sequence[str],
    *,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """By how much one score tells two classes apart better than another, AUC minus AUC.

    Both are judged on the same resamples of whole runs, so that what makes a run hard for both
    drops out: the interval of the difference is much narrower than those of the two AUCs suggest
    (paired cluster bootstrap: Rutter, Acad. Radiol. 7, 413 (2000)).

    Args:
        scores: Larger for the second class, shape [n_snapshots].
        reference: Another such score of the same configurations, shape [n_snapshots].
        targets: True class, 0 or 1, shape [n_snapshots].
        runs: Run of each configuration.
        n_resamples: Bootstrap resamples.
        seed: Seed of the resampling.

    Raises:
        InputError: If only one class is present or the lengths differ.
    """
    mine, other = np.asarray(scores, float), np.asarray(reference, float)
    targets = np.asarray(targets)
    _require_one_each("scores", mine, targets, runs)
    _require_one_each("reference scores", other, targets, runs)
    return _interval(
        lambda i: roc_auc(mine[i], targets[i]) - roc_auc(other[i], targets[i]),
        len(targets),
        _resampled_runs(targets, runs, n_resamples, seed),
    )


def _require_one_each(
    what: str, scores: FloatArray, targets: NDArray[np.generic], runs: Sequence[str]
) -> None:
    if not len(scores) == len(targets) == len(runs):
        raise InputError(
            f"{len(scores)} {what}, {len(targets)} targets and {len(runs)} runs were "
            "given; expected one of each per configuration."
        )


def _resampled_runs(
    targets: NDArray[np.generic], runs: Sequence[str], n_resamples: int, seed: int
) -> list[NDArray[np.int64]]:
    """Indices of the configurations of runs drawn with replacement, as many of each class."""
    if set(np.unique(targets)) != {0, 1}:
        raise InputError("an evaluation needs configurations of both classes; got one only.")
    names = np.asarray(runs)
    groups = [
        [np.flatnonzero(names == run) for run in np.unique(names[targets == target])]
        for target in (0, 1)
    ]
    rng = np.random.default_rng(seed)
    return [
        np.concatenate(
            [group[k] for group in groups for k in rng.integers(len(group), size=len(group))]
        )
        for _ in range(n_resamples)
    ]


def _interval(
    figure: Callable[[NDArray[np.int64]], float], n: int, resamples: list[NDArray[np.int64]]
) -> Interval:
    """A figure of `n` configurations, given their indices, with its percentile interval."""
    low, high = np.quantile([figure(index) for index in resamples], [0.025, 0.975])
    return Interval(figure(np.arange(n)), float(low), float(high))


def roc_auc(scores: FloatArray, targets: FloatArray) -> float:
    """Probability that a random glass scores above a random liquid (Mann–Whitney U)."""
    ranks = rankdata(scores)
    positive = targets == 1
    n_positive, n_negative = positive.sum(), (~positive).sum()
    above = ranks[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * n_negative))


def matched_auc(
    scores: ArrayLike, targets: ArrayLike, energies: ArrayLike, *, tolerance: float
) -> tuple[float, int]:
    """AUC over the pairs of a liquid and a glass that have nearly the same energy.

    The ROC AUC is the share of all (liquid, glass) pairs that a score puts in the right order;
    here only pairs whose energies differ by less than `tolerance` count, so energy itself is at
    chance. What remains above chance is structure beyond energy, the question of Swanson et al.,
    arXiv:1909.04648.

    Args:
        scores: Shape [n_snapshots].
        targets: True class, 0 or 1, shape [n_snapshots].
        energies: Inherent energy per particle, shape [n_snapshots].
        tolerance: Largest difference of energy of a pair.

    Returns:
        The AUC (NaN without pairs) and the number of pairs it rests on.
    """
    scores, energies = np.asarray(scores, float), np.asarray(energies, float)
    glass = np.asarray(targets) == 1
    close = np.abs(energies[glass][:, None] - energies[~glass][None, :]) < tolerance
    difference = (scores[glass][:, None] - scores[~glass][None, :])[close]
    if not difference.size:
        return float("nan"), 0
    return float(np.mean((np.sign(difference) + 1) / 2)), int(difference.size)


def calibration_error(probability: FloatArray, targets: FloatArray, n_bins: int = 10) -> float:
    """Expected calibration error (Guo et al., ICML 2017, eq. 5), equal-width bins.

    The mean over bins, weighted by occupation, of ``|share of glasses − mean probability|``.
    """
    bins = np.minimum((probability * n_bins).astype(int), n_bins - 1)
    error = 0.0
    for k in np.unique(bins):
        inside = bins == k
        gap = abs(float(targets[inside].mean()) - float(probability[inside].mean()))
        error += inside.mean() * gap
    return float(error)


REGULARISATIONS = (0.001, 0.01, 0.1, 1.0, 10.0)


def linear_scores(features: FloatArray, labelled: LabelledSet, split: Split) -> FloatArray:
    """Decision scores of logistic regression on standardised features of configurations.

    The strength of the regularisation is chosen by the log loss on the validation runs; the
    test runs are not looked at.

    Args:
        features: One row per configuration, shape [n_snapshots, n_features].
        labelled: The configurations, for their classes and runs.
        split: Which runs train and which validate.

    Returns:
        Log odds of the second class, shape [n_snapshots].
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, validation = labelled.where(split.train), labelled.where(split.validation)
    targets = labelled.targets
    candidates = []
    for strength in REGULARISATIONS:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=5000))
        model.fit(features[train], targets[train])
        loss = log_loss(targets[validation], model.predict_proba(features[validation]))
        candidates.append((loss, model))
    best = min(candidates, key=lambda candidate: candidate[0])[1]
    return np.asarray(best.decision_function(features))
