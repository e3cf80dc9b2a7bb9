"""Particles that are too close to each other for any engine: pushing them apart."""

from __future__ import annotations

import numpy as np

from gnnglass.errors import SimulationError
from gnnglass.systems import GlassFormer, inner_radius
from gnnglass.trajectories import Snapshot, neighbor_pairs

#: Pairs go this much further apart than they need, so that no minimiser's first step undoes it.
MARGIN = 1.3
MAX_SWEEPS = 300


def separated(system: GlassFormer, snapshot: Snapshot) -> Snapshot:
    """The configuration, with pairs moved apart that are closer than any pair of a liquid.

    Each sweep moves both particles of a pair along their connection until they are at the
    `gnnglass.systems.inner_radius` of their potential. Configurations without such pairs are
    returned as they are. Engines whose tables end there can minimise what is left.

    Args:
        system: The mixture whose potentials act.
        snapshot: Configuration of n particles; matched to the species of `system` by name.

    Raises:
        InputError: If `system` lacks a species of the snapshot.
        SimulationError: If the particles cannot be separated.
    """
    nearest = np.zeros((len(system.species),) * 2)
    for (a, b), potential in system.potentials.items():
        first, second = system.species.index(a), system.species.index(b)
        nearest[first, second] = nearest[second, first] = inner_radius(potential)
    types = system.types_of(snapshot)
    goal = 1.0
    for _ in range(MAX_SWEEPS):
        pairs = neighbor_pairs(snapshot, MARGIN * float(nearest.max()))
        wanted = goal * nearest[types[pairs.i], types[pairs.j]]
        near = pairs.distances < wanted
        if not near.any():
            return snapshot
        goal = MARGIN
        i, j, r = pairs.i[near], pairs.j[near], pairs.distances[near]
        away = np.where(r[:, None] > 0, -pairs.vectors[near] / np.maximum(r, 1e-300)[:, None], 0.0)
        # Particles on one point go apart along the first axis.
        away[r == 0, 0] = np.where(i < j, 1.0, -1.0)[r == 0]
        moves = np.zeros(snapshot.positions.shape)
        np.add.at(moves, i, away * ((wanted[near] - r) / 2 + 1e-9)[:, None])
        snapshot = snapshot.replace(positions=snapshot.positions + moves)
    raise SimulationError(
        f"particles overlap, and {MAX_SWEEPS} sweeps could not move them apart; start from a "
        "configuration of lower density or from a lattice."
    )
