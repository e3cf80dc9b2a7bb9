"""Single-threaded worker processes on this machine; one that dies costs one attempt of a task."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext
from pathlib import Path
from typing import Protocol as StructuralType

from gnnglass.errors import GnnglassError, SimulationError

#: The reason of the failure if the workers of a task were killed.
DIED = "its worker process died (killed, or out of memory)"


class Task(StructuralType):
    """A picklable, independent piece of work that stores its own results."""

    @property
    def name(self) -> str:
        """Its name in messages."""

    def __call__(self) -> None:
        """Do the work."""

    def fail(self, reason: str, traceback: str = "") -> None:
        """Store why it failed; with a traceback if it was not one of the package's own errors."""


@dataclass(frozen=True)
class Failure:
    """Why a task failed.

    Attributes:
        reason: One line. Of an error that the package does not raise on purpose it says the type,
            the file and the line.
        traceback: Of such an error; empty otherwise.
    """

    reason: str
    traceback: str = ""


@dataclass(frozen=True)
class Finished:
    """A task that was done or has failed.

    Attributes:
        task: The task.
        failure: Why it failed; None if it was done.
    """

    task: Task
    failure: Failure | None


def attempt(task: Task) -> Failure | None:
    """Do the work of a task, and have the task store why, if it fails.

    Any exception ends the task and not the worker; none is lost, because the failure of one that
    is not the package's own holds the traceback.
    """
    try:
        task()
    except Exception as error:
        failure = _failure(error)
        store(task, failure)
        return failure
    return None


def store(task: Task, failure: Failure) -> None:
    """Have a task store its failure, which is reported as well, if it can be stored or not."""
    with suppress(OSError):
        task.fail(failure.reason, failure.traceback)


PACKAGE = Path(__file__).parent


def _failure(error: Exception) -> Failure:
    message = " ".join(str(error).split())
    if isinstance(error, GnnglassError) and message:
        return Failure(message)
    # The first frame is that of `attempt`.
    frames = traceback.extract_tb(error.__traceback__)[1:]
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)] or frames
    where = f" ({Path(ours[-1].filename).name}, line {ours[-1].lineno})" if ours else ""
    kind = type(error).__name__
    return Failure(
        f"{kind}: {message}{where}" if message else f"{kind}{where}",
        "".join(traceback.format_exception(error)),
    )


THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
#: How long a worker whose parent has died may take to remove the file it is writing.
GRACE_SECONDS = 2.0
#: How often a task is started; again only if its worker died.
ATTEMPTS = 2
#: After this many workers in a row that died before they were ready, no more are started.
FALSE_STARTS = 3


@contextmanager
def work_here(tasks: Sequence[Task], n_workers: int) -> Generator[Iterator[Finished]]:
    """Run tasks in worker processes, which end with this process, however it ends.

    If a worker dies, its task is started once more in another worker; if that dies too, the task
    has failed.

    Args:
        tasks: The tasks.
        n_workers: Number of processes.

    Yields:
        An iterator over the tasks in the order in which they finish; iterating over it runs them.

    Raises:
        SimulationError: If worker processes cannot be started.
    """
    context = multiprocessing.get_context("spawn")
    lifeline, our_end = context.Pipe(duplex=False)
    pool = _Pool(tasks)
    with lifeline, our_end, _one_thread_each():
        try:
            yield pool.finished(lambda: _Worker(context, lifeline), n_workers)
        except BaseException:
            # Workers end when the lifeline does, and are not waited for until their task is done.
            our_end.close()
            raise
        finally:
            for worker in pool.workers:
                worker.end()


class _Pool:
    """The workers, and the tasks still to be started, each with how often it was started."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.workers: list[_Worker] = []
        self._waiting = deque((task, 0) for task in tasks)
        self._false_starts = 0

    def finished(self, start: Callable[[], _Worker], n_workers: int) -> Iterator[Finished]:
        """Run all tasks, with no more workers than there are tasks for."""
        while self._waiting or any(worker.current for worker in self.workers):
            for worker in self.workers:
                if self._waiting and worker.is_ready and worker.current is None:
                    task, starts = self._waiting.popleft()
                    worker.assign(task, starts + 1)
            # Workers that are not ready yet will take tasks, too.
            starting = sum(not worker.is_ready for worker in self.workers)
            vacancies = n_workers - len(self.workers)
            for _ in range(min(vacancies, len(self._waiting) - starting)):
                self.workers.append(start())
            readable = wait([worker.pipe for worker in self.workers])
            for worker in [one for one in self.workers if one.pipe in readable]:
                finished = self._receive(worker)
                if finished is not None:
                    yield finished

    def _receive(self, worker: _Worker) -> Finished | None:
        """The task that a worker has finished, if its message is about one."""
        try:
            failure = worker.pipe.recv()
        except (EOFError, OSError):
            return self._remove_dead(worker)
        self._false_starts = 0
        worker.is_ready = True
        if worker.current is None:
            return None
        (task, _), worker.current = worker.current, None
        return Finished(task, failure)

    def _remove_dead(self, worker: _Worker) -> Finished | None:
        """Remove a worker that died; its task, if that is not to be started again."""
        self.workers.remove(worker)
        worker.end()
        self._false_starts += not worker.is_ready
        if self._false_starts == FALSE_STARTS:
            raise SimulationError(
                "worker processes die as soon as they are started; if this is a script, put its "
                "work under `if __name__ == '__main__':`."
            )
        if worker.current is None:
            return None
        task, starts = worker.current
        if starts < ATTEMPTS:
            self._waiting.appendleft((task, starts))
            return None
        store(task, Failure(DIED))
        return Finished(task, Failure(DIED))


class _Worker:
    """A process, and the pipe through which it is sent one task after the other.

    Attributes:
        is_ready: Whether it has reported that it waits for tasks.
        current: The task it is doing, and how often that was started; None if it waits.
    """

    def __init__(self, context: SpawnContext, lifeline: Connection) -> None:
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, lifeline), daemon=True)
        self.process.start()
        # Only the worker keeps its end open, so that the pipe breaks when it dies.
        theirs.close()
        self.is_ready = False
        self.current: tuple[Task, int] | None = None

    def assign(self, task: Task, starts: int) -> None:
        self.current = task, starts
        # If the worker has died meanwhile, reading from the pipe will show it.
        with suppress(OSError):
            self.pipe.send(task)

    def end(self) -> None:
        self.pipe.close()
        self.process.join()


@contextmanager
def _one_thread_each() -> Generator[None]:
    """Limit processes started within to one thread, by environment variables."""
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


def _work(tasks: Connection, lifeline: Connection) -> None:
    # Ctrl-C reaches the whole process group; the parent decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_exit_with_parent, args=(lifeline,), daemon=True).start()
    import freud

    freud.parallel.set_num_threads(1)
    with suppress(EOFError, BrokenPipeError):
        tasks.send(None)
        while True:
            tasks.send(attempt(tasks.recv()))


def _exit_with_parent(lifeline: Connection) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    # The lifeline ends when the parent dies or closes it; the sentinel when it dies.
    wait([lifeline, parent.sentinel])
    # Give the `finally` clauses of the main thread time to remove unfinished files.
    main = threading.main_thread()
    signal.pthread_kill(main.ident or 0, signal.SIGTERM)
    main.join(GRACE_SECONDS)
    os._exit(1)
