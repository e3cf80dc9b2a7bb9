"""Workers on a cluster: tasks sent to a dask.distributed scheduler."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from gnnglass._workers import DIED, THREAD_LIMITS, Finished, Task, attempt
from gnnglass.errors import MissingExtraError, SimulationError

if TYPE_CHECKING:
    from distributed import Client

#: How long a scheduler may take to answer.
PATIENCE_SECONDS = 8
#: Engines hold state of the whole process, so a worker with several threads takes turns.
_TURN = threading.Lock()


@contextmanager
def work_on_cluster(tasks: Sequence[Task], scheduler: str) -> Generator[Iterator[Finished]]:
    """Carry out tasks on the workers of a dask.distributed scheduler.

    Workers need this package, and the folders of the tasks under the same paths. Dask gives the
    tasks of a worker that dies to others, and a task up that has cost several workers.

    Args:
        tasks: What to do.
        scheduler: Address of the scheduler, such as ``"tcp://10.0.0.1:8786"``.

    Yields:
        The tasks as they are over; sent when asked for.

    Raises:
        MissingExtraError: If dask.distributed is not installed.
        SimulationError: If the scheduler does not answer, or goes away.
    """
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            "a scheduler needs dask.distributed, which is not installed; "
            "run: pip install 'gnnglass[cluster]'"
        ) from None
    with _connected(scheduler) as client:
        yield _finished(client, tasks, scheduler)


def _finished(client: Client, tasks: Sequence[Task], scheduler: str) -> Iterator[Finished]:
    from concurrent.futures import CancelledError

    from distributed import KilledWorker, as_completed
    from tqdm import tqdm

    if not client.scheduler_info()["workers"]:
        tqdm.write(f"the scheduler at {scheduler} has no workers yet; waiting for some.")
    futures = client.map(_attempt_alone, tasks, pure=False)
    of = dict(zip(futures, tasks, strict=True))
    left = len(tasks)
    for future in as_completed(futures, loop=client.loop):  # type: ignore[no-untyped-call]
        try:
            reason = future.result()
        except KilledWorker:
            reason = DIED
            with suppress(OSError):
                of[future].fail(reason)
        except CancelledError:
            raise SimulationError(
                f"the scheduler at {scheduler} went away with {left} of {len(tasks)} tasks to do; "
                "what is finished is kept: start it again and give the same command."
            ) from None
        left -= 1
        yield Finished(of[future], reason)


@contextmanager
def _connected(scheduler: str) -> Generator[Client]:
    import dask
    from distributed import Client

    # The wait for a lost scheduler, too.
    patience = dask.config.set({"distributed.comm.timeouts.connect": f"{PATIENCE_SECONDS}s"})
    with patience, _silence("distributed"):
        client: Client | None = None
        # On a machine too busy for it, its event loop does not start, which dask asserts.
        with suppress(OSError, ValueError, AssertionError):
            client = Client(scheduler, timeout=PATIENCE_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
        if client is None:
            # One that failed closes itself when it is collected; were that while the next one
            # starts, it would wait for a lock that its own thread holds.
            gc.collect()
            raise SimulationError(
                f"no scheduler answers at {scheduler}; expected the address of a running "
                "`dask scheduler`, such as tcp://10.0.0.1:8786."
            )
        with client:
            yield client


@contextmanager
def _silence(package: str) -> Generator[None]:
    """Keep a package from logging; its parts have levels of their own."""
    speaking = [
        logger
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
        and name.partition(".")[0] == package
        and not logger.disabled
    ]
    try:
        for logger in speaking:
            logger.disabled = True
        yield
    finally:
        for logger in speaking:
            logger.disabled = False


def _attempt_alone(task: Task) -> str | None:
    """Do a task in a worker of the cluster, with one thread."""
    with _TURN:
        os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
        import freud

        freud.parallel.set_num_threads(1)
        return attempt(task)
