"""Who is bonded to whom: the nearest few, or all within a cutoff."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gnnglass.errors import InputError
from gnnglass.structure.coincident import refuse_coincident
from gnnglass.trajectories import NeighborPairs, Snapshot, neighbor_pairs


def bonds(snapshot: Snapshot, neighbors: Mapping[str, float]) -> NeighborPairs:
    """Ordered pairs (i, j) in which j is a neighbour of i, in double precision.

    freud has the same neighbours, but in single precision: angles of bonds, and the order
    parameters made of them, then carry errors of 1e−6 to 1e−5.

    Args:
        snapshot: Configuration of n particles.
        neighbors: As freud takes it: ``{"num_neighbors": …}`` for the nearest few, a relation
            that need not be mutual, or ``{"r_max": …}`` for all that are closer.

    Raises:
        InputError: If `neighbors` is neither of the two, asks for more neighbours than there
            are, or reaches beyond half the box, or if two particles coincide.
    """
    refuse_coincident(snapshot)
    if set(neighbors) == {"r_max"}:
        return neighbor_pairs(snapshot, neighbors["r_max"])
    if set(neighbors) != {"num_neighbors"}:
        raise InputError(
            f"neighbors are {dict(neighbors)!r}; expected {{'num_neighbors': …}} or {{'r_max': …}}."
        )
    return _nearest(snapshot, neighbors["num_neighbors"])


def _nearest(snapshot: Snapshot, wanted: float) -> NeighborPairs:
    n = len(snapshot)
    if wanted != int(wanted) or not 0 < wanted < n:
        raise InputError(
            f"num_neighbors is {wanted}; expected a whole number from 1 to {n - 1}, the other "
            "particles there are."
        )
    from scipy.spatial import cKDTree

    inside = np.mod(snapshot.positions + snapshot.box / 2, snapshot.box)
    # The nearest of all is the particle itself, because no two coincide.
    _, found = cKDTree(inside, boxsize=snapshot.box).query(inside, int(wanted) + 1)
    j = np.sort(found[:, 1:], axis=1).ravel().astype(np.int64)
    i = np.repeat(np.arange(n), int(wanted))
    vectors = snapshot.minimum_image(snapshot.positions[j] - snapshot.positions[i])
    return NeighborPairs(i, j, vectors, np.linalg.norm(vectors, axis=1))
