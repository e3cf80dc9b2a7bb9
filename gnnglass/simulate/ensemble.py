"""Ensembles: many runs, each in a file of its own, done once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gnnglass.errors import GnnglassError, InputError
from gnnglass.simulate.engine import ENGINES
from gnnglass.simulate.inherent import inherent_structures
from gnnglass.simulate.parallel import run_parallel
from gnnglass.simulate.protocol import Protocol
from gnnglass.systems import GLASS_FORMERS
from gnnglass.trajectories import Snapshot, Trajectory, read, write

Facts = Mapping[str, Any]


def simulate_ensemble(
    system: str,
    protocols: Mapping[str, Protocol],
    folder: str | Path,
    *,
    metadata: Mapping[str, Facts] | None = None,
    engine: str = "lammps",
    workers: int | None = None,
) -> list[Path]:
    """Carry out many runs and find their inherent structures.

    Run ``name`` leaves ``<folder>/<name>.gsd`` and, beside it, its inherent structures in
    ``<folder>/<name>.inherent.gsd``. A run whose files tell of the same system, engine,
    protocol and metadata is not done again; one whose files tell of others is.

    Args:
        system: Name of the glass former.
        protocols: Run name to protocol.
        folder: Where the files go.
        metadata: Run name to entries for the trajectory's metadata, such as ``phase``.
        engine: Name of the engine.
        workers: Number of processes; the number of usable cores without.

    Returns:
        The path of each run, in the order of `protocols`; `inherent_path` gives the other one.

    Raises:
        InputError: If a run name cannot be a file name.
        UnknownNameError: If there is no such glass former or engine.
        MissingExtraError: If the engine is not installed.
        SimulationError: If runs failed; the others are done.
        FileError: If a file cannot be written.
    """
    GLASS_FORMERS.create(system)
    ENGINES.factory(engine)
    tasks = [
        _Run(system, engine, protocol, file_of(folder, name), dict((metadata or {}).get(name, {})))
        for name, protocol in protocols.items()
    ]
    for task in tasks:
        remove_stale(task.thermal, task.facts)
        remove_stale(task.out, task.facts)
        if not task.thermal.exists():
            task.out.unlink(missing_ok=True)
    run_parallel(tasks, workers, "simulations")
    return [task.thermal for task in tasks]


def inherent_path(path: str | Path) -> Path:
    """Where the inherent structures of the run at `path` are."""
    return Path(path).with_suffix(".inherent.gsd")


@dataclass(frozen=True)
class _Run:
    system: str
    engine: str
    protocol: Protocol
    thermal: Path
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        return inherent_path(self.thermal)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "system": self.system,
            "engine": self.engine,
            "protocol": self.protocol.model_dump(mode="json"),
            **self.metadata,
        }

    def __call__(self) -> None:
        system = GLASS_FORMERS.create(self.system)
        if not self.thermal.exists():
            engine = ENGINES.create(self.engine)
            engine.run(system, self.protocol, self.thermal, metadata=self.metadata)
        # From the file, so that a run taken up again ends as one that was never interrupted.
        write(self.out, inherent_structures(system, read(self.thermal), self.engine))


def file_of(folder: str | Path, name: str) -> Path:
    """Where run `name` is kept.

    Raises:
        InputError: If the name cannot be a file name.
    """
    if not name or name.startswith(".") or Path(name).name != name or "." in name:
        raise InputError(f"the run name {name!r} cannot be a file name; use letters, digits and -.")
    return Path(folder) / f"{name}.gsd"


def remove_stale(path: Path, facts: Facts, start: Snapshot | None = None) -> None:
    """Remove a file that was not made from these facts and this start, or cannot be read."""
    if not path.exists():
        return
    try:
        stored = read(path)
    except GnnglassError:
        path.unlink()
        return
    # As they come back from a file, where a tuple is a list.
    wanted = json.loads(json.dumps(facts))
    same = all(stored.metadata.get(key) == value for key, value in wanted.items())
    if not same or (start is not None and not _same_configuration(stored, start)):
        path.unlink()


def _same_configuration(stored: Trajectory, start: Snapshot) -> bool:
    """Whether frame 0 is `start`, up to the single precision of GSD."""
    first = stored[0]
    if first.positions.shape != start.positions.shape:
        return False
    apart = start.minimum_image(first.positions - start.positions)
    names = (np.array(first.type_names)[first.types], np.array(start.type_names)[start.types])
    return bool(np.abs(apart).max() < 1e-5 * start.box.max()) and np.array_equal(*names)
