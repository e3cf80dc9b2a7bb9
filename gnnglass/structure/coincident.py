"""Particles in the same place: no direction, and no cell of their own."""

from __future__ import annotations

import numpy as np

from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot

RESOLUTION = float(np.finfo(np.float32).eps)
"""What single precision, in which GSD keeps positions, can tell apart, in units of the box."""


def refuse_coincident(snapshot: Snapshot) -> None:
    """Refuse particles that are closer than a file in single precision can tell apart.

    Raises:
        InputError: If there are any; names the first two.
    """
    from scipy.spatial import cKDTree

    closest = RESOLUTION * float(snapshot.box.max())
    # Rounding must not put a particle on the upper face, which the tree does not take.
    inside = np.mod(snapshot.positions + snapshot.box / 2, snapshot.box)
    found = cKDTree(inside, boxsize=snapshot.box).query_pairs(closest, output_type="ndarray")
    if len(found):
        i, j = min(map(tuple, np.sort(found, axis=1).tolist()))
        raise InputError(
            f"particles {i} and {j} are closer than {closest:.1g} to each other; expected distinct "
            "positions, so remove one of the two."
        )
