"""A small trained classifier, and configurations in which it is known what matters."""

from __future__ import annotations

import numpy as np
import pytest

from gnnglass.models import recipe_for
from gnnglass.testing import example_snapshot
from gnnglass.training import LabelledSet, TrainedClassifier, TrainingOptions, fit, split_by_run
from gnnglass.trajectories import Snapshot, Trajectory


def planted(seed: int, glassy: bool) -> Snapshot:
    """Mixed species; in the left half of a glass they are separated along y."""
    mixed = example_snapshot(2, 196, seed)
    if not glassy:
        return mixed
    left = np.flatnonzero(mixed.positions[:, 0] < 0)
    types = mixed.types.copy()
    types[left[np.argsort(mixed.positions[left, 1])]] = np.sort(types[left])
    return mixed.replace(types=types)


@pytest.fixture(scope="session")
def labelled() -> LabelledSet:
    return LabelledSet.from_trajectories(
        {
            label: [
                Trajectory([planted(10 * run + glassy, bool(glassy))], {"run": f"{label}-{run}"})
                for run in range(6)
            ]
            for glassy, label in enumerate(("liquid", "glass"))
        }
    )


@pytest.fixture(scope="session")
def trained(labelled: LabelledSet) -> TrainedClassifier:
    return fit(
        labelled,
        split_by_run(labelled),
        model="message-passing",
        recipe=recipe_for("message-passing", 2),
        model_options={"hidden": 16},
        options=TrainingOptions(epochs=15, patience=15, learning_rate=5e-3, batch_size=4),
        device="cpu",
        progress=False,
    )


@pytest.fixture(scope="session")
def glasses() -> list[Snapshot]:
    """Glasses that the classifier has not seen."""
    return [planted(1000 + k, True) for k in range(3)]


@pytest.fixture(scope="session")
def truth(glasses: list[Snapshot]) -> list[np.ndarray]:
    """Which particles are in the half that differs from a liquid."""
    return [snapshot.positions[:, 0] < 0 for snapshot in glasses]
