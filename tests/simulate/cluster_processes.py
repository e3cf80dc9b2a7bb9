"""A dask.distributed cluster of separate processes on this machine."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

#: A task whose worker died is given to one other; the default of three takes long to test.
ONE_MORE_TRY = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Cluster:
    """A scheduler and workers with one thread each; whatever is killed can be started again.

    With a certificate and its key they speak with those alone who have the same.
    """

    def __init__(self, folder, n_workers=2, certificate=None):
        self.folder = folder
        self.n_workers = n_workers
        self.address = f"{'tcp' if certificate is None else 'tls'}://127.0.0.1:{free_port()}"
        cert, key = certificate or (None, None)
        tls = ("--tls-ca-file", cert, "--tls-cert", cert, "--tls-key", key)
        self.tls = () if certificate is None else tuple(map(str, tls))
        self.scheduler = None
        self.workers = []

    def __enter__(self):
        self.begin()
        return self

    def __exit__(self, *_):
        self.end()

    def begin(self):
        _, host, port = self.address.split(":")
        where = ("--protocol", "tls") if self.tls else ()
        host = host.removeprefix("//")
        self.scheduler = self._start("dask_scheduler", "--host", host, "--port", port, *where)
        self.workers = [self.worker() for _ in range(self.n_workers)]

    def worker(self, *options):
        place = ("--local-directory", str(self.folder / "dask"), "--nthreads", "1")
        return self._start("dask_worker", self.address, *place, *options)

    def _start(self, program, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.{program}", *arguments]
        return subprocess.Popen(
            [*command, *self.tls, "--no-dashboard"],
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / f"{program}.log").open("a"),
            env={**os.environ, **ONE_MORE_TRY},
            start_new_session=True,
        )

    def end(self):
        """Kill everything, the nannies' children too."""
        for process in (self.scheduler, *self.workers):
            for pid in (*descendants(process.pid), process.pid):
                kill(pid)
            process.wait()


def kill(pid):
    subprocess.run(["kill", "-9", str(pid)], check=False, stderr=subprocess.DEVNULL)


def descendants(parent):
    """Ids of the living descendants of a process."""
    found, todo = set(), [parent]
    while todo:
        current = todo.pop()
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, ppid = stat.read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if int(ppid) == current and state != "Z":
                found.add(int(stat.parent.name))
                todo.append(int(stat.parent.name))
    return found


def until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()
