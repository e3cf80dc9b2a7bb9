"""Independent tasks on all cores of this machine, or on a cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from gnnglass._cluster import work_on_cluster
from gnnglass._progress import progress_bar
from gnnglass._workers import Task, work_here
from gnnglass.errors import REPORT_BUG, SimulationError

#: How many failures a message lists; each task stores its own message.
MOST_LISTED = 3


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
    """Run tasks with a progress bar; a task that fails does not stop the others.

    Worker processes are fresh interpreters, so a script that calls this needs
    ``if __name__ == "__main__":``. They end when this process ends, however it ends. A cluster
    finishes the tasks it has started and drops the others.

    If a task fails with an exception that is not one of the package's own errors, its traceback is
    printed.

    Args:
        tasks: The tasks, each independent of the others.
        workers: Number of processes; the number of usable cores if None.
        scheduler: Address of a dask.distributed scheduler, such as ``"tcp://10.0.0.1:8786"``,
            whose workers run the tasks instead of processes on this machine.
        description: Label of the progress bar.
        n_done: Number of tasks that were already done; the bar starts there.

    Raises:
        SimulationError: If tasks failed, after all others are done; or if workers cannot be started
            or the scheduler cannot be reached.
        MissingExtraError: If a scheduler is given and dask.distributed is not installed.
    """
    if not tasks:
        return
    if scheduler is None:
        n_workers = min(usable_cores() if workers is None else max(workers, 1), len(tasks))
        running = work_here(tasks, n_workers)
    else:
        running = work_on_cluster(tasks, scheduler)
    failed: list[str] = []
    tracebacks: list[str] = []
    total = len(tasks) + n_done
    with running as results, progress_bar(total=total, initial=n_done, desc=description) as bar:
        for finished in results:
            if finished.failure is not None:
                failed.append(f"{finished.task.name}: {finished.failure.reason.rstrip('.')}")
                if finished.failure.traceback:
                    tracebacks.append(f"{finished.task.name}:\n{finished.failure.traceback}")
            bar.update()
    for text in tracebacks[:MOST_LISTED]:
        print(text, file=sys.stderr)
    if failed:
        more = f"; and {len(failed) - MOST_LISTED} more" if len(failed) > MOST_LISTED else ""
        listed = "; ".join(failed[:MOST_LISTED])
        bug = f"; {REPORT_BUG}" if tracebacks else ""
        raise SimulationError(
            f"{len(failed)} of {total} {description} failed: {listed}{more}{bug}."
        )
