"""Labelled configurations with the independent run of each, and splits by run."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_classes, require_one_level, require_whole
from gnnglass.errors import InputError
from gnnglass.trajectories import Material, RunsLike, Snapshot, Trajectory, as_runs
from gnnglass.trajectories.material import require_one_material
from gnnglass.trajectories.runs import require_independent, run_names

#: The name by which it is accepted that a trajectory states another class.
PHASE = "phase"


@dataclass(frozen=True, repr=False)
class LabelledSet:
    """Configurations with a class label each, grouped by independent run.

    Frames of one run resemble each other, so a run, never a frame, is the unit of every split
    and every interval.

    Attributes:
        snapshots: The configurations.
        targets: Index into `labels` of each configuration, shape [n_snapshots].
        runs: Name of the run of each configuration.
        labels: Class names; the last is the one that classifiers trained on the set explain.
        material: What the configurations are made of, and their level, ``"thermal"`` or
            ``"inherent"``.
        accepted: What was found to differ between runs and accepted by name, in words.
    """

    snapshots: tuple[Snapshot, ...]
    targets: NDArray[np.int64]
    runs: tuple[str, ...]
    labels: tuple[str, ...]
    material: Material
    accepted: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    @checks_arguments
    def from_trajectories(
        cls, trajectories: Mapping[str, RunsLike], *, accept: Collection[str] = ()
    ) -> LabelledSet:
        """Collect all frames of trajectories given per class.

        Args:
            trajectories: Class name to the trajectories of that class or their files, one per
                independent run; the order of the keys is the order of the labels, so put the
                class that is to be explained last. Trajectories that do not state their level
                are taken to be thermal.
            accept: Names of differences between runs that are meant: ``"system"``,
                ``"composition"``, ``"density"``, or ``"phase"`` for trajectories that state
                another of the classes, or one that others of their class do not state.

        Raises:
            InputError: If fewer than two classes have trajectories; if runs differ in level, or
                in system, composition, density or stated phase without that being accepted; if
                runs are not independent (the same configuration twice, pieces of one run, the
                same name); or if there are bare snapshots, which do not say of which run they
                are.
            FileError: If a path cannot be read.
        """
        runs_of = {label: as_runs(members) for label, members in trajectories.items()}
        classes = {label: members for label, members in runs_of.items() if members}
        require_classes(classes)
        every = [
            one.stating(level=one.metadata.get("level", "thermal"))
            for members in classes.values()
            for one in members
        ]
        of_class = [label for label, members in classes.items() for _ in members]
        require_one_level([one.metadata["level"] for one in every])
        names = run_names(every)
        levelled = dict(zip(names, every, strict=True))
        accepted = _other_phases(dict(zip(names, of_class, strict=True)), levelled, accept)
        material, differences = require_one_material(
            levelled, accept=[name for name in accept if name != PHASE]
        )
        require_independent(levelled)
        sizes = [len(one) for one in every]
        labels = tuple(classes)
        return cls(
            snapshots=tuple(snapshot for one in every for snapshot in one),
            targets=np.repeat([labels.index(label) for label in of_class], sizes),
            runs=tuple(name for name, n in zip(names, sizes, strict=True) for _ in range(n)),
            labels=labels,
            material=material,
            accepted={**accepted, **differences},
        )

    @property
    def level(self) -> str:
        """``"thermal"`` or ``"inherent"``."""
        return self.material.level or "thermal"

    def __len__(self) -> int:
        return len(self.snapshots)

    def __repr__(self) -> str:
        classes = " and ".join(
            f"{np.sum(self.targets == target)} {label} in {len(self.runs_of(target))} runs"
            for target, label in enumerate(self.labels)
        )
        return f"<LabelledSet of {classes}: {self.material.in_words()}>"

    @checks_arguments
    def runs_of(self, target: int) -> tuple[str, ...]:
        """Names of the independent runs of one class, in order of appearance."""
        names = (run for run, t in zip(self.runs, self.targets, strict=True) if t == target)
        return tuple(dict.fromkeys(names))

    @checks_arguments
    def where(self, runs: Sequence[str]) -> NDArray[np.int64]:
        """Indices of the configurations that belong to any of `runs`."""
        wanted = set(runs)
        return np.array([i for i, run in enumerate(self.runs) if run in wanted], dtype=np.int64)

    @checks_arguments
    def relabelled(self, targets: Mapping[str, int]) -> LabelledSet:
        """The configurations of some runs, with classes that are given, not their own.

        Args:
            targets: Index into `labels` of each run, by its name, as `relabellings` makes them;
                runs that are not named are left out.

        Raises:
            InputError: If a run is not in the set, or an index is of no label.
        """
        unknown = sorted(set(targets) - set(self.runs))
        if unknown:
            raise InputError(
                f"run {unknown[0]!r} is to be given another class, but is not in the set; its runs "
                f"are {', '.join(dict.fromkeys(self.runs))}."
            )
        wrong = sorted(set(targets.values()) - set(range(len(self.labels))))
        if wrong:
            raise InputError(
                f"a run is to be of class {wrong[0]}, but the set has {len(self.labels)} classes, "
                "numbered from 0."
            )
        members = self.where(list(targets))
        return replace(
            self,
            snapshots=tuple(self.snapshots[i] for i in members),
            targets=np.array([targets[self.runs[i]] for i in members], dtype=np.int64),
            runs=tuple(self.runs[i] for i in members),
        )


def _other_phases(
    classes: Mapping[str, str], runs: Mapping[str, Trajectory], accept: Collection[str]
) -> dict[str, str]:
    """What runs state of their class and were not given as; all of a class may have a new name.

    Raises:
        InputError: If a run states another class than others of its class, or one that is given
            too, and that is not accepted.
    """
    states = {
        name: str(runs[name].metadata[PHASE]) for name in classes if PHASE in runs[name].metadata
    }
    others = {name: phase for name, phase in states.items() if phase != classes[name]}
    for name, phase in others.items():
        mixed = {other for other, label in classes.items() if states.get(other) == phase} != {
            other for other, label in classes.items() if label == classes[name]
        }
        if PHASE not in accept and (mixed or phase in classes.values()):
            raise InputError(
                f"run {name!r} states that it is of the class {phase!r} and was given as "
                f"{classes[name]!r}; give it as what it states, or accept the other class by name "
                "(--accept phase)."
            )
    if not others:
        return {}
    words = dict.fromkeys(f"{phase} as {classes[name]}" for name, phase in others.items())
    return {PHASE: ", ".join(words)}


#: What there is to say of a classifier that was not tested.
NOT_TESTED = "no run was held out, so how well it does on others is not known"


@dataclass(frozen=True, repr=False)
class Split:
    """Names of the runs of each part; every part that holds any holds runs of every class.

    Attributes:
        train: Runs whose frames set the weights.
        validation: Runs that decide when to stop, and every other choice.
        test: Runs that are looked at once, at the end; none if all were wanted for training, and
            then nobody knows how well the classifier does on others.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def __repr__(self) -> str:
        told = (f"{len(runs)} {part}" for part, runs in asdict(self).items())
        return f"<Split of runs: {', '.join(told)}>"


@checks_arguments
def split_by_run(
    labelled: LabelledSet, *, validation: float = 0.25, test: float = 0.25, seed: int = 0
) -> Split:
    """Deal the runs of each class of a labelled set; see `deal_runs`."""
    runs = {label: labelled.runs_of(target) for target, label in enumerate(labelled.labels)}
    return deal_runs(runs, validation=validation, test=test, seed=seed)


@checks_arguments
def deal_runs(
    runs: Mapping[str, Sequence[str]],
    *,
    validation: float = 0.25,
    test: float = 0.25,
    seed: int = 0,
    held_out: Collection[str] = (),
) -> Split:
    """Deal the runs of each class to training, validation and test.

    Args:
        runs: Class to the names of its independent runs.
        validation: Share of the runs of each class for validation; at least one run.
        test: Share for the test; at least one run, or none for 0.
        seed: Seed of the shuffle.
        held_out: Runs that are the test of their class, instead of a share of it; then `validation`
            is a share of the others.

    Raises:
        InputError: If a class has too few runs to put one into each part.
    """
    require_whole(0, seed=seed)
    for name, share in (("validation", validation), ("test", test)):
        if not 0 < share < 1 and not (name == "test" and share == 0):
            none = ", or 0 for no test" if name == "test" else ""
            raise InputError(f"{name} is {share:g}; expected a share between 0 and 1{none}.")
    rng = np.random.default_rng(seed)
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for label, names in runs.items():
        shuffled = rng.permutation(names).tolist()
        n_test, n_shared = max(test > 0, round(test * len(shuffled))), len(shuffled)
        if fixed := [name for name in names if name in held_out]:
            shuffled = [*fixed, *(name for name in shuffled if name not in fixed)]
            n_test, n_shared = len(fixed), len(shuffled) - len(fixed)
        n_validation = max(1, round(validation * n_shared))
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


@checks_arguments
def relabellings(
    runs: Mapping[str, Sequence[str]], split: Split, n: int, *, seed: int = 0
) -> list[dict[str, int]]:
    """Wrong classes for the runs that train and validate: the null of everything a label teaches.

    What a network makes of wrong labels is what the configurations, the architecture and the
    attribution give without any knowledge of the phases. With two classes, these are exchanged
    between runs: in each part of the split, each class keeps its number of runs. With one class,
    half of its runs in each part are called the one and half the other: arbitrary labels within one
    phase.

    Args:
        runs: Class to the names of its independent runs, of two classes or of one.
        split: The runs that train and validate; all others keep out of it.
        n: How many.
        seed: Seed of the choice. The first few of many are those of a smaller `n`.

    Returns:
        Run to 0 or 1, for `LabelledSet.relabelled`. No two are the same or each other's inverse,
        and none is the true one or its inverse, which teaches the same with the other sign. So
        there are fewer than `n` if there are no more.

    Raises:
        InputError: If there are neither one nor two classes, or fewer than two runs in a part.
    """
    require_whole(0, n=n, seed=seed)
    if len(runs) not in (1, 2):
        raise InputError(f"runs of {len(runs)} classes were given; expected two, or one to halve.")
    class_of = {run: k for k, names in enumerate(runs.values()) for run in names}
    parts = [[run for run in part if run in class_of] for part in (split.train, split.validation)]
    if min(map(len, parts)) < 2:
        raise InputError(
            f"of the classes {', '.join(runs)} {len(parts[0])} runs train and {len(parts[1])} "
            "validate; give each part at least two, so that they can be of two classes."
        )
    everyone = frozenset(run for part in parts for run in part)
    true = frozenset(run for run in everyone if class_of[run] == 1)
    sizes = [len(true.intersection(part)) if len(runs) == 2 else len(part) // 2 for part in parts]
    known = {true, everyone - true}
    ways = math.prod(math.comb(len(part), k) for part, k in zip(parts, sizes, strict=True))
    # Of those that are as many as their inverse, each counts once.
    mirrored = all(2 * k == len(part) for part, k in zip(parts, sizes, strict=True))
    left = ways // (1 + mirrored) - (len(runs) == 2)
    rng = np.random.default_rng(seed)
    found: list[dict[str, int]] = []
    while len(found) < min(n, left):
        drawn = frozenset(
            run
            for part, k in zip(parts, sizes, strict=True)
            for run in rng.permutation(part)[:k].tolist()
        )
        if drawn not in known:
            known |= {drawn, everyone - drawn}
            found.append({run: int(run in drawn) for part in parts for run in part})
    return found
