"""Splits by independent run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gnnglass.errors import InputError
from gnnglass.training.labelled import LabelledSet


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
