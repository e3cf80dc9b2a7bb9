"""The benchmarks still start, and say what they need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
    # Eight methods for this network on graphs, two on grids with and without copies, a large box.
    assert done.stdout.count("ratio") == 8 + 4 + 1


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


def test_cnn_vs_gnn_explains_itself() -> None:
    done = _run("cnn_vs_gnn.py", "--help")
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout


def test_cnn_vs_gnn_asks_for_a_finished_study(tmp_path: Path) -> None:
    done = _run("cnn_vs_gnn.py", str(tmp_path / "none"))
    assert done.returncode == 1
    assert "run `gnnglass demo" in done.stderr
    assert "Traceback" not in done.stderr


def test_known_optimum_prints_its_tables_and_does_nothing_twice(tmp_path: Path) -> None:
    tiny = ("--runs", "3", "--frames", "3", "--interval", "20", "--epochs", "1", "--workers", "1")
    chosen = ("--models", "message-passing", "--attributions", "graph-gradcam", "random")
    first, again = (_run("known_optimum.py", str(tmp_path), *tiny, *chosen) for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert "AUC of the energy" in first.stdout
    assert "smoothed over 1.5" in first.stdout
    assert "candidate" in first.stderr
    assert again.stdout == first.stdout
    assert "candidate" not in again.stderr
