"""Particles perturbed one after the other, in the order of a map."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnnglass.errors import InputError
from gnnglass.explain.attribution import column_of
from gnnglass.explain.faithfulness.curve import FaithfulnessCurve, Mode
from gnnglass.explain.faithfulness.maps import Maps, checked_maps
from gnnglass.explain.faithfulness.perturbation import BoolArray, GivesLogits, Perturbation
from gnnglass.explain.faithfulness.removal import Removal
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

FRACTIONS = tuple(k / 20 for k in range(21))


def faithfulness_curve(
    classifier: GivesLogits,
    snapshots: Sequence[Snapshot],
    scores: Maps,
    *,
    runs: Sequence[Hashable],
    mode: Mode = "deletion",
    perturbation: Perturbation | None = None,
    target: str = "glass",
    fractions: ArrayLike = FRACTIONS,
    n_random: int = 5,
    batch_size: int = 8,
    seed: int = 0,
) -> FaithfulnessCurve:
    """Follow the logit of a class while particles go, or come, in the order of their scores.

    Deletion perturbs a fraction f of the particles, the highest scores first: where they carry
    the logit, it falls sooner than in random orders. Insertion leaves the fraction f of highest
    scores alone and perturbs all others: the logit rises sooner. Both go from one end to the
    other, and equal scores keep the order of the particles (Petsiuk, Das & Saenko, BMVC 2018, for
    pixels; Samek et al., IEEE Trans. Neural Netw. Learn. Syst. 28, 2660 (2017)).

    It costs (1 + n_random) × n_fractions forward passes per snapshot.

    Args:
        classifier: Whose logit it is.
        snapshots: Configurations at the classifier's level.
        scores: Scores of each snapshot's particles for the class `target`.
        runs: Run of each snapshot.
        mode: ``"deletion"`` or ``"insertion"``.
        perturbation: What happens to the particles; `Removal` if None.
        target: The class.
        fractions: Increasing, between 0 and 1, shape [n_fractions]. Of n particles f n are
            perturbed, rounded down.
        n_random: Number of random orders.
        batch_size: How many versions of a snapshot the classifier is given at once.
        seed: Seed of the random orders and of what the perturbation draws.

    Raises:
        InputError: If scores or runs do not fit the snapshots, if mode, fractions or `n_random`
            make no sense, or if the classifier cannot be perturbed like this.
        UnknownNameError: If the classifier has no class `target`.
    """
    if mode not in get_args(Mode):
        raise InputError(f"mode is {mode!r}; expected {' or '.join(get_args(Mode))}.")
    if n_random < 1:
        raise InputError(f"n_random is {n_random}; expected at least 1 random order to compare.")
    grid = _checked_fractions(fractions)
    maps = checked_maps(scores, [len(snapshot) for snapshot in snapshots])
    if len(runs) != len(maps):
        raise InputError(f"{len(runs)} runs were named; expected {len(maps)}, one per snapshot.")
    column = column_of(target, classifier.labels)
    perturbed = (perturbation or Removal()).prepare(classifier, batch_size)
    curves = []
    for index, (snapshot, values) in enumerate(zip(snapshots, maps, strict=True)):
        rng = np.random.default_rng([seed, index])
        orders = [
            np.argsort(-values, kind="stable"),
            *(rng.permutation(len(values)) for _ in range(n_random)),
        ]
        kept = np.concatenate([_kept(order, grid, mode) for order in orders])
        logits = perturbed(snapshot, kept, rng)[:, column]
        curves.append(logits.reshape(len(orders), len(grid)))
    together = np.stack(curves, axis=1)
    return FaithfulnessCurve(
        mode=mode,
        target=target,
        fractions=grid,
        logits=together[0],
        random=together[1:],
        runs=tuple(str(run) for run in runs),
    )


def _kept(order: NDArray[np.int64], fractions: FloatArray, mode: Mode) -> BoolArray:
    """Which particles are left alone at each fraction, shape [n_fractions, n]."""
    n = len(order)
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    shares = fractions if mode == "deletion" else 1 - fractions
    # The product of two exact decimals may fall just short of the whole number it is.
    perturbed = np.floor(shares * n + 1e-9)[:, None]
    return place >= perturbed if mode == "deletion" else place < n - perturbed


def _checked_fractions(fractions: ArrayLike) -> FloatArray:
    grid = np.asarray(fractions, dtype=np.float64)
    if (
        grid.ndim != 1
        or len(grid) < 2
        or not np.all(np.diff(grid) > 0)
        or grid[0] < 0
        or grid[-1] > 1
    ):
        raise InputError(
            f"fractions are {grid.tolist()}; expected at least two, increasing from 0 to 1 at most."
        )
    return grid
