"""Labelled sets of which it is known what the labels are due to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gnnglass.errors import InputError
from gnnglass.planted.motif import PLANTED, Motif
from gnnglass.trajectories import Trajectory

CLASSES = ("plain", "planted")


def planted_set(
    base: Sequence[Trajectory], motif: Motif, *, seed: int
) -> dict[str, list[Trajectory]]:
    """Plant a motif into the frames of half of the runs; those of the others stay as they are.

    Frames of one run resemble each other, so none has its frames in both classes. Every planted
    frame has the motif at a place of its own.

    Args:
        base: Inherent trajectories, one per independent run.
        motif: What to plant.
        seed: Seed of which runs are planted, and where.

    Returns:
        The trajectories of the classes ``"plain"`` and ``"planted"``, as
        `gnnglass.training.LabelledSet.from_trajectories` takes them. Frames of both have the
        field ``planted`` and no other; the metadata are those of the run, with the class as
        ``phase`` and the motif's parameters.

    Raises:
        InputError: If there are fewer than two runs, one is not inherent, or the motif cannot be
            planted into it.
    """
    if len(base) < len(CLASSES):
        raise InputError(
            f"{len(base)} runs were given; expected at least two, one to plant into and one to "
            "leave as it is."
        )
    shuffled = np.random.default_rng(seed).permutation(len(base))
    chosen = set(shuffled[: len(base) // 2].tolist())
    members: dict[str, list[Trajectory]] = {label: [] for label in CLASSES}
    for number, trajectory in enumerate(base):
        run = str(trajectory.metadata.get("run", f"run-{number}"))
        if trajectory.metadata.get("level") != "inherent":
            raise InputError(
                f"run {run!r} is not inherent; find its inherent structures first, in which no "
                "vibrations cover what is planted."
            )
        if number in chosen:
            frames = [
                motif.plant(snapshot, np.random.default_rng([seed, number, k]))
                for k, snapshot in enumerate(trajectory)
            ]
        else:
            frames = [s.replace(fields={PLANTED: np.zeros(len(s))}) for s in trajectory]
        label = CLASSES[number in chosen]
        facts = {**trajectory.metadata, "run": run, "phase": label, "motif": motif.to_dict()}
        members[label].append(Trajectory(frames, facts))
    return members
