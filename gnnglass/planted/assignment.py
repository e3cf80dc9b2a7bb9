"""Who goes where: one-to-one matches of points that are near each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gnnglass.trajectories.snapshot import FloatArray


def nearest_match(first: FloatArray, second: FloatArray) -> tuple[NDArray[np.int64], ...]:
    """The one-to-one match of points with the smallest sum of squared distances.

    By linear assignment (Crouse, IEEE Trans. Aerosp. Electron. Syst. 52, 1679 (2016)). As many
    points are matched as there are in the shorter list.

    Args:
        first: Points, shape [m, d].
        second: Points, shape [k, d].

    Returns:
        Indices into `first`, increasing, and into `second`, each of shape [min(m, k)].
    """
    from scipy.optimize import linear_sum_assignment

    squares = ((first[:, None] - second) ** 2).sum(axis=-1)
    rows, columns = linear_sum_assignment(squares)
    return rows, columns
