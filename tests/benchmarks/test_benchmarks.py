"""The benchmarks still start, and say what they need."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import correlation_length
import interval_coverage
import known_optimum
import pytest
from _common import run_script

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def _run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_attribution_cost_prints_its_ratios() -> None:
    small = ("--graphs", "1", "--particles", "64", "--large", "64", "--repeats", "1")
    done = _run("attribution_cost.py", *small)
    assert done.returncode == 0, done.stderr
    for name in ("graph-gradcam ", "gnn-explainer", "integrated-gradients", "occlusion"):
        assert name in done.stdout
    # Our own: eight for this network on graphs, two on grids with and without copies, a large box.
    assert done.stdout.count("ratio") >= 8 + 4 + 1


def test_driver_overhead_prints_its_ratios() -> None:
    few = ("--engines", "lammps", "--systems", "kam2d", "--particles", "200")
    done = _run("driver_overhead.py", *few, "--steps", "3000", "--repeats", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ratio") == 2


def test_ensemble_listing_prints_its_ratios() -> None:
    done = _run("ensemble_listing.py", "--runs", "5", "--repeats", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ratio") == 2


def test_indicators_prints_its_ratios() -> None:
    few = ("--indicators", "voronoi-volume", "steinhardt-q6", "all")
    done = _run("indicators.py", *few, "--particles", "343", "--repeats", "1")
    assert done.returncode == 0, done.stderr
    # freud has the first two, too.
    assert done.stdout.count("ratio") == 2
    assert "all " in done.stdout


def test_large_box_is_read_back() -> None:
    small = ("--engines", "lammps", "--processes", "1", "--particles", "2000", "--steps", "20")
    done = _run("large_box.py", *small)
    assert done.returncode == 0, done.stderr
    assert "2 frames of 2000 particles" in done.stdout


@pytest.mark.parametrize("script", sorted(path.stem for path in BENCHMARKS.glob("[!_]*.py")))
def test_every_script_explains_itself(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = import_module(script)
    monkeypatch.setattr(sys, "argv", [f"{script}.py", "--help"])
    with pytest.raises(SystemExit) as ending:
        run_script(module.main)
    assert ending.value.code == 0
    assert str(module.__doc__).splitlines()[0][:40] in " ".join(capsys.readouterr().out.split())


def test_interval_coverage_rewrites_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "intervals.md"
    page.write_text("<!-- coverage -->\n<!-- end of coverage -->\n", encoding="utf-8")
    monkeypatch.setattr(interval_coverage, "FIGURES", {"mean": interval_coverage.mean})
    monkeypatch.setattr(sys, "argv", ["coverage", "--trials", "2", "--write", str(page)])
    run_script(interval_coverage.main)
    head, _, *rows = page.read_text(encoding="utf-8").splitlines()[1:-1]
    assert head == "| figure | values | 2 | 3 | 4 | 6 | 8 | 20 |"
    assert [row.split(" | ")[:2] for row in rows] == [["| mean", "normal"], ["| mean", "skewed"]]


def test_correlation_length_prints_its_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(correlation_length, "RATIOS", (8,))
    monkeypatch.setattr(correlation_length, "RUNS", 2)
    monkeypatch.setattr(correlation_length, "BOXES", {2: (16.0, 64, 200)})
    monkeypatch.setattr(sys, "argv", ["lengths", "--sets", "2"])
    run_script(correlation_length.main)
    head, row = capsys.readouterr().out.splitlines()
    assert " ".join(head.split()) == "dimension ξ / L bias of the fit spread given covered"
    assert row.split()[:2] == ["2", "1/8"]


def test_indicators_refuses_what_there_is_not() -> None:
    done = _run("indicators.py", "--indicators", "hexatic-order", "--dimension", "3")
    assert done.returncode == 2
    assert "there is no 'hexatic-order' in 3D" in done.stderr


def test_cnn_vs_gnn_asks_for_a_finished_study(tmp_path: Path) -> None:
    done = _run("cnn_vs_gnn.py", str(tmp_path / "none"))
    assert done.returncode == 1
    assert "run `gnnglass demo" in done.stderr
    assert "Traceback" not in done.stderr


def test_known_optimum_prints_its_tables_and_does_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = ("--runs", "3", "--frames", "3", "--interval", "20", "--epochs", "1", "--workers", "1")
    chosen = ("--models", "message-passing", "--attributions", "graph-gradcam", "random")
    monkeypatch.setattr(sys, "argv", ["known_optimum.py", str(tmp_path), *tiny, *chosen])
    run_script(known_optimum.main)
    first = capsys.readouterr()
    run_script(known_optimum.main)
    again = capsys.readouterr()
    assert "AUC of the energy" in first.out
    assert "smoothed over 1.5" in first.out
    assert "candidate" in first.err
    assert again.out == first.out
    assert "candidate" not in again.err
