"""Classifiers that come with the package: found by name, described, and what their cards say."""

from pathlib import Path

import numpy as np
import pytest

from gnnglass import read
from gnnglass._shipped import FOLDERS
from gnnglass.compare import smooth
from gnnglass.errors import FileError, InputError, UnknownNameError
from gnnglass.explain import annotate
from gnnglass.published import with_dynamics
from gnnglass.simulate import inherent_structures
from gnnglass.study import Study
from gnnglass.training import TrainedClassifier, card, shipped_classifiers
from gnnglass.trajectories import Snapshot, Trajectory

FOLDER, _ = FOLDERS["classifier"]

every_one = pytest.mark.parametrize("name", shipped_classifiers())
DATA = Path(__file__).parents[3] / "shared" / "data" / "botan_ka3d_T0.44"


def test_there_are_some_and_they_are_small():
    assert {"ka3d-inherent", "ka3d-counts-inherent"} <= set(shipped_classifiers())
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3e6


@every_one
def test_each_is_loaded_by_its_name_and_is_what_it_is_called(name):
    classifier = TrainedClassifier.load(name)
    assert name.startswith(str(classifier.material.system))
    assert name.endswith(classifier.level)
    told = card(name)
    assert all(told.figures)
    assert told.about in str(told)
    assert told.not_for in str(told)
    assert (FOLDER.parent / "studies" / told.study).is_file()


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("ka3d-inherent").write_bytes(b"not a classifier")
    with pytest.raises(FileError, match="ka3d-inherent"):
        TrainedClassifier.load("ka3d-inherent")


def test_a_name_that_is_none_is_answered_by_those_there_are():
    with pytest.raises(FileError, match="ka3d-inherent"):
        TrainedClassifier.load("ka3d")
    with pytest.raises(UnknownNameError, match="ka3d-inherent"):
        card("ka3d")


@every_one
def test_what_they_are_not_made_for_is_refused(name):
    rng = np.random.default_rng(0)
    box = np.full(3, 8.0)
    snapshot = Snapshot(
        box=box, positions=rng.uniform(-4, 4, (300, 3)), types=np.arange(300) % 2
    )  # fmt: skip
    with pytest.raises(InputError):
        annotate(name, Trajectory([snapshot], {"level": "inherent"}), "graph-gradcam", "importance")


@pytest.mark.validate
@pytest.mark.skipif(not DATA.is_dir(), reason="the published configurations are not here")
@pytest.mark.parametrize(
    ("name", "expected"), [("ka3d-inherent", -0.739), ("ka3d-counts-inherent", -0.705)]
)
def test_maps_have_the_figures_of_their_cards(name, expected):
    found = []
    for number in (8, 9, 10):
        given = with_dynamics(read(DATA / f"isoconfig_N4096T0.44_{number}_tc07.npz"))
        minima = inherent_structures("ka3d", given)
        mapped = annotate(name, minima, "graph-gradcam", "importance")[0]
        chosen = mapped.of_type("A")
        values = smooth(mapped, mapped.field("importance"), 1.0)[chosen]
        found.append(np.corrcoef(values, given[0].field("propensity")[chosen])[0, 1])
    assert np.mean(found) == pytest.approx(expected, abs=0.01)


def test_the_studies_that_come_along_can_be_read(tmp_path):
    for path in (FOLDER.parent / "studies").glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        copy = tmp_path / path.name
        copy.write_text(text, encoding="utf-8")
        for number in range(1, 11):
            (tmp_path / f"isoconfig_N4096T0.44_{number}_tc07.npz").touch()
        assert Study.from_file(copy).title
