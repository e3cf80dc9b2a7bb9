"""Inherent structures: every frame of a trajectory at the bottom of its basin."""

from __future__ import annotations

from pathlib import Path

from gnnglass.simulate.engine import ENGINES, Progress
from gnnglass.systems import GlassFormer
from gnnglass.trajectories import Trajectory


def inherent_structures(
    system: GlassFormer,
    trajectory: Trajectory,
    engine: str = "lammps",
    *,
    progress: Progress | None = None,
) -> Trajectory:
    """Minimise the potential energy of each frame.

    Stillinger & Weber, Phys. Rev. A 25, 978 (1982).

    Args:
        system: The mixture whose potentials act.
        trajectory: Frames of n particles; returned unchanged if its level is ``"inherent"``.
        engine: Name of the engine that minimises.
        progress: Called with the frames done and the frames there are.

    Returns:
        Frames with the same steps and boxes and the field ``potential_energy``; the metadata of
        `trajectory` with level ``"inherent"``.

    Raises:
        InputError: If a frame does not fit the system.
        SimulationError: If no minimum is reached.
        UnknownNameError: If there is no such engine.
        MissingExtraError: If the engine is not installed.
    """
    if trajectory.metadata.get("level") == "inherent":
        return trajectory
    minimiser = ENGINES.create(engine)
    frames = []
    for snapshot in trajectory:
        frames.append(minimiser.minimize(system, snapshot))
        if progress is not None:
            progress(len(frames), len(trajectory))
    return Trajectory(frames, {**trajectory.metadata, "level": "inherent"})


def inherent_path(path: str | Path) -> Path:
    """Where the inherent structures of a single run's file are kept, beside it."""
    return Path(path).with_suffix(".inherent.gsd")
