"""``benchmarks/attributions.py`` runs, is killed, resumes, refuses, and rewrites its page."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import attributions
import pandas as pd
import pytest
from _common import run_script
from planted_truth import classes, margins, table
from tiny_benchmark import TINY, tiny

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
