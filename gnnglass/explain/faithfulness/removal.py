"""Particles taken out of the box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gnnglass.explain.faithfulness.perturbation import (
    BoolArray,
    GivesLogits,
    Perturbation,
    Perturbed,
)
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


@dataclass(frozen=True)
class Removal(Perturbation):
    """Remove the particles; the others stay where they are, in the same box.

    It works for any classifier and takes out all that a particle tells, to itself and to its
    neighbours. But no dense liquid or glass has such holes: every neighbour of a hole misses a
    particle, which is many standard deviations of its counts, and the network is asked about
    configurations far from all it was trained on (Hooker et al., NeurIPS 2019, for pixels). Part
    of any change of the logit is its surprise. The random orders, which make as many holes, carry
    the same part if the holes of the map's order lie as scattered as theirs.
    """

    def prepare(self, classifier: GivesLogits, batch_size: int) -> Perturbed:
        """Logits of what is left of a snapshot; NaN where nothing is."""

        def logits(snapshot: Snapshot, kept: BoolArray, _: np.random.Generator) -> FloatArray:
            result = np.full((len(kept), len(classifier.labels)), np.nan)
            left = kept.any(axis=1)
            versions = (_without_others(snapshot, keep) for keep in kept[left])
            result[left] = classifier.logits(versions, batch_size=batch_size)
            return result

        return logits


def _without_others(snapshot: Snapshot, keep: BoolArray) -> Snapshot:
    return Snapshot(
        snapshot.box, snapshot.positions[keep], snapshot.types[keep], snapshot.type_names
    )
