"""Study files with one entry turned into nonsense: understood, or refused in one sentence."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_study import TINY

from gnnglass.errors import GnnglassError
from gnnglass.study import Study, read_ensemble_file
from gnnglass.study.check import check_study
from gnnglass.study.workspace import protocols

#: Of every entry, so many of these stand in its place.
EACH = 5
NONSENSE: tuple[Any, ...] = (
    -1, 0, 3, 2.5, 10**12, 10**15, 10**30, -(10**12), 1e300, 1e-300, -0.5, math.nan, math.inf,
    -math.inf, True, "", "nonsense", "../../x", "a\nb", "é" * 300, "x" * 10_000, [], {}, [[]],
    [1, "a"], [-1.0], [math.nan], [1e-300], [10**12, 10**13], list(range(1000)), {"a": 1},
    {"a": {"b": {"c": {}}}}, {"": 0}, [{"a": []}],
)  # fmt: skip


def as_toml(value: Any) -> str:
    match value:
        case dict():
            return (
                "{" + ", ".join(f"{json.dumps(k)} = {as_toml(v)}" for k, v in value.items()) + "}"
            )
        case list():
            return "[" + ", ".join(map(as_toml, value)) + "]"
        case bool() | str():
            return json.dumps(value)
        case _:
            return repr(value)


def entries(content: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all tables and values."""
    for key, value in content.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from entries(value, (*path, key))


def changed(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    content: dict[str, Any] = copy.deepcopy(WHOLE)
    section = content
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    return content


#: Everything that a study file may say.
WHOLE = {
    **TINY,
    "explain": "glass",
    "levels": ["thermal", "inherent"],
    "explain_level": "inherent",
    "split": {"validation": 0.25, "test": 0.25, "seed": 0},
    "simulate": {**TINY["simulate"], "engine": "lammps"},
    "dynamics": {**TINY["dynamics"], "phase": "glass", "kT": 0.3, "ageing": False},
    "compare": {
        "lengths": [0.5, 1.0],
        "methods": ["spearman"],
        "given": ["potential_energy"],
        "same_species": False,
        "seed": 0,
    },
    "null": {"shuffles": 2, "seed": 0},
    "classifiers": {
        "gnn": {
            "model": "message-passing",
            "recipe": {"r_max": 1.5},
            "model_options": {"hidden": 8, "n_layers": 1, "n_radial": 4, "dropout": 0.1,
                              "pooling": "mean"},
            "training": {"epochs": 4, "patience": 4, "batch_size": 4, "learning_rate": 0.01,
                         "weight_decay": 0.1, "seed": 0, "supervision": "local"},
            "attribution": "integrated-gradients",
            "attribution_options": {"n_steps": 4, "batch_size": 2, "layer": "embed"},
        },
        "cnn": {**TINY["classifiers"]["cnn"], "model_options": {"n_halvings": 2, "n_blocks": 1},
                "attribution_options": {"n_shifts": 1, "flips": False}},
    },
}  # fmt: skip


def cases() -> Iterator[Any]:
    chance = random.Random(0)
    for path in entries(WHOLE):
        for value in chance.sample(NONSENSE, EACH):
            yield pytest.param(path, value, id=f"{'.'.join(path)}={value!r:.30}")
        yield pytest.param((*path[:-1], "nonsense"), 1, id=f"{'.'.join(path)}+nonsense")


def checked(file: Path, content: dict[str, Any]) -> None:
    """What is done with a file before anything is simulated."""
    lines = [f"{key} = {as_toml(value)}" for key, value in content.items()]
    file.write_text("\n".join(lines), encoding="utf-8")
    study = read_ensemble_file(file)
    if isinstance(study, Study):
        check_study(study, "cpu")
    for phase in study.phases:
        protocols(study, phase)


def test_without_nonsense_it_is_understood(tmp_path):
    checked(tmp_path / "study.toml", WHOLE)


@pytest.mark.parametrize(("path", "value"), cases())
def test_it_is_understood_or_refused_in_one_sentence(tmp_path, path, value):
    file = tmp_path / "study.toml"
    try:
        checked(file, changed(path, value))
    except GnnglassError as error:
        said = str(error)
        assert said.endswith(".")
        assert "\n" not in said
        assert len(said) < 900
