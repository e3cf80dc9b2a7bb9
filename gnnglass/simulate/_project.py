"""A folder of runs as a signac project: planned runs, their products and their failures."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel

from gnnglass._arguments import checks_arguments
from gnnglass._files import is_locked, locked, require_writable, written_whole
from gnnglass._records import file_digest
from gnnglass.errors import FileError, GnnglassError, InputError, SimulationError
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


@checks_arguments
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
    """A digest that identifies a configuration, in the single precision of GSD.

    It is the same before the configuration is written and after it was read.
    """
    # Rounding can push a particle onto the upper face; it is then wrapped, as in the file.
    start = start.replace(
        box=start.box.astype(np.float32), positions=start.positions.astype(np.float32)
    )
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


def read_start(folder: Path, digest: str) -> Snapshot:
    """The stored configuration that clones start from.

    Raises:
        FileError: If it is missing, or is not the one that was stored.
    """
    path = start_path(folder, digest)
    start = read(path)[0]
    if start_digest(start) != digest:
        raise FileError(f"{path} has been changed since it was written; plan the clones again.")
    return start


def job_id(state_point: dict[str, Any]) -> str:
    """The id that signac gives to the job of a state point."""
    return hashlib.md5(json.dumps(state_point, sort_keys=True).encode()).hexdigest()


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
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(f"{path} cannot be read ({error}); {advice}") from error
    if not isinstance(names, dict) or not all(_is_job_id(job) for job in names.values()):
        raise FileError(f"{path} cannot be read (it is not a table of names); {advice}")
    return names


def _is_job_id(job: Any) -> bool:
    return isinstance(job, str) and re.fullmatch("[0-9a-f]{32}", job) is not None


def enter(
    folder: Path,
    state_points: Iterable[dict[str, Any]],
    starts: Mapping[str, Snapshot] | None = None,
) -> None:
    """Create a job for each state point that has none, and assign the run's name to it.

    State points and starts that are damaged are written anew. If it is killed, every job has been
    created completely or not at all.

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
            try:
                read_start(folder, digest)
            except GnnglassError:
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
            elif not Run(workspace / job).is_itself():
                with written_whole(workspace / job / STATE_POINT) as aside:
                    aside.write_text(json.dumps(state_point), encoding="utf-8")
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
    # Of a damaged configuration signac says a ValueError, too.
    except (LookupError, ValueError, ConfigError, IncompatibleSchemaVersion) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"{folder} is a signac project that cannot be opened ({reason}); choose another "
            f"folder or, if an ensemble made it, remove {folder / '.signac'}, which is made anew."
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


class _Timing(BaseModel):
    """An entry of ``work`` in a job document."""

    product: str
    seconds: float


class _Verdict(BaseModel):
    """What a job document says of equilibration."""

    verdict: str


class _Document(BaseModel):
    """The entries of a job document that are read; others may have entries of their own in it."""

    done: bool = False
    failure: str = ""
    work: list[_Timing] = []
    sha256: dict[str, str] = {}
    equilibration: _Verdict | None = None


@dataclass(frozen=True)
class Run:
    """A run in a folder, which is all a worker needs to know to carry it out.

    The folder is a job of a signac project. It contains the state point, the products, and a job
    document with the entries ``done`` (written after the products), ``sha256`` (of each product),
    ``work`` (an entry for each product, with the seconds it took, when it was finished and on which
    host), ``failure`` (the
    reason), ``traceback`` (of a failure that is a bug) and ``equilibration`` (the verdict on the
    trajectory).

    Attributes:
        folder: The folder of the job.
    """

    folder: Path

    @cached_property
    def state_point(self) -> dict[str, Any]:
        """The parameters: run, system, engine, protocol, and facts such as the phase.

        Raises:
            FileError: If they are missing, or are not those that the folder is named for.
        """
        path = self.folder / STATE_POINT
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            content = None
        if not isinstance(content, dict) or job_id(content) != self.folder.name:
            raise FileError(
                f"{path} is missing or damaged; plan the runs again, which writes it anew."
            )
        return content

    def is_itself(self) -> bool:
        """Whether the folder holds the parameters that it is named for."""
        try:
            return bool(self.state_point)
        except FileError:
            return False

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
        """The job document; empty if there is none yet, or it is damaged."""
        try:
            content = json.loads((self.folder / DOCUMENT).read_text(encoding="utf-8"))
            _Document.model_validate(content)
        except (FileNotFoundError, ValueError, RecursionError):
            return {}
        return dict(content)

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

    def is_intact(self) -> bool:
        """Whether the run is done and its products are, to the bit, what was written."""
        document = self.document
        digests = document.get("sha256", {})
        return bool(document.get("done")) and all(
            product.is_file() and digests.get(product.stem) == file_digest(product)
            for product in self._products
        )

    def __call__(self) -> None:
        """Make the products that are missing or damaged; if another process is at it, wait.

        Raises:
            GnnglassError: As `Engine.run` and `inherent_structures`.
        """
        with locked(self.folder / RUN_LOCK):
            if self.is_intact():
                return
            self._remove_damaged()
            # Only the holder of the lock writes here, so a process that was killed has left these.
            for unfinished in self.folder.glob(".*.partial*"):
                unfinished.unlink(missing_ok=True)
            system = glass_former(self.state_point["system"])
            engine = ENGINES.create(self.state_point["engine"])
            trajectory = self._thermal_frames(system, engine)
            if self._is_quenched and not self.inherent.exists():
                with self._logged("inherent"):
                    write(self.inherent, self._minima(system, trajectory, engine))
            digests = self.document.get("sha256", {})
            known = {
                **self.document,
                "done": True,
                "sha256": {
                    # Those that a process left that was killed before it wrote them down.
                    path.stem: digests.get(path.stem) or file_digest(path)
                    for path in self._products
                },
            }
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

    @property
    def _products(self) -> tuple[Path, ...]:
        return (self.thermal, self.inherent) if self._is_quenched else (self.thermal,)

    def _has_products(self) -> bool:
        return all(product.exists() for product in self._products)

    def _remove_damaged(self) -> None:
        """Remove products that changed since they were written, and those that follow from them.

        Those of which nobody knows what was written are kept: they may have cost hours.
        """
        known = self.document
        digests = known.get("sha256", {})
        names = [product.stem for product in self._products]
        for k, product in enumerate(self._products):
            digest = digests.get(product.stem)
            if digest and not (product.is_file() and file_digest(product) == digest):
                known.pop("done", None)
                known["sha256"] = {name: digests[name] for name in names[:k] if name in digests}
                self._write_document(known)
                for damaged in self._products[k:]:
                    damaged.unlink(missing_ok=True)
                return

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
                start = read_start(self.folder.parents[1], self.state_point["start"])
                engine.isoconfigurational(system, start, protocol, self.thermal, metadata=metadata)
            else:
                engine.run(system, protocol, self.thermal, metadata=metadata)
        # Read the file, so that a resumed run continues from the same numbers as any other.
        return read(self.thermal)

    def _minima(self, system: GlassFormer, trajectory: Trajectory, engine: Engine) -> Trajectory:
        try:
            return inherent_structures(system, trajectory, engine.name)
        except SimulationError as error:
            raise SimulationError(
                f"{error} The thermal frames are done, and kept in {self.thermal}."
            ) from error

    @contextmanager
    def _logged(self, product: str) -> Iterator[None]:
        """Add to ``work`` and ``sha256`` in the job document when a product has been made."""
        start = time.perf_counter()
        yield
        entry = {
            "product": product,
            "seconds": round(time.perf_counter() - start, 3),
            "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "host": os.uname().nodename,
        }
        document = self.document
        made = {path.stem: path for path in self._products}[product]
        digests = {**document.get("sha256", {}), product: file_digest(made)}
        work = [*document.get("work", []), entry]
        self._write_document({**document, "work": work, "sha256": digests})

    def _write_document(self, document: dict[str, Any]) -> None:
        with written_whole(self.folder / DOCUMENT) as aside:
            aside.write_text(json.dumps(document, indent=1), encoding="utf-8")
