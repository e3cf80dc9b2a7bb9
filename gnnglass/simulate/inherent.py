"""Inherent structures: every frame of a trajectory at the bottom of its basin."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from gnnglass import __version__
from gnnglass.simulate.engine import ENGINES, Engine, Progress
from gnnglass.systems import GlassFormer
from gnnglass.trajectories import Snapshot, Trajectory, read, write
from gnnglass.trajectories.files import require_writable


def inherent_structures(
    system: GlassFormer,
    trajectory: Trajectory,
    engine: str = "lammps",
    *,
    keep: str | Path | None = None,
    progress: Progress | None = None,
) -> Trajectory:
    """Minimise the potential energy of each frame.

    Stillinger & Weber, Phys. Rev. A 25, 978 (1982).

    Args:
        system: The mixture whose potentials act.
        trajectory: Frames of n particles; returned unchanged if its level is ``"inherent"``.
        engine: Name of the engine that minimises.
        keep: Folder for the minima, one file each: what is there is not sought again. Positions
            are then those of the file, in single precision, also when they are just found.
        progress: Called with the frames done and the frames there are.

    Returns:
        Frames with the same steps and boxes and the field ``potential_energy``; the metadata of
        `trajectory` with level ``"inherent"``.

    Raises:
        InputError: If a frame does not fit the system.
        SimulationError: If no minimum is reached.
        UnknownNameError: If there is no such engine.
        MissingExtraError: If the engine is not installed.
        FileError: If a minimum cannot be kept, or one that was kept is damaged.
    """
    if trajectory.metadata.get("level") == "inherent":
        return trajectory
    minimiser = ENGINES.create(engine)
    frames = []
    for snapshot in trajectory:
        if keep is None:
            frames.append(minimiser.minimize(system, snapshot))
        else:
            frames.append(_kept(minimiser, system, snapshot, Path(keep)))
        if progress is not None:
            progress(len(frames), len(trajectory))
    return Trajectory(frames, {**trajectory.metadata, "level": "inherent"})


def _kept(minimiser: Engine, system: GlassFormer, snapshot: Snapshot, folder: Path) -> Snapshot:
    """The minimum as it is on disk, found before or now."""
    facts = {"system": system.identity, "level": "inherent", "engine": minimiser.name}
    path = folder / f"{_digest(snapshot, json.dumps(facts, sort_keys=True))}.gsd"
    if not path.is_file():
        require_writable(path)
        write(path, Trajectory([minimiser.minimize(system, snapshot)], facts))
    return read(path)[0]


def _digest(snapshot: Snapshot, facts: str) -> str:
    """Of everything that a minimum depends on."""
    names = json.dumps([__version__, facts, snapshot.type_names, snapshot.step])
    digest = hashlib.sha256(names.encode())
    for array in (snapshot.box, snapshot.positions, snapshot.types, snapshot.images):
        digest.update(b"" if array is None else array.tobytes())
    return digest.hexdigest()[:16]


def inherent_path(path: str | Path) -> Path:
    """Where the inherent structures of a single run's file are kept, beside it."""
    return Path(path).with_suffix(".inherent.gsd")
