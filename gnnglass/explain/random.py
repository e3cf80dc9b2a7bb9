"""The null attribution: what chance finds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gnnglass.explain.attribution import ATTRIBUTIONS, Attribution, Classifier
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


@ATTRIBUTIONS.register("random")
class RandomAttribution(Attribution):
    """Standard normal scores that know nothing of the structure; any attribution must beat them.

    Args:
        seed: Seed of the scores; snapshot k of a call always gets the same ones.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def scores(
        self, classifier: Classifier, snapshots: Sequence[Snapshot], column: int
    ) -> list[FloatArray]:
        """Random scores for each snapshot's particles; see `compute`."""
        return [
            np.random.default_rng([self.seed, index]).standard_normal(len(snapshot))
            for index, snapshot in enumerate(snapshots)
        ]
