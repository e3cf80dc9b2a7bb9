"""How many of the package's files one frame passes: so many have to be read to follow it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
import torch

import gnnglass
from gnnglass import explain, trajectories
from gnnglass.cli import learning
from gnnglass.explain import GraphGradCAM
from gnnglass.models import MODELS, recipe_for, settled_by_recipe
from gnnglass.systems import glass_former
from gnnglass.testing import example_snapshot
from gnnglass.training import Split, TrainedClassifier
from gnnglass.training.classifier import Calibration
from gnnglass.trajectories import Snapshot

PACKAGE = Path(gnnglass.__file__).parent
#: Half of what it was when every class had a file of its own.
MOST_TO_READ, MOST_TO_EXPLAIN = 8, 9


def files_passed(call: Callable[[], object]) -> list[str]:
    """Files of the package in which a function is called, in the order of their first call."""
    found: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            found[str(path.relative_to(PACKAGE))] = None

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
    return list(found)


def dump(snapshot: Snapshot) -> str:
    bounds = "".join(f"{-edge / 2!r} {edge / 2!r}\n" for edge in [*snapshot.box.tolist(), 1.0])
    rows = "".join(
        f"{k} {kind + 1} {x!r} {y!r} 0\n"
        for k, (kind, (x, y)) in enumerate(
            zip(snapshot.types, snapshot.positions.tolist(), strict=True), 1
        )
    )
    return (
        f"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n{len(snapshot)}\n"
        f"ITEM: BOX BOUNDS pp pp pp\n{bounds}ITEM: ATOMS id type x y z\n{rows}"
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A dump of one frame and a small, untrained message-passing classifier."""
    folder, snapshot = tmp_path_factory.mktemp("trace"), example_snapshot(2)
    path = folder / "x.dump"
    path.write_text(dump(snapshot))
    recipe = recipe_for("message-passing", 2)
    options = {**settled_by_recipe(recipe), "hidden": 8}
    torch.manual_seed(0)
    model: Any = MODELS.create("message-passing", **options)
    model.standardise([recipe(snapshot)])
    classifier = TrainedClassifier(
        model_name="message-passing",
        model_options=options,
        model=model.eval(),
        recipe=recipe,
        labels=("liquid", "glass"),
        material=replace(glass_former("kam2d").material, level="thermal"),
        split=Split((), (), ()),
        calibration=Calibration(),
    )
    stored = classifier.save(folder / "c.safetensors")
    return SimpleNamespace(dump=path, classifier=classifier, stored=stored, folder=folder)


def test_few_files_are_passed_to_read_a_frame(files: SimpleNamespace) -> None:
    def read() -> None:
        assert len(trajectories.read(files.dump)) == 1

    read()
    passed = files_passed(read)
    assert len(passed) <= MOST_TO_READ, "\n".join(passed)


def test_few_files_are_passed_to_explain_a_frame(files: SimpleNamespace) -> None:
    trajectory, gradcam = trajectories.read(files.dump), GraphGradCAM()

    def annotate() -> None:
        found = explain.annotate(files.classifier, trajectory, gradcam, "importance")
        assert "importance" in found[0].fields

    annotate()
    passed = files_passed(annotate)
    assert len(passed) <= MOST_TO_EXPLAIN, "\n".join(passed)


def test_the_command_passes_no_more(
    files: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same two calls, as the command ``explain`` makes them."""
    passed: dict[str, list[str]] = {}

    def noting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **options: Any) -> Any:
            results: list[Any] = []
            passed[name] = files_passed(lambda: results.append(call(*arguments, **options)))
            return results[0]

        return noted

    monkeypatch.setattr(trajectories, "read", noting("read", trajectories.read))
    monkeypatch.setattr(explain, "annotate", noting("annotate", explain.annotate))
    for number in range(2):
        # What is finished is not explained again.
        learning.explain(files.stored, [files.dump], files.folder / f"out-{number}.gsd")
    assert len(passed["read"]) <= MOST_TO_READ, "\n".join(passed["read"])
    assert len(passed["annotate"]) <= MOST_TO_EXPLAIN, "\n".join(passed["annotate"])
