"""Do classifiers that differ in nothing but their seed give the same map?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from gnnglass.errors import InputError
from gnnglass.explain.faithfulness.maps import Maps
from gnnglass.explain.faithfulness.rank_correlation import rank_correlation
from gnnglass.trajectories.snapshot import FloatArray


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
