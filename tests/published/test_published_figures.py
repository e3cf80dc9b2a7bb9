"""Published figures stand beside ours where both are of the same thing, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from gnnglass.published import FIGURES, SOURCE, beside, compare_by_name
from gnnglass.testing import example_snapshot

THEIRS: dict[str, Any] = {"system": "ka3d", "kT": 0.44, "propensity_time": 4120.0}


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    names = ("local_density", "propensity", "propensity_cage_relative")
    snapshots = [
        example_snapshot(2, seed=k).with_fields(**{name: rng.normal(size=144) for name in names})
        for k in range(2)
    ]
    return compare_by_name(
        snapshots, runs=["a", "b"], methods=["pearson", "spearman"], lengths=[1.0]
    )


def test_figures_are_those_of_the_source_with_a_paper_each() -> None:
    mean = {one.predictor: one.mean for one in FIGURES if one.supervised}
    assert mean == {
        "BOTAN": 0.752, "GlassMLP": 0.756, "CAGE": 0.782, "SE(3)": 0.791, "EIGNN-cage": 0.817,
    }  # fmt: skip
    pooled = {one.predictor: one.pooled for one in FIGURES if not one.supervised}
    assert pooled == {"potential energy": 0.507, "density": -0.246, "hexatic order": -0.145}
    assert all("20" in one.citation or "arXiv" in one.citation for one in FIGURES)
    assert "xjiang-hnu/EIGNN" in SOURCE


def test_ours_stand_among_them_by_size(table: pd.DataFrame) -> None:
    found = beside(table, [THEIRS, THEIRS])
    ours = found[found["source"] == "here"].set_index("predictor")
    assert set(ours.index) == {"local_density", "local_density, smoothed over 1"}
    same = table.query("target == 'propensity' and species == 'A' and method == 'pearson'")
    np.testing.assert_array_equal(np.sort(ours["mean"]), np.sort(same["estimate"]))
    np.testing.assert_array_equal(np.sort(ours["pooled"]), np.sort(same["pooled"]))
    assert len(found) == len(FIGURES) + 2
    size = found["mean"].fillna(found["pooled"]).abs()
    assert size.is_monotonic_decreasing and found["predictor"][0] == "EIGNN-cage"


@pytest.mark.parametrize(
    "changes", [{"propensity_time": 1.0}, {"propensity_time": 412.0}, {"method": "spearman"}]
)
def test_ours_stay_away_if_they_are_something_else(
    table: pd.DataFrame, changes: dict[str, Any]
) -> None:
    if "method" in changes:
        table = table[table["method"] == changes["method"]]
    found = beside(table, [THEIRS, {**THEIRS, **changes}])
    assert len(found) == len(FIGURES) and "here" not in set(found["source"])


@pytest.mark.parametrize("changes", [{"kT": 0.5}, {"kT": None}, {"system": "kam2d"}])
def test_there_are_none_for_other_data(table: pd.DataFrame, changes: dict[str, Any]) -> None:
    assert beside(table, [THEIRS, {**THEIRS, **changes}]).empty


def test_there_are_none_if_no_propensity_was_compared(table: pd.DataFrame) -> None:
    assert beside(table.assign(target="potential_energy"), [THEIRS]).empty
    assert not beside(table.assign(target="md_prop_3"), [THEIRS]).empty
