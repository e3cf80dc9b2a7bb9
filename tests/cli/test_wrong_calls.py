"""Forty calls as people give them: each works, or ends in one sentence that helps."""

import json
import os
import shlex
import subprocess
import sys

import numpy as np
import pytest
from command import gnnglass

from gnnglass._shipped import shipped
from gnnglass.trajectories import Snapshot, Trajectory, write

STUDY = """
title = "t"
system = {{ name = "kam2d", n_particles = 144 }}
simulate = {{ runs = 4 }}
phases.liquid = {{ kT = 1.0, hold_steps = 1, n_frames = 1, frame_interval = 1 }}
phases.glass = {{ kT = 0.3, hold_steps = 1, n_frames = 1, frame_interval = 1 }}
{more}
[classifiers.gnn]
model = "linear"
recipe = {{}}
attribution = "random"
"""


def configuration(seed):
    rng = np.random.default_rng(seed)
    n = 12
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 2), -1).reshape(-1, 2).astype(float)
    return Snapshot(
        box=[n, n],
        positions=grid + 0.2 * rng.uniform(-1, 1, grid.shape),
        types=np.arange(n * n) % 2,
        type_names=("A", "B"),
        fields={name: rng.standard_normal(n * n) for name in ("potential_energy", "propensity")},
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with runs of a glass, a study file, and a text."""
    folder = tmp_path_factory.mktemp("place")
    for k in range(3):
        facts = {"run": f"glass-{k}", "phase": "glass", "level": "thermal"}
        write(folder / f"glass-{k}.gsd", Trajectory([configuration(k)], facts))
    (folder / "study.toml").write_text(STUDY.format(more=""))
    (folder / "wrong.toml").write_text(STUDY.format(more="levls = []"))
    (folder / "notes.txt").write_text("milk, bread\n")
    (folder / "empty").mkdir()
    (folder / "other.json").write_text("[]")
    return folder


WORKS = ""
CALLS = [
    # commands and options
    ("simulat kam2d", "unknown command 'simulat' (did you mean 'simulate'?)"),
    ("correlation_length glass-0.gsd", "did you mean 'correlation-length'"),
    ("help", "unknown command 'help'"),
    ("train --modle linear", "--modle"),
    ("simulate kam2d", "Missing option"),
    ("simulate kam2d --kT warm -o a.gsd", "'--kT'"),
    ("structure glass-0.gsd", "--out"),
    ("compare glass-0.gsd --method spearmn", "'spearmn'"),
    ("simulate kam2d --KT 1 -o a.gsd", "--KT"),
    # names
    ("simulate kam2 --kT 1 -o a.gsd", "unknown glass former 'kam2' (did you mean 'kam2d'?)"),
    ("simulate KAM2D --kT 1 -o a.gsd", "did you mean 'kam2d'"),
    ("simulate kam2d --kT 1 --engine lamps -o a.gsd", "did you mean 'lammps'"),
    ("structure glass-0.gsd --engine lammsp -o a.gsd", "did you mean 'lammps'"),
    ("structure glass-0.gsd --indicator energy -o a.gsd", "'potential-energy'"),
    ("structure glass-0.gsd --indicator local_density -o a.gsd", WORKS),
    ("structure glass-0.gsd --indicator potential-energy -o a.gsd", "glass former"),
    ("train --class a=glass-0.gsd --class b=glass-1.gsd --model gcn -o a", "unknown model 'gcn'"),
    ("train --class a=glass-0.gsd --class b=glass-1.gsd --model linaer -o a", "'linear'"),
    ("train --class a=glass-0.gsd --class b=glass-1.gsd --indicator psi6 -o a", "indicator 'psi6'"),
    ("explain ka3d-inheren glass-0.gsd -o a.gsd", "did you mean 'ka3d-inherent'"),
    ("explain ka3d-inherent glass-0.gsd --attribution salency -o a.gsd", "'saliency'"),
    ("explain none.safetensors glass-0.gsd -o a.gsd", "no classifier at none.safetensors"),
    ("list model", "did you mean 'models'"),
    ("list indicators", WORKS),
    ("run kam2dd", "did you mean 'kam2d'"),
    ("show ka3d_inherent", "did you mean 'ka3d-inherent'"),
    # fields and species
    ("compare glass-0.gsd --predictor potential-energy --target propensity", WORKS),
    ("compare glass-0.gsd --predictor potential_energy --target propensty", "'propensity'"),
    ("compare glass-0.gsd --predictor potential_energy --target propensity --species a", "'A'"),
    ("correlation-length glass-0.gsd --field potential-enrgy", "'potential_energy'"),
    ("convert glass-0.gsd --species a=B -o a.gsd", "did you mean 'A'"),
    ("structure glass-0.gsd --indicator local-density --accept densty -o a.gsd", "'density'"),
    ("inherent glass-0.gsd -o a.gsd", "glass-0.gsd does not name its glass former"),
    ("inherent glass-0.gsd --system kam2 -o a.gsd", "did you mean 'kam2d'"),
    ("inherent glass-0.gsd glass-1.gsd -o a.gsd", "--out is the file a.gsd, but there are 2"),
    ("inherent glass-0.gsd", "--out"),
    ("inherent glass-0.gsd --tolerance 1 -o a.gsd", "--tolerance"),
    ("relaxation glass-0.gsd -o a.csv", "glass-0.gsd does not state its time step; give --dt"),
    ("relaxation glass-0.gsd --dt 1 -o a.csv", "a single frame"),
    ("relaxation glass-0.gsd --dt soon -o a.csv", "'--dt'"),
    ("relaxation glass-0.gsd --dt 1 -o notes.txt", "which is no folder"),
    ("explain ka3d-inherent empty", "empty is a folder without trajectories"),
    ("explain ka3d-inherent glass-0.gsd --batch-size 0", "'--batch-size'"),
    ("train glass-0.gsd --recipe r_max -o a", "--recipe was given 'r_max'; expected KEY=VALUE"),
    ("train glass-0.gsd --epochs 2 --training epochs=3 -o a", "epochs is given twice"),
    ("train glass-0.gsd --recipe system=kam2d -o a", "that of the runs (--system)"),
    ("structure glass-0.gsd -o a.gsd", WORKS),
    # files
    ("show none.gsd", "there is no file or folder none.gsd"),
    ("show notes.txt", "no trajectory format"),
    ("show empty", "holds no ensemble and no study"),
    ("show other.json", "does not hold the results of a study"),
    ("show wrong.toml", "there is no levls (did you mean 'levels'?)"),
    ("show glass-0.gsd", WORKS),
    ("convert glass-0.gsd -o glass-0.gsd", "is read here"),
    ("train glass-0.gsd glass-1.gsd -o a.safetensors", "at least two classes; got glass"),
    ("train --class liquid=glass-?.gsd -o a.safetensors", "at least two classes; got liquid"),
    ("train --class liquid=no-*.gsd -o a.safetensors", "no file matches"),
    ("train --class liquid -o a.safetensors", "expected NAME=PATTERN"),
    ("train glass-0.gsd --class hot=glass-1.gsd --explain cold -o a", "explain is 'cold'"),
    ("report empty", "holds no finished study"),
    ("status empty", "holds no ensemble and no study"),
    ("structure glass-0.gsd --frames 7 -o a.gsd", "picks none of the 1 frames"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "said"), CALLS, ids=[call for call, _ in CALLS])
def test_a_call_works_or_says_in_a_sentence_what_to_do(place, monkeypatch, call, said):
    monkeypatch.chdir(place)
    before = set(place.iterdir())
    done = gnnglass(*shlex.split(call))
    made = set(place.iterdir()) - before
    for path in made:
        path.unlink()
    assert "Traceback" not in done.out + done.err
    if said == WORKS:
        assert done.code == 0, done.err
        assert done.err.splitlines()[-1].startswith("next: gnnglass ")
        return
    assert not made
    *usage, sentence = done.err.strip().splitlines()
    assert said in sentence
    if done.code == 2:
        assert usage[0].startswith("Usage: gnnglass") and sentence.startswith("Error: ")
    else:
        assert (done.code, usage) == (1, []) and sentence.startswith("gnnglass: ")


def test_what_needs_no_network_is_said_before_torch_is_imported(place):
    """Importing it takes a minute on a busy machine."""
    code = """
import sys
from command import gnnglass
for call in sys.stdin.read().splitlines():
    assert gnnglass(*call.split()).code, call
    assert "torch" not in sys.modules, call
"""
    calls = (
        "train glass-0.gsd glass-1.gsd -o a.safetensors",
        "train --class liquid=glass-?.gsd -o a.safetensors",
        "train glass-0.gsd --class hot=glass-1.gsd --explain cold -o a",
        "train --class a=glass-0.gsd --class b=glass-1.gsd --model gcn -o a",
        "train --class a=glass-0.gsd --class b=glass-1.gsd --indicator psi6 -o a",
        "explain ka3d-inheren glass-0.gsd -o a.gsd",
        "explain ka3d-inherent none.gsd -o a.gsd",
        "explain ka3d-inherent glass-0.gsd --attribution salency -o a.gsd",
        "train glass-0.gsd --recipe r_max -o a",
        "inherent glass-0.gsd -o a.gsd",
        "relaxation glass-0.gsd -o a.csv",
        "run kam2dd",
        "list sytems",
    )
    subprocess.run(
        [sys.executable, "-c", code], input="\n".join(calls), cwd=place, text=True, check=True,
        env={**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))},
    )  # fmt: skip


def test_show_tells_what_is_in_a_trajectory_and_checks_it(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = configuration(0)
    gap = np.where(np.arange(144) < 2, np.nan, 1.5)
    verdict = {"verdict": "not equilibrated", "reason": "the energy drifts"}
    facts = {"system": "kam2d", "level": "thermal", "kT": 0.4, "equilibration": verdict}
    frames = [one.with_fields(gap=gap), one.replace(step=10)]
    write("run.gsd", Trajectory(frames, facts))
    code = (
        "import sys\nfrom gnnglass.cli import main\nsys.argv[1:] = ['show', 'run.gsd']\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))},
    )  # fmt: skip
    out = {line.split()[0]: " ".join(line.split()[1:]) for line in done.stdout.splitlines()}
    assert done.stdout.splitlines()[-1] == "False"
    assert (out["system"], out["level"], out["kT"]) == ("kam2d", "thermal", "0.4")
    assert out["run.gsd:"] == "trajectory (gsd)" and out["frames"] == "2, steps 0 to 10"
    assert (out["box"], out["particles"], out["density"]) == ("12 × 12 (2D)", "144", "1")
    assert out["composition"] == "A 0.5, B 0.5"
    energy = one.field("potential_energy")
    assert out["potential_energy"] == f"{energy.min():.4g} to {energy.max():.4g}"
    assert out["gap"] == "1.5 to 1.5, not a finite number for 2 particles, in 1 of 2 frames"
    assert out["fits"].startswith("no: ") and "composition A 0.5, B 0.5 against" in out["fits"]
    assert out["equilibrated"] == "not equilibrated: the energy drifts"
    assert done.stderr.splitlines()[-1] == "next: gnnglass compare run.gsd"


def test_show_tells_what_a_study_would_do_and_what_it_found(place, tmp_path, monkeypatch):
    monkeypatch.chdir(place)
    done = gnnglass("show", "study.toml")
    assert done.code == 0, done.err
    assert "8 runs of 144 particles" in done.out and "2 trainings" in done.out
    assert "phase glass" in done.out and "kT 0.3" in done.out
    assert done.err == "next: gnnglass run study.toml -o study\n"
    judged = {"gnn": {"auc": {"estimate": 0.9, "low": 0.8, "high": 0.95, "n_runs": 9, "note": ""}}}
    results = {
        "title": "T", "study": {}, "levels": {"inherent": judged}, "classes": ["liquid", "glass"],
        "timings": {"stages": {"train": 120.0}},
    }  # fmt: skip
    (tmp_path / "results.json").write_text(json.dumps(results))
    done = gnnglass("show", tmp_path)
    assert done.code == 0, done.err
    assert "finished study: T" in done.out and "2.0 minutes" in done.out
    # What it says of the study is what the report begins with.
    assert "tells glass from liquid (AUC 0.90)" in done.out
    assert "No dynamics is known, so the maps are compared with structure alone." in done.out
    assert gnnglass("show", tmp_path / "results.json").out == done.out


def test_show_tells_what_a_classifier_is_made_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = gnnglass("show", "ka3d-inherent")
    assert done.code == 0, done.err
    facts = {
        line[2:].split("  ")[0]: line.split("  ")[-1].strip() for line in done.out.splitlines()
    }
    assert facts["labels"] == "liquid, glass (explains glass)"
    assert (facts["system"], facts["level"], facts["density"]) == ("ka3d", "inherent", "1.2")
    assert "Not for: other mixtures" in done.out and "auc 1, loss" in facts["validation"]
    assert "next: gnnglass explain ka3d-inherent" in done.err
    path = shipped("classifier")["ka3d-inherent"]
    assert facts["labels"] in gnnglass("show", path).out
