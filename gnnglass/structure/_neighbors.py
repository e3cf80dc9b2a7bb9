"""Neighbours of a particle: bonds and contact distances; coincident particles are refused."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gnnglass.errors import InputError
from gnnglass.systems import GlassFormer
from gnnglass.trajectories import NeighborPairs, Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray, periodic_tree

RESOLUTION = float(np.finfo(np.float32).eps)
"""Resolution of single precision, in which GSD stores positions, in units of the box."""


def fading(distances: FloatArray, r_max: float) -> FloatArray:
    """w(r) = ½ [cos(π r / r_max) + 1], with which neighbours enter and leave smoothly.

    The cutoff function of Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007), eq. 3.
    """
    return np.asarray(0.5 * (np.cos(np.pi * distances / r_max) + 1))


def refuse_coincident(snapshot: Snapshot) -> None:
    """Refuse particles that are closer than the resolution of a file in single precision.

    Raises:
        InputError: If there are any; names the first two.
    """
    closest = RESOLUTION * float(snapshot.box.max())
    found = periodic_tree(snapshot).query_pairs(closest, output_type="ndarray")
    if len(found):
        i, j = min(map(tuple, np.sort(found, axis=1).tolist()))
        raise InputError(
            f"particles {i} and {j} are closer than {closest:.1g} to each other; expected distinct "
            "positions, so remove one of the two."
        )


def bonds(snapshot: Snapshot, neighbors: Mapping[str, float]) -> NeighborPairs:
    """Ordered pairs (i, j) in which j is a neighbour of i, in double precision.

    freud finds the same neighbours, but in single precision: bond angles, and order parameters
    computed from them, then have errors of 1e−6 to 1e−5.

    Args:
        snapshot: Configuration of n particles.
        neighbors: In freud's form: ``{"num_neighbors": …}`` for the nearest few, a relation that
            need not be mutual, or ``{"r_max": …}`` for all particles closer than a cutoff.

    Raises:
        InputError: If `neighbors` is neither of the two, asks for more neighbours than there are
            particles, or reaches beyond half the box, or if two particles coincide.
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
    tree = periodic_tree(snapshot)
    # The nearest point is the particle itself, because no two particles coincide.
    _, found = tree.query(tree.data, int(wanted) + 1)
    j = np.sort(found[:, 1:], axis=1).ravel().astype(np.int64)
    i = np.repeat(np.arange(n), int(wanted))
    vectors = snapshot.minimum_image(snapshot.positions[j] - snapshot.positions[i])
    return NeighborPairs(i, j, vectors, np.linalg.norm(vectors, axis=1))


def contact_distances(snapshot: Snapshot, source: GlassFormer | Mapping[str, float]) -> FloatArray:
    """σ_ab for each pair of the snapshot's species, shape [n_species, n_species].

    Args:
        snapshot: A configuration; its `type_names` give the order.
        source: A glass former, whose pair potentials give the diameters ``sigma``, or the diameter
            of each species by name; then σ_ab = (σ_a + σ_b)/2.

    Raises:
        InputError: If a species that is present has no diameter, a diameter is not positive, or a
            potential has no diameter.
    """
    known = source.species if isinstance(source, GlassFormer) else tuple(source)
    present = [snapshot.type_names[k] for k in np.unique(snapshot.types)]
    missing = [name for name in present if name not in known]
    if missing:
        raise InputError(
            f"the diameter of {', '.join(missing)} is unknown; expected one for each species of "
            f"the snapshot, got those of {', '.join(known)}."
        )
    contact = np.full((len(snapshot.type_names),) * 2, np.nan)
    for first in present:
        for second in present:
            pair = snapshot.type_names.index(first), snapshot.type_names.index(second)
            contact[pair] = _contact(source, first, second)
    return contact


def _contact(source: GlassFormer | Mapping[str, float], first: str, second: str) -> float:
    if not isinstance(source, GlassFormer):
        sizes = source[first], source[second]
        if not all(np.isfinite(size) and size > 0 for size in sizes):
            raise InputError(
                f"the diameters of {first} and {second} are {sizes[0]:g} and {sizes[1]:g}; "
                "expected positive lengths."
            )
        return sum(sizes) / 2
    return source.contact(first, second)
