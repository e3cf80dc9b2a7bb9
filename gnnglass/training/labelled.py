"""Labelled configurations with the independent run of each, and splits by run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnnglass._options import require_whole
from gnnglass.errors import InputError
from gnnglass.trajectories import RunsLike, Snapshot, as_runs


@dataclass(frozen=True)
class LabelledSet:
    """Configurations with a class label each, grouped by independent run.

    Frames of one run resemble each other, so a run, never a frame, is the unit of every split
    and every interval.

    Attributes:
        snapshots: The configurations.
        targets: Index into `labels` of each configuration, shape [n_snapshots].
        runs: Name of the run of each configuration.
        labels: Class names; the last is the one that classifiers trained on the set explain.
        level: ``"thermal"`` or ``"inherent"``: what kind of configuration these are.
    """

    snapshots: tuple[Snapshot, ...]
    targets: NDArray[np.int64]
    runs: tuple[str, ...]
    labels: tuple[str, ...]
    level: str

    @classmethod
    def from_trajectories(cls, trajectories: Mapping[str, RunsLike]) -> LabelledSet:
        """Collect all frames of trajectories given per class.

        Args:
            trajectories: Class name to the trajectories of that class or their files, one per
                independent run; the order of the keys is the order of the labels, so put the
                class that is to be explained last.

        Raises:
            InputError: If fewer than two classes have trajectories, if thermal and inherent
                trajectories are mixed, if two trajectories carry the same run name, or if there
                are bare snapshots, which do not say of which run they are.
            FileError: If a path cannot be read.
        """
        runs_of = {label: as_runs(members) for label, members in trajectories.items()}
        given = {label: members for label, members in runs_of.items() if members}
        if len(given) < 2:
            raise InputError(
                f"training needs at least two classes; got {', '.join(given) or 'none'}: "
                "give trajectories of both phases."
            )
        levels = {
            str(trajectory.metadata.get("level", "thermal"))
            for members in given.values()
            for trajectory in members
        }
        if len(levels) > 1:
            raise InputError(
                "thermal and inherent trajectories are mixed; a classifier of one would tell "
                "vibrations, not phases: give one level."
            )
        snapshots: list[Snapshot] = []
        targets: list[int] = []
        runs: list[str] = []
        for target, (label, members) in enumerate(given.items()):
            for k, trajectory in enumerate(members):
                run = str(trajectory.metadata.get("run", f"{label}-{k}"))
                if run in runs:
                    raise InputError(
                        f"two trajectories are called run {run!r}; frames of one run must be in "
                        "one trajectory, and each independent run needs its own name."
                    )
                snapshots += trajectory
                targets += [target] * len(trajectory)
                runs += [run] * len(trajectory)
        return cls(tuple(snapshots), np.array(targets), tuple(runs), tuple(given), levels.pop())

    def __len__(self) -> int:
        return len(self.snapshots)

    def runs_of(self, target: int) -> tuple[str, ...]:
        """Names of the independent runs of one class, in order of appearance."""
        names = (run for run, t in zip(self.runs, self.targets, strict=True) if t == target)
        return tuple(dict.fromkeys(names))

    def where(self, runs: Sequence[str]) -> NDArray[np.int64]:
        """Indices of the configurations that belong to any of `runs`."""
        wanted = set(runs)
        return np.array([i for i, run in enumerate(self.runs) if run in wanted], dtype=np.int64)


@dataclass(frozen=True)
class Split:
    """Names of the runs of each part; every part holds runs of every class.

    Attributes:
        train: Runs whose frames set the weights.
        validation: Runs that decide when to stop, and every other choice.
        test: Runs that are looked at once, at the end.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


def split_by_run(
    labelled: LabelledSet, *, validation: float = 0.25, test: float = 0.25, seed: int = 0
) -> Split:
    """Deal the runs of each class of a labelled set; see `deal_runs`."""
    runs = {label: labelled.runs_of(target) for target, label in enumerate(labelled.labels)}
    return deal_runs(runs, validation=validation, test=test, seed=seed)


def deal_runs(
    runs: Mapping[str, Sequence[str]],
    *,
    validation: float = 0.25,
    test: float = 0.25,
    seed: int = 0,
) -> Split:
    """Deal the runs of each class to training, validation and test.

    Args:
        runs: Class to the names of its independent runs.
        validation: Share of the runs of each class for validation; at least one run.
        test: Share for the test; at least one run.
        seed: Seed of the shuffle.

    Raises:
        InputError: If a class has too few runs to put one into each part.
    """
    require_whole(0, seed=seed)
    for name, share in (("validation", validation), ("test", test)):
        if not 0 < share < 1:
            raise InputError(f"{name} is {share:g}; expected a share between 0 and 1.")
    rng = np.random.default_rng(seed)
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for label, names in runs.items():
        shuffled = rng.permutation(names).tolist()
        n_test = max(1, round(test * len(shuffled)))
        n_validation = max(1, round(validation * len(shuffled)))
        if len(shuffled) - n_test - n_validation < 1:
            raise InputError(
                f"class {label!r} has {len(shuffled)} independent runs; {n_test} for the test, "
                f"{n_validation} for validation and at least 1 for training are needed: "
                "add runs, or lower the shares."
            )
        parts["test"] += shuffled[:n_test]
        parts["validation"] += shuffled[n_test : n_test + n_validation]
        parts["train"] += shuffled[n_test + n_validation :]
    return Split(**{name: tuple(sorted(names)) for name, names in parts.items()})
