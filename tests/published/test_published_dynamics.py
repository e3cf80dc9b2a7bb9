"""Files become one configuration each, with what they tell of dynamics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import published_files
import pytest

from gnnglass import dynamics
from gnnglass.dynamics import IsoconfigurationalEnsemble
from gnnglass.errors import InputError
from gnnglass.published import tells_dynamics, with_dynamics
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Trajectory, read, write

RELAXATION_TIMES = {"tau_bond", "tau_bond_censored", "tau_overlap", "tau_overlap_censored"}


def test_one_lag_gives_propensities_and_their_halves(tmp_path: Path) -> None:
    path = published_files.botan(tmp_path, n_clones=5)
    trajectory = read(path)
    assert tells_dynamics(trajectory)
    found = with_dynamics(trajectory)
    assert len(found) == 1 and found.metadata["propensity_time"] == 4120
    distance = np.linalg.norm(published_files.displacements(3, 1, 5)[:, 0], axis=-1)
    assert set(found[0].fields) == {
        f"propensity{relative}{half}"
        for relative in ("", "_cage_relative")
        for half in ("", "_half_1", "_half_2")
    }
    for name, clones in (("", distance), ("_half_1", distance[::2]), ("_half_2", distance[1::2])):
        np.testing.assert_allclose(found[0].field(f"propensity{name}"), clones.mean(axis=0))
    np.testing.assert_array_equal(found[0].positions, trajectory[0].positions)


def test_a_cage_that_moves_as_a_whole_moves_nobody_relative_to_it(tmp_path: Path) -> None:
    path = published_files.botan(tmp_path)
    arrays = dict(np.load(path))
    shifts = np.random.default_rng(0).normal(size=(4, 1, 3))
    arrays["positions"] = arrays["initial_positions"] + shifts
    np.savez(path, **arrays)
    found = with_dynamics(read(path))[0]
    np.testing.assert_allclose(found.field("propensity"), np.linalg.norm(shifts, axis=-1).mean())
    np.testing.assert_allclose(found.field("propensity_cage_relative"), 0, atol=1e-12)


@pytest.mark.parametrize("n_clones", [2, 3])
def test_few_clones_are_not_halved(tmp_path: Path, n_clones: int) -> None:
    found = with_dynamics(read(published_files.botan(tmp_path, n_clones=n_clones)))
    assert set(found[0].fields) == {"propensity", "propensity_cage_relative"}


@pytest.mark.parametrize(("time", "lag"), [(None, 2), (2.0, 1)])
def test_several_lags_also_give_relaxation_times(
    tmp_path: Path, time: float | None, lag: int
) -> None:
    trajectory = read(published_files.deepmind(tmp_path))
    found = with_dynamics(trajectory, time, system="ka3d")
    distance = np.linalg.norm(published_files.displacements(3, 1, n_lags=3), axis=-1)
    np.testing.assert_allclose(found[0].field("propensity"), distance[:, lag].mean(axis=0))
    assert found.metadata["propensity_time"] == pytest.approx(lag + 1)
    expected = dynamics.annotate(
        IsoconfigurationalEnsemble.from_trajectory(trajectory),
        bonds=dynamics.BondBreaking(system="ka3d"),
    )
    for name in RELAXATION_TIMES:
        np.testing.assert_array_equal(found[0].field(name), expected.field(name))
    assert {"tau_bond_half_1", "tau_overlap_half_2"} <= set(found[0].fields)


@pytest.mark.parametrize("d", [2, 3])
def test_propensities_that_are_there_stay_as_they_are(tmp_path: Path, d: int) -> None:
    trajectory = read(published_files.glassbench(tmp_path, d))
    assert with_dynamics(trajectory) is trajectory
    with pytest.raises(InputError, match="no lag to choose"):
        with_dynamics(trajectory, 1.0)


def test_what_was_annotated_and_written_is_not_taken_for_runs(tmp_path: Path) -> None:
    found = with_dynamics(read(published_files.botan(tmp_path)))
    write(tmp_path / "annotated.gsd", found)
    again = with_dynamics(read(tmp_path / "annotated.gsd"))
    np.testing.assert_array_equal(again[0].field("propensity"), found[0].field("propensity"))


def test_what_tells_nothing_of_dynamics_is_refused(tmp_path: Path) -> None:
    snapshot = example_snapshot(3)
    two = Trajectory([snapshot.with_fields(propensity=np.arange(len(snapshot)))] * 2)
    for trajectory in (Trajectory([snapshot]), two):
        assert not tells_dynamics(trajectory)
        with pytest.raises(InputError, match=r"neither isoconfigurational runs nor .*\.$"):
            with_dynamics(trajectory)
    with pytest.raises(InputError, match="no lag t = 7"):
        with_dynamics(read(published_files.deepmind(tmp_path)), 7.0)
