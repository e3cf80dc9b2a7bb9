"""Statistics over independent runs: means, confidence intervals, ranks, areas under ROC curves.

Frames of one run share its history, so only runs are independent: values are averaged within each
run first, and intervals are for the mean over *runs*. They are designed for few runs: their
coverage was measured in simulations of 2 to 20 runs, with normal and with skewed values
(``benchmarks/interval_coverage.py``). If there are too few runs for any method, there is no
interval, and the values of the runs are given instead.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_memory, require_whole
from gnnglass.errors import InputError

FloatArray = NDArray[np.float64]
Run = TypeVar("Run")
#: Scale on which a quantity x is resampled: x itself, log x if it is positive, artanh x if it is a
#: correlation. This keeps the ends of the interval in the valid range.
Scale = Literal["linear", "log", "correlation"]

LEVEL = 0.95
"""Nominal coverage: how often an interval should contain the true value."""

FEWEST_RUNS = 4
"""With three runs, one bootstrap sample in nine is a single run three times and has no spread."""

N_RESAMPLES = 9_999


@dataclass(frozen=True, repr=False)
class Interval:
    """An estimate over independent runs with its 95 % interval.

    Attributes:
        estimate: The estimate.
        low: Lower end; NaN if there is no interval.
        high: Upper end; NaN if there is no interval.
        n_runs: Number of independent runs.
        note: Why there is no interval, such as ``"3 runs only: 0.41, 0.38, 0.44"``; empty if there
            is one.
    """

    estimate: float
    low: float
    high: float
    n_runs: int
    note: str = ""

    def __repr__(self) -> str:
        return f"<Interval {self.sentence('.4g')}>"

    @property
    def exists(self) -> bool:
        """Whether there is an interval."""
        return bool(np.isfinite(self.low))

    def holds(self, value: float) -> bool:
        """Whether the interval contains a value; always true if there is no interval."""
        return not self.exists or bool(self.low <= value <= self.high)

    def sentence(self, style: str) -> str:
        """As text, with numbers in the format `style`: 0.42 [0.31, 0.52] (95 % …)."""
        figure = f"{self.estimate:{style}}"
        if not self.exists:
            return f"{figure} ({self.note})" if self.note else figure
        return f"{figure} [{self.low:{style}}, {self.high:{style}}] (95 % over {self.n_runs} runs)"

    def to_dict(self) -> dict[str, float | int | str | None]:
        """JSON-like values, with None for ends that do not exist."""
        low, high = (float(end) if self.exists else None for end in (self.low, self.high))
        estimate = float(self.estimate) if np.isfinite(self.estimate) else None
        note = {"note": self.note} if self.note else {}
        return {"estimate": estimate, "low": low, "high": high, "n_runs": self.n_runs, **note}


@checks_arguments
def run_means(values: ArrayLike, runs: Sequence[Hashable]) -> FloatArray:
    """Mean over each run's configurations, shape [n_configurations, ...] -> [n_runs, ...].

    Runs come in order of appearance.

    Raises:
        InputError: If there is no value, or not one run per value.
    """
    array = np.asarray(values, dtype=np.float64)
    names = np.array([str(run) for run in runs])
    if array.ndim == 0 or len(array) == 0 or len(names) != len(array):
        raise InputError(
            f"values have shape {list(array.shape)} and {len(names)} runs were named; expected at "
            "least one configuration and the run of each."
        )
    return np.stack([array[names == run].mean(axis=0) for run in dict.fromkeys(names.tolist())])


@checks_arguments
def mean_over_runs(
    values: ArrayLike,
    runs: Sequence[Hashable] | None = None,
    *,
    scale: Scale = "linear",
    seed: int = 0,
) -> Interval:
    """Mean within each run, then over runs, with a 95 % interval.

    The interval is that of the studentised bootstrap over runs (Efron & Tibshirani, An
    Introduction to the Bootstrap, 1993, ch. 12.5): the error of the mean is resampled *in units of
    its own standard error*, so the interval can be asymmetric, as skewed values require. Student's
    t interval, which assumes normal values, covered the mean of skewed values in 88 to 92 % of the
    cases with 4 to 8 runs; this one in 92 to 95 %.

    Args:
        values: One per configuration (or per control, for an interval over controls).
        runs: Run of each value; by default every value is a separate run.
        scale: Scale of the resampling; ``"correlation"`` for means of correlation coefficients.
        seed: Seed of the resampling.

    Returns:
        The mean and its interval, which does not exist with fewer than four runs or if all runs
        give the same value.

    Raises:
        InputError: If there is no value, or not one run per value.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise InputError(f"values have shape {array.shape}; expected one of each configuration.")
    means = run_means(array, range(array.size) if runs is None else runs)
    n = len(means)
    estimate = float(means.mean())
    nothing = _too_few(means)
    if nothing:
        return Interval(estimate, np.nan, np.nan, n, nothing)
    require_whole(0, seed=seed)
    picks = np.random.default_rng(seed).integers(n, size=(N_RESAMPLES, n))
    resampled = means[picks]
    errors = resampled.std(axis=1, ddof=1) / np.sqrt(n)
    error = float(means.std(ddof=1)) / np.sqrt(n)
    low, high = _studentised(estimate, error, resampled.mean(axis=1), errors, scale)
    return Interval(estimate, low, high, n)


@checks_arguments
def statistic_over_runs(
    per_run: Sequence[Run],
    statistic: Callable[[Sequence[Run]], float],
    *,
    scale: Scale = "linear",
    n_resamples: int = 399,
    seed: int = 0,
) -> Interval:
    """A quantity computed from all runs together, such as a decay length, with a 95 % interval.

    Like `mean_over_runs`, but the standard error of each resample comes from the jackknife over its
    runs (Efron & Tibshirani, ch. 11). This costs `n_resamples` times (1 + number of runs)
    evaluations.

    Args:
        per_run: One entry per independent run, in whatever form `statistic` takes.
        statistic: Maps a sequence of entries to a number.
        scale: Scale of the resampling; ``"log"`` for lengths and ratios.
        n_resamples: Number of bootstrap samples.
        seed: Seed of the resampling.

    Raises:
        InputError: If there is no run.
    """
    n = len(per_run)
    if n == 0:
        raise InputError("there is no run to resample; expected one entry per independent run.")
    require_whole(0, seed=seed)
    require_whole(1, n_resamples=n_resamples)
    require_memory(8 * n * n_resamples, f"{n_resamples:.3g} resamples of {n} runs")
    everyone = np.arange(n)

    def figure(picked: NDArray[np.int64]) -> float:
        return statistic([per_run[k] for k in picked])

    estimate = figure(everyone)
    if n < FEWEST_RUNS:
        return Interval(estimate, np.nan, np.nan, n, f"{_counted(n)} only")
    error = _jackknife_error(figure, everyone)
    picks = np.random.default_rng(seed).integers(n, size=(n_resamples, n))
    figures = np.array([figure(pick) for pick in picks])
    errors = np.array([_jackknife_error(figure, pick) for pick in picks])
    if not error > 0:
        return Interval(estimate, np.nan, np.nan, n, "all runs give the same value: no interval")
    return Interval(estimate, *_studentised(estimate, error, figures, errors, scale), n)


@checks_arguments
def share_over_runs(values: ArrayLike, runs: Sequence[Hashable]) -> Interval:
    """Mean over runs of shares from 0 to 1, such as an accuracy, with a 95 % interval.

    Shares are often exactly 0 or 1, where resampling finds no spread. The interval is Clopper and
    Pearson's with runs as trials (Biometrika 26, 404 (1934)): no shares vary more than trials that
    succeed or fail. If the shares vary less, it is Student's on the scale log(p / (1 − p)), with
    the variance of one unseen run added.

    Args:
        values: One share per configuration.
        runs: Run of each.

    Raises:
        InputError: As `run_means`.
    """
    from scipy.special import stdtrit

    means = run_means(values, runs)
    n, share = len(means), float(means.mean())
    if n == 1:
        return Interval(share, np.nan, np.nan, 1, _too_few(means))
    error = float(means.std(ddof=1)) / np.sqrt(n)
    t = float(stdtrit(n - 1, (1 + LEVEL) / 2))
    return Interval(share, *_within_unit(share, error, n, t), n)


@checks_arguments
def auc(scores: ArrayLike, targets: ArrayLike, runs: Sequence[Hashable] | None = None) -> float:
    """Probability that a configuration of the second class scores above one of the first.

    Args:
        scores: Larger for the second class, shape [n].
        targets: True class, 0 or 1, shape [n].
        runs: Run of each configuration; if given, every run has the same weight.

    Raises:
        InputError: If only one class is present, or a score is not finite.
    """
    from sklearn.metrics import roc_auc_score

    labels, values = np.asarray(targets), np.asarray(scores, dtype=np.float64)
    _require_both_classes(labels)
    if values.shape != labels.shape or not np.isfinite(values).all():
        raise InputError(
            f"scores have shape {values.shape} and targets {labels.shape}; expected a finite "
            "score for each target."
        )
    weights = None
    if runs is not None:
        names = [str(run) for run in runs]
        weights = np.array([1 / names.count(name) for name in names])
    return float(roc_auc_score(labels, values, sample_weight=weights))


@checks_arguments
def auc_over_runs(scores: ArrayLike, targets: ArrayLike, runs: Sequence[Hashable]) -> Interval:
    """Area under the ROC curve with a 95 % interval over runs.

    Two runs of different classes count as one comparison, whatever the number of their
    configurations. The variance over runs is that of a two-sample U statistic (DeLong, DeLong &
    Clarke-Pearson, Biometrics 44, 837 (1988); for clustered data: Obuchowski, Biometrics 53, 567
    (1997)). The variance of one unseen pair of runs is added, because nearly perfect areas from few
    runs have almost no variance of their own. The interval is Student's on the scale
    log(A / (1 − A)), with Welch's degrees of freedom.

    It is never wider than the interval of Clopper and Pearson with one trial per run of the smaller
    class: that many disjoint pairs of runs are independent trials, and A, the mean over all ways to
    pair them, does not vary more than a single pairing (Hoeffding, J. Am. Stat. Assoc. 58, 13
    (1963), §5). If the classes separate perfectly, the interval is Clopper and Pearson's; it is
    valid for any number of runs.

    Args:
        scores: Larger for the second class, shape [n].
        targets: True class, 0 or 1, shape [n].
        runs: Run of each configuration; none may hold both classes.

    Raises:
        InputError: If only one class is present, the lengths differ, or a run has both classes.
    """
    wins = _wins(scores, targets, runs)  # also checks the arguments
    return _area_interval(auc(scores, targets, runs), wins)


@checks_arguments
def auc_difference(
    scores: ArrayLike, reference: ArrayLike, targets: ArrayLike, runs: Sequence[Hashable]
) -> Interval:
    """How much better one score separates two classes than another: the difference of the AUCs.

    Both use the same runs, so variation that affects both cancels. The interval is combined from
    those of the two areas and their correlation over runs (the method of variance estimates
    recovery, Newcombe, Stat. Med. 17, 873 (1998), method 10, for paired data). It is therefore as
    asymmetric as they are: the difference of two areas close to 1 is far from normal.

    Args:
        scores: Larger for the second class, shape [n].
        reference: Another such score of the same configurations, shape [n].
        targets: True class, 0 or 1, shape [n].
        runs: Run of each configuration; none may hold both classes.

    Returns:
        The difference; its interval does not exist if a class has fewer than four runs.

    Raises:
        InputError: As `auc_over_runs`.
    """
    wins = [_wins(each, targets, runs) for each in (scores, reference)]
    areas = [
        _area_interval(auc(each, targets, runs), won)
        for each, won in zip((scores, reference), wins, strict=True)
    ]
    estimate = areas[0].estimate - areas[1].estimate
    if min(wins[0].shape) < FEWEST_RUNS:
        note = f"{_counted(min(wins[0].shape))} of a class only"
        return Interval(estimate, np.nan, np.nan, areas[0].n_runs, note)
    covariance = _covariance_of_wins(*wins)
    errors = float(np.prod([_covariance_of_wins(each, each) for each in wins])) ** 0.5
    correlation = min(max(covariance / errors, 0.0), 1.0) if errors > 0 else 0.0

    def reach(one: float, other: float) -> float:
        return float(np.sqrt(max(one**2 + other**2 - 2 * correlation * one * other, 0.0)))

    (below, above), (below_reference, above_reference) = (
        (each.estimate - each.low, each.high - each.estimate) for each in areas
    )
    return Interval(
        estimate,
        estimate - reach(below, above_reference),
        estimate + reach(above, below_reference),
        areas[0].n_runs,
    )


@checks_arguments
def null_quantile(estimate: float, null: ArrayLike) -> float:
    """Where the size of an estimate lies among those of a null: 1 above all of them.

    The share of the null's ``|r|`` that are below the estimate's, ties counted half. The sign of a
    null is chance, as is that of a network trained on wrong labels, so only sizes are compared.
    With n members a quantile is known to 1/n and no better.

    Args:
        estimate: The estimate, such as a mean correlation over runs.
        null: The same of each member of the null, at least one.

    Raises:
        InputError: If the null has no member, or a value is not finite.
    """
    sizes = np.abs(np.asarray(null, dtype=np.float64)).ravel()
    if not sizes.size or not np.isfinite(sizes).all() or not np.isfinite(estimate):
        raise InputError(
            f"a null of {sizes.size} members, {np.isfinite(sizes).sum()} of them finite, was given "
            f"for the estimate {estimate:g}; expected at least one, and finite values."
        )
    return float((np.sign(abs(estimate) - sizes).mean() + 1) / 2)


@checks_arguments
def standard_scores(values: FloatArray, *, ranked: bool) -> FloatArray | None:
    """Values or their average ranks with zero mean and unit length, shape [n].

    In this form Pearson's coefficient is the dot product of the values of two fields, and
    Spearman's that of their ranks.

    Returns:
        The scores; None if the values are constant, so that no coefficient exists.
    """
    if np.ptp(values) == 0:
        return None
    if ranked:
        from scipy.stats import rankdata

        values = rankdata(values)
    centred = values - values.mean()
    size = float(np.linalg.norm(centred))
    return np.asarray(centred / size) if size > 0 else None


@checks_arguments
def among_largest(values: FloatArray, k: int) -> FloatArray:
    """Probability that each value is among the `k` largest, shape [n].

    This is 1 or 0, except for values tied at the k-th place: these share the remaining places
    equally, as if tied values were in random order.
    """
    threshold = np.partition(values, -k)[-k]
    above, tied = values > threshold, values == threshold
    return np.where(tied, (k - above.sum()) / tied.sum(), above)


@checks_arguments
def best_on_other_runs(figures: FloatArray, runs: Sequence[Hashable], run: Hashable) -> int:
    """The candidate with the largest absolute mean over all runs *other* than `run`.

    So the choice for a run does not use the data of that run.

    Args:
        figures: Value of each configuration with each candidate, shape [n_configurations,
            n_candidates]; ties go to the first. A single candidate is returned as it is.
        runs: Run of each configuration.
        run: The run to leave out.

    Raises:
        InputError: If there are several candidates and no other run.
    """
    if figures.shape[1] == 1:
        return 0
    others = np.array([str(name) != str(run) for name in runs])
    if not others.any():
        raise InputError(
            f"{figures.shape[1]} candidates were given for a single run, but one is chosen on "
            "other runs; give one candidate or at least two runs."
        )
    means = run_means(figures[others], [name for name in runs if str(name) != str(run)])
    return int(np.argmax(np.abs(means.mean(axis=0))))


def _too_few(means: FloatArray) -> str:
    """Why there is no interval of a mean over runs; empty if there is one."""
    n = len(means)
    if n < FEWEST_RUNS:
        return f"{_counted(n)} only: {', '.join(f'{mean:.3g}' for mean in means)}"
    if np.ptp(means) <= 1e-12 * np.abs(means).max():
        return f"all {n} runs give the same value: no interval"
    return ""


def _counted(n: int) -> str:
    return "1 run" if n == 1 else f"{n} runs"


def _studentised(
    estimate: float, error: float, resampled: FloatArray, errors: FloatArray, scale: Scale
) -> tuple[float, float]:
    """Ends of the interval from the errors of the resamples in units of their standard errors."""
    forth, slope, back = _SCALES[scale]
    centre = forth(np.float64(estimate))
    distance = forth(resampled) - centre
    spread = errors * slope(resampled)
    # A resample that repeats a single run has no spread: its t is infinite.
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(spread > 0, distance / spread, np.sign(distance) * np.inf)
    lower, upper = np.quantile(t, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="inverted_cdf")
    reach = error * slope(np.float64(estimate))
    return float(back(centre - upper * reach)), float(back(centre - lower * reach))


#: For each scale: the transformation, its derivative, and its inverse.
_SCALES: dict[Scale, tuple[Callable[..., FloatArray], ...]] = {
    "linear": (lambda x: x, np.ones_like, lambda x: x),
    "log": (np.log, lambda x: 1 / x, np.exp),
    "correlation": (
        lambda r: np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)),
        lambda r: 1 / np.clip(1 - r**2, 1e-12, None),
        np.tanh,
    ),
}


def _jackknife_error(
    figure: Callable[[NDArray[np.int64]], float], picked: NDArray[np.int64]
) -> float:
    n = len(picked)
    left_out = np.array([figure(np.delete(picked, k)) for k in range(n)])
    return float(np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum()))


def _within_unit(share: float, error: float, n: int, t: float) -> tuple[float, float]:
    """Interval of a share: Student's on the scale log(p / (1 − p)), within that of n trials."""
    from scipy.special import betaincinv, expit, logit

    tail = (1 - LEVEL) / 2
    successes = share * n
    low = float(betaincinv(successes, n - successes + 1, tail)) if share > 0 else 0.0
    high = float(betaincinv(successes + 1, n - successes, 1 - tail)) if share < 1 else 1.0
    if not 0 < share < 1 or error == 0:
        return low, high
    spread = share * (1 - share)
    reach = t * float(np.sqrt(error**2 + spread / n**2)) / spread
    ends = expit(logit(share) + np.array([-reach, reach]))
    return max(low, float(ends[0])), min(high, float(ends[1]))


def _wins(scores: ArrayLike, targets: ArrayLike, runs: Sequence[Hashable]) -> FloatArray:
    """How often each run of the second class scores above each of the first, [n_1, n_0]."""
    values, labels = np.asarray(scores, dtype=np.float64), np.asarray(targets)
    names = np.array([str(run) for run in runs])
    if not len(values) == len(labels) == len(names):
        raise InputError(
            f"{len(values)} scores, {len(labels)} targets and {len(names)} runs were given; "
            "expected one of each per configuration."
        )
    _require_both_classes(labels)
    members = [list(dict.fromkeys(names[labels == target].tolist())) for target in (0, 1)]
    both = set(members[0]) & set(members[1])
    if both:
        raise InputError(
            f"run {min(both)!r} holds configurations of both classes; give each class runs of its "
            "own."
        )
    first, second = ([values[names == run] for run in of_class] for of_class in members)
    return np.array(
        [[(np.sign(b[:, None] - a[None, :]).mean() + 1) / 2 for a in first] for b in second]
    )


def _area_interval(area: float, wins: FloatArray) -> Interval:
    """An area with its interval, from how often each run of one class wins against each other."""
    from scipy.special import stdtrit

    error, degrees = _error_of_wins(wins)
    t = float(stdtrit(degrees, (1 + LEVEL) / 2)) if error > 0 else np.inf
    return Interval(area, *_within_unit(area, error, min(wins.shape), t), sum(wins.shape))


def _error_of_wins(wins: FloatArray) -> tuple[float, float]:
    """Standard error of the mean over pairs of runs, and Welch's degrees of freedom.

    With a single run of a class the error is unknown and returned as infinite.
    """
    if min(wins.shape) < 2:
        return np.inf, 1.0
    parts = [wins.mean(axis=1 - axis).var(ddof=1) / n for axis, n in enumerate(wins.shape)]
    variance = float(sum(parts))
    if variance == 0:
        return 0.0, 1.0
    spread = sum(part**2 / (n - 1) for part, n in zip(parts, wins.shape, strict=True))
    return float(np.sqrt(variance)), variance**2 / float(spread)


def _covariance_of_wins(one: FloatArray, other: FloatArray) -> float:
    """Covariance of two means over the same pairs of runs."""
    return float(
        sum(
            np.cov(one.mean(axis=1 - axis), other.mean(axis=1 - axis), ddof=1)[0, 1] / n
            for axis, n in enumerate(one.shape)
        )
    )


def _require_both_classes(targets: NDArray[np.generic]) -> None:
    found = set(np.unique(targets).tolist())
    if found != {0, 1}:
        raise InputError(
            f"targets hold the classes {sorted(found)}; expected configurations of both classes, "
            "0 and 1."
        )
