"""Ensembles on disk: a signac project, and a list of what its runs are called."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gnnglass.ensembles.clones import start_path
from gnnglass.ensembles.lock import locked
from gnnglass.ensembles.run import STATE_POINT
from gnnglass.errors import FileError, InputError
from gnnglass.trajectories import Snapshot, Trajectory, write
from gnnglass.trajectories.files import require_writable, written_whole

if TYPE_CHECKING:
    from signac import Project

#: Run name to job: what each name means now. Jobs that no name leads to any more are kept.
NAMES = "runs.json"
#: Held while runs are being planned.
LOCK = ".lock"


def names_in(folder: Path) -> dict[str, str]:
    """Run name to signac job id, in the order of planning; empty if nothing is planned.

    Raises:
        FileError: If the list is broken.
    """
    try:
        return dict(json.loads((folder / NAMES).read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise FileError(
            f"{folder / NAMES} cannot be read ({error}); remove it and plan the runs again, "
            "what is done will be found."
        ) from error


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
