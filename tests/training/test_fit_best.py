"""Choosing among candidates: by the validation runs, by nothing else, and the same way again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from planted import planted, planted_set
from sklearn.metrics import log_loss

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.models import GraphRecipe, recipe_for
from gnnglass.training import (
    Candidate,
    LabelledSet,
    TrainingOptions,
    fit,
    fit_best,
    split_by_run,
    validation_loss,
)
from gnnglass.training._loop import KeepBest

QUICK = {"epochs": 4, "patience": 4, "batch_size": 4, "learning_rate": 1e-2}
QUIET = {"device": "cpu", "progress": False}

#: One that sees no neighbour, and three of different inputs and supervisions.
CANDIDATES = (
    Candidate("linear", GraphRecipe(0.61), options=TrainingOptions(epochs=1)),
    Candidate("linear", GraphRecipe(1.5), options=TrainingOptions(**QUICK)),
    Candidate(
        "linear",
        GraphRecipe(2.0),
        {"n_radial": 10},
        TrainingOptions(supervision="global", **QUICK),
    ),
    Candidate("voxel-cnn", recipe_for("voxel-cnn", 2), {"hidden": 8}, TrainingOptions(**QUICK)),
)


@pytest.fixture(scope="module")
def labelled() -> LabelledSet:
    return planted_set()


@pytest.fixture(scope="module")
def choice(labelled):
    return fit_best(labelled, split_by_run(labelled), CANDIDATES, system="kam2d", **QUIET)


def alone(labelled, candidate):
    return fit(
        labelled,
        split_by_run(labelled),
        model=candidate.model,
        recipe=candidate.recipe,
        model_options=candidate.model_options,
        options=candidate.options,
        **QUIET,
    )


def test_the_lowest_log_loss_of_validation_configurations_wins(labelled, choice):
    """Against scikit-learn, on classifiers that were trained on their own."""
    split = split_by_run(labelled)
    members = [i for i, run in enumerate(labelled.runs) if run in split.validation]
    snapshots = [labelled.snapshots[i] for i in members]
    trained = [alone(labelled, candidate) for candidate in CANDIDATES]
    losses = [
        log_loss(labelled.targets[members], classifier.predict_proba(snapshots))
        for classifier in trained
    ]
    np.testing.assert_allclose([row["validation_loss"] for row in choice.record], losses)
    best = int(np.argmin(losses))
    assert [row["chosen"] for row in choice.record] == [k == best for k in range(4)]
    assert losses[best] < 0.9 * losses[0]
    probe = [planted(2, 7, True), planted(2, 8, False)]
    np.testing.assert_array_equal(
        choice.classifier.predict_proba(probe), trained[best].predict_proba(probe)
    )
    assert choice.classifier.system == "kam2d"
    assert validation_loss(choice.classifier, labelled) == min(
        row["validation_loss"] for row in choice.record
    )


def test_the_record_is_a_table_of_all_candidates(choice):
    table = pd.DataFrame(choice.record)
    assert list(table["model"]) == ["linear", "linear", "linear", "voxel-cnn"]
    assert table["chosen"].sum() == 1
    assert table["recipe"][2]["r_max"] == 2.0
    assert table["model_options"][2] == {"n_radial": 10}
    assert [options["supervision"] for options in table["options"]][1:3] == ["local", "global"]


def test_the_test_runs_are_not_looked_at(labelled, choice):
    test = set(labelled.where(split_by_run(labelled).test).tolist())
    spoilt = tuple(
        s.replace(types=1 - s.types) if i in test else s for i, s in enumerate(labelled.snapshots)
    )
    again = fit_best(
        replace(labelled, snapshots=spoilt),
        split_by_run(labelled),
        CANDIDATES,
        **QUIET,
    )
    assert again.record == choice.record


def test_of_equals_the_first_is_chosen_and_the_callers_random_state_is_left_alone(labelled):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    pair = fit_best(labelled, split_by_run(labelled), [CANDIDATES[1]] * 2, **QUIET)
    assert torch.equal(torch.rand(3), expected)
    assert [row["chosen"] for row in pair.record] == [True, False]
    assert pair.record[0]["validation_loss"] == pair.record[1]["validation_loss"]


def test_a_killed_choice_goes_on_where_it_was(labelled, choice, tmp_path, monkeypatch):
    written, epochs = KeepBest.on_train_epoch_end, []

    def killed(self, trainer, pl_module):
        written(self, trainer, pl_module)
        epochs.append(trainer.current_epoch)
        if len(epochs) == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(KeepBest, "on_train_epoch_end", killed)
    arguments = (labelled, split_by_run(labelled), CANDIDATES)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        fit_best(*arguments, checkpoints=tmp_path / "kept", **QUIET)
    assert fit_best(*arguments, checkpoints=tmp_path / "kept", **QUIET).record == choice.record
    # One epoch of the first candidate and four of each of the others, none of them twice.
    assert epochs == [0, *[0, 1, 2, 3] * 3]


def test_what_cannot_be_made_is_refused_before_anything_is_trained(labelled, monkeypatch):
    monkeypatch.setattr("gnnglass.training.fitting.fit", lambda *_, **__: pytest.fail("trained"))
    split = split_by_run(labelled)
    for wrong, error, message in (
        (Candidate("no-such-model", GraphRecipe(1.5)), UnknownNameError, "unknown model"),
        (Candidate("voxel-cnn", GraphRecipe(1.5)), InputError, "reads a voxel"),
        (Candidate("linear", GraphRecipe(1.5), {"hidden": 8}), InputError, "hidden"),
    ):
        with pytest.raises(error, match=message):
            fit_best(labelled, split, [CANDIDATES[0], wrong], **QUIET)
    with pytest.raises(InputError, match="no candidate"):
        fit_best(labelled, split, [], **QUIET)
