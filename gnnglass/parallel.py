"""Independent tasks on all cores of this machine, or on a cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from gnnglass._cluster import work_on_cluster
from gnnglass._workers import Task, work_here
from gnnglass.errors import SimulationError

#: Failures that are spelt out in a message; all are kept with the tasks.
TOLD = 3


def usable_cores() -> int:
    """Number of cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_parallel(
    tasks: Sequence[Task],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    description: str = "tasks",
    n_done: int = 0,
) -> None:
    """Carry out tasks, with a progress bar; a task that fails does not stop the others.

    Workers here are fresh interpreters, so a script that calls this needs
    ``if __name__ == "__main__":``. They die with this process, however it ends. A cluster drops
    the tasks that wait when this process is gone; those it is at, it brings to their end.

    Args:
        tasks: What to do, each independent of the others.
        workers: Number of processes; the number of usable cores without.
        scheduler: Address of a dask.distributed scheduler, such as ``"tcp://10.0.0.1:8786"``,
            whose workers do the tasks instead of processes here.
        description: What the progress bar says.
        n_done: How many more there are, done before.

    Raises:
        SimulationError: If tasks failed, raised at the end, when the others are done; or if no
            workers or scheduler can be had.
        MissingExtraError: If a scheduler is given and dask.distributed is not installed.
    """
    if not tasks:
        return
    from tqdm import tqdm

    if scheduler is None:
        n_workers = min(usable_cores() if workers is None else max(workers, 1), len(tasks))
        crew = work_here(tasks, n_workers)
    else:
        crew = work_on_cluster(tasks, scheduler)
    failed: list[str] = []
    total = len(tasks) + n_done
    with crew as ending, tqdm(total=total, initial=n_done, desc=description) as bar:
        for finished in ending:
            if finished.reason is not None:
                failed.append(f"{finished.task.name}: {finished.reason.rstrip('.')}")
            bar.update()
    if failed:
        more = f"; and {len(failed) - TOLD} more" if len(failed) > TOLD else ""
        listed = "; ".join(failed[:TOLD])
        raise SimulationError(f"{len(failed)} of {total} {description} failed: {listed}{more}.")
