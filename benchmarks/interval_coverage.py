"""How often intervals over runs hold the true value, in simulations where it is known.

Runs have an effect of their own, and three configurations each; both are normal, or skewed (an
exponential). Printed is, for each figure and number of runs (of each class, for classifiers), the
share of trials in which the interval holds the true value, and its median width; a dash where
there is no interval. The last rows correlate a random field with another::

    python benchmarks/interval_coverage.py --trials 500 --write docs/intervals.md
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from _common import rewrite_part, run_script
from numpy.typing import NDArray
from tqdm import tqdm

from gnnglass.stats import (
    Interval,
    auc_difference,
    auc_over_runs,
    mean_over_runs,
    share_over_runs,
    statistic_over_runs,
)

FloatArray = NDArray[np.float64]
RUNS = (2, 3, 4, 6, 8, 20)
FRAMES = 3
PARTICLES = 200
#: How far the scores of the second class are above those of the first; AUCs of about .7 and .97.
SHIFTS = (1.0, 4.0)
#: A large sample in place of the population.
MANY = 400_000
Noise = Callable[[np.random.Generator, tuple[int, ...]], FloatArray]
SHAPES: dict[str, Noise] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "skewed": lambda rng, shape: rng.exponential(1.0, shape) - 1,
}
Trial = Callable[[np.random.Generator, int], Interval]


def mean(noise: Noise) -> tuple[Trial, float]:
    """Mean of a value with an effect of the run; the true one is 0."""

    def trial(rng: np.random.Generator, n: int) -> Interval:
        values = noise(rng, (n, 1)) + noise(rng, (n, FRAMES))
        return mean_over_runs(values.ravel(), _runs(n))

    return trial, 0.0


def correlation(noise: Noise) -> tuple[Trial, float]:
    """Mean of correlation coefficients that differ from run to run."""

    def coefficients(rng: np.random.Generator, n: int, frames: int) -> FloatArray:
        strength = np.tanh(0.4 + 0.2 * noise(rng, (n, 1)))
        error = rng.standard_normal((n, frames)) / np.sqrt(PARTICLES)
        return np.tanh(np.arctanh(strength) + error)

    truth = coefficients(np.random.default_rng(0), MANY, 1).mean()

    def trial(rng: np.random.Generator, n: int) -> Interval:
        values = coefficients(rng, n, FRAMES)
        return mean_over_runs(values.ravel(), _runs(n), scale="correlation")

    return trial, float(truth)


def random_field(noise: Noise) -> tuple[Trial, float]:
    """Mean correlation of a random field with one that has an effect of the run: none."""

    def trial(rng: np.random.Generator, n: int) -> Interval:
        field = rng.standard_normal((n * FRAMES, PARTICLES))
        target = noise(rng, (n * FRAMES, PARTICLES))
        values = [np.corrcoef(x, y)[0, 1] for x, y in zip(field, target, strict=True)]
        return mean_over_runs(values, _runs(n), scale="correlation")

    return trial, 0.0


def area(noise: Noise, shift: float) -> tuple[Trial, float]:
    """Area under the ROC curve of scores with an effect of the run."""
    rng = np.random.default_rng(0)
    first, second = (noise(rng, (MANY,)) + noise(rng, (MANY,)) for _ in range(2))
    truth = float((second + shift > first).mean())

    def trial(rng: np.random.Generator, n: int) -> Interval:
        scores = noise(rng, (2 * n, 1)) + noise(rng, (2 * n, FRAMES))
        scores[n:] += shift
        return auc_over_runs(scores.ravel(), np.repeat([0, 1], n * FRAMES), _runs(2 * n))

    return trial, truth


def accuracy(noise: Noise, shift: float) -> tuple[Trial, float]:
    """Share of the configurations on the right side of a threshold."""
    rng = np.random.default_rng(0)
    one = noise(rng, (MANY,)) + noise(rng, (MANY,))
    truth = float(((one < shift / 2).mean() + (one > -shift / 2).mean()) / 2)

    def trial(rng: np.random.Generator, n: int) -> Interval:
        scores = noise(rng, (2 * n, 1)) + noise(rng, (2 * n, FRAMES))
        scores[:n] -= shift / 2
        scores[n:] += shift / 2
        right = (scores > 0) == (np.arange(2 * n) >= n)[:, None]
        return share_over_runs(right.ravel(), _runs(2 * n))

    return trial, truth


def difference(noise: Noise, shift: float) -> tuple[Trial, float]:
    """Difference of the areas of two scores of the same runs, one of them noisier."""

    def two(rng: np.random.Generator, n: int, frames: int) -> tuple[FloatArray, FloatArray]:
        common = noise(rng, (n, 1)) + noise(rng, (n, frames))
        more = noise(rng, (n, 1)) + noise(rng, (n, frames))
        return common, common + more

    rng = np.random.default_rng(0)
    first, second = two(rng, MANY, 1), two(rng, MANY, 1)
    better, worse = (float((b + shift > a).mean()) for a, b in zip(first, second, strict=True))

    def trial(rng: np.random.Generator, n: int) -> Interval:
        mine, other = two(rng, 2 * n, FRAMES)
        mine[n:] += shift
        other[n:] += shift
        targets = np.repeat([0, 1], n * FRAMES)
        return auc_difference(mine.ravel(), other.ravel(), targets, _runs(2 * n))

    return trial, better - worse


def ratio(noise: Noise) -> tuple[Trial, float]:
    """Ratio of two means over runs, as any figure made of all runs together."""

    def trial(rng: np.random.Generator, n: int) -> Interval:
        pairs = 3 + noise(rng, (n, 1)) + noise(rng, (n, 2))
        return statistic_over_runs(list(np.abs(pairs)), _ratio, scale="log")

    return trial, 1.0


def _ratio(pairs: Sequence[FloatArray]) -> float:
    above, below = np.mean(pairs, axis=0)
    return float(above / below)


def _runs(n: int) -> list[int]:
    return np.repeat(np.arange(n), FRAMES).tolist()


FIGURES: dict[str, Callable[[Noise], tuple[Trial, float]]] = {
    "mean": mean,
    "correlation": correlation,
    **{f"AUC, shift {shift:g}": partial(area, shift=shift) for shift in SHIFTS},
    **{f"accuracy, shift {shift:g}": partial(accuracy, shift=shift) for shift in SHIFTS},
    **{
        f"difference of AUCs, shift {shift:g}": partial(difference, shift=shift) for shift in SHIFTS
    },
    "ratio of means": ratio,
    "random field": random_field,
}


def coverage(figure: str, shape: str, n_runs: int, trials: int) -> tuple[float, float]:
    """Share of the intervals that hold the true value, and their median width; NaN without any."""
    trial, truth = FIGURES[figure](SHAPES[shape])
    intervals = [trial(np.random.default_rng([n_runs, k]), n_runs) for k in range(trials)]
    found = [one for one in intervals if one.exists]
    # Runs that happen to agree have no interval; of too few there never is one.
    if len(found) < trials / 2:
        return np.nan, np.nan
    widths = [one.high - one.low for one in found]
    return float(np.mean([one.holds(truth) for one in found])), float(np.median(widths))


def table(trials: int) -> pd.DataFrame:
    """One row per figure and shape, one column per number of runs: coverage (width)."""
    rows = []
    bar = tqdm(total=len(FIGURES) * len(SHAPES) * len(RUNS), desc="coverage")
    for figure in FIGURES:
        for shape in SHAPES:
            row = {"figure": figure, "values": shape}
            for n in RUNS:
                share, width = coverage(figure, shape, n, trials)
                row[str(n)] = "–" if np.isnan(share) else f"{share:.3f} ({width:.2f})"
                bar.update()
            rows.append(row)
    bar.close()
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--write", type=Path, help="page whose table is to be rewritten")
    arguments = parser.parse_args()
    found = table(arguments.trials)
    print(found.to_string(index=False))
    if arguments.write is not None:
        rewrite_part(arguments.write, "coverage", found)


if __name__ == "__main__":
    run_script(main)
