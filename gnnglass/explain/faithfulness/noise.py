"""Does a map stay what it is when particles are shaken?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gnnglass.errors import InputError
from gnnglass.explain.faithfulness.maps import Maps
from gnnglass.explain.faithfulness.rank_correlation import rank_correlation
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


def noise_stability(
    attribute: Callable[[Sequence[Snapshot]], Maps],
    snapshots: Sequence[Snapshot],
    width: float,
    *,
    n_seeds: int = 5,
    seed: int = 0,
) -> FloatArray:
    """Rank correlation of the map of a snapshot with that of the shaken snapshot.

    Every coordinate is displaced by an independent Gaussian. Vibrations in a glass have the width
    √(⟨u²⟩ / d), with the Debye–Waller factor ⟨u²⟩ and d dimensions; a map that such displacements
    change beyond recognition tells of the vibration more than of the structure.

    Args:
        attribute: Snapshots in, maps out, such as ``partial(attribution.compute, classifier)``.
        snapshots: Configurations at the classifier's level.
        width: Standard deviation of the displacement of each coordinate, in units of length.
        n_seeds: How many displacements of each snapshot the coefficient is averaged over.
        seed: Seed of the displacements.

    Returns:
        Mean Spearman coefficient of each configuration, shape [n_configurations]; 1 if the noise
        changes nothing.

    Raises:
        InputError: If width or `n_seeds` are not positive, or as `rank_correlation`.
    """
    if not (np.isfinite(width) and width > 0):
        raise InputError(f"width is {width:g}; expected a positive length.")
    if n_seeds < 1:
        raise InputError(f"n_seeds is {n_seeds}; expected at least 1.")
    still = attribute(snapshots)
    coefficients = [
        rank_correlation(
            still,
            attribute(
                [
                    _shaken(snapshot, width, np.random.default_rng([seed, repeat, index]))
                    for index, snapshot in enumerate(snapshots)
                ]
            ),
        )
        for repeat in range(n_seeds)
    ]
    return np.asarray(np.mean(coefficients, axis=0))


def _shaken(snapshot: Snapshot, width: float, rng: np.random.Generator) -> Snapshot:
    displacements = rng.normal(0, width, snapshot.positions.shape)
    return snapshot.replace(positions=snapshot.positions + displacements)
