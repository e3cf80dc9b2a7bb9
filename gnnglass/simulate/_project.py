"""A folder of runs as a signac project: what is wanted, what is there, what went wrong."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gnnglass._files import is_locked, locked, require_writable, written_whole
from gnnglass.errors import FileError, GnnglassError, InputError
from gnnglass.simulate.engine import ENGINES, Engine
from gnnglass.simulate.inherent import inherent_structures
from gnnglass.simulate.protocol import (
    AgeingProtocol,
    CooledStatePoint,
    IsoconfigurationalProtocol,
    Protocol,
)
from gnnglass.systems import GlassFormer, glass_former
from gnnglass.trajectories import Snapshot, Trajectory, read, write

if TYPE_CHECKING:
    from signac import Project


def clone_name(name: str, clone: int) -> str:
    """What the run of one clone is called, if the configuration is called `name`."""
    return f"{name}-clone-{clone:05d}"


def clones(protocol: IsoconfigurationalProtocol) -> dict[int, IsoconfigurationalProtocol]:
    """The protocol of each clone alone, by its number."""
    first = protocol.first_clone
    return {
        clone: protocol.replace(first_clone=clone, n_clones=1)
        for clone in range(first, first + protocol.n_clones)
    }


def start_digest(start: Snapshot) -> str:
    """What tells a configuration from others, in the single precision of GSD."""
    digest = hashlib.sha256(repr(start.type_names).encode())
    for array in (start.box, start.positions):
        digest.update(array.astype(np.float32).tobytes())
    digest.update(start.types.tobytes())
    if start.images is not None:
        digest.update(start.images.tobytes())
    return digest.hexdigest()[:32]


def start_path(folder: Path, digest: str) -> Path:
    """Where an ensemble keeps a configuration that clones start from."""
    return folder / "starts" / f"{digest}.gsd"


#: Run name to job: what each name means now. Jobs that no name leads to any more are kept.
NAMES = "runs.json"
#: Held while runs are being planned.
LOCK = ".lock"


def names_in(folder: Path) -> dict[str, str]:
    """Run name to signac job id, in the order of planning; empty if nothing is planned.

    Raises:
        FileError: If the list is broken.
    """
    path = folder / NAMES
    advice = "remove it and plan the runs again; finished runs will be found."
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FileError(f"{path} cannot be read ({error}); {advice}") from error
    if not isinstance(names, dict):
        raise FileError(f"{path} cannot be read (it is not a table of names); {advice}")
    return names


def enter(
    folder: Path,
    state_points: Iterable[dict[str, Any]],
    starts: Mapping[str, Snapshot] | None = None,
) -> None:
    """Make a job of each state point that has none, and give it its run's name.

    Killed at any moment it leaves whole jobs or none.

    Args:
        folder: The ensemble.
        state_points: What its runs depend on.
        starts: Digest to configuration that clones start from, to be kept.

    Raises:
        FileError: If the folder cannot be written to.
        InputError: If the folder belongs to another kind of signac project.
    """
    require_writable(folder / LOCK)
    with locked(folder / LOCK):
        project = _project(folder)
        workspace = Path(project.workspace)
        there = {path.name for path in workspace.iterdir()}
        # Only who holds the lock writes these, so they were left by somebody killed.
        for unfinished in (one for one in there if one.startswith(".")):
            shutil.rmtree(workspace / unfinished)
        for pattern in (".runs.*.partial.json", "starts/.*.partial.gsd"):
            for left in folder.glob(pattern):
                left.unlink()
        for digest, start in (starts or {}).items():
            if not start_path(folder, digest).exists():
                write(start_path(folder, digest), Trajectory([start.replace(fields={}, step=0)]))
        names = names_in(folder)
        before = dict(names)
        for state_point in state_points:
            job = project.open_job(state_point).id
            names[state_point["run"]] = job
            if job not in there:
                aside = workspace / f".{job}"
                aside.mkdir()
                (aside / STATE_POINT).write_text(json.dumps(state_point), encoding="utf-8")
                aside.rename(workspace / job)
                there.add(job)
        if names != before:
            with written_whole(folder / NAMES) as aside:
                aside.write_text(json.dumps(names, indent=0), encoding="utf-8")


def _project(folder: Path) -> Project:
    import signac
    from signac.errors import ConfigError, IncompatibleSchemaVersion

    aside = folder / ".new"
    shutil.rmtree(aside, ignore_errors=True)
    if not (folder / ".signac").exists():
        aside.mkdir()
        signac.init_project(str(aside))
        (aside / ".signac").rename(folder / ".signac")
        shutil.rmtree(aside)
    try:
        return signac.get_project(str(folder), search=False)
    except (LookupError, ConfigError, IncompatibleSchemaVersion) as error:
        raise InputError(
            f"{folder} is a signac project that cannot be opened ({error}); choose another folder."
        ) from error


State = Literal["done", "running", "failed", "planned"]

#: Where signac keeps the parameters of a job, and what is known about it besides.
STATE_POINT, DOCUMENT = "signac_statepoint.json", "signac_job_document.json"
#: Held while somebody is at the run.
RUN_LOCK = ".lock"
#: What every state point says; all else are facts of the caller's.
OWN_KEYS = ("run", "system", "engine", "protocol", "start")
PROTOCOLS: dict[str, type[CooledStatePoint | IsoconfigurationalProtocol]] = {
    kind.__name__: kind for kind in (Protocol, AgeingProtocol, IsoconfigurationalProtocol)
}


@dataclass(frozen=True)
class Run:
    """A run, as its folder tells it; a task for workers.

    The folder is a job of a signac project. It holds the state point, the products, and a job
    document with the entries ``done`` (written after the products), ``work`` (a line for each
    product that was made, with its seconds, end and host), ``failure`` (the reason) and
    ``equilibration`` (the verdict on the trajectory).

    Attributes:
        folder: Where everything is.
    """

    folder: Path

    @cached_property
    def state_point(self) -> dict[str, Any]:
        """What is wanted: run, system, engine, protocol, and facts such as the phase."""
        return dict(json.loads((self.folder / STATE_POINT).read_text(encoding="utf-8")))

    @property
    def name(self) -> str:
        """Its name, unique in the ensemble."""
        return str(self.state_point["run"])

    @property
    def protocol(self) -> CooledStatePoint | IsoconfigurationalProtocol:
        """What is done."""
        parameters = dict(self.state_point["protocol"])
        return PROTOCOLS[parameters.pop("kind")](**parameters)

    @property
    def thermal(self) -> Path:
        """The frames of the run, or of a clone after its initial configuration."""
        return self.folder / "thermal.gsd"

    @property
    def inherent(self) -> Path:
        """The inherent structures of the frames; clones have none."""
        return self.folder / "inherent.gsd"

    @property
    def document(self) -> dict[str, Any]:
        """What is known about the run besides its state point."""
        try:
            text = (self.folder / DOCUMENT).read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        return dict(json.loads(text))

    def state(self, document: dict[str, Any] | None = None) -> State:
        """Whether the run is done, running, failed or planned; `document` if read already."""
        document = self.document if document is None else document
        if document.get("done") and self._has_products():
            return "done"
        if is_locked(self.folder / RUN_LOCK):
            return "running"
        return "failed" if "failure" in document else "planned"

    def __call__(self) -> None:
        """Make what is missing; wait first for whoever is at it.

        Raises:
            GnnglassError: As `Engine.run` and `inherent_structures`.
        """
        with locked(self.folder / RUN_LOCK):
            if self.document.get("done") and self._has_products():
                return
            # Only who holds the lock writes here, so these were left by somebody killed.
            for unfinished in self.folder.glob(".*.partial*"):
                unfinished.unlink(missing_ok=True)
            system = glass_former(self.state_point["system"])
            engine = ENGINES.create(self.state_point["engine"])
            trajectory = self._thermal_frames(system, engine)
            if self._is_quenched and not self.inherent.exists():
                with self._noted("inherent"):
                    write(self.inherent, inherent_structures(system, trajectory, engine.name))
            known = {**self.document, "done": True}
            for key in ("failure", "traceback"):
                known.pop(key, None)
            if "equilibration" in trajectory.metadata:
                known["equilibration"] = trajectory.metadata["equilibration"]
            self._write_document(known)

    def fail(self, reason: str, traceback: str = "") -> None:
        """Store why the run failed, unless another process is working on it or has done it."""
        with locked(self.folder / RUN_LOCK, wait=False) as held:
            document = self.document
            if held and not document.get("done"):
                details = {"traceback": traceback} if traceback else {}
                document.pop("traceback", None)
                self._write_document({**document, "failure": reason, **details})

    @property
    def _is_quenched(self) -> bool:
        return "start" not in self.state_point

    def _has_products(self) -> bool:
        return self.thermal.exists() and (not self._is_quenched or self.inherent.exists())

    def _thermal_frames(self, system: GlassFormer, engine: Engine) -> Trajectory:
        if self.thermal.exists():
            try:
                return read(self.thermal)
            except GnnglassError:
                self.thermal.unlink()
        facts = {key: value for key, value in self.state_point.items() if key not in OWN_KEYS}
        metadata = {"run": self.name, **facts}
        protocol = self.protocol
        with self._noted("thermal"):
            if isinstance(protocol, IsoconfigurationalProtocol):
                start = read(start_path(self.folder.parents[1], self.state_point["start"]))[0]
                engine.isoconfigurational(system, start, protocol, self.thermal, metadata=metadata)
            else:
                engine.run(system, protocol, self.thermal, metadata=metadata)
        # From the file, so that a run taken up again ends as one that was never interrupted.
        return read(self.thermal)

    @contextmanager
    def _noted(self, product: str) -> Iterator[None]:
        """Make a product, then note that it was made."""
        begun = time.perf_counter()
        yield
        line = {
            "product": product,
            "seconds": round(time.perf_counter() - begun, 3),
            "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "host": os.uname().nodename,
        }
        document = self.document
        self._write_document({**document, "work": [*document.get("work", []), line]})

    def _write_document(self, document: dict[str, Any]) -> None:
        with written_whole(self.folder / DOCUMENT) as aside:
            aside.write_text(json.dumps(document, indent=1), encoding="utf-8")
