"""Training end to end on a planted difference: it learns, resumes, stores, and refuses."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from planted import bent, planted, planted_set
from safetensors.torch import save_file

from gnnglass._records import read_sealed, write_sealed
from gnnglass.errors import FileError, InputError, UnknownNameError
from gnnglass.models import MODELS, GraphRecipe, recipe_for
from gnnglass.testing import example_snapshot
from gnnglass.training import (
    LabelledSet,
    TrainedClassifier,
    TrainingOptions,
    choose_device,
    evaluate,
    fit,
    fitting,
    split_by_run,
)
from gnnglass.training import classifier as written_by
from gnnglass.training._loop import KeepBest

QUICK = TrainingOptions(epochs=6, learning_rate=5e-3, batch_size=4)


@pytest.fixture(scope="module")
def labelled() -> LabelledSet:
    return planted_set()


def train(labelled: LabelledSet, model: str = "message-passing", **changes) -> TrainedClassifier:
    dimension = labelled.snapshots[0].dimension
    arguments = {
        "model": model,
        "recipe": recipe_for(model, dimension),
        "model_options": {} if model == "linear" else {"hidden": 16},
        "options": QUICK,
        "system": {2: "kam2d", 3: "ka3d"}[dimension],
        "device": "cpu",
        "progress": False,
    }
    return fit(labelled, **{"split": split_by_run(labelled), **arguments, **changes})


@pytest.fixture(scope="module")
def classifier(labelled: LabelledSet) -> TrainedClassifier:
    return train(labelled)


def held_out_auc(classifier: TrainedClassifier, labelled: LabelledSet) -> float:
    test = labelled.where(classifier.split.test)
    probability = classifier.predict_proba([labelled.snapshots[i] for i in test])[:, 1]
    return evaluate(
        probability, labelled.targets[test], [labelled.runs[i] for i in test]
    ).auc.estimate


@pytest.mark.parametrize(
    ("dimension", "supervision"), [(2, "local"), (2, "ball"), (2, "global"), (3, "local")]
)
@pytest.mark.parametrize("model", MODELS.names())
def test_a_planted_difference_is_learnt(model, dimension, supervision):
    labelled = planted_set(dimension, runs=6)
    options = TrainingOptions(
        supervision=supervision, epochs=8, patience=8, learning_rate=1e-2, batch_size=4
    )
    classifier = train(labelled, model, options=options)
    assert held_out_auc(classifier, labelled) == 1
    # Of chance it is ln 2 = 0.69; an untrained network may well rank a few configurations right.
    assert min(epoch["val_loss"] for epoch in classifier.record["history"]) < 0.6


def test_angles_alone_are_learnt_by_the_network_that_sees_them():
    """Distances within the cutoff are the same in both classes."""
    labelled = planted_set(2, runs=6, configuration=bent)
    options = TrainingOptions(epochs=15, patience=15, learning_rate=5e-3, batch_size=4)
    recipe = GraphRecipe(1.4)
    best = {}
    for model in ("equivariant", "message-passing"):
        classifier = train(
            labelled,
            model,
            options=options,
            recipe=recipe,
            model_options={"hidden": 32},
            system=None,
        )
        best[model] = min(epoch["val_loss"] for epoch in classifier.record["history"])
    assert best["equivariant"] < 0.3
    assert best["message-passing"] > 0.6


def test_angles_alone_are_learnt_from_the_angular_spectrum():
    """Without any layer that could pass them on: only the middle of a triplet sees its angle."""
    labelled = planted_set(2, runs=6, configuration=bent)
    options = TrainingOptions(
        supervision="global", epochs=15, patience=15, learning_rate=5e-2, batch_size=4
    )
    best = {}
    for n_angular in (0, 4):
        recipe = GraphRecipe(1.4, n_angular=n_angular)
        classifier = train(labelled, "linear", options=options, recipe=recipe, system=None)
        best[n_angular] = min(epoch["val_loss"] for epoch in classifier.record["history"])
    assert best[4] < 0.3
    assert best[0] > 0.6


def test_training_never_looks_at_the_test_runs(labelled, classifier):
    test = set(labelled.where(classifier.split.test).tolist())
    spoilt = tuple(
        s.replace(types=1 - s.types) if i in test else s for i, s in enumerate(labelled.snapshots)
    )
    again = train(replace(labelled, snapshots=spoilt))
    probe = [planted(2, 7, True)]
    np.testing.assert_array_equal(again.logits(probe), classifier.logits(probe))


def test_same_seed_same_classifier_and_callers_random_state_is_left_alone(labelled, classifier):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    again = train(labelled)
    assert torch.equal(torch.rand(3), expected)
    assert again.record["history"] == classifier.record["history"]
    other = train(labelled, options=TrainingOptions(**{**QUICK.__dict__, "seed": 1}))
    assert other.record["history"] != classifier.record["history"]


@pytest.mark.parametrize("killed_after", [0, 2, 5])
@pytest.mark.parametrize("model", ["message-passing", "voxel-cnn"])
def test_a_killed_training_ends_where_an_undisturbed_one_does(
    labelled, tmp_path, monkeypatch, killed_after, model
):
    undisturbed = train(labelled, model)
    written = KeepBest.on_train_epoch_end

    def killed(self, trainer, pl_module):
        written(self, trainer, pl_module)
        if trainer.current_epoch == killed_after:
            raise KeyboardInterrupt

    checkpoint = tmp_path / "training.ckpt"
    with monkeypatch.context() as patch:
        patch.setattr(KeepBest, "on_train_epoch_end", killed)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            train(labelled, model, checkpoint=checkpoint)
    assert checkpoint.is_file()
    resumed = train(labelled, model, checkpoint=checkpoint)
    assert resumed.record["history"] == undisturbed.record["history"]
    probe = [planted(2, 7, True)]
    np.testing.assert_array_equal(resumed.logits(probe), undisturbed.logits(probe))


def test_training_that_had_stopped_early_does_not_go_on_when_resumed(labelled, tmp_path):
    options = TrainingOptions(epochs=40, patience=1, learning_rate=0.3, batch_size=4)
    checkpoint = tmp_path / "training.ckpt"
    stopped = train(labelled, options=options, checkpoint=checkpoint)
    assert len(stopped.record["history"]) < 40
    assert train(labelled, options=options, checkpoint=checkpoint).record == stopped.record


@pytest.fixture(scope="module")
def half_done(labelled, tmp_path_factory) -> bytes:
    """The checkpoint of a linear network of which an epoch was trained."""
    checkpoint = tmp_path_factory.mktemp("half") / "training.ckpt"
    written = KeepBest.on_train_epoch_end

    def killed(self, trainer, pl_module):
        written(self, trainer, pl_module)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KeepBest, "on_train_epoch_end", killed)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            train(labelled, "linear", checkpoint=checkpoint)
    return checkpoint.read_bytes()


@pytest.mark.parametrize("harm", ["emptied", "cut", "another byte", "rubbish", "a pickle"])
def test_a_damaged_checkpoint_is_started_over(labelled, half_done, tmp_path, capsys, harm):
    checkpoint, whole = tmp_path / "training.ckpt", bytearray(half_done)
    whole[len(whole) // 2] ^= 1
    damaged = {
        "emptied": b"",
        "cut": half_done[:-9],
        "another byte": bytes(whole),
        "rubbish": b"half a file",
        "a pickle": pickle.dumps({"state_dict": {}}),
    }
    checkpoint.write_bytes(damaged[harm])
    assert (
        train(labelled, "linear", checkpoint=checkpoint).record == train(labelled, "linear").record
    )
    assert "training.ckpt is damaged; the training begins anew." in capsys.readouterr().out


CHANGES = {
    "options": lambda s, c: {"options": replace(QUICK, seed=1)},
    "network": lambda s, c: {"model_options": {"n_radial": 7}},
    "recipe": lambda s, c: {"recipe": GraphRecipe(1.8)},
    "positions": lambda s, c: {
        "labelled": replace(s, snapshots=(moved(s.snapshots[0]), *s.snapshots[1:]))
    },
    "labels": lambda s, c: {"labelled": replace(s, labels=s.labels[::-1])},
    "split": lambda s, c: {
        "split": replace(c, train=c.validation, validation=c.train),
    },
    "code": lambda s, c: {},
}


def moved(snapshot):
    return snapshot.replace(positions=snapshot.positions + np.eye(len(snapshot), 2) * 1e-9)


@pytest.mark.parametrize("change", CHANGES)
def test_a_checkpoint_of_another_training_is_refused_and_kept(
    labelled, half_done, tmp_path, monkeypatch, change
):
    checkpoint = tmp_path / "training.ckpt"
    checkpoint.write_bytes(half_done)
    changes = CHANGES[change](labelled, split_by_run(labelled))
    if change == "code":
        monkeypatch.setattr(fitting, "code_digest", lambda *names: "other code")
    given = changes.pop("labelled", labelled)
    with pytest.raises(InputError, match=r"training\.ckpt is of another training .*; remove it"):
        train(given, "linear", checkpoint=checkpoint, **changes)
    assert checkpoint.read_bytes() == half_done


@pytest.mark.parametrize("rate", [1e10, 1e30])
def test_a_training_that_diverges_says_so(labelled, rate):
    options = TrainingOptions(epochs=20, patience=20, learning_rate=rate, batch_size=4)
    with pytest.raises(InputError, match=r"training diverged: the loss is \w+ after .* lower it"):
        train(labelled, options=options)


class Touches:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("sealed", [False, True])
def test_a_checkpoint_runs_nothing(labelled, half_done, tmp_path, sealed):
    """Not even one whose seal was forged."""
    checkpoint, ran = tmp_path / "training.ckpt", tmp_path / "ran"
    torch.save({"state_dict": Touches(ran), "epoch": 0}, tmp_path / "hostile")
    hostile = (tmp_path / "hostile").read_bytes()
    if sealed:
        checkpoint.write_bytes(half_done)
        stored = read_sealed(checkpoint)
        assert stored is not None
        write_sealed(checkpoint, stored[0], hostile)
    else:
        checkpoint.write_bytes(hostile)
    train(labelled, "linear", checkpoint=checkpoint)
    assert not ran.exists()
    # That it would have run, had it been read as Lightning does.
    torch.load(tmp_path / "hostile", weights_only=False)
    assert ran.exists()


def test_saved_and_loaded_is_the_same(classifier, tmp_path):
    probe = [planted(2, seed, bool(seed % 2)) for seed in range(4)]
    loaded = TrainedClassifier.load(classifier.save(tmp_path / "gnn.safetensors"))
    np.testing.assert_array_equal(loaded.predict_proba(probe), classifier.predict_proba(probe))
    for name in ("recipe", "labels", "level", "system", "split", "calibration", "model_name"):
        assert getattr(loaded, name) == getattr(classifier, name)
    assert loaded.record == json.loads(json.dumps(classifier.record))


def test_batches_do_not_change_predictions_and_boxes_may_differ(classifier, labelled):
    probe = [planted(2, 1, True), example_snapshot(2, 100), planted(2, 2, False)]
    for model in (classifier, train(labelled, "voxel-cnn")):
        together = model.logits(probe, batch_size=3)
        alone = np.concatenate([model.logits([s]) for s in probe])
        np.testing.assert_allclose(together, alone, atol=1e-5)


def test_classifier_refuses_what_it_does_not_know(classifier):
    with pytest.raises(InputError, match="3D"):
        classifier.logits([example_snapshot(3)])
    renamed = planted(2, 0, True).replace(type_names=("A", "C"))
    with pytest.raises(InputError, match=r"also holds C, .* knows A, B"):
        classifier.logits([renamed])
    with pytest.raises(InputError, match="less than half"):
        classifier.logits([example_snapshot(2, 9)], accept=["composition", "distance"])


def test_loading_what_is_not_a_classifier(tmp_path, classifier):
    with pytest.raises(FileError, match="no classifier at"):
        TrainedClassifier.load(tmp_path / "absent.safetensors")
    garbage = tmp_path / "garbage.safetensors"
    garbage.write_bytes(b"not safetensors at all")
    with pytest.raises(FileError, match="cannot be read as a classifier"):
        TrainedClassifier.load(garbage)
    whole = classifier.save(tmp_path / "whole.safetensors").read_bytes()
    truncated = tmp_path / "truncated.safetensors"
    truncated.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileError, match="cannot be read as a classifier"):
        TrainedClassifier.load(truncated)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weights": torch.zeros(2)}, foreign)
    with pytest.raises(FileError, match="not a 'gnnglass classifier 4'"):
        TrainedClassifier.load(foreign)


def test_a_file_that_does_not_say_what_is_explained_is_refused(tmp_path, classifier, monkeypatch):
    """The second format had the labels in an order that meant nothing."""
    path = classifier.save(tmp_path / "new.safetensors")
    assert TrainedClassifier.load(path).explained == classifier.labels[-1]
    monkeypatch.setattr(written_by, "_FORMAT", "gnnglass classifier 2")
    old = classifier.save(tmp_path / "old.safetensors")
    monkeypatch.undo()
    with pytest.raises(FileError, match=r"not a 'gnnglass classifier 4'; train one"):
        TrainedClassifier.load(old)


def test_unwritable_output(classifier, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot write"):
        classifier.save(Path(tmp_path / "file" / "gnn.safetensors"))


def test_wrong_requests(labelled):
    with pytest.raises(UnknownNameError, match="message-passing, voxel-cnn"):
        train(labelled, model="message-passing", recipe=recipe_for("no-such-model", 2))
    with pytest.raises(InputError, match="reads a voxel"):
        train(labelled, model="voxel-cnn", recipe=recipe_for("message-passing", 2))
    with pytest.raises(InputError, match=r"cannot be made.*colour"):
        train(labelled, model_options={"colour": "red"})
    with pytest.raises(InputError, match="its parameters are r_max"):
        recipe_for("message-passing", 2, cutoff=3.0)
    with pytest.raises(InputError, match="unknown device"):
        choose_device("abacus")


def test_one_class_in_a_part(labelled):
    split = split_by_run(labelled)
    lopsided = type(split)(
        train=tuple(run for run in split.train if run.startswith("liquid")),
        validation=split.validation,
        test=split.test,
    )
    with pytest.raises(InputError, match="train part must hold runs of exactly two classes"):
        fit(
            labelled,
            lopsided,
            model="message-passing",
            recipe=recipe_for("message-passing", 2),
            progress=False,
        )


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"patience": 0}, {"batch_size": 1}, {"learning_rate": 0.0},
     {"weight_decay": -1.0}, {"supervision": "none"}, {"seed": -1}],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
def test_options_that_make_no_sense(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        TrainingOptions(**wrong)
