"""Which configurations make up a training step."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


class BalancedBatches:
    """Batches that hold the same number of configurations of every class, fresh every epoch.

    The order depends on the seed and the epoch alone, so that a resumed training sees what an
    uninterrupted one would have seen. Classes with fewer configurations are repeated.

    Args:
        targets: Class of each configuration, shape [n].
        batch_size: Configurations per batch.
        seed: Seed of the order.
    """

    def __init__(self, targets: NDArray[np.int64], batch_size: int, seed: int) -> None:
        self.members = [np.flatnonzero(targets == target) for target in np.unique(targets)]
        self.per_class = max(1, batch_size // len(self.members))
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        longest = max(len(members) for members in self.members)
        return math.ceil(longest / self.per_class)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        needed = max(len(members) for members in self.members)
        orders = []
        for members in self.members:
            repeats = -(-needed // len(members))
            orders.append(np.concatenate([rng.permutation(members) for _ in range(repeats)]))
        for start in range(0, needed, self.per_class):
            stop = min(start + self.per_class, needed)
            yield np.concatenate([order[start:stop] for order in orders]).tolist()
