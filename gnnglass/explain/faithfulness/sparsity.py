"""On how few particles a map rests."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.errors import InputError
from gnnglass.explain.faithfulness.maps import checked_maps
from gnnglass.trajectories.snapshot import FloatArray


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
