"""Labelled sets with a difference that is known, because it was put there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gnnglass.testing import example_snapshot
from gnnglass.training import LabelledSet
from gnnglass.trajectories import Snapshot, Trajectory


def planted(dimension: int, seed: int, striped: bool) -> Snapshot:
    """A configuration whose species are mixed, or separated along x."""
    mixed = example_snapshot(dimension, {2: 64, 3: 125}[dimension], seed)
    if not striped:
        return mixed
    order = np.argsort(mixed.positions[:, 0])
    types = np.empty_like(mixed.types)
    types[order] = np.sort(mixed.types)
    return mixed.replace(types=types)


def bent(dimension: int, seed: int, straight: bool) -> Snapshot:
    """Triplets far from each other, a particle between two, nearly straight or bent by 60°."""
    rng, edge = np.random.default_rng(seed), 4.0
    centers = edge * np.stack(np.meshgrid(*[np.arange(4.0)] * dimension), axis=-1).reshape(-1, 2)
    angle = rng.uniform(0, 2 * np.pi, len(centers))
    opened = np.radians((170 if straight else 120) + rng.uniform(-10, 10, len(centers)))
    arms = [
        rng.uniform(0.95, 1.05, (len(centers), 1)) * np.stack([np.cos(at), np.sin(at)], axis=1)
        for at in (angle, angle + opened)
    ]
    positions = np.concatenate([centers, *(centers + arm for arm in arms)])
    # Shuffled, or the centres of one run would be in place in another.
    order = rng.permutation(len(positions))
    types = np.repeat([0, 1, 1], len(centers))
    return Snapshot([4 * edge] * dimension, positions[order], types[order])


def planted_set(
    dimension: int = 2, runs: int = 5, configuration: Callable[..., Snapshot] = planted
) -> LabelledSet:
    """Two frames of every run; the seed and the second class are what differs."""
    return LabelledSet.from_trajectories(
        {
            label: [
                Trajectory(
                    [configuration(dimension, 100 * k + 10 * f + second, second) for f in (0, 1)],
                    {"run": f"{label}-{k}", "level": "inherent"},
                )
                for k in range(runs)
            ]
            for second, label in enumerate(("liquid", "glass"))
        }
    )
