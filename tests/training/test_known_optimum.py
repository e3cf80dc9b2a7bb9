"""A network trained on two equilibrium liquids against what is known to be the best classifier.

About a quarter of an hour on one core:
``pytest -m validate tests/training/test_known_optimum.py``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.validate

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "known_optimum.py"
#: 1 / kT of the warm liquid minus that of the cold one.
EXACT_SLOPE = 1 / 1.5 - 1 / 1.2


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """All figures of the benchmark, with the settings it chooses itself."""
    folder = tmp_path_factory.mktemp("known-optimum")
    table = folder / "figures.csv"
    chosen = ("--models", "message-passing", "--attributions", "graph-gradcam", "random")
    command = [sys.executable, str(BENCHMARK), str(folder), *chosen, "--out", str(table)]
    subprocess.run(command, check=True)
    return pd.read_csv(table).set_index("figure")


def of(figures: pd.DataFrame, attribution: str) -> pd.DataFrame:
    """Correlations of maps with energies, both smoothed, of A particles and of all."""
    rows = figures[figures["attribution"] == attribution]
    return rows[rows.index.str.startswith("smoothed")]


def test_liquids_are_in_equilibrium(figures):
    slope = figures.loc["slope"]
    assert slope["low"] < EXACT_SLOPE < slope["high"]


def test_the_network_is_as_good_as_the_energy_and_no_better(figures):
    difference = figures.loc["difference"]
    assert difference["estimate"] > -0.01
    assert difference["low"] <= 0
    assert 0.8 < figures.loc["AUC of the energy", "estimate"] < 0.95


def test_gradcam_finds_the_energy_of_every_particle(figures):
    found = of(figures, "graph-gradcam")
    assert len(found) == 6
    assert (found["estimate"] < -0.9).all()


def test_noise_does_not(figures):
    assert (of(figures, "random")["estimate"].abs() < 0.05).all()
