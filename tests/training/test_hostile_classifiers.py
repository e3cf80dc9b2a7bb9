"""Whatever a classifier file holds, it is read right or refused in one sentence, and soon."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from gnnglass.errors import FileError, GnnglassError, InputError
from gnnglass.models import MODELS, recipe_for, settled_by_recipe
from gnnglass.systems import glass_former
from gnnglass.testing import example_snapshot
from gnnglass.training import Calibration, Split, TrainedClassifier
from gnnglass.training.classifier import _digest

SECONDS, MEMORY = 10, 2**31

#: What a number, a text, a list or a table of the header is replaced by; a function changes it.
HOSTILE: list[Any] = [
    None, True, False, 0, 1, -1, 3, 7, 1000, 10**9, 2**53, -(2**53), 2**62, 10**30, 10**400,
    0.0, -0.5, 0.6, 2.5, 1e-300, 1e300, float("nan"), float("inf"), -float("inf"),
    "", "x", " ", "nan", "\x00", "\ud800", "\u202e", "../../etc/passwd", "/dev/zero", "x.toml",
    "a" * 10_000, "gnnglass classifier 1",
    [], [[]], [None], [0], [""], ["a", "a"], ["a", "b", "c"], [1e9], list(range(1000)),
    ["s" + str(k) for k in range(1000)],
    {}, {"": 0}, {"name": "kam2d"}, {"recipe": []}, {"train": 0},
    *(lambda value, deep=deep: nested(value, deep) for deep in (3, 40, 400)),
    lambda value: [value],
    lambda value: {"value": value},
    lambda value: [*value, *value] if isinstance(value, list) else str(value),
    lambda value: {**value, "colour": 1} if isinstance(value, dict) else [value, value],
]  # fmt: skip

ABSENT = object()
#: Of this network all entries are changed, of others what is their own.
FIRST = "message-passing"


def nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in the header: of each list the first entry is enough."""
    if path:
        yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for key, inner in entries if isinstance(value, dict | list) else ():
        if isinstance(inner, dict | list):
            yield from paths_in(inner, (*path, key))
        else:
            yield (*path, key)


def with_changed(facts: dict[str, Any], path: tuple[Any, ...], change: Any) -> dict[str, Any]:
    copy = json.loads(json.dumps(facts))
    *way, last = path
    place = copy
    for key in way:
        place = place[key]
    if change is ABSENT:
        del place[last]
    else:
        place[last] = change(place[last]) if callable(change) else change
    return copy


def stored(folder: Path, model: str, **parameters: Any) -> Path:
    recipe = recipe_for(model, 2, **parameters)
    options = {**settled_by_recipe(recipe), "pooling": "mean", "n_classes": 2}
    options |= {} if model == "linear" else {"hidden": 4, "dropout": 0.1}
    options |= {"voxel-cnn": {"n_halvings": 1, "n_blocks": 1}, "linear": {}}.get(
        model, {"n_layers": 1}
    )
    torch.manual_seed(0)
    net = MODELS.create(model, **options)
    with torch.no_grad():
        for weights in net.parameters():
            weights.normal_()
    return TrainedClassifier(
        model_name=model,
        model_options=options,
        model=net.eval(),
        recipe=recipe,
        labels=("liquid", "glass"),
        material=replace(
            replace(glass_former("kam2d"), name="mine").material,
            level="inherent",
            distance=(0.8, 0.9),
            temperature=(0.5, 1.0),
        ),
        split=Split(("a", "d"), ("b",), ("c",)),
        calibration=Calibration(2.0, -1.0),
        record={"options": {"epochs": 3}, "history": [{"epoch": 0, "val_loss": 0.5}]},
    ).save(folder / f"{model}.safetensors")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(tmp_path_factory.mktemp("whole"), FIRST)


def facts_of(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        facts = dict(json.loads(file.metadata()["gnnglass"]))
    del facts["sha256"]
    return facts


def put(path: Path, facts: Any, weights: dict[str, torch.Tensor]) -> None:
    """Write a file whose digest fits, so that all that is behind the digest is tried."""
    if isinstance(facts, dict):
        facts = json.dumps({**facts, "sha256": _digest(facts, weights)})
    save_file(weights, path, metadata={"gnnglass": facts})


@contextmanager
def bounded() -> Iterator[None]:
    """Ends whatever lasts too long or takes too much memory."""

    def too_long(*_: object) -> None:
        raise AssertionError(f"reading it took more than {SECONDS} s")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
    before = signal.signal(signal.SIGALRM, too_long)
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, hard))
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def right_or_one_sentence(path: Path, right: np.ndarray | None) -> bool:
    """Whether it was read, and then it gives the right logits, if they are known."""
    with bounded():
        try:
            logits = TrainedClassifier.load(path).logits(example_snapshot(2))
        except (FileError, InputError) as error:
            text = str(error)
            assert "\n" not in text and text.endswith(".") and len(text) < 1000, text
            return False
    assert right is None or np.array_equal(logits, right)
    return True


#: What may be something else and make sense: the digest alone says that it was changed.
FREE = {
    *(("model", "options", "dropout"), ("model", "options", "n_halvings"), ("recipe", "multiple")),
    *(("recipe", "voxel_size"), ("recipe", "width"), ("recipe", "format_version")),
    *(
        ("material", part)
        for part in ("composition", "density", "distance", "temperature", "system")
    ),
    *(("labels",), ("split",), ("calibration",), ("record",)),
}
#: Those of them that make another network or another input.
ANOTHER = {"n_halvings", "voxel_size", "width", "multiple"}


@pytest.mark.parametrize("model", [FIRST, "attention", "voxel-cnn"])
def test_every_entry_of_the_header_is_checked(tmp_path: Path, model: str) -> None:
    """A third of the changes for each entry, another third for the next."""
    whole, changed = stored(tmp_path, model), tmp_path / "changed.safetensors"
    facts, weights = facts_of(whole), load_file(whole)
    right = TrainedClassifier.load(whole).logits(example_snapshot(2))
    own = ("model", "recipe")
    every = [path for path in dict.fromkeys(paths_in(facts)) if model == FIRST or path[0] in own]
    taken = set()
    for k, path in enumerate(every):
        for change in [*HOSTILE[k % 3 :: 3], ABSENT]:
            different = with_changed(facts, path, change)
            put(changed, different, weights)
            known = None if path[-1] in ANOTHER else right
            # What is absent may have a default, which is what it was.
            if right_or_one_sentence(changed, known) and change is not ABSENT:
                taken |= {path} if different != facts else set()
    strict = {path for path in taken if not any(path[: len(one)] == one for one in FREE)}
    assert not strict, strict


OWN = replace(glass_former("kam2d"), name="mine").identity


def test_indicators_and_their_system_are_checked(tmp_path: Path) -> None:
    """Of a definition that no other place of the header has, every entry."""
    fed = {"indicators": ["tong-tanaka", "voronoi-density"], "system": OWN}
    whole, changed = stored(tmp_path, "linear", **fed), tmp_path / "changed.safetensors"
    facts, weights = facts_of(whole), load_file(whole)
    assert facts["recipe"]["system"] == OWN == facts["material"]["system"]
    right = TrainedClassifier.load(whole).logits(example_snapshot(2))
    paths = [("model", "options", "n_fields"), ("recipe", "indicators"), ("recipe", "system")]
    paths += [path for path in paths_in(facts["recipe"], ("recipe",)) if len(path) > 2]
    for k, path in enumerate(dict.fromkeys(paths)):
        for change in [*HOSTILE[k % 3 :: 3], ABSENT]:
            different = with_changed(facts, path, change)
            put(changed, different, weights)
            if right_or_one_sentence(changed, right):
                # A definition may leave out its citation, or say a number in another way.
                assert different == facts or path[:2] == ("recipe", "system"), (path, change)
    for other in (["tong-tanaka"], ["voronoi-density"], ["potential-energy"] * 2, ["hexatic"] * 2):
        put(changed, with_changed(facts, ("recipe", "indicators"), other), weights)
        assert not right_or_one_sentence(changed, None)
    put(changed, with_changed(facts, ("recipe", "system"), "kam2d"), weights)
    with pytest.raises(FileError, match="are those of another glass former than it was trained on"):
        TrainedClassifier.load(changed)


WEIGHTS: dict[str, Callable[[torch.Tensor], torch.Tensor | None]] = {
    "a NaN": lambda one: one.index_fill(0, torch.tensor([0]), torch.nan),
    "infinite": lambda one: one + torch.inf,
    "double precision": lambda one: one.double(),
    "half precision": lambda one: one.half(),
    "whole numbers": lambda one: one.int(),
    "flags": lambda one: one > 0,
    "fewer": lambda one: one[:-1],
    "another shape": lambda one: one[None],
    "one number": lambda one: torch.tensor(1.0),
    "no number": lambda one: torch.zeros(0),
    "absent": lambda one: None,
}


@pytest.mark.parametrize("change", WEIGHTS.values(), ids=WEIGHTS)
def test_every_weight_is_checked(whole: Path, tmp_path: Path, change: Any) -> None:
    facts, weights = facts_of(whole), load_file(whole)
    for name in weights:
        changed = {**weights, name: change(weights[name])}
        kept = {key: value for key, value in changed.items() if value is not None}
        put(tmp_path / "changed.safetensors", facts, kept)
        with pytest.raises(FileError, match="does not fit this version: its weights"):
            TrainedClassifier.load(tmp_path / "changed.safetensors")


def test_weights_that_nobody_asked_for(whole: Path, tmp_path: Path) -> None:
    put(tmp_path / "c", facts_of(whole), {**load_file(whole), "more": torch.zeros(3)})
    with pytest.raises(FileError, match="its weights are not those of the network"):
        TrainedClassifier.load(tmp_path / "c")


@pytest.mark.parametrize(
    "header",
    [
        *("", "{", "[]", "null", "\x00", "NaN", '{"format": "gnnglass classifier 4"}'),
        *("[" * 100_000, "{" * 100_000, '{"a":' * 50_000, "1" * 5000, "[]," * 2**24),
        '{"format": "gnnglass classifier 4", "a": [' + "[]," * 2**18 + "[]]}",
    ],
    ids=range(13),
)
def test_headers_that_are_none(whole: Path, tmp_path: Path, header: str) -> None:
    put(tmp_path / "c", header, load_file(whole))
    with bounded(), pytest.raises(FileError):
        TrainedClassifier.load(tmp_path / "c")


def test_any_damage_is_noticed(whole: Path, tmp_path: Path) -> None:
    """Not only what makes no sense: every bit of the file is part of the digest."""
    content = whole.read_bytes()
    for place in (*range(0, 60), *range(60, len(content), len(content) // 150)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        (tmp_path / "flipped").write_bytes(flipped)
        with bounded(), pytest.raises(FileError):
            TrainedClassifier.load(tmp_path / "flipped")
    for length in (0, 1, 7, 8, 9, 100, len(content) // 2, len(content) - 1):
        (tmp_path / "short").write_bytes(content[:length])
        with bounded(), pytest.raises(FileError):
            TrainedClassifier.load(tmp_path / "short")
    (tmp_path / "long").write_bytes(content + b"\0")
    with bounded(), pytest.raises(FileError):
        TrainedClassifier.load(tmp_path / "long")


def test_a_file_without_a_digest_is_refused(whole: Path, tmp_path: Path) -> None:
    header = json.dumps(facts_of(whole))
    save_file(load_file(whole), tmp_path / "c", metadata={"gnnglass": header})
    with pytest.raises(FileError, match="by its digest"):
        TrainedClassifier.load(tmp_path / "c")


def test_what_could_not_be_read_is_not_written(whole: Path, tmp_path: Path) -> None:
    classifier = TrainedClassifier.load(whole)
    molten = replace(classifier.material, level="molten")
    for change in ({"material": molten}, {"labels": ("a", "a")}, {"record": {"loss": np.nan}}):
        with pytest.raises(GnnglassError):
            replace(classifier, **change).save(tmp_path / "c")
    assert not (tmp_path / "c").exists()
