"""Runs are called by what tells them apart, and copies and pieces of a run are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Trajectory, as_runs, by_run, read, write
from gnnglass.trajectories.runs import require_independent, run_names


def frames(seed, n=3, size=200):
    """A run whose particles vibrate, but stay."""
    first = example_snapshot(2, size, seed)
    rng = np.random.default_rng(seed)
    return [
        first.replace(positions=first.positions + 0.05 * rng.normal(size=(size, 2)), step=100 * k)
        for k in range(n)
    ]


def test_independent_runs_pass():
    require_independent({str(seed): frames(seed) for seed in range(6)})


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 99),
    shift=st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
    shuffled=st.booleans(),
    digits=st.integers(4, 8),
)
def test_a_copy_is_found_whoever_wrote_it(seed, shift, shuffled, digits):
    """In another order, with another origin, rounded as text is."""
    run, other = frames(seed), frames(seed + 1000)
    copy = run[1]
    order = np.random.default_rng(seed).permutation(len(copy)) if shuffled else slice(None)
    copy = copy.replace(
        positions=np.round(copy.positions[order] + shift, digits), types=copy.types[order], step=7
    )
    with pytest.raises(InputError, match=r"frame 1 of run 'a' and frame 3 of run 'b' are the same"):
        require_independent({"a": run, "b": [*other, copy]})


def test_a_frame_that_is_written_twice_is_found_in_its_own_run():
    run = frames(0)
    with pytest.raises(InputError, match="frame 2 of run 'a' and frame 3 of run 'a' are the same"):
        require_independent({"a": [*run, run[-1]]})
    # A glass may find the same minimum again, at another time.
    require_independent({"a": [*run, run[-1].replace(step=999)]})


def test_pieces_of_a_run_do_not_pass_for_runs():
    run = frames(1, n=6)
    with pytest.raises(InputError, match=r"runs 'a' and 'b' are not independent: \d+% of the part"):
        require_independent({"a": run[:3], "c": frames(2), "b": run[3:]})
    drifting = [one.replace(positions=one.positions - [[3.1, -2.2]]) for one in run[3:]]
    with pytest.raises(InputError, match="runs 'a' and 'b' are not independent"):
        require_independent({"a": run[:3], "b": drifting})


def test_pieces_are_found_in_three_dimensions_too():
    first = example_snapshot(3, 300, 5)
    noise = np.random.default_rng(0).normal(size=(300, 3))
    second = first.replace(positions=first.positions + 0.08 * noise)
    with pytest.raises(InputError, match="are not independent"):
        require_independent({"a": [first], "b": [second]})


def test_the_same_lattice_with_shuffled_species_is_another_run():
    lattice = example_snapshot(2, 100, 0)
    types = np.random.default_rng(1).permutation(lattice.types)
    moved = lattice.positions + 0.02 * np.random.default_rng(2).normal(size=(100, 2))
    require_independent({"a": [lattice], "b": [lattice.replace(positions=moved, types=types)]})


def test_seven_copies_of_one_run_are_not_seven_runs(tmp_path):
    for k in range(7):
        facts = {} if k else {"run": "first"}
        write(tmp_path / f"{k}.gsd", Trajectory(frames(3), facts))
    with pytest.raises(InputError, match="are the same configuration"):
        by_run([tmp_path / f"{k}.gsd" for k in range(7)], None)


def stored(path, seed, **facts):
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, Trajectory(frames(seed), facts))
    return path


def test_runs_are_called_by_what_tells_them_apart(tmp_path):
    paths = [
        stored(tmp_path / "train" / "conf_1.gsd", 0),
        stored(tmp_path / "test" / "conf_1.gsd", 1),
        stored(tmp_path / "test" / "conf_2.gsd", 2),
        stored(tmp_path / "test" / "conf_3.gsd", 3, run="mine"),
    ]
    assert run_names(as_runs(paths)) == ["train/conf_1", "test/conf_1", "conf_2", "mine"]
    _, runs = by_run(paths, None)
    assert list(dict.fromkeys(runs)) == ["train/conf_1", "test/conf_1", "conf_2", "mine"]


def test_the_same_stated_name_is_one_run_unless_they_were_made_differently(tmp_path):
    same = [stored(tmp_path / f / "x.gsd", k, run="glass-0") for k, f in enumerate("ab")]
    with pytest.raises(InputError, match="two trajectories are called run 'glass-0'"):
        run_names(as_runs(same))
    apart = [
        stored(tmp_path / f / "x.gsd", k, run="glass-0", protocol={"seed": k})
        for k, f in enumerate("cd")
    ]
    assert run_names(as_runs(apart)) == ["c/glass-0", "d/glass-0"]


def test_without_names_and_files_the_place_is_the_name():
    assert run_names([Trajectory(frames(k)) for k in range(2)]) == ["run-0", "run-1"]


def test_a_file_knows_where_it_was_read(tmp_path):
    path = stored(tmp_path / "a.gsd", 0)
    whole = read(path)
    assert whole.source == whole[1:].source == whole.map(lambda s: s).source == path
    assert "source" not in read(stored(tmp_path / "b.gsd", 0, **whole.metadata)).metadata


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        (["a"], "1 run names were given for 3 configurations"),
        (["a", "b", "b"], "runs 'a' and 'b' are not independent"),
    ],
)
def test_named_runs_of_snapshots_are_checked_as_well(runs, message):
    with pytest.raises(InputError, match=message):
        by_run(frames(4), runs)
