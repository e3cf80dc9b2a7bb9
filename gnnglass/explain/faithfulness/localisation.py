"""Does a map find the particles that are known to matter?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.errors import InputError
from gnnglass.explain.faithfulness.maps import Maps, checked_maps
from gnnglass.training import roc_auc
from gnnglass.trajectories.snapshot import FloatArray


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
    return np.array([roc_auc(values, planted) for values, planted in _pairs(scores, truth)])


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
    threshold = np.sort(scores)[-k]
    above, tied = scores > threshold, scores == threshold
    found = planted[above].sum() + planted[tied].mean() * (k - above.sum())
    return float(found / k)


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
