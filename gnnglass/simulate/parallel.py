"""Many independent tasks in worker processes, one thread each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Protocol as StructuralType

from gnnglass.errors import SimulationError

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
#: How long a worker whose parent is gone may take to remove the file it is writing.
GRACE_SECONDS = 2.0


class Task(StructuralType):
    """A picklable callable that leaves the file `out`, whole or not at all."""

    @property
    def out(self) -> Path:
        """The file whose existence means that the task is done."""

    def __call__(self) -> None:
        """Do the work and write `out`."""


def usable_cores() -> int:
    """Number of cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_parallel(
    tasks: Sequence[Task], workers: int | None = None, description: str = "tasks"
) -> None:
    """Carry out those tasks whose output does not exist yet, with a progress bar.

    Workers are fresh interpreters, so a script that calls this needs
    ``if __name__ == "__main__":``. They die with this process, however it ends.

    Args:
        tasks: What to do, each independent of the others.
        workers: Number of processes; the number of usable cores without.
        description: What the progress bar says.

    Raises:
        SimulationError: If tasks failed; raised at the end, when the others are done.
    """
    todo = [task for task in tasks if not task.out.exists()]
    if not todo:
        return
    from tqdm import tqdm

    n_workers = min(usable_cores() if workers is None else max(workers, 1), len(todo))
    context = multiprocessing.get_context("spawn")
    lifeline, held = context.Pipe(duplex=False)
    failures: dict[Path, str] = {}
    with (
        lifeline,
        held,
        _one_thread_each(),
        ProcessPoolExecutor(n_workers, context, _begin_worker, (lifeline,)) as pool,
        tqdm(total=len(tasks), initial=len(tasks) - len(todo), desc=description) as bar,
    ):
        futures: dict[Future[None], Task] = {pool.submit(_work, task): task for task in todo}
        try:
            for future in as_completed(futures):
                failure = _failure(future)
                if failure is not None:
                    failures[futures[future].out] = failure
                bar.update()
        except BaseException:
            held.close()
            pool.shutdown(cancel_futures=True)
            raise
    if failures:
        listed = "; ".join(f"{out.name}: {reason.rstrip('.')}" for out, reason in failures.items())
        raise SimulationError(f"{len(failures)} of {len(tasks)} {description} failed: {listed}.")


def _failure(future: Future[None]) -> str | None:
    try:
        future.result()
    except BrokenProcessPool:
        return (
            "a worker process died (killed, out of memory, or started by a script without "
            "`if __name__ == '__main__':`)"
        )
    except Exception as error:
        return str(error) or type(error).__name__
    return None


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Limit the threads of processes started meanwhile, through their environment."""
    before = {name: os.environ.get(name) for name in THREAD_LIMITS}
    os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin_worker(lifeline: Connection) -> None:
    # Ctrl-C reaches the whole process group; the parent decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_die_with_parent, args=(lifeline,), daemon=True).start()
    import freud

    freud.parallel.set_num_threads(1)


def _die_with_parent(lifeline: Connection) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    # The lifeline ends when the parent dies or lets go of it; the sentinel when it dies.
    wait([lifeline, parent.sentinel])
    # Let `finally` clauses remove unfinished files if the main thread gets a turn in time.
    main = threading.main_thread()
    signal.pthread_kill(main.ident or 0, signal.SIGTERM)
    main.join(GRACE_SECONDS)
    os._exit(1)


def _work(task: Task) -> None:
    try:
        task()
    except SystemExit:
        os._exit(1)
