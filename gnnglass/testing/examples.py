"""Disordered configurations to try things on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gnnglass.trajectories import Snapshot

if TYPE_CHECKING:
    from gnnglass.systems import SystemLike


def example_snapshot(dimension: int, n: int | None = None, seed: int = 0) -> Snapshot:
    """A disordered two-species configuration: a lattice with noise and shuffled types.

    Args:
        dimension: 2 or 3.
        n: Number of particles; 144 in 2D and 343 in 3D by default, 65 or 80 % of them A, as in
            the Kob–Andersen mixtures of that dimension.
        seed: Seed of noise and types.
    """
    n = n or {2: 144, 3: 343}[dimension]
    box = np.full(dimension, (n / 1.2) ** (1 / dimension))
    n_small = round({2: 0.35, 3: 0.2}[dimension] * n)
    return _disordered(box, (n - n_small, n_small), ("A", "B"), seed)


def example_of(system: SystemLike, seed: int = 0) -> Snapshot:
    """A disordered configuration of a glass former, in the smallest box that engines take.

    They need its edge to be twice the longest cutoff and the skin of their neighbor lists.

    Args:
        system: The mixture: its name, a TOML file, a definition, or itself. Its density and its
            fractions are kept.
        seed: Seed of noise and types.
    """
    from gnnglass.systems import glass_former

    former = glass_former(system)
    edge = 2 * former.r_max + 1
    n = max(64, int(np.ceil(edge**former.dimension * former.density)))
    return _disordered(former.box(n), former.counts(n), former.species, seed)


def _disordered(
    box: np.ndarray, counts: tuple[int, ...], names: tuple[str, ...], seed: int
) -> Snapshot:
    rng = np.random.default_rng(seed)
    n, dimension = sum(counts), len(box)
    per_edge = int(np.ceil(n ** (1 / dimension)))
    sites = np.stack(np.meshgrid(*[np.arange(per_edge)] * dimension), axis=-1)
    sites = rng.permutation(sites.reshape(-1, dimension))[:n]
    noise = 0.15 * rng.uniform(-1, 1, (n, dimension))
    positions = (sites + 0.5 + noise) * box / per_edge - box / 2
    types = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return Snapshot(box, positions, types, names)
