"""Single-threaded worker processes on this machine, which may die without harm."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext
from typing import Protocol as StructuralType

from gnnglass.errors import GnnglassError, SimulationError

#: Why a task failed whose workers were killed.
DIED = "its worker process died (killed, or out of memory)"


class Task(StructuralType):
    """A picklable piece of work that is independent of others and keeps what it leaves itself."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def __call__(self) -> None:
        """Do the work."""

    def fail(self, reason: str) -> None:
        """Keep the reason why it could not be done."""


@dataclass(frozen=True)
class Finished:
    """A task that is over.

    Attributes:
        task: The task.
        reason: Why it failed; None if it is done.
    """

    task: Task
    reason: str | None


def attempt(task: Task) -> str | None:
    """Do the work of a task; the reason, which the task keeps, if it fails."""
    try:
        task()
    except Exception as error:
        reason = sentence(error)
        # What cannot be kept is still told.
        with suppress(OSError):
            task.fail(reason)
        return reason
    return None


def sentence(error: Exception) -> str:
    """What went wrong, in one line."""
    said = " ".join(str(error).split())
    if isinstance(error, GnnglassError) and said:
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
#: How long a worker whose parent is gone may take to remove the file it is writing.
GRACE_SECONDS = 2.0
#: How often a task is begun: again only if its worker died.
ATTEMPTS = 2
#: Workers that may die in a row before any of them listens.
FALSE_STARTS = 3


@contextmanager
def work_here(tasks: Sequence[Task], n_workers: int) -> Generator[Iterator[Finished]]:
    """Carry out tasks in worker processes, which die with this one, however it ends.

    A worker that dies costs the task it was at, and that only if it dies of it twice.

    Args:
        tasks: What to do.
        n_workers: Number of processes.

    Yields:
        The tasks as they are over; done when asked for.

    Raises:
        SimulationError: If worker processes cannot be started.
    """
    context = multiprocessing.get_context("spawn")
    lifeline, held = context.Pipe(duplex=False)
    crew = _Crew(tasks)
    with lifeline, held, _one_thread_each():
        try:
            yield crew.finished(lambda: _Worker(context, lifeline), n_workers)
        except BaseException:
            held.close()
            raise
        finally:
            for worker in crew.workers:
                worker.end()


class _Crew:
    """Workers, and the tasks that wait for them, each with how often it was begun."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.workers: list[_Worker] = []
        self._waiting = deque((task, 0) for task in tasks)
        self._false_starts = 0

    def finished(self, start: Callable[[], _Worker], n_workers: int) -> Iterator[Finished]:
        """Have everything done, by as many workers as are of use."""
        while self._waiting or any(worker.at for worker in self.workers):
            for worker in self.workers:
                if self._waiting and worker.listens and worker.at is None:
                    task, begun = self._waiting.popleft()
                    worker.give(task, begun + 1)
            # Those that do not listen yet will take tasks, too.
            starting = sum(not worker.listens for worker in self.workers)
            places = n_workers - len(self.workers)
            for _ in range(min(places, len(self._waiting) - starting)):
                self.workers.append(start())
            speaking = wait([worker.pipe for worker in self.workers])
            for worker in [one for one in self.workers if one.pipe in speaking]:
                over = self._listen(worker)
                if over is not None:
                    yield over

    def _listen(self, worker: _Worker) -> Finished | None:
        """What a worker has finished, if anything; one that died is let go."""
        try:
            reason = worker.pipe.recv()
        except (EOFError, OSError):
            return self._lose(worker)
        self._false_starts = 0
        worker.listens = True
        if worker.at is None:
            return None
        (task, _), worker.at = worker.at, None
        return Finished(task, reason)

    def _lose(self, worker: _Worker) -> Finished | None:
        self.workers.remove(worker)
        worker.end()
        self._false_starts += not worker.listens
        if self._false_starts == FALSE_STARTS:
            raise SimulationError(
                "worker processes die as soon as they are started; if this is a script, put its "
                "work under `if __name__ == '__main__':`."
            )
        if worker.at is None:
            return None
        task, begun = worker.at
        if begun < ATTEMPTS:
            self._waiting.appendleft((task, begun))
            return None
        with suppress(OSError):
            task.fail(DIED)
        return Finished(task, DIED)


class _Worker:
    """One process, and the pipe through which it is given one task after the other.

    Attributes:
        listens: Whether it has begun to wait for tasks.
        at: The task that it is at, and how often that one was begun.
    """

    def __init__(self, context: SpawnContext, lifeline: Connection) -> None:
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, lifeline), daemon=True)
        self.process.start()
        # Its end is its own, so that the pipe breaks when it dies.
        theirs.close()
        self.listens = False
        self.at: tuple[Task, int] | None = None

    def give(self, task: Task, begun: int) -> None:
        self.at = task, begun
        # Should it have died meanwhile, the pipe will say so when it is read.
        with suppress(OSError):
            self.pipe.send(task)

    def end(self) -> None:
        self.pipe.close()
        self.process.join()


@contextmanager
def _one_thread_each() -> Generator[None]:
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


def _serve(tasks: Connection, lifeline: Connection) -> None:
    # Ctrl-C reaches the whole process group; the parent decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_die_with_parent, args=(lifeline,), daemon=True).start()
    import freud

    freud.parallel.set_num_threads(1)
    with suppress(EOFError, BrokenPipeError):
        tasks.send(None)
        while True:
            tasks.send(attempt(tasks.recv()))


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
