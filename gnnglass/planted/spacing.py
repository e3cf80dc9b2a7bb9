"""Distances that occur: no pair of a changed configuration is closer than pairs were before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray

#: Closest pairs are looked for within this many mean distances, ρ^(−1/d).
REACH = 1.5
#: Pairs go this much further apart than they need, or the last steps would be ever smaller ones.
MARGIN = 1.003
#: Sweeps in which held particles stay where they are.
PATIENCE = 100
MAX_SWEEPS = 1000


def kept_apart(
    before: Snapshot, after: Snapshot, *, held: NDArray[np.bool_], share: float
) -> Snapshot:
    """The changed configuration, with pairs moved apart that have come too close.

    Each sweep moves particles along their connection: of a held particle and another one the
    other, of two of a kind each by half of what is missing. Where others are stuck between held
    particles, all of them give way in the end.

    Args:
        before: Configuration of n particles.
        after: The same with other positions or types.
        held: Particles that stay in their places if they can, shape [n].
        share: Pairs are moved to this share of the distance of the closest pair of their species
            in `before`.

    Raises:
        InputError: If there is no room.
    """
    nearest = share * closest_pairs(before)
    for sweep in range(MAX_SWEEPS):
        pairs = neighbor_pairs(after, float(nearest.max()))
        wanted = nearest[after.types[pairs.i], after.types[pairs.j]]
        near = pairs.distances < wanted
        if not near.any():
            return after
        i, j, r = pairs.i[near], pairs.j[near], pairs.distances[near]
        alike = (held[i] == held[j]) | (sweep >= PATIENCE)
        part = np.where(alike, 0.5, np.where(held[i], 0.0, 1.0))
        away = -pairs.vectors[near] * (part * (MARGIN * wanted[near] / r - 1))[:, None]
        moves = np.zeros(after.positions.shape)
        np.add.at(moves, i, away)
        after = after.replace(positions=after.positions + moves)
    raise InputError(
        f"particles came too close to each other, and {MAX_SWEEPS} sweeps could not move them "
        "apart; use a lower contrast."
    )


def closest_pairs(snapshot: Snapshot) -> FloatArray:
    """Distance of the closest pair of each two species, shape [n_species, n_species].

    Of two species that do not come that close to each other, it is `REACH` mean distances.
    """
    reach = REACH * snapshot.density ** (-1 / snapshot.dimension)
    pairs = neighbor_pairs(snapshot, reach)
    closest = np.full((len(snapshot.type_names),) * 2, reach)
    np.minimum.at(closest, (snapshot.types[pairs.i], snapshot.types[pairs.j]), pairs.distances)
    return closest
