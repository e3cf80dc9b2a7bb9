"""Splits by run, balanced batches, and the inputs that must be refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError
from gnnglass.testing import example_snapshot
from gnnglass.training import LabelledSet, split_by_run
from gnnglass.training._loop import BalancedBatches
from gnnglass.trajectories import Trajectory


def runs(label: str, n: int, frames: int = 2, level: str = "inherent") -> list[Trajectory]:
    """Each frame of its own seed: no two are the same."""
    first = {"l": 0, "g": 1000}[label[0]]
    return [
        Trajectory(
            [example_snapshot(2, 16, first + frames * k + f) for f in range(frames)],
            {"run": f"{label}-{k}", "level": level},
        )
        for k in range(n)
    ]


@settings(max_examples=50, deadline=None)
@given(n=st.tuples(st.integers(3, 12), st.integers(3, 12)), seed=st.integers(0, 2**31))
def test_split_deals_every_run_once_and_every_class_everywhere(n, seed):
    labelled = LabelledSet.from_trajectories(
        {"liquid": runs("liquid", n[0]), "glass": runs("glass", n[1])}
    )
    split = split_by_run(labelled, seed=seed)
    dealt = split.train + split.validation + split.test
    assert sorted(dealt) == sorted(set(labelled.runs))
    for part in (split.train, split.validation, split.test):
        assert {run.split("-")[0] for run in part} == {"liquid", "glass"}
    frames = np.concatenate([labelled.where(part) for part in (split.train, split.test)])
    assert len(set(frames.tolist())) == len(frames)


def test_same_seed_same_split():
    labelled = LabelledSet.from_trajectories({"liquid": runs("l", 9), "glass": runs("g", 9)})
    assert split_by_run(labelled, seed=3) == split_by_run(labelled, seed=3)
    assert any(split_by_run(labelled, seed=3) != split_by_run(labelled, seed=s) for s in range(9))


def test_fewer_runs_than_parts():
    labelled = LabelledSet.from_trajectories({"liquid": runs("l", 9), "glass": runs("g", 2)})
    with pytest.raises(InputError, match="'glass' has 2 independent runs"):
        split_by_run(labelled)


def test_one_class_only():
    with pytest.raises(InputError, match="at least two classes; got liquid"):
        LabelledSet.from_trajectories({"liquid": runs("l", 3), "glass": []})


def test_mixed_levels():
    with pytest.raises(InputError, match="thermal and inherent trajectories are mixed"):
        LabelledSet.from_trajectories(
            {"liquid": runs("l", 3, level="thermal"), "glass": runs("g", 3)}
        )


def test_one_run_name_twice_would_leak_between_parts():
    with pytest.raises(InputError, match="two trajectories are called run 'l-0'"):
        LabelledSet.from_trajectories(
            {"liquid": runs("l", 2) + runs("l", 1), "glass": runs("g", 3)}
        )


@settings(max_examples=50, deadline=None)
@given(
    n=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    batch_size=st.integers(2, 9),
    epoch=st.integers(0, 5),
)
def test_batches_hold_both_classes_equally_and_miss_nobody(n, batch_size, epoch):
    targets = np.repeat([0, 1], n)
    batches = BalancedBatches(targets, batch_size, seed=1)
    batches.set_epoch(epoch)
    seen = list(batches)
    assert len(seen) == len(batches)
    for batch in seen:
        counts = np.bincount(targets[batch], minlength=2)
        assert counts[0] == counts[1] > 0
    assert set(np.concatenate(seen).tolist()) == set(range(len(targets)))


def test_batches_depend_on_the_epoch_and_on_nothing_else():
    targets = np.repeat([0, 1], 10)
    one, other = BalancedBatches(targets, 4, seed=1), BalancedBatches(targets, 4, seed=1)
    list(one)
    one.set_epoch(2)
    other.set_epoch(2)
    assert list(one) == list(other)
    other.set_epoch(3)
    assert list(one) != list(other)
