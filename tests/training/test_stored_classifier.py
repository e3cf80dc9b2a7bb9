"""Stored classifiers that do not fit are refused; mistakes in loading come out as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from gnnglass.errors import FileError
from gnnglass.models import MODELS, recipe_for
from gnnglass.systems import glass_former
from gnnglass.training import Split, TrainedClassifier, classifier
from gnnglass.trajectories import Material

MATERIAL = {**glass_former("kam2d").material.to_dict(), "level": "thermal"}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = recipe_for("linear", 2)
    options = {"n_species": 2, "r_max": 2.0}
    return TrainedClassifier(
        model_name="linear",
        model_options=options,
        model=MODELS.create("linear", **options).eval(),
        recipe=recipe,
        labels=("liquid", "glass"),
        material=Material.from_dict(MATERIAL),
        split=Split(("a",), ("b",), ("c",)),
        calibration=classifier.Calibration(),
    ).save(tmp_path_factory.mktemp("stored") / "c.safetensors")


def test_a_bug_in_loading_is_not_an_old_classifier(
    stored: Path, monkeypatch: pytest.MonkeyPatch, bug: Any
) -> None:
    monkeypatch.setattr(classifier, "recipe_from_dict", bug)
    with pytest.raises(type(bug.error)) as caught:
        TrainedClassifier.load(stored)
    assert caught.value is bug.error


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"recipe": None}, "recipe is missing"),
        ({"model": {"name": "linear"}}, "model.options is missing"),
        (
            {"model": {"name": "linear", "options": {"n_species": 2, "r_max": 2.0, "colour": 1}}},
            "colour",
        ),
        (
            {"model": {"name": "linear", "options": {"n_species": 3, "r_max": 2.0}}},
            "its network has n_species = 3, its recipe 2",
        ),
        (
            {"model": {"name": "linear", "options": {"n_species": 2, "r_max": 2, "n_radial": 7}}},
            "its weights",
        ),
        ({"labels": ["glass", "glass"]}, "both labels are 'glass'"),
        (
            {"material": {**MATERIAL, "level": "molten"}},
            "material.level is 'molten', expected",
        ),
        (
            {"material": {**MATERIAL, "system": "ka17d"}},
            "an unknown glass former 'ka17d'",
        ),
        ({"split": {"train": ["a"], "validation": ["b"], "test": ["a"]}}, "a run is named twice"),
        ({"calibration": {"slope": 1.0}}, "calibration.scale is missing"),
        ({"split": {"train": []}}, "split.validation is missing"),
        ({"recipe": {"recipe": "GraphRecipe", "format_version": 0}}, "stored recipe is"),
    ],
)
def test_a_classifier_that_does_not_fit_is_one_sentence(
    stored: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with safe_open(stored, framework="pt") as file:
        facts = json.loads(file.metadata()["gnnglass"])
    facts = {key: value for key, value in {**facts, **change}.items() if value is not None}
    path = tmp_path / "changed.safetensors"
    weights: dict[str, torch.Tensor] = load_file(stored)
    save_file(weights, path, metadata={"gnnglass": json.dumps(facts)})
    with pytest.raises(FileError, match=f"does not fit this version: .*{said}") as caught:
        TrainedClassifier.load(path)
    assert str(caught.value).endswith("; train it again.")
