"""Crystals and brute force that the tests of the indicators share."""

import itertools
from typing import Any

import numpy as np

from gnnglass.trajectories import Snapshot

HALF = np.sqrt(3) / 2
#: Edges of an orthorhombic cell and the places in it; the nearest neighbours are 1 apart.
CRYSTALS: dict[str, tuple[Any, list[tuple[float, ...]]]] = {
    "square": ((1, 1), [(0, 0)]),
    "hexagonal": ((1, 2 * HALF), [(0, 0), (0.5, 0.5)]),
    "sc": ((1, 1, 1), [(0, 0, 0)]),
    "bcc": (np.full(3, 1 / HALF), [(0, 0, 0), (0.5, 0.5, 0.5)]),
    "fcc": (np.full(3, np.sqrt(2)), [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]),
    "hcp": (
        (1, 2 * HALF, np.sqrt(8 / 3)),
        [(0, 0, 0), (0.5, 0.5, 0), (0.5, 5 / 6, 0.5), (0, 1 / 3, 0.5)],
    ),
}


def crystal(name, n_cells=4, spacing=1.0):
    """A perfect crystal of one species in a box of `n_cells` cells along each edge."""
    cell, basis = CRYSTALS[name]
    corners = np.array(list(itertools.product(range(n_cells), repeat=len(cell))), dtype=float)
    places = (corners[:, None] + np.array(basis)).reshape(-1, len(cell))
    edges = spacing * np.array(cell)
    return Snapshot(edges * n_cells, places * edges, np.zeros(len(places)), type_names=("A",))


def vectors_from(snapshot, i):
    """Every other particle and the vector from i to its nearest image, over explicit images."""
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=snapshot.dimension)))
    others = np.delete(np.arange(len(snapshot)), i)
    vectors = snapshot.positions[others, None] + shifts * snapshot.box - snapshot.positions[i]
    nearest = np.linalg.norm(vectors, axis=-1).argmin(axis=1)
    return others, vectors[np.arange(len(others)), nearest]


def distances_to(snapshot, i):
    """Distance of every other particle's nearest image to i, over the explicit images."""
    others, vectors = vectors_from(snapshot, i)
    return others, np.linalg.norm(vectors, axis=-1)
