"""Studies whose configurations come from files: how they are found, read, dealt, and compared."""

import json
import re

import numpy as np
import pytest
from tiny_study import TINY, as_toml

from gnnglass import read, write
from gnnglass.compare import correlate
from gnnglass.errors import InputError
from gnnglass.simulate import Protocol
from gnnglass.simulate.lammps import LammpsEngine
from gnnglass.study import Study, run_study
from gnnglass.study.workspace import deal, run_names
from gnnglass.trajectories import Trajectory

GLASS = {key: TINY["phases"]["glass"][key] for key in ("kT", "kT_melt", "melt_steps")}
PROTOCOL = {**GLASS, "cooling_rate": 0.5, "hold_steps": 200, "n_frames": 1, "frame_interval": 100}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten glasses, each with a propensity that is known: its particles' x, made positive."""
    folder = tmp_path_factory.mktemp("given")
    for k in range(10):
        protocol = Protocol(n_particles=144, seed=50 + k, **PROTOCOL)
        made = LammpsEngine().run("kam2d", protocol, folder / "simulated.gsd")
        snapshot = made[0].with_fields(propensity=made[0].positions[:, 0] + made[0].box[0])
        write(folder / f"glass_{k}.gsd", Trajectory([snapshot], {"kT": 0.2, "dimension": 2}))
    (folder / "simulated.gsd").unlink()
    return folder


def study_of(folder, *, dynamics=None, **glass):
    content = {key: value for key, value in TINY.items() if key != "dynamics"}
    content["phases"] = {
        "liquid": TINY["phases"]["liquid"],
        "glass": {"files": ["glass_*.gsd"], **glass},
    }
    content["classifiers"] = {"gnn": TINY["classifiers"]["gnn"]}
    content["levels"] = ["inherent"]
    if dynamics:
        content["dynamics"] = dynamics
    path = folder / "study.toml"
    path.write_text(as_toml(content), encoding="utf-8")
    return path


def test_files_are_found_beside_the_study_in_the_order_of_their_numbers(folder):
    study = Study.from_file(study_of(folder))
    assert run_names(study, "glass") == tuple(f"glass-glass_{k}" for k in range(10))
    assert study.simulated == ("liquid",)


def test_numbers_in_names_count_as_numbers(tmp_path):
    for k in (10, 2, 1):
        (tmp_path / f"glass_{k}_x.gsd").touch()
    study = Study.from_file(study_of(tmp_path))
    assert run_names(study, "glass") == ("glass-glass_1_x", "glass-glass_2_x", "glass-glass_10_x")


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "glass_1.gsd").touch()
    study = Study.from_file(study_of(tmp_path, files=["*/glass_1.gsd"]))
    assert run_names(study, "glass") == ("glass-a-glass_1", "glass-b-glass_1")


def test_the_file_says_what_is_held_out(folder):
    parts = deal(Study.from_file(study_of(folder, test=["glass_[89].gsd"])))
    glasses = {part: [run for run in runs if "glass" in run] for part, runs in parts.items()}
    assert glasses["test"] == ["glass-glass_8", "glass-glass_9"]
    assert len(glasses["validation"]) == 2
    assert len(glasses["train"]) == 6
    assert len([run for run in parts["test"] if "liquid" in run]) == 1


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        ({"files": ["none_*.gsd"]}, "no file is called 'none_*.gsd'"),
        ({"test": ["none_*.gsd"]}, "no file is called 'none_*.gsd'"),
        ({"files": []}, "phases.glass.files has too few entries"),
        ({"files": "glass_1.gsd"}, "phases.glass.files"),
        ({"kT": 0.3}, "there is no phases.glass.kT"),
        ({"time": -1}, "phases.glass.time is -1"),
        ({"test": ["glass_*.gsd"]}, "at least 1 for training"),
    ],
)
def test_what_makes_no_sense_is_refused(folder, phase, message):
    with pytest.raises(InputError, match=re.escape(message)):
        deal(Study.from_file(study_of(folder, **phase)))


@pytest.fixture(scope="module")
def finished(folder):
    study = Study.from_file(study_of(folder, test=["glass_[6789].gsd"]))
    out = folder / "out"
    return study, out, run_study(study, out, workers=2, device="cpu")


def test_propensities_of_files_are_compared(finished, folder):
    _, out, results = finished
    rows = [row for row in results["correlations"] if row["target"] == "propensity"]
    assert {row["predictor"] for row in rows} >= {"importance_gnn", "potential_energy"}
    assert not any("propensity" in row["predictor"] for row in rows)
    held_out = [f"glass-glass_{k}" for k in (6, 7, 8, 9)]
    snapshots = [read(out / "compared" / f"{run}.gsd")[-1] for run in held_out]
    for run, snapshot in zip(held_out, snapshots, strict=True):
        source = read(folder / f"{run.removeprefix('glass-')}.gsd")[0]
        assert snapshot.field("propensity") == pytest.approx(source.field("propensity"))
        # Of the thermal configuration, on the inherent structure.
        assert not np.allclose(snapshot.positions, source.positions, atol=1e-3)
    (expected,) = [
        row
        for row in rows
        if (row["predictor"], row["species"], row["method"], row["smoothed"], row["given"])
        == ("potential_energy", "A", "pearson", False, "")
    ]
    found = correlate(snapshots, "potential_energy", "propensity", runs=held_out, method="pearson")[
        "A"
    ]
    assert expected["estimate"] == pytest.approx(found.estimate)
    assert "propensity" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("undrawn")
def test_a_finished_study_is_not_done_again_and_a_changed_file_is_noticed(finished, folder):
    study, out, results = finished
    read_before = (out / "stages" / "read.json").stat().st_mtime_ns
    again = run_study(study, out, workers=2, device="cpu")
    assert again["correlations"] == results["correlations"]
    assert (out / "stages" / "read.json").stat().st_mtime_ns == read_before
    file = folder / "glass_9.gsd"
    kept = file.read_bytes()
    snapshot = read(file)[0]
    try:
        write(file, Trajectory([snapshot.with_fields(propensity=-snapshot.field("propensity"))],
                               {"kT": 0.2}))  # fmt: skip
        changed = run_study(study, out, workers=2, device="cpu")
    finally:
        file.write_bytes(kept)
    assert changed["correlations"] != results["correlations"]


@pytest.mark.usefixtures("undrawn")
def test_clones_of_files(folder, tmp_path):
    study = Study.from_file(
        study_of(
            folder,
            test=["glass_9.gsd"],
            dynamics={"n_clones": 4, "lag_steps": [20, 100], "propensity_lag": 100},
        )
    )
    thermal = study.model_copy(update={"levels": ("thermal", "inherent")})
    results = run_study(thermal, tmp_path / "out", workers=2, device="cpu")
    targets = {row["target"] for row in results["correlations"]}
    assert "propensity_cage_relative" in targets
    assert json.loads((tmp_path / "out" / "results.json").read_text())["split"]["test"]


def test_clones_of_files_need_thermal_configurations(folder, tmp_path):
    section = {"n_clones": 4, "lag_steps": [20, 100], "propensity_lag": 100}
    study = Study.from_file(study_of(folder, dynamics=section))
    with pytest.raises(InputError, match="clones from thermal configurations"):
        run_study(study, tmp_path / "out", workers=2, device="cpu")
    assert not (tmp_path / "out" / "runs").exists()


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"phase": "liquid"}, "says that it is liquid"),
        ({"level": "inherent"}, 'set levels = ["inherent"]'),
    ],
)
def test_files_that_say_otherwise_are_refused(folder, tmp_path, facts, message):
    for k in range(4):
        snapshot = read(folder / f"glass_{k}.gsd")[0]
        write(tmp_path / f"glass_{k}.gsd", Trajectory([snapshot], facts))
    study = Study.from_file(study_of(tmp_path)).model_copy(update={"levels": ("thermal",)})
    study = study.model_copy(update={"explain_level": "thermal"})
    with pytest.raises(InputError, match=re.escape(message)):
        run_study(study, tmp_path / "out", workers=2, device="cpu")
