"""Fields are found by their names: predictors, targets, marks of censoring, halves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from gnnglass.compare import compare_fields, split_half
from gnnglass.errors import InputError
from gnnglass.published import compare_by_name
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

RUNS = ["a", "b", "c"]


def configurations(*names: str) -> list[Snapshot]:
    """One for each of `RUNS`, with fields of these names, all random."""
    rng = np.random.default_rng(0)
    return [
        example_snapshot(2, seed=k).with_fields(**{name: rng.normal(size=144) for name in names})
        for k in range(len(RUNS))
    ]


def pairs(table: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(table["predictor"], table["target"], strict=True))


def test_predictions_meet_propensities_of_their_own_lag() -> None:
    models = ("BOTAN_0", "BOTAN_1", "SE3", "importance_gnn")
    targets = ("md_prop_0", "md_prop_1", "md_prop_2", "propensity")
    snapshots = configurations(*models, *targets, "bb_prop_0", "local_density", "kinetic_energy")
    expected = {
        (predictor, target)
        for predictor in ("SE3", "importance_gnn", "local_density")
        for target in targets
    }
    expected |= {("BOTAN_0", "md_prop_0"), ("BOTAN_1", "md_prop_1")}
    assert pairs(compare_by_name(snapshots, runs=RUNS)) == expected


def test_named_fields_are_compared_as_they_are_named() -> None:
    snapshots = configurations("BOTAN_0", "md_prop_1", "bb_prop_0", "local_density")
    named = (["BOTAN_0", "local_density"], ["md_prop_1", "bb_prop_0"])
    options = {"runs": RUNS, "lengths": [0.5, 1.0], "methods": ["pearson"], "species": ["A"]}
    pd.testing.assert_frame_equal(
        compare_by_name(snapshots, *named, **options), compare_fields(snapshots, *named, **options)
    )
    half_named = compare_by_name(snapshots, targets=["bb_prop_0"], runs=RUNS)
    assert pairs(half_named) == {("local_density", "bb_prop_0")}
    half_named = compare_by_name(snapshots, predictors=["bb_prop_0"], runs=RUNS)
    assert pairs(half_named) == {("bb_prop_0", "md_prop_1")}


def test_marks_and_halves_are_found(
    half_names: tuple[str, str] = ("tau_bond_half_1", "tau_bond_half_2"),
) -> None:
    flag: NDArray[np.float64] = (np.arange(144) % 4 == 0).astype(float)
    snapshot = configurations("local_density", "tau_bond", "tau_overlap", "noise")[0]
    first, second = (snapshot.field(name) for name in ("tau_bond", "noise"))
    halves = dict(zip(half_names, (first, first + 0.5 * second), strict=True))
    snapshot = snapshot.with_fields(tau_bond_censored=flag, **halves)
    table = compare_by_name([snapshot], runs=["a"], methods=["pearson"]).set_index(
        ["target", "species"]
    )
    for species in ("A", "B"):
        of_it = snapshot.of_type(species)
        row = table.loc["tau_bond", species]
        assert row["censored_share"] == pytest.approx(flag[of_it].mean())
        ceiling = split_half(*(values[of_it] for values in halves.values())).ceiling
        assert row["ceiling"] == pytest.approx(ceiling)
        assert np.isnan(table.loc["tau_overlap", species]["ceiling"])


def test_a_single_run_has_no_interval_and_no_choice_of_a_length() -> None:
    snapshots = configurations("local_density", "propensity")
    one = ["a"] * 3
    table = compare_by_name(snapshots, runs=one, lengths=[0.5, 1.0])
    assert not table["smoothed"].any() and table["low"].isna().all()
    for note in table["note"]:
        assert note.startswith("1 run only: ") and "chosen on other runs" in note
    given = compare_by_name(snapshots, runs=one, lengths=[1.0, 1.0])
    assert set(given["smoothed"]) == {False, True}
    assert "chosen" not in given["note"].iloc[0]


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(InputError, match="0 predictors and 0 targets"):
        compare_by_name(configurations("local_density"), runs=RUNS)
    with pytest.raises(InputError, match="0 predictors and 1 targets"):
        compare_by_name(configurations("propensity"), runs=RUNS)
