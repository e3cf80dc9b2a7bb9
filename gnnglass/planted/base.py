"""Base configurations: disordered inherent structures that nothing has been planted into."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gnnglass.ensembles import Ensemble
from gnnglass.errors import InputError
from gnnglass.simulate import Protocol
from gnnglass.trajectories import Trajectory

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
