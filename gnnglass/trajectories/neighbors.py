"""Periodic neighbour pairs, found by freud and measured in double precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.trajectories._conversion import SnapshotLike, as_snapshot
from gnnglass.trajectories.snapshot import FloatArray


@dataclass(frozen=True)
class NeighborPairs:
    """All ordered pairs (i, j), i ≠ j, closer than a cutoff; sorted by i, then j.

    Attributes:
        i: Centre particle of each pair, shape [n_pairs].
        j: Neighbour of each pair, shape [n_pairs].
        vectors: Shortest image of r_j − r_i, shape [n_pairs, d], float64.
        distances: Length of each vector, shape [n_pairs], float64.
    """

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    vectors: FloatArray
    distances: FloatArray

    def __len__(self) -> int:
        return len(self.i)


def neighbor_pairs(snapshot: SnapshotLike, r_max: float) -> NeighborPairs:
    """Find every ordered pair of distinct particles closer than `r_max`.

    freud computes in single precision, so it is asked for slightly more than `r_max` and the
    distances are recomputed from the float64 positions.

    Args:
        snapshot: Configuration of n particles.
        r_max: Cutoff, in units of length; less than half the shortest box edge.

    Raises:
        InputError: If `r_max` is not positive or reaches beyond half the box, where a pair has
            more than one image.
    """
    snapshot = as_snapshot(snapshot)
    # freud compares with half the box in single precision; stay clear of its rounding.
    half = float(snapshot.box.min()) / 2 * (1 - 1e-6)
    if not 0 < r_max < half:
        raise InputError(
            f"cutoff {r_max:g} does not fit the box: it must be positive and less than half the "
            f"shortest edge ({half:.4g}); use a smaller cutoff or a larger system."
        )
    import freud

    box = freud.box.Box(*snapshot.box, is2D=snapshot.dimension == 2)
    points = np.zeros((len(snapshot), 3), dtype=np.float32)
    points[:, : snapshot.dimension] = snapshot.positions
    margin = 1e-5 * float(snapshot.box.max())
    # Not by distance means by point, so that the pairs come in order.
    found = (
        freud.locality.AABBQuery(box, points)
        .query(points, {"r_max": min(r_max + margin, half), "exclude_ii": True})
        .toNeighborList(sort_by_distance=False)
    )
    i = found.query_point_indices.astype(np.int64)
    j = found.point_indices.astype(np.int64)
    vectors = snapshot.minimum_image(snapshot.positions[j] - snapshot.positions[i])
    distances = np.linalg.norm(vectors, axis=1)
    near = distances < r_max
    return NeighborPairs(i[near], j[near], vectors[near], distances[near])
