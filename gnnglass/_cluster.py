"""Workers on a cluster: tasks sent to a dask.distributed scheduler.

Tasks travel as pickles, so that whoever can connect to a scheduler runs code on its workers: it has
to listen where only its user can connect, or ask for certificates (``tls://``).
"""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from gnnglass._workers import (
    DIED,
    THREAD_LIMITS,
    Failure,
    Finished,
    Task,
    attempt,
    store,
)
from gnnglass.errors import MissingExtraError, SimulationError

if TYPE_CHECKING:
    from distributed import Client

#: How long a scheduler may take to answer.
TIMEOUT_SECONDS = 8
#: What dask's configuration has to name before it connects by TLS.
TLS = ("ca-file", "client.cert", "client.key")
#: Engines have state that the whole process shares, so the threads of a worker take turns.
_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def work_on_cluster(tasks: Sequence[Task], scheduler: str) -> Generator[Iterator[Finished]]:
    """Run tasks on the workers of a dask.distributed scheduler.

    Workers need this package, and the folders of the tasks under the same paths. If a worker dies,
    dask sends its tasks to others; a task at which several workers have died has failed.

    Args:
        tasks: The tasks.
        scheduler: Address of the scheduler, such as ``"tcp://127.0.0.1:8786"``; for ``"tls://…"``
            the certificates are those of dask's configuration (``distributed.comm.tls``).

    Yields:
        An iterator over the tasks in the order in which they finish; iterating over it sends them.

    Raises:
        MissingExtraError: If dask.distributed is not installed.
        SimulationError: If the scheduler does not answer, does not accept the certificates, or
            they are missing; or if the connection is lost.
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
    task_of = dict(zip(futures, tasks, strict=True))
    n_left = len(tasks)
    for future in as_completed(futures, loop=client.loop):  # type: ignore[no-untyped-call]
        try:
            failure = future.result()
        except KilledWorker:
            failure = Failure(DIED)
            store(task_of[future], failure)
        except CancelledError:
            raise SimulationError(
                f"the scheduler at {scheduler} went away with {n_left} of {len(tasks)} tasks to "
                "do; finished tasks are kept: start it again and give the same command."
            ) from None
        n_left -= 1
        yield Finished(task_of[future], failure)


@contextmanager
def _connected(scheduler: str) -> Generator[Client]:
    import dask
    from distributed import Client

    secret = scheduler.startswith("tls://")
    if secret and not all(dask.config.get(f"distributed.comm.tls.{key}", None) for key in TLS):
        raise SimulationError(
            f"the scheduler at {scheduler} asks for certificates; name them in dask's "
            f"configuration, as {', '.join(f'distributed.comm.tls.{key}' for key in TLS)}."
        )
    # This is also how long dask tries to reconnect to a scheduler that is lost.
    timeout = dask.config.set({"distributed.comm.timeouts.connect": f"{TIMEOUT_SECONDS}s"})
    with timeout, _silenced("distributed"):
        client: Client | None = None
        # ValueError: not an address. AssertionError: dask's check that its event loop has started,
        # which fails on a very busy machine.
        with suppress(OSError, ValueError, AssertionError):
            client = Client(scheduler, timeout=TIMEOUT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
        if client is None:
            # A client that failed closes itself when it is garbage-collected. If that happened
            # while the next one starts, it would wait for a lock that its own thread holds.
            gc.collect()
            expected = (
                "one that accepts the certificates in dask's configuration (distributed.comm.tls)"
                if secret
                else "such as tcp://127.0.0.1:8786"
            )
            raise SimulationError(
                f"no scheduler answers at {scheduler}; expected the address of a running "
                f"`dask scheduler`, {expected}."
            )
        with client:
            yield client


@contextmanager
def _silenced(package: str) -> Generator[None]:
    """Disable all loggers of a package one by one, because each has a level of its own."""
    loggers = [
        logger
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
        and name.partition(".")[0] == package
        and not logger.disabled
    ]
    try:
        for logger in loggers:
            logger.disabled = True
        yield
    finally:
        for logger in loggers:
            logger.disabled = False


def _attempt_alone(task: Task) -> Failure | None:
    """Do a task in a worker of the cluster, with one thread and no other task beside it."""
    with _ONE_AT_A_TIME:
        os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
        import freud

        freud.parallel.set_num_threads(1)
        return attempt(task)
