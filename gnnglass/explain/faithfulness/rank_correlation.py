"""How far two maps put the particles of a configuration in the same order."""

from __future__ import annotations

import numpy as np

from gnnglass.errors import InputError
from gnnglass.explain.faithfulness.maps import Maps, checked_maps
from gnnglass.trajectories.snapshot import FloatArray


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
    """Average ranks with zero mean and unit length, shape [n]."""
    from scipy.stats import rankdata

    if np.ptp(scores) == 0:
        raise InputError(
            f"the map of configuration {k} is constant ({scores[0]:g}) over its {len(scores)} "
            "particles, so its rank correlation is undefined; leave that configuration out."
        )
    ranks = rankdata(scores)
    centred = ranks - ranks.mean()
    return np.asarray(centred / np.linalg.norm(centred))
