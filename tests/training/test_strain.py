"""Strain in training: what it does to a batch, and that networks let go of the pressure."""

import numpy as np
import pytest
import torch

from gnnglass.errors import InputError
from gnnglass.models import recipe_for
from gnnglass.training import LabelledSet, TrainingOptions, fit, split_by_run
from gnnglass.training._loop import strained
from gnnglass.trajectories import Snapshot, Trajectory


def crystal(side=8, spacing=1.1, noise=0.05, seed=0):
    """A square lattice with noise: particles A and B in alternation."""
    rng = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(*[np.arange(side)] * 2, indexing="ij"), -1).reshape(-1, 2)
    box = np.full(2, side * spacing)
    positions = (places + 0.5) * spacing - box / 2 + rng.normal(0, noise, places.shape)
    # Independent runs have their particles in different orders.
    order = rng.permutation(len(places))
    types = (places.sum(axis=1) % 2)[order]
    return Snapshot(box=box, positions=positions[order], types=types, type_names=("A", "B"))


def test_lengths_are_strained_and_nothing_else():
    before = recipe_for("message-passing", 2, r_max=2.0)(crystal())
    kept = {name: before[name].clone() for name, _ in before}
    after = strained(before, -0.02)
    for name, value in kept.items():
        torch.testing.assert_close(before[name], value)
        factor = 0.98 if name in ("edge_distance", "edge_vector") else 1
        torch.testing.assert_close(after[name], value * factor)


def dilated(factor, n_runs, first_seed):
    """Runs of a lattice that differ in nothing but noise, all lengths times a factor."""
    return [
        Trajectory(
            [crystal(spacing=1.1 * factor, seed=first_seed + k)],
            {"run": f"{factor}-{k}", "level": "inherent"},
        )
        for k in range(n_runs)
    ]


def test_a_network_cannot_use_what_strain_changes():
    labelled = LabelledSet.from_trajectories(
        {"liquid": dilated(1.004, 16, 0), "glass": dilated(0.996, 16, 100)}
    )

    def change_with_expansion(strain):
        """What an expansion by the difference between the phases does to the logit."""
        classifier = fit(
            labelled,
            split_by_run(labelled),
            model="linear",
            recipe=recipe_for("linear", 2, r_max=2.0),
            options=TrainingOptions(
                supervision="global", epochs=30, patience=30, learning_rate=0.05, strain=strain
            ),
            progress=False,
        )
        logits = []
        for factor in (0.996, 1.004):
            data = classifier.recipe(crystal(spacing=1.1 * factor, seed=7))
            with torch.no_grad():
                liquid, glass = classifier.model(data.x, data.edge_index, data.edge_distance)[0]
            logits.append(float(glass - liquid))
        return logits[0] - logits[1]

    plain = change_with_expansion(0.0)
    assert plain > 4
    # Less than the phases differ by: to see them both expanded and compressed is not enough.
    assert abs(change_with_expansion(0.002)) < 0.1 * plain


@pytest.mark.parametrize("strain", [-0.01, 0.06, float("nan"), float("inf")])
def test_strains_that_make_no_sense_are_refused(strain):
    with pytest.raises(InputError, match="strain is"):
        TrainingOptions(strain=strain)


@pytest.mark.parametrize(
    ("model", "recipe", "options", "said"),
    [
        (
            "voxel-cnn",
            {"voxel_size": 0.4, "width": 0.3, "multiple": 4},
            {},
            "reads a grid, which cannot be strained",
        ),
        (
            "linear",
            {"r_max": 2.0, "indicators": ["local-density"]},
            {"n_radial": 0},
            "n_radial = 0 the network sees no distances",
        ),
    ],
)
def test_a_network_without_distances_cannot_be_strained(model, recipe, options, said):
    labelled = LabelledSet.from_trajectories(
        {"liquid": dilated(1.004, 4, 0), "glass": dilated(0.996, 4, 100)}
    )
    with pytest.raises(InputError, match=said):
        fit(
            labelled,
            split_by_run(labelled),
            model=model,
            recipe=recipe_for(model, 2, **recipe),
            model_options=options,
            options=TrainingOptions(strain=0.01),
            progress=False,
        )
