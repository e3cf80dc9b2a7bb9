"""Isoconfigurational ensembles: every clone a task, every ensemble a file."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gnnglass.errors import InputError
from gnnglass.simulate.engine import ENGINES
from gnnglass.simulate.ensemble import Facts, file_of, remove_stale
from gnnglass.simulate.parallel import run_parallel
from gnnglass.simulate.protocol import IsoconfigurationalProtocol
from gnnglass.systems import GLASS_FORMERS
from gnnglass.trajectories import Snapshot, Trajectory, read, write


def isoconfigurational_ensembles(
    system: str,
    starts: Mapping[str, Snapshot],
    protocols: Mapping[str, IsoconfigurationalProtocol],
    folder: str | Path,
    *,
    metadata: Mapping[str, Facts] | None = None,
    engine: str = "lammps",
    workers: int | None = None,
) -> list[Path]:
    """Run an isoconfigurational ensemble from each of many configurations.

    Every clone is a task of its own, kept in ``<folder>/<name>.clones`` until all are there; then
    they are joined into ``<folder>/<name>.gsd``, laid out as by `Engine.isoconfigurational`. An
    ensemble whose file tells of the same system, engine, protocol, metadata and start is not done
    again; one that tells of others is.

    Args:
        system: Name of the glass former.
        starts: Ensemble name to the configuration that its clones start from.
        protocols: Ensemble name to protocol; give each its own seed.
        folder: Where the files go.
        metadata: Ensemble name to entries for the trajectory's metadata, such as ``phase``.
        engine: Name of the engine.
        workers: Number of processes; the number of usable cores without.

    Returns:
        The path of each ensemble, in the order of `starts`.

    Raises:
        InputError: If a name cannot be a file name, or has a start but no protocol.
        UnknownNameError: If there is no such glass former or engine.
        MissingExtraError: If the engine is not installed.
        SimulationError: If runs failed; the others are done.
        FileError: If a file cannot be written.
    """
    GLASS_FORMERS.create(system)
    ENGINES.factory(engine)
    if set(starts) != set(protocols):
        odd = ", ".join(sorted(set(starts) ^ set(protocols)))
        raise InputError(f"{odd} came with a start or a protocol, but not both.")
    files = [file_of(folder, name) for name in starts]
    unfinished: dict[Path, tuple[_Clones, list[_Clones]]] = {}
    for path, (name, start) in zip(files, starts.items(), strict=True):
        facts = dict((metadata or {}).get(name, {}))
        whole = _Clones(system, engine, start, protocols[name], path, facts)
        remove_stale(path, whole.facts, start)
        if not path.exists():
            parts = whole.parts()
            for part in parts:
                remove_stale(part.out, part.facts, start)
            unfinished[path] = whole, parts
    run_parallel([part for _, parts in unfinished.values() for part in parts], workers, "clones")
    for whole, parts in unfinished.values():
        whole.join(parts)
    for path in files:
        shutil.rmtree(_parts_folder(path), ignore_errors=True)
    return files


@dataclass(frozen=True)
class _Clones:
    """Some clones of one configuration; a task if run, or the whole that parts are joined to."""

    system: str
    engine: str
    start: Snapshot
    protocol: IsoconfigurationalProtocol
    out: Path
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "system": self.system,
            "engine": self.engine,
            "isoconfigurational": self.protocol.model_dump(mode="json"),
            **self.metadata,
        }

    def parts(self) -> list[_Clones]:
        """One task per clone."""
        first = self.protocol.first_clone
        return [
            _Clones(
                self.system,
                self.engine,
                self.start,
                self.protocol.replace(first_clone=clone, n_clones=1),
                _parts_folder(self.out) / f"{clone:05d}.gsd",
                self.metadata,
            )
            for clone in range(first, first + self.protocol.n_clones)
        ]

    def join(self, parts: list[_Clones]) -> None:
        """Write the file of all clones from those of the parts."""
        clones = [read(part.out) for part in parts]
        frames = [clones[0][0], *(frame for clone in clones for frame in clone[1:])]
        facts = {**clones[0].metadata, **self.facts, "run": self.out.stem}
        write(self.out, Trajectory(frames, facts))

    def __call__(self) -> None:
        engine = ENGINES.create(self.engine)
        system = GLASS_FORMERS.create(self.system)
        engine.isoconfigurational(
            system, self.start, self.protocol, self.out, metadata=self.metadata
        )


def _parts_folder(path: Path) -> Path:
    return path.with_suffix(".clones")
