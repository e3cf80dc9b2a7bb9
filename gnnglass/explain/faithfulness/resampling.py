"""Particles whose surroundings are exchanged for those of another particle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from gnnglass.errors import InputError
from gnnglass.explain.evaluating import evaluating
from gnnglass.explain.faithfulness.perturbation import (
    BoolArray,
    GivesLogits,
    Perturbation,
    Perturbed,
)
from gnnglass.models import GraphNet, arguments_for, batched
from gnnglass.training import TrainedClassifier
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


@dataclass(frozen=True)
class Resampling(Perturbation):
    """Give particles the radial counts of particles drawn from reference snapshots.

    A particle's row in the output of the module ``counts`` of a `GraphNet` (its standardised
    radial counts, what the network first sees of its surroundings) is replaced by that of a
    random particle of the same species. Each particle has one such stand-in, the same in all
    orders and at all fractions, so that orders are compared under the same draws.

    Every row is one the network knows from training, and there are no holes. But the rows no
    longer fit each other, and the edges stay as they are: layers that see distances still see
    those of the true configuration, and what a particle tells through them is not taken out. The
    changes are therefore smaller than those of `Removal`.

    Args:
        reference: Snapshots of the classifier's level that stand-ins are drawn from. Of all
            classes, they take the particle's information out; of one class, they put that
            class's in.
    """

    reference: Sequence[Snapshot] = field(repr=False)

    def prepare(self, classifier: GivesLogits, batch_size: int) -> Perturbed:
        """Logits of a snapshot some of whose particles have the counts of others.

        Raises:
            InputError: If the classifier is not a trained network on graphs that looks at its
                radial counts, or no snapshot is given to draw from.
        """
        if not isinstance(classifier, TrainedClassifier) or not isinstance(
            classifier.model, GraphNet
        ):
            given = getattr(classifier, "model", classifier)
            raise InputError(
                f"resampling replaces the radial counts inside a trained network on graphs, and "
                f"{type(given).__name__} is none; remove particles instead."
            )
        model, recipe = classifier.model, classifier.recipe
        pools = _pools(classifier, model, self.reference, batch_size)

        def logits(snapshot: Snapshot, kept: BoolArray, rng: np.random.Generator) -> FloatArray:
            graph: Any = recipe(snapshot)
            stand_ins = _drawn(graph.x, pools, recipe.type_names, rng)
            rows = []
            for start in range(0, len(kept), batch_size):
                part = torch.from_numpy(kept[start : start + batch_size]).to(stand_ins.device)
                versions = [graph] * len(part)

                def exchange(counts: Tensor, part: Tensor = part) -> Tensor:
                    others = stand_ins.repeat(len(part), 1)
                    return torch.where(part.reshape(-1, 1), counts, others)

                rows.append(_logits(model, versions, exchange))
            return torch.cat(rows).double().cpu().numpy()

        return logits


def _pools(
    classifier: TrainedClassifier, model: GraphNet, reference: Sequence[Snapshot], batch_size: int
) -> list[Tensor]:
    """Standardised counts of the reference particles of each species, each [m, n_features]."""
    if len(reference) == 0:
        raise InputError("there is no reference snapshot to draw from; give at least one.")
    seen: list[Tensor] = []
    one_hot: list[Tensor] = []

    def record(counts: Tensor) -> Tensor:
        seen.append(counts)
        return counts

    for graphs in batched(classifier.recipe, reference, batch_size):
        _logits(model, graphs, record)
        one_hot += [graph.x for graph in graphs]
    if sum(map(len, seen)) != sum(map(len, one_hot)):
        raise InputError(
            f"{type(model).__name__} does not look at the radial counts of its particles once, so "
            "they cannot be exchanged; remove particles instead."
        )
    counts = torch.cat(seen)
    species = torch.cat(one_hot).argmax(dim=1).to(counts.device)
    return [counts[species == k] for k in range(len(classifier.recipe.type_names))]


def _drawn(
    one_hot: Tensor, pools: Sequence[Tensor], names: Sequence[str], rng: np.random.Generator
) -> Tensor:
    """Counts of a random particle of the same species for each particle, [n, n_features]."""
    species = one_hot.argmax(dim=1).numpy()
    stand_ins = pools[0].new_empty(len(species), pools[0].shape[1])
    for k in np.unique(species):
        if len(pools[k]) == 0:
            raise InputError(
                f"the reference snapshots have no particle of species {names[k]} to draw from; "
                "add a snapshot that has."
            )
        mine = species == k
        stand_ins[mine] = pools[k][rng.integers(len(pools[k]), size=mine.sum())]
    return stand_ins


def _logits(model: GraphNet, graphs: Sequence[Any], change: Callable[[Tensor], Tensor]) -> Tensor:
    """Logits of graphs, with what the module ``counts`` gives changed on its way."""
    handle = model.counts.register_forward_hook(lambda _, inputs, counts: change(counts))
    try:
        with evaluating(model), torch.no_grad():
            return cast(Tensor, model(*arguments_for(model, graphs)))
    finally:
        handle.remove()
