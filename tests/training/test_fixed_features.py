"""Training on features that are computed once is training of the whole network."""

import numpy as np
import pytest
import torch

from gnnglass.models import MODELS, recipe_for
from gnnglass.structure import INDICATORS
from gnnglass.training import LabelledSet, TrainingOptions, fit, split_by_run
from gnnglass.trajectories import Snapshot, Trajectory


def runs(spread, first_seed, n_runs=6):
    """Runs of a gas without structure whose particles keep a distance from a lattice."""
    made = []
    for seed in range(first_seed, first_seed + n_runs):
        rng = np.random.default_rng(seed)
        places = np.stack(np.meshgrid(*[np.arange(7)] * 2, indexing="ij"), -1).reshape(-1, 2)
        positions = places * 1.1 - 3.85 + rng.normal(0, spread, places.shape)
        snapshot = Snapshot(box=np.full(2, 7.7), positions=positions, types=rng.permutation(49) % 2)
        made.append(Trajectory([snapshot], {"run": f"{spread}-{seed}", "level": "inherent"}))
    return made


@pytest.fixture(scope="module")
def labelled():
    return LabelledSet.from_trajectories({"liquid": runs(0.15, 0), "glass": runs(0.1, 50)})


@pytest.mark.parametrize(
    "options",
    [
        {"supervision": "global"},
        {"supervision": "local", "strain": 0.01},
        {"supervision": "ball"},
        {"supervision": "ball", "ball_radius": 1.7, "strain": 0.02},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_the_weights_are_those_of_the_whole_network(labelled, options, pooling, monkeypatch):
    def trained(fixed):
        monkeypatch.setattr(MODELS.factory("linear"), "features_are_fixed", fixed)
        classifier = fit(
            labelled,
            split_by_run(labelled),
            model="linear",
            recipe=recipe_for("linear", 2, r_max=1.8, indicators=["local-density"]),
            model_options={"pooling": pooling},
            options=TrainingOptions(epochs=4, batch_size=4, learning_rate=0.05, **options),
            progress=False,
        )
        return classifier.model.state_dict(), classifier.record["history"]

    (weights, history), (others, other_history) = trained(True), trained(False)
    assert float(weights["head.linear.weight"].abs().max()) > 0.01
    for name, value in weights.items():
        # Classes are balanced and features standardised, so that the gradient of the bias is
        # rounding, which Adam takes for steps of full length.
        if name != "head.linear.bias":
            torch.testing.assert_close(value, others[name], atol=1e-5, rtol=1e-4)
    for epoch, other in zip(history, other_history, strict=True):
        assert epoch["val_auc"] == other["val_auc"]
        assert epoch["train_loss"] == pytest.approx(other["train_loss"], abs=0.01)


def test_an_indicator_is_measured_once_in_a_configuration(monkeypatch):
    measured = []
    measure = INDICATORS.factory("local-density").measure

    def counted(indicator, snapshot):
        measured.append(id(snapshot))
        return measure(indicator, snapshot)

    monkeypatch.setattr(INDICATORS.factory("local-density"), "measure", counted)
    first, second = (trajectory[0] for trajectory in runs(0.2, 90, n_runs=2))
    recipes = [recipe_for("linear", 2, r_max=r, indicators=["local-density"]) for r in (1.5, 1.8)]
    fields = [recipe.fields(one) for recipe in recipes for one in (first, second)]
    assert measured == [id(first), id(second)]
    np.testing.assert_array_equal(fields[0], fields[2])
    assert not np.array_equal(fields[0], fields[1])
