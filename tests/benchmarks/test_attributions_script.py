"""The benchmark of attributions from end to end, and its script.

It runs, is killed, resumes, refuses, and rewrites its page; every file is there, nothing is done
twice, parts do not mix.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import attributions
import numpy as np
import pandas as pd
import pytest
from _common import run_script
from planted_truth import classes, margins, run_benchmark, table
from planted_truth.measuring import NO_NETWORK, Indicators, Measuring
from planted_truth.page import write_results
from planted_truth.planting import Planting
from planted_truth.tasks import candidate_trainings
from tiny_benchmark import TINY, tiny

from gnnglass import _records

SCRIPT = Path(attributions.__file__)
#: Columns that depend on how fast the machine was.
TIMES = ("cost", "minutes")


def command(out):
    return [str(part) for part in (SCRIPT, TINY, "--out", out, "--workers=1", "--device=cpu")]


def start(out):
    """The script at work on the tiny benchmark; it has to find its own modules."""
    return subprocess.Popen(
        [sys.executable, *command(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=out.parent,
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[1])},
    )


def test_killed_and_taken_up_it_ends_with_the_same_tables(done, tmp_path, monkeypatch, capsys):
    finished, results = done
    out = tmp_path / "out"
    # Simulations that are killed are tested elsewhere, and take long.
    shutil.copytree(finished / "bases", out / "bases")
    killed = start(out)
    deadline = time.monotonic() + 300
    while not list(out.glob("training/*.json")):
        assert killed.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    killed.kill()
    killed.communicate()
    kept = {path: path.stat().st_mtime_ns for path in out.glob("training/*.json")}
    assert not (out / "table.csv").exists()

    monkeypatch.setattr(sys, "argv", command(out))
    attributions.main()
    said = capsys.readouterr().out
    assert "is not told apart from" in said or "is ahead of" in said or "is behind" in said
    assert f"report: {out / 'report.html'}" in said and (out / "report.html").is_file()
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    for name, frame in (
        ("table", table(results)),
        ("classes", classes(results)),
        ("margins", margins(results)),
    ):
        read = pd.read_csv(out / f"{name}.csv", float_precision="round_trip")
        pd.testing.assert_frame_equal(
            *(one.drop(columns=list(TIMES), errors="ignore") for one in (frame, read)),
            check_exact=True,
        )


@pytest.fixture
def run(monkeypatch):
    """Run the script in this process; whatever ends it with."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["attributions.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as ending:
            run_script(attributions.main, resumes=True)
        return ending.value.code

    return run


def test_a_benchmark_that_cannot_be_is_refused_before_anything_is_simulated(run, tmp_path):
    file, out = tmp_path / "mine.toml", tmp_path / "out"

    def refused(said):
        sentence = run(file, "--out", out)
        # The interpreter prints it and exits with code 1.
        assert isinstance(sentence, str) and sentence.startswith("attributions: ")
        assert said in sentence and "\n" not in sentence and sentence.endswith(".")

    refused(f"cannot read {file}")
    file.write_text("title = ")
    refused("not a TOML file")
    file.write_text("title = 'mine'\n")
    refused("bases is missing")
    file.write_text(attributions.SHIPPED.read_text().replace('"voxel-cnn"', '"mlp"'))
    refused("unknown model 'mlp'")
    assert not out.exists()


def test_help_says_what_the_script_does(run, capsys):
    assert run("--help") == 0
    told = capsys.readouterr().out
    assert "Which attribution finds what was planted" in told
    assert all(option in told for option in ("--out", "--workers", "--device", "--write-docs"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: --out"),
        ([TINY, "--out", "out", "--write-docs"], "leave the file away"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(run, capsys, arguments, said):
    assert run(*arguments) == 2
    assert said in capsys.readouterr().err


def test_without_a_file_the_shipped_benchmark_is_run(monkeypatch, tmp_path, capsys):
    asked: dict[str, object] = {}

    def note(benchmark, folder, **options):
        asked.update(benchmark=benchmark, folder=folder, **options)

    monkeypatch.setattr(attributions, "run_benchmark", note)
    monkeypatch.setattr(attributions, "write_results", lambda results, folder: "the tables")
    monkeypatch.setattr(sys, "argv", ["attributions.py", "--out", str(tmp_path), "--workers=3"])
    run_script(attributions.main)
    assert asked["benchmark"] == tiny().from_file(attributions.SHIPPED)
    assert (asked["folder"], asked["workers"], asked["device"]) == (tmp_path, 3, "auto")
    assert capsys.readouterr().out == "the tables\n"


def test_the_page_is_rewritten_between_its_marks_alone(done, tmp_path):
    folder, results = done
    page = tmp_path / "attribution_benchmark.md"
    shutil.copy(attributions.DOCS / page.name, page)
    before = page.read_text(encoding="utf-8")
    attributions.write_docs(results, folder, tmp_path)
    after = page.read_text(encoding="utf-8")

    def prose(text):
        for name in ("verdict", "table", "classes"):
            head, _, rest = text.partition(f"<!-- {name} -->")
            text = head + rest.partition(f"<!-- end of {name} -->")[2]
        return text

    assert prose(after) == prose(before)
    assert "hexagonal-patch-2d | gnn" not in after
    assert "- swapped: Grad-CAM of gnn localises at " in after
    assert "    - Without a network, " in after
    assert after.count("| gnn | saliency | ") + after.count("| gnn | *saliency* | ") == 1
    assert "| swapped | cnn | " in after and "| swapped | no network | " in after
    for picture in ("attribution_maps.png", "attribution_localisation.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_every_attribution_is_measured_with_every_seed(done):
    _, results = done
    found = table(results)
    rows = set(zip(found["network"], found["attribution"], strict=True))
    assert {
        ("gnn", "Grad-CAM"),
        ("gnn", "saliency"),
        ("cnn", "Grad-CAM"),
        ("cnn", "random"),
    } <= rows
    assert ("no network", "potential-energy") in rows
    # Two of eight runs test, one of them is planted, and one frame of it explained; two seeds.
    tested = [row for row in results.measured if row["part"] == "test"]
    assert sum(row["network"] == "gnn" and row["attribution"] == "saliency" for row in tested) == 2
    networks = found[found["network"] != "no network"]
    measured = networks[["localisation", "bare", "precision", "length", "deletion", "cost"]]
    assert measured.notna().all(axis=None)
    # Chance, with one seed, is the same for all networks.
    assert (networks["agreement"].isna() == (networks["attribution"] == "random")).all()
    assert found[found["network"] == "gnn"]["resampling"].notna().all()
    assert found[found["network"] == "cnn"]["resampling"].isna().all()
    assert found.groupby("network")["best_on_validation"].sum().eq(1).all()


def test_candidates_are_tried_with_the_first_seed(done):
    _, results = done
    tried = [row for row in results.tried if row["network"] == "gnn"]
    assert [row["seed"] for row in tried] == [0, 0]
    best = max(tried, key=lambda row: row["validation_localisation"])
    first, second = (row for row in results.trained if row["network"] == "gnn")
    assert (first["seed"], second["seed"]) == (0, 1)
    assert first["candidate"] == second["candidate"] == best["candidate"]
    judged = classes(results).set_index("network")
    assert judged.loc["gnn", "n_candidates"] == 2 and judged.loc["cnn", "n_candidates"] == 1
    assert judged.loc["gnn", "candidate"].startswith("r_max 1.5, n_layers")
    assert 0.5 <= judged.loc["no network", "auc"] <= 1


def test_what_is_done_is_not_done_again(done):
    folder, results = done
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")}
    again = run_benchmark(tiny(), folder, workers=1, device="cpu")
    assert again == results
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")} == before


@pytest.mark.parametrize(
    ("edited", "stale"),
    [
        ("linear.py", {"Training", "Measuring"}),
        ("class_activation.py", {"Training", "Measuring", "Indicators"}),
        ("smoothing.py", {"Measuring", "Indicators"}),
        ("bond_order.py", {"Indicators"}),
        ("measuring.py", {"Measuring", "Indicators"}),
        ("pipeline.py", set()),
    ],
)
def test_changed_code_makes_what_it_made_stale(done, monkeypatch, edited, stale):
    folder, _ = done
    planting = Planting(tiny(), folder, "swapped", 0)
    tasks = [
        *candidate_trainings(planting, "gnn", "cpu"),
        Measuring(planting, "gnn", "cpu"),
        Indicators(planting, NO_NETWORK, "cpu"),
    ]
    assert all(task.done for task in tasks)
    # The best candidate is looked up by the records of all, which are stale now.
    monkeypatch.setattr(Measuring, "trainings", [tasks[0]])
    before = [task.digest for task in tasks]
    real = _records._digest_of_file

    def as_edited(path, *rest):
        return b"edited" if path.name == edited else real(path, *rest)

    monkeypatch.setattr(_records, "_digest_of_file", as_edited)
    changed = {
        type(task).__name__
        for task, digest in zip(tasks, before, strict=True)
        if task.digest != digest
    }
    assert changed == stale
    assert all(task.done != (type(task).__name__ in stale) for task in tasks[:2])


def test_more_attributions_leave_the_networks_alone(done, tmp_path):
    folder, _ = done
    content = tiny().model_dump()
    content["networks"]["gnn"]["attributions"]["random"] = {"method": "random"}
    trained = sorted((folder / "training").iterdir())
    more = tiny(networks=content["networks"])
    results = run_benchmark(more, folder, workers=1, device="cpu")
    assert "random" in set(table(results).query("network == 'gnn'")["attribution"])
    assert sorted((folder / "training").iterdir()) == trained


def test_the_same_runs_test_with_every_seed_and_none_of_them_trains(done):
    folder, _ = done
    splits = []
    for seed in range(2):
        labelled, split = Planting(tiny(), folder, "swapped", seed).labelled()
        parts = [set(split.train), set(split.validation), set(split.test)]
        assert [len(part) for part in parts] == [4, 2, 2]
        assert len(set.union(*parts)) == 8
        for part in parts:
            targets = labelled.targets[labelled.where(sorted(part))]
            assert targets.mean() == 0.5
        splits.append(split)
    assert splits[0] == splits[1]


def test_seeds_plant_elsewhere(done):
    folder, _ = done
    first, second = (
        Planting(tiny(), folder, "swapped", seed).explained("test") for seed in range(2)
    )
    assert first.runs != second.runs or not np.array_equal(first.truth, second.truth)


def test_files_to_look_at(done):
    folder, results = done
    text = write_results(results, folder)
    assert "localises at" in text and "Without a network" in text
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == 2 and "http" not in page.replace("http://www.w3.org", "")
    for name in ("table", "classes", "margins", "measured"):
        assert (folder / f"{name}.csv").stat().st_size > 0
    assert len(margins(results)) == 1


def test_a_second_process_is_refused(done, tmp_path):
    from gnnglass._files import locked
    from gnnglass.errors import InputError

    with locked(tmp_path / ".lock", wait=False), pytest.raises(InputError, match="another process"):
        run_benchmark(tiny(), tmp_path)
