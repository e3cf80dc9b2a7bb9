"""Labelled sets in which the particles behind the labels are known, and the runs they need."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gnnglass._options import require_whole
from gnnglass.errors import InputError
from gnnglass.planted.motif import PLANTED, Motif
from gnnglass.simulate import Ensemble, Protocol
from gnnglass.simulate.protocol import MOST_RUNS
from gnnglass.trajectories import RunsLike, Trajectory, as_runs
from gnnglass.trajectories.runs import require_independent, run_names

#: By dimension: the mixture, kT, and the steps before the first frame and between two. Liquids are
#: supercooled; 0.29 of the particles are still within 0.3 of their place after an interval.
LIQUIDS = {2: ("kam2d", 0.7, 10_000), 3: ("ka3d", 0.7, 2500)}


def base_configurations(
    folder: str | Path,
    dimension: int,
    *,
    n_runs: int,
    frames_per_run: int,
    n_particles: int,
    seed: int,
    workers: int | None = None,
) -> list[Trajectory]:
    """Simulate independent runs of a supercooled liquid; every frame is minimised.

    2D: `kam2d` at kT = 0.7; 3D: `ka3d` at kT = 0.7; by LAMMPS. The runs are an `Ensemble`, so
    what was killed goes on, what is done is only read, and run k is the same whatever `n_runs`.

    Args:
        folder: Where the ensemble is, or is to be.
        dimension: 2 or 3.
        n_runs: Independent runs.
        frames_per_run: Frames of each.
        n_particles: Particles in each.
        seed: Seed from which every run's own is derived.
        workers: Number of processes; the number of usable cores without.

    Returns:
        The inherent trajectories, one per run.

    Raises:
        InputError: If there is no such dimension, or the box is too small for the potentials.
        SimulationError: If runs failed; the others are done.
        MissingExtraError: If LAMMPS is not installed.
    """
    if dimension not in LIQUIDS:
        raise InputError(f"dimension is {dimension!r}; expected 2 or 3.")
    require_whole(0, seed=seed)
    require_whole(1, most=MOST_RUNS, n_runs=n_runs)
    system, kT, interval = LIQUIDS[dimension]
    protocols = {
        f"base{dimension}d-{k:03d}": Protocol(
            kT=kT,
            seed=int(np.random.SeedSequence((seed, k)).generate_state(1)[0] >> 1),
            n_particles=n_particles,
            hold_steps=interval,
            n_frames=frames_per_run,
            frame_interval=interval,
        )
        for k in range(n_runs)
    }
    ensemble = Ensemble(folder)
    ensemble.plan(system, protocols)
    ensemble.run(protocols, workers=workers, description="base configurations")
    return [ensemble.load(name, "inherent") for name in protocols]


CLASSES = ("plain", "planted")


def planted_set(base: RunsLike, motif: Motif, *, seed: int) -> dict[str, list[Trajectory]]:
    """Plant a motif into the frames of half of the runs; those of the others stay as they are.

    Frames of one run resemble each other, so none has its frames in both classes. Every planted
    frame has the motif at a place of its own.

    Args:
        base: Inherent trajectories or their files, one per independent run.
        motif: What to plant.
        seed: Seed of which runs are planted, and where.

    Returns:
        The trajectories of the classes ``"plain"`` and ``"planted"``, as
        `gnnglass.training.LabelledSet.from_trajectories` takes them. Frames of both have the
        field ``planted`` and no other; the metadata are those of the run, with the class as
        ``phase`` and the motif's parameters.

    Raises:
        InputError: If there are fewer than two runs, they are not independent, one is not
            inherent, or the motif cannot be planted into it.
    """
    base = as_runs(base)
    names = run_names(base)
    require_independent(dict(zip(names, base, strict=True)))
    if len(base) < len(CLASSES):
        raise InputError(
            f"{len(base)} runs were given; expected at least two, one to plant into and one to "
            "leave as it is."
        )
    require_whole(0, seed=seed)
    shuffled = np.random.default_rng(seed).permutation(len(base))
    chosen = set(shuffled[: len(base) // 2].tolist())
    members: dict[str, list[Trajectory]] = {label: [] for label in CLASSES}
    for number, (run, trajectory) in enumerate(zip(names, base, strict=True)):
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
