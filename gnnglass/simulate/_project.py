"""A folder of runs as a signac project: planned runs, their products and their failures."""

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
    """The name of the run of one clone of the configuration called `name`."""
    return f"{name}-clone-{clone:05d}"


def clones(protocol: IsoconfigurationalProtocol) -> dict[int, IsoconfigurationalProtocol]:
    """A protocol for each clone by itself, by the clone's number."""
    first = protocol.first_clone
    return {
        clone: protocol.replace(first_clone=clone, n_clones=1)
        for clone in range(first, first + protocol.n_clones)
    }


def start_digest(start: Snapshot) -> str:
    """A digest that identifies a configuration, in the single precision of GSD."""
    digest = hashlib.sha256(repr(start.type_names).encode())
    for array in (start.box, start.positions):
        digest.update(array.astype(np.float32).tobytes())
    digest.update(start.types.tobytes())
    if start.images is not None:
        digest.update(start.images.tobytes())
    return digest.hexdigest()[:32]


def start_path(folder: Path, digest: str) -> Path:
    """File in which an ensemble stores a configuration that clones start from."""
    return folder / "starts" / f"{digest}.gsd"


#: Run name to the job it currently stands for. Jobs without a name are kept.
NAMES = "runs.json"
#: Locked while runs are being planned.
LOCK = ".lock"


def names_in(folder: Path) -> dict[str, str]:
    """Run name to signac job id, in the order of planning; empty if nothing is planned.

    Raises:
        FileError: If the list is damaged.
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
    """Create a job for each state point that has none, and assign the run's name to it.

    If it is killed, every job has been created completely or not at all.

    Args:
        folder: The folder of the ensemble.
        state_points: The parameters of the runs.
        starts: Configurations that clones start from, to be stored, by their digest.

    Raises:
        FileError: If the folder cannot be written to.
        InputError: If the folder belongs to another kind of signac project.
    """
    require_writable(folder / LOCK)
    with locked(folder / LOCK):
        project = _project(folder)
        workspace = Path(project.workspace)
        existing = {path.name for path in workspace.iterdir()}
        # Only the holder of the lock writes these, so a process that was killed has left them.
        for unfinished in (one for one in existing if one.startswith(".")):
            shutil.rmtree(workspace / unfinished)
        for pattern in (".runs.*.partial.json", "starts/.*.partial.gsd"):
            for leftover in folder.glob(pattern):
                leftover.unlink()
        for digest, start in (starts or {}).items():
            if not start_path(folder, digest).exists():
                write(start_path(folder, digest), Trajectory([start.replace(fields={}, step=0)]))
        names = names_in(folder)
        before = dict(names)
        for state_point in state_points:
            job = project.open_job(state_point).id
            names[state_point["run"]] = job
            if job not in existing:
                temporary = workspace / f".{job}"
                temporary.mkdir()
                (temporary / STATE_POINT).write_text(json.dumps(state_point), encoding="utf-8")
                temporary.rename(workspace / job)
                existing.add(job)
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

#: The files of signac with the parameters of a job, and with further information on it.
STATE_POINT, DOCUMENT = "signac_statepoint.json", "signac_job_document.json"
#: Locked while a process works on the run.
RUN_LOCK = ".lock"
#: The keys that the ensemble sets in every state point; all others are the caller's facts.
OWN_KEYS = ("run", "system", "engine", "protocol", "start")
PROTOCOLS: dict[str, type[CooledStatePoint | IsoconfigurationalProtocol]] = {
    kind.__name__: kind for kind in (Protocol, AgeingProtocol, IsoconfigurationalProtocol)
}


@dataclass(frozen=True)
class Run:
    """A run in a folder, which is all a worker needs to know to carry it out.

    The folder is a job of a signac project. It contains the state point, the products, and a job
    document with the entries ``done`` (written after the products), ``work`` (an entry for each
    product, with the seconds it took, when it was finished and on which host), ``failure`` (the
    reason), ``traceback`` (of a failure that is a bug) and ``equilibration`` (the verdict on the
    trajectory).

    Attributes:
        folder: The folder of the job.
    """

    folder: Path

    @cached_property
    def state_point(self) -> dict[str, Any]:
        """The parameters: run, system, engine, protocol, and facts such as the phase."""
        return dict(json.loads((self.folder / STATE_POINT).read_text(encoding="utf-8")))

    @property
    def name(self) -> str:
        """The name of the run, unique in the ensemble."""
        return str(self.state_point["run"])

    @property
    def protocol(self) -> CooledStatePoint | IsoconfigurationalProtocol:
        """The protocol of the run."""
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
        """The job document; empty if there is none yet."""
        try:
            text = (self.folder / DOCUMENT).read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        return dict(json.loads(text))

    def state(self, document: dict[str, Any] | None = None) -> State:
        """Whether the run is done, running, failed or planned.

        Args:
            document: The job document, if it has been read already.
        """
        document = self.document if document is None else document
        if document.get("done") and self._has_products():
            return "done"
        if is_locked(self.folder / RUN_LOCK):
            return "running"
        return "failed" if "failure" in document else "planned"

    def __call__(self) -> None:
        """Make the products that are missing; if another process works on the run, wait for it.

        Raises:
            GnnglassError: As `Engine.run` and `inherent_structures`.
        """
        with locked(self.folder / RUN_LOCK):
            if self.document.get("done") and self._has_products():
                return
            # Only the holder of the lock writes here, so a process that was killed has left these.
            for unfinished in self.folder.glob(".*.partial*"):
                unfinished.unlink(missing_ok=True)
            system = glass_former(self.state_point["system"])
            engine = ENGINES.create(self.state_point["engine"])
            trajectory = self._thermal_frames(system, engine)
            if self._is_quenched and not self.inherent.exists():
                with self._logged("inherent"):
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
        with self._logged("thermal"):
            if isinstance(protocol, IsoconfigurationalProtocol):
                start = read(start_path(self.folder.parents[1], self.state_point["start"]))[0]
                engine.isoconfigurational(system, start, protocol, self.thermal, metadata=metadata)
            else:
                engine.run(system, protocol, self.thermal, metadata=metadata)
        # Read the file, so that a resumed run continues from the same numbers as any other.
        return read(self.thermal)

    @contextmanager
    def _logged(self, product: str) -> Iterator[None]:
        """Add an entry to ``work`` in the job document when a product has been made."""
        start = time.perf_counter()
        yield
        entry = {
            "product": product,
            "seconds": round(time.perf_counter() - start, 3),
            "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "host": os.uname().nodename,
        }
        document = self.document
        self._write_document({**document, "work": [*document.get("work", []), entry]})

    def _write_document(self, document: dict[str, Any]) -> None:
        with written_whole(self.folder / DOCUMENT) as aside:
            aside.write_text(json.dumps(document, indent=1), encoding="utf-8")
