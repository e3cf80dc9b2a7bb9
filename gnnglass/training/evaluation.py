"""How well scores separate two classes, with intervals over independent runs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_positive
from gnnglass.stats import Interval, auc_over_runs, share_over_runs
from gnnglass.training.labelled import LabelledSet, Split

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """Figures of merit of a two-class classifier on held-out runs.

    Attributes:
        auc: Area under the ROC curve.
        accuracy: Share of configurations on the right side of probability 1/2.
        calibration_error: Expected calibration error over ten equal bins of probability.
        n_runs: Number of independent runs.
        n_snapshots: Number of configurations.
    """

    auc: Interval
    accuracy: Interval
    calibration_error: float
    n_runs: int
    n_snapshots: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-like values; the ends of missing intervals are None."""
        return {
            "auc": self.auc.to_dict(),
            "accuracy": self.accuracy.to_dict(),
            "calibration_error": self.calibration_error,
            "n_runs": self.n_runs,
            "n_snapshots": self.n_snapshots,
        }


@checks_arguments
def evaluate(probability: ArrayLike, targets: ArrayLike, runs: Sequence[Hashable]) -> Evaluation:
    """Evaluate predicted probabilities of the second class.

    Every run has the same weight, however many configurations it has; intervals are over runs (see
    `gnnglass.stats.auc_over_runs` and `gnnglass.stats.share_over_runs`).

    Args:
        probability: Probability of the second class, shape [n_snapshots].
        targets: True class, 0 or 1, shape [n_snapshots].
        runs: Run of each configuration; none may hold both classes.

    Raises:
        InputError: If only one class is present, the lengths differ, or a run has both classes.
    """
    probability, targets = np.asarray(probability, dtype=np.float64), np.asarray(targets)
    # This also checks the lengths.
    area = auc_over_runs(probability, targets, runs)
    return Evaluation(
        auc=area,
        accuracy=share_over_runs((probability > 0.5) == (targets == 1), runs),
        calibration_error=calibration_error(probability, targets),
        n_runs=area.n_runs,
        n_snapshots=len(targets),
    )


@checks_arguments
def matched_auc(
    scores: ArrayLike, targets: ArrayLike, energies: ArrayLike, *, tolerance: float
) -> tuple[float, int]:
    """AUC over the pairs of a liquid and a glass that have nearly the same energy.

    The ROC AUC is the share of all (liquid, glass) pairs that a score puts in the right order;
    here only pairs whose energies differ by less than `tolerance` count. Of these more have the
    glass at the lower energy than at the higher one, because the distributions of energies slope
    within the tolerance; so both kinds are given the same weight, and any function of the energy
    that only rises or only falls is at 1/2 exactly. What remains above chance is structure beyond
    energy, the question of Swanson et al., arXiv:1909.04648.

    Args:
        scores: Scores, larger for the glass, shape [n_snapshots].
        targets: True class, 0 or 1, shape [n_snapshots].
        energies: Inherent energy per particle, shape [n_snapshots].
        tolerance: Largest energy difference within a pair.

    Returns:
        The AUC and the number of pairs it rests on; NaN and 0 if in no pair, or in none of them,
        the glass has the higher energy, or the lower one.

    Raises:
        InputError: If `tolerance` is not a positive number.
    """
    require_positive(tolerance=tolerance)
    scores, energies = np.asarray(scores, float), np.asarray(energies, float)
    glass = np.asarray(targets) == 1
    gap = energies[glass][:, None] - energies[~glass][None, :]
    right = (np.sign(scores[glass][:, None] - scores[~glass][None, :]) + 1) / 2
    close = np.abs(gap) < tolerance
    lower, higher, equal = (close & (np.sign(gap) == sign) for sign in (-1, 1, 0))
    n_pairs = int(close.sum())
    if lower.any() != higher.any() or not n_pairs:
        return float("nan"), 0
    of_equal = float(right[equal].sum())
    if not lower.any():
        return of_equal / n_pairs, n_pairs
    balanced = (float(right[lower].mean()) + float(right[higher].mean())) / 2
    return (balanced * (n_pairs - int(equal.sum())) + of_equal) / n_pairs, n_pairs


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


@checks_arguments
def linear_scores(features: FloatArray, labelled: LabelledSet, split: Split) -> FloatArray:
    """Decision scores of logistic regression on standardised features of configurations.

    The strength of the regularisation is chosen by the log loss on the validation runs; the test
    runs are not used.

    Args:
        features: One row per configuration, shape [n_snapshots, n_features].
        labelled: The configurations, for their classes and runs.
        split: The runs for training and for validation.

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
