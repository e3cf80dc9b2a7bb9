"""Ensembles: many runs in one folder, on this machine or on a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gnnglass._arguments import checks_arguments
from gnnglass.errors import InputError, UnknownNameError, did_you_mean, unknown
from gnnglass.parallel import run_parallel
from gnnglass.simulate._project import (
    OWN_KEYS,
    Run,
    clone_name,
    clones,
    enter,
    names_in,
    start_digest,
)
from gnnglass.simulate._state import require_room
from gnnglass.simulate.engine import ENGINES
from gnnglass.simulate.protocol import (
    CooledStatePoint,
    IsoconfigurationalProtocol,
    ThermostattedStatePoint,
)
from gnnglass.systems import GlassFormer, SystemLike, glass_former
from gnnglass.trajectories import Snapshot, SnapshotLike, Trajectory, as_snapshot, read

if TYPE_CHECKING:
    import pandas as pd

STATES = ("done", "running", "failed", "planned")
#: How many runs of one state a summary lists one by one.
LISTED = 12


def status_table(runs: Iterable[Run]) -> pd.DataFrame:
    """One row per run, read only from state points and job documents.

    Args:
        runs: The runs.

    Returns:
        Indexed by ``run``, with the columns ``state`` (done, running, failed or planned),
        ``reason`` (of a failure), ``equilibration`` (the verdict, once done), ``seconds`` (of
        work), ``system``, ``engine``, ``protocol`` (its kind), ``kT``, the facts given when the
        runs were planned, and ``folder``.
    """
    import pandas as pd

    rows = [_row(run) for run in runs]
    first = ["run", "state", "reason", "equilibration", "seconds"]
    last = ["system", "engine", "protocol", "kT", "folder"]
    facts = list(dict.fromkeys(key for row in rows for key in row if key not in (*first, *last)))
    return pd.DataFrame(rows, columns=[*first, *facts, *last]).set_index("run")


def _row(run: Run) -> dict[str, Any]:
    state_point, document = run.state_point, run.document
    state = run.state(document)
    protocol, system = state_point["protocol"], state_point["system"]
    return {
        "run": run.name,
        "state": state,
        "reason": document.get("failure", "") if state == "failed" else "",
        "equilibration": document.get("equilibration", {}).get("verdict", ""),
        "seconds": sum(line["seconds"] for line in document.get("work", [])),
        **{key: value for key, value in state_point.items() if key not in OWN_KEYS},
        "system": system if isinstance(system, str) else system["name"],
        "engine": state_point["engine"],
        "protocol": protocol["kind"],
        "kT": protocol["kT"],
        "folder": str(run.folder),
    }


def counts(table: pd.DataFrame) -> str:
    """The number of runs in each state, such as "3 done, 1 running, 0 failed, 2 planned"."""
    found = table["state"].value_counts()
    return ", ".join(f"{found.get(state, 0)} {state}" for state in STATES)


def summary(table: pd.DataFrame, *, listed: int = LISTED) -> str:
    """Text to print: number of runs by kind and state, then the running and the failed runs.

    Args:
        table: From `status_table`.
        listed: Largest number of runs of one state to list.
    """
    import pandas as pd

    columns = [key for key in ("protocol", "system", "phase", "kT") if key in table]
    grouped = table.groupby(columns, dropna=False, sort=False)
    tallies = pd.DataFrame(
        {
            state: grouped["state"].agg(lambda one, s=state: int((one == s).sum()))
            for state in STATES
        }
    )
    verdicts = table[table["equilibration"] != ""]
    for verdict, members in verdicts.groupby("equilibration"):
        tallies[verdict] = members.groupby(columns, dropna=False, sort=False).size()
    shown = tallies.fillna(0).astype(int).reset_index().fillna("")
    lines = [shown.to_string(index=False)]
    for state in ("running", "failed"):
        members = table[table["state"] == state]
        for name, reason in members["reason"].head(listed).items():
            lines.append(f"{state}: {name}{': ' + reason if reason else ''}")
        if len(members) > listed:
            lines.append(f"{state}: and {len(members) - listed} more")
    return "\n".join(lines)


Facts = Mapping[str, Any]


class Ensemble:
    """Runs in a folder, which are planned first and then carried out.

    The folder is a signac project (``signac.get_project(folder)``), and each run is a job of it.
    The state point contains everything the run depends on: ``run`` (its name), ``system``,
    ``engine``, ``protocol`` (``kind`` and parameters), ``start`` (of clones) and the given facts,
    so that ``project.find_jobs({"protocol.kT": 0.4})`` finds runs. If a name is planned again with
    other parameters, it refers to a new job from then on; the old job is kept, and is used again if
    its parameters are planned again.

    Args:
        folder: Folder of the ensemble, which need not exist yet.
    """

    @checks_arguments
    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._jobs = names_in(self.folder)

    @checks_arguments
    def plan(
        self,
        system: SystemLike,
        protocols: Mapping[str, CooledStatePoint],
        *,
        facts: Mapping[str, Facts] | None = None,
        engine: str = "lammps",
    ) -> None:
        """Add runs from a lattice, with their inherent structures; nothing is simulated yet.

        Args:
            system: The glass former: its name, a TOML file, a definition, or a `GlassFormer`.
            protocols: Run name -> protocol; give each its own seed.
            facts: Run name -> entries for the trajectory's metadata, such as ``phase``.
            engine: Name of the engine.

        Raises:
            InputError: If a run name or a fact is not allowed, or a box is too small.
            UnknownNameError: If there is no such glass former or engine.
            MissingExtraError: If the engine is not installed.
            FileError: If the folder cannot be written to.
        """
        former, common = _common(system, engine)
        for n_particles in {protocol.n_particles for protocol in protocols.values()}:
            require_room(former, former.box(n_particles))
        known = facts or {}
        self._enter(
            [
                _state_point(name, common, protocol, known.get(name, {}))
                for name, protocol in protocols.items()
            ]
        )

    @checks_arguments
    def plan_clones(
        self,
        system: SystemLike,
        starts: Mapping[str, SnapshotLike],
        protocols: Mapping[str, IsoconfigurationalProtocol],
        *,
        facts: Mapping[str, Facts] | None = None,
        engine: str = "lammps",
    ) -> dict[str, tuple[str, ...]]:
        """Add an isoconfigurational ensemble from each of many configurations, clone by clone.

        A clone does not depend on the others, so more of them can be planned later.

        Args:
            system: The glass former: its name, a TOML file, a definition, or a `GlassFormer`.
            starts: Name -> the configuration that clones start from, or its file; it is stored in
                the single precision of GSD.
            protocols: Name -> protocol, for the same names; give each its own seed.
            facts: Name -> entries for the trajectories' metadata, such as ``phase``.
            engine: Name of the engine.

        Returns:
            Name -> names of the runs, one per clone.

        Raises:
            InputError: If a name or a fact is not allowed, a name lacks a start or a protocol, or a
                start does not fit the system.
            UnknownNameError: If there is no such glass former or engine.
            MissingExtraError: If the engine is not installed.
            FileError: If the folder cannot be written to.
        """
        if set(starts) != set(protocols):
            unmatched = ", ".join(sorted(set(starts) ^ set(protocols)))
            raise InputError(
                f"{unmatched} has only a start or only a protocol; give both for each name."
            )
        former, common = _common(system, engine)
        snapshots = {name: as_snapshot(start) for name, start in starts.items()}
        for start in snapshots.values():
            require_room(former, start.box)
            former.types_of(start)
        known = facts or {}
        digests = {name: start_digest(start) for name, start in snapshots.items()}
        planned = {
            name: {clone_name(name, clone): one for clone, one in clones(protocols[name]).items()}
            for name in snapshots
        }
        self._enter(
            [
                _state_point(run, {**common, "start": digests[name]}, one, known.get(name, {}))
                for name, members in planned.items()
                for run, one in members.items()
            ],
            {digests[name]: start for name, start in snapshots.items()},
        )
        return {name: tuple(members) for name, members in planned.items()}

    @checks_arguments
    def run(
        self,
        names: Iterable[str] | None = None,
        *,
        workers: int | None = None,
        scheduler: str | None = None,
        description: str = "simulations",
    ) -> None:
        """Carry out the planned runs that are not done; failed runs are tried again.

        Finished runs whose files have changed since they were written are done again, too.

        If another process works on a run, this one waits for it.

        Args:
            names: Names of the runs; all if None.
            workers: Number of processes; the number of usable cores if None.
            scheduler: Address of a dask.distributed scheduler whose workers simulate instead;
                they must see the folder under the same path.
            description: Label of the progress bar.

        Raises:
            UnknownNameError: If there is no such run.
            SimulationError: If runs failed (all others are done), or no workers can be started.
            MissingExtraError: If a scheduler is given and dask.distributed is not installed.
        """
        runs = [self[name] for name in (self if names is None else names)]
        todo = [run for run in runs if not run.is_intact()]
        run_parallel(
            todo,
            workers=workers,
            scheduler=scheduler,
            description=description,
            n_done=len(runs) - len(todo),
        )

    def status(self) -> pd.DataFrame:
        """A table of all runs; see `gnnglass.simulate.ensemble.status_table`."""
        return status_table(self[name] for name in self)

    @checks_arguments
    def load(self, name: str, level: str = "thermal") -> Trajectory:
        """The frames of a run at one level, ``"thermal"`` or ``"inherent"``.

        Raises:
            UnknownNameError: If there is no such run or level.
            FileError: If they are not there yet.
        """
        files = {"thermal": self[name].thermal, "inherent": self[name].inherent}
        if level not in files:
            raise UnknownNameError(unknown("level", level, files))
        return read(files[level])

    def __getitem__(self, name: str) -> Run:
        """The run called `name`.

        Raises:
            UnknownNameError: If no such run is planned.
        """
        if name not in self._jobs:
            raise UnknownNameError(
                f"no run {name!r}{did_you_mean(name, self)} is planned in {self.folder}."
            )
        return Run(self.folder.absolute() / "workspace" / self._jobs[name])

    def __contains__(self, name: object) -> bool:
        return name in self._jobs

    def __iter__(self) -> Iterator[str]:
        return iter(self._jobs)

    def __len__(self) -> int:
        return len(self._jobs)

    def __repr__(self) -> str:
        return f"<Ensemble of {len(self)} runs in {self.folder}>"

    def _enter(
        self, state_points: list[dict[str, Any]], starts: Mapping[str, Snapshot] | None = None
    ) -> None:
        enter(self.folder, state_points, starts)
        self._jobs = names_in(self.folder)


def _common(system: SystemLike, engine: str) -> tuple[GlassFormer, dict[str, Any]]:
    ENGINES.factory(engine)
    former = glass_former(system)
    return former, {"system": former.identity, "engine": engine}


def _state_point(
    name: str, common: dict[str, Any], protocol: ThermostattedStatePoint, facts: Facts
) -> dict[str, Any]:
    if not name or name.startswith(".") or Path(name).name != name or "." in name:
        raise InputError(f"the run name {name!r} cannot be a file name; use letters, digits and -.")
    reserved = sorted(set(facts) & set(OWN_KEYS))
    if reserved:
        raise InputError(
            f"run {name!r} has the fact {', '.join(reserved)}, which the ensemble sets itself; "
            "choose another name for it."
        )
    kind = type(protocol).__name__
    parameters = {"kind": kind, **protocol.model_dump(mode="json")}
    return {"run": name, **common, "protocol": parameters, **facts}
