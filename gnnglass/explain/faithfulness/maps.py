"""Measures of maps: agreement between them, stability, sparsity, localisation of a known truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_whole
from gnnglass.errors import InputError
from gnnglass.stats import among_largest, auc, standard_scores
from gnnglass.trajectories import Snapshot, TrajectoryLike, as_trajectory
from gnnglass.trajectories.snapshot import FloatArray

#: Scores of the particles of each configuration, from whatever made them.
Maps = Sequence[ArrayLike]


def checked_maps(maps: Maps, sizes: Sequence[int] | None = None) -> list[FloatArray]:
    """The maps as float64 arrays, one of shape [n] per configuration.

    Args:
        maps: Scores of each configuration's particles.
        sizes: How many particles each configuration has; any number if None.

    Raises:
        InputError: If there is no map, not one per configuration, or one that is not a finite
            score for each particle.
    """
    arrays = [np.asarray(scores, dtype=np.float64) for scores in maps]
    if not arrays or (sizes is not None and len(arrays) != len(sizes)):
        wanted = "at least one" if sizes is None else f"{len(sizes)}, one per configuration"
        raise InputError(f"{len(arrays)} maps were given; expected {wanted}.")
    for k, scores in enumerate(arrays):
        n = scores.size if sizes is None else sizes[k]
        if scores.shape != (n,) or n == 0:
            wanted = "n > 0" if sizes is None else str(n)
            raise InputError(
                f"the map of configuration {k} has shape {list(scores.shape)}; expected "
                f"[{wanted}], one score per particle."
            )
        bad = ~np.isfinite(scores)
        if bad.any():
            raise InputError(
                f"the map of configuration {k} is NaN or infinite for {bad.sum()} of {n} "
                "particles; expected a score for every particle."
            )
    return arrays


@checks_arguments
def of_species(maps: Maps, snapshots: TrajectoryLike, name: str) -> list[FloatArray]:
    """The scores of one species' particles alone, one array per configuration.

    Species differ in their mean score, and two maps that know nothing but the species agree
    about that: compare maps within a species.

    Raises:
        InputError: If the maps do not fit the snapshots, or a snapshot has no such species.
    """
    snapshots = as_trajectory(snapshots)
    arrays = checked_maps(maps, [len(snapshot) for snapshot in snapshots])
    return [
        scores[snapshot.of_type(name)] for scores, snapshot in zip(arrays, snapshots, strict=True)
    ]


@checks_arguments
def rank_correlation(one: Maps, other: Maps) -> FloatArray:
    """Spearman's coefficient of two maps of the same particles, shape [n_configurations].

    Args:
        one: Scores of each configuration's particles.
        other: Other scores of the same particles.

    Raises:
        InputError: If the maps are not of the same particles, or one is constant in some
            configuration, so that it puts them in no order.
    """
    first = checked_maps(one)
    second = checked_maps(other, [len(scores) for scores in first])
    return np.array(
        [
            _standard_ranks(a, k) @ _standard_ranks(b, k)
            for k, (a, b) in enumerate(zip(first, second, strict=True))
        ]
    )


def _standard_ranks(scores: FloatArray, k: int) -> FloatArray:
    ranks = standard_scores(scores, ranked=True)
    if ranks is None:
        raise InputError(
            f"the map of configuration {k} is constant ({scores[0]:g}) over its {len(scores)} "
            "particles, so its rank correlation is undefined; leave that configuration out."
        )
    return ranks


@checks_arguments
def seed_agreement(maps: Sequence[Maps]) -> FloatArray:
    """Mean rank correlation of the maps of every two classifiers.

    Args:
        maps: For each classifier, its maps of the same configurations.

    Returns:
        Mean Spearman coefficient over all pairs of classifiers, of each configuration, shape
        [n_configurations].

    Raises:
        InputError: If there are fewer than two classifiers, or as `rank_correlation`.
    """
    if len(maps) < 2:
        raise InputError(
            f"maps of {len(maps)} classifiers were given; agreement needs at least two, trained "
            "with different seeds."
        )
    pairs = [rank_correlation(one, other) for one, other in combinations(maps, 2)]
    return np.asarray(np.mean(pairs, axis=0))


@checks_arguments
def noise_stability(
    attribute: Callable[[Sequence[Snapshot]], Maps],
    snapshots: TrajectoryLike,
    width: float,
    *,
    n_seeds: int = 5,
    seed: int = 0,
) -> FloatArray:
    """Rank correlation of the map of a snapshot with that of the shaken snapshot.

    Every coordinate is displaced by an independent Gaussian. Vibrations in a glass have the width
    √(⟨u²⟩ / d), with the Debye–Waller factor ⟨u²⟩ and d dimensions; a map that such displacements
    change beyond recognition tells of the vibration more than of the structure.

    Args:
        attribute: Snapshots in, maps out, such as ``partial(attribution.compute, classifier)``.
        snapshots: Configurations at the classifier's level.
        width: Standard deviation of the displacement of each coordinate, in units of length.
        n_seeds: How many displacements of each snapshot the coefficient is averaged over.
        seed: Seed of the displacements.

    Returns:
        Mean Spearman coefficient of each configuration, shape [n_configurations]; 1 if the noise
        changes nothing.

    Raises:
        InputError: If width or `n_seeds` are not positive, or as `rank_correlation`.
    """
    if not (np.isfinite(width) and width > 0):
        raise InputError(f"width is {width:g}; expected a positive length.")
    require_whole(1, most=10**6, n_seeds=n_seeds)
    require_whole(0, seed=seed)
    snapshots = as_trajectory(snapshots)
    still = attribute(snapshots)
    coefficients = [
        rank_correlation(
            still,
            attribute(
                [
                    _shaken(snapshot, width, np.random.default_rng([seed, repeat, index]))
                    for index, snapshot in enumerate(snapshots)
                ]
            ),
        )
        for repeat in range(n_seeds)
    ]
    return np.asarray(np.mean(coefficients, axis=0))


def _shaken(snapshot: Snapshot, width: float, rng: np.random.Generator) -> Snapshot:
    displacements = rng.normal(0, width, snapshot.positions.shape)
    return snapshot.replace(positions=snapshot.positions + displacements)


@checks_arguments
def gini(scores: ArrayLike) -> float:
    """Gini index of the sizes of the scores: 0 if all are alike, 1 − 1/n if one has it all.

    With ``|s|`` sorted from the smallest, ``G = 1 − 2 Σ_k |s|_(k) / Σ|s| · (n − k + 1/2) / n``
    (Hurley & Rickard, IEEE Trans. Inf. Theory 55, 4723 (2009), Table I), the one common measure
    that has all six properties they ask of sparsity. It does not depend on the scale.

    Args:
        scores: Map of one configuration, shape [n].

    Raises:
        InputError: If scores are not finite, or all are zero.
    """
    shares = _shares(scores)
    n = len(shares)
    return float(1 - 2 * np.sum(shares * (n - np.arange(1, n + 1) + 0.5)) / n)


@checks_arguments
def half_share(scores: ArrayLike) -> float:
    """Smallest share of the particles that holds half of ``Σ|s|``; 1/2 if all scores are alike.

    Args:
        scores: Map of one configuration, shape [n].

    Raises:
        InputError: If scores are not finite, or all are zero.
    """
    held = np.cumsum(_shares(scores)[::-1])
    # Rounding must not ask for one particle more where half is reached exactly.
    return float((1 + np.argmax(held >= 0.5 - 1e-12)) / len(held))


def _shares(scores: ArrayLike) -> FloatArray:
    """``|s| / Σ|s|`` from the smallest to the largest, shape [n]."""
    (map_of_one,) = checked_maps([scores])
    sizes = np.sort(np.abs(map_of_one))
    if sizes[-1] == 0:
        raise InputError(
            f"all {len(sizes)} scores are zero, so there is nothing whose spread over particles "
            "could be measured; leave that configuration out."
        )
    # Divided by the largest first, so that the sum of very large scores is finite.
    sizes = sizes / sizes[-1]
    return np.asarray(sizes / sizes.sum())


@checks_arguments
def localisation_auc(scores: Maps, truth: Sequence[ArrayLike]) -> FloatArray:
    """Probability that a planted particle scores above another one (area under the ROC curve).

    Args:
        scores: Scores of each configuration's particles.
        truth: True (or 1) for the particles that matter, one array [n] per configuration.

    Returns:
        Area of each configuration, shape [n_configurations]; 1/2 for a map that knows nothing.

    Raises:
        InputError: If maps and truth do not fit each other, or all particles of a configuration
            matter, or none.
    """
    return np.array([auc(values, planted) for values, planted in _pairs(scores, truth)])


@checks_arguments
def precision_at_k(scores: Maps, truth: Sequence[ArrayLike]) -> FloatArray:
    """Share of the k highest scores that belong to the k particles which matter.

    Where scores are tied across the k-th place, it is the mean over all orders of the tied, so
    that a constant map has the share of particles that matter, whatever their numbering.

    Args:
        scores: Scores of each configuration's particles.
        truth: True (or 1) for the particles that matter, one array [n] per configuration.

    Returns:
        Share in each configuration, shape [n_configurations].

    Raises:
        InputError: As `localisation_auc`.
    """
    return np.array([_precision(values, planted) for values, planted in _pairs(scores, truth)])


def _precision(scores: FloatArray, planted: FloatArray) -> float:
    k = int(planted.sum())
    return float(among_largest(scores, k) @ planted / k)


def _pairs(scores: Maps, truth: Sequence[ArrayLike]) -> list[tuple[FloatArray, FloatArray]]:
    fields = checked_maps(truth)
    maps = checked_maps(scores, [len(field) for field in fields])
    for k, field in enumerate(fields):
        if set(np.unique(field)) != {0, 1}:
            raise InputError(
                f"the truth of configuration {k} holds the values "
                f"{', '.join(f'{value:g}' for value in np.unique(field)[:5])}; expected 1 for the "
                "particles that matter and 0 for the others, and some of each."
            )
    return list(zip(maps, fields, strict=True))
