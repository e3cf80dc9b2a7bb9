"""What every measure is given: maps, one array of scores per configuration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

#: Scores of the particles of each configuration, from whatever made them.
Maps = Sequence[ArrayLike]


def checked_maps(maps: Maps, sizes: Sequence[int] | None = None) -> list[FloatArray]:
    """The maps as float64 arrays, one of shape [n] per configuration.

    Args:
        maps: Scores of each configuration's particles.
        sizes: How many particles each configuration has; any number if None.

    Raises:
        InputError: If there is no map, not one per configuration, or one that is not a finite
            score for each particle.
    """
    arrays = [np.asarray(scores, dtype=np.float64) for scores in maps]
    if not arrays or (sizes is not None and len(arrays) != len(sizes)):
        wanted = "at least one" if sizes is None else f"{len(sizes)}, one per configuration"
        raise InputError(f"{len(arrays)} maps were given; expected {wanted}.")
    for k, scores in enumerate(arrays):
        n = scores.size if sizes is None else sizes[k]
        if scores.shape != (n,) or n == 0:
            wanted = "n > 0" if sizes is None else str(n)
            raise InputError(
                f"the map of configuration {k} has shape {list(scores.shape)}; expected "
                f"[{wanted}], one score per particle."
            )
        bad = ~np.isfinite(scores)
        if bad.any():
            raise InputError(
                f"the map of configuration {k} is NaN or infinite for {bad.sum()} of {n} "
                "particles; expected a score for every particle."
            )
    return arrays


def of_species(maps: Maps, snapshots: Sequence[Snapshot], name: str) -> list[FloatArray]:
    """The scores of one species' particles alone, one array per configuration.

    Species differ in their mean score, and two maps that know nothing but the species agree
    about that: compare maps within a species.

    Raises:
        InputError: If the maps do not fit the snapshots, or a snapshot has no such species.
    """
    arrays = checked_maps(maps, [len(snapshot) for snapshot in snapshots])
    return [
        scores[snapshot.of_type(name)] for scores, snapshot in zip(arrays, snapshots, strict=True)
    ]
