"""Classifiers whose answers are known: additive ones, and small untrained networks."""

from __future__ import annotations

import numpy as np
import torch

from gnnglass.models import MODELS, recipe_for, settled_by_recipe
from gnnglass.testing import example_snapshot
from gnnglass.training import Calibration, Split, TrainedClassifier
from gnnglass.trajectories import Material, Trajectory

LABELS = ("liquid", "glass")


def weights(snapshot):
    """A weight of each particle that depends on where it is alone; of both signs."""
    return np.sin(3 * snapshot.positions[:, 0]) + np.cos(2 * snapshot.positions[:, 1])


class Additive:
    """The logit of a glass is the sum of the weights of the particles that are there."""

    labels = LABELS

    def logits(self, snapshots, *, batch_size):
        totals = np.array([weights(snapshot).sum() for snapshot in snapshots])
        return np.stack([-totals, totals], axis=1)


def untrained(model, *, seed=0, dimension=2, indicators=(), **options):
    """A network with weights drawn from a seed and its input standardised on one configuration."""
    recipe = recipe_for(model, dimension, indicators=indicators)
    narrow = {} if model == "linear" else {"hidden": 8}
    options = {**settled_by_recipe(recipe), **narrow, **options}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = MODELS.create(model, **options)
    net.standardise([recipe(example_snapshot(dimension, seed=99))])
    return TrainedClassifier(
        model_name=model,
        model_options=options,
        model=net.eval(),
        recipe=recipe,
        labels=LABELS,
        material=Material.of(
            [Trajectory([example_snapshot(dimension, seed=99)], {"level": "inherent"})]
        ),
        split=Split((), (), ()),
        calibration=Calibration(),
    )
