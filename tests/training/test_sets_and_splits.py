"""Splits by run, balanced batches, and the inputs that must be refused."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError
from gnnglass.testing import example_snapshot
from gnnglass.training import LabelledSet, Split, relabellings, split_by_run
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


@pytest.mark.parametrize("seed", range(5))
def test_without_a_test_every_run_trains_or_validates(seed):
    labelled = LabelledSet.from_trajectories(
        {"liquid": runs("liquid", 2), "glass": runs("glass", 5)}
    )
    split = split_by_run(labelled, test=0, seed=seed)
    assert split.test == ()
    assert sorted(split.train + split.validation) == sorted(set(labelled.runs))
    for part in (split.train, split.validation):
        assert {name[0] for name in part} == {"l", "g"}


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


NAMES = {"liquid": ["l0", "l1", "l2", "l3", "l4"], "glass": ["g0", "g1", "g2", "g3", "g4"]}
DEALT = Split(("l0", "l1", "g0", "g1"), ("l2", "g2"), ("l3", "l4", "g3", "g4"))


def ways(names: list[list[str]], sizes: list[int]) -> set[frozenset[frozenset[str]]]:
    """All ways to part the runs of each part, those that differ in the names of classes once."""
    every = frozenset(run for part in names for run in part)
    chosen = product(*(combinations(part, k) for part, k in zip(names, sizes, strict=True)))
    ones = [frozenset(run for part in parts for run in part) for parts in chosen]
    return {frozenset({one, every - one}) for one in ones}


def parted(found: list[dict[str, int]]) -> list[frozenset[frozenset[str]]]:
    return [
        frozenset(frozenset(run for run in one if one[run] == target) for target in (0, 1))
        for one in found
    ]


def test_wrong_labels_are_all_those_that_keep_the_numbers_of_each_part():
    """By enumeration: none twice, neither the true one nor its inverse, no test run."""
    names = [list(DEALT.train), list(DEALT.validation)]
    true = frozenset({frozenset({"l0", "l1", "l2"}), frozenset({"g0", "g1", "g2"})})
    found = parted(relabellings(NAMES, DEALT, 100))
    assert len(found) == len(set(found)) == 5
    assert set(found) == ways(names, [2, 1]) - {true}
    # Three runs of one class and one of the other in training: no inverse has as many.
    uneven = Split(("l0", "l1", "l2", "g0"), ("l3", "g1"), ("l4", "g2"))
    of_uneven = relabellings(NAMES, uneven, 100)
    assert len(of_uneven) == 4 * 2 - 1
    for one in of_uneven:
        assert sum(one[run] for run in uneven.train) == 1
        assert sum(one[run] for run in uneven.validation) == 1
        assert one != {run: int(run[0] == "g") for run in one}


def test_arbitrary_labels_within_one_class_are_halves_of_it():
    split = Split(("l0", "g0", "g1", "g2"), ("g3", "l1", "g4"), ("l2",))
    found = relabellings({"glass": NAMES["glass"]}, split, 100)
    assert all(set(one) == set(NAMES["glass"]) for one in found)
    assert set(parted(found)) == ways([["g0", "g1", "g2"], ["g3", "g4"]], [1, 1])
    assert len(found) == 6


def test_fewer_wrong_labels_are_the_first_of_more():
    many = {label: [f"{label}{k}" for k in range(12)] for label in ("liquid", "glass")}
    split = Split(*(tuple(f"{label}{k}" for label in many for k in range(*part))
                    for part in ((0, 6), (6, 9), (9, 12))))  # fmt: skip
    assert relabellings(many, split, 3, seed=5) == relabellings(many, split, 9, seed=5)[:3]
    assert relabellings(many, split, 3, seed=5) != relabellings(many, split, 3, seed=6)
    # No run is of one class more often than of the other.
    drawn = relabellings(many, split, 400)
    for run in drawn[0]:
        assert abs(np.mean([one[run] for one in drawn]) - 0.5) < 0.1


@pytest.mark.parametrize(
    ("names", "split", "message"),
    [
        ({**NAMES, "crystal": ["c0"]}, DEALT, "runs of 3 classes were given"),
        ({"glass": NAMES["glass"]}, DEALT, "2 runs train and 1 validate"),
    ],
)
def test_labels_that_cannot_be_dealt_are_refused(names, split, message):
    with pytest.raises(InputError, match=message):
        relabellings(names, split, 3)


def test_a_relabelled_set_has_the_named_runs_with_the_given_classes():
    labelled = LabelledSet.from_trajectories({"liquid": runs("l", 3), "glass": runs("g", 3)})
    found = labelled.relabelled({"g-2": 0, "l-0": 1, "g-0": 1})
    assert found.runs == ("l-0", "l-0", "g-0", "g-0", "g-2", "g-2")
    assert found.targets.tolist() == [1, 1, 1, 1, 0, 0]
    assert found.labels == labelled.labels and found.material == labelled.material
    for snapshot, run in zip(found.snapshots, found.runs, strict=True):
        assert any(snapshot is labelled.snapshots[i] for i in labelled.where([run]))
    with pytest.raises(InputError, match="run 'x' is to be given another class"):
        labelled.relabelled({"x": 1})
    with pytest.raises(InputError, match="to be of class 2, but the set has 2 classes"):
        labelled.relabelled({"g-0": 2})
