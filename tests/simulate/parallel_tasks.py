"""Tasks that spawned workers can import."""

import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from gnnglass._files import written_whole
from gnnglass.errors import InputError


@dataclass(frozen=True)
class Say:
    """Writes down which process it is in, a line each time."""

    out: Path
    fails: bool = False

    @property
    def name(self):
        return self.out.stem

    def fail(self, reason, traceback=""):
        self.out.with_suffix(".failed").write_text(reason + traceback)

    def __call__(self):
        if self.fails:
            raise InputError("the moon is full.")
        with self.out.open("a") as file:
            file.write(f"{os.getpid()}\n")


@dataclass(frozen=True)
class Stumble(Say):
    """Breaks in a way nobody foresaw."""

    def __call__(self):
        raise ZeroDivisionError("division by\nzero")


@dataclass(frozen=True)
class Confess(Say):
    """Writes down what the worker has loaded and how many threads it may use."""

    def __call__(self):
        import freud

        import gnnglass.simulate  # noqa: F401

        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        facts = {
            "heavy": [name for name in ("torch", "pandas", "signac") if name in sys.modules],
            "limits": {name: os.environ.get(name) for name in names},
            "freud": freud.parallel.get_num_threads(),
        }
        self.out.write_text(json.dumps(facts))


@dataclass(frozen=True)
class Die(Say):
    """Is killed, so many times; then it works."""

    times: int = 1

    def __call__(self):
        super().__call__()
        if len(self.out.read_text().splitlines()) <= self.times:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Wait(Say):
    """Takes a while."""

    seconds: float = 1.0

    def __call__(self):
        time.sleep(self.seconds)
        super().__call__()


@dataclass(frozen=True)
class WriteSlowly(Say):
    """Is in the middle of writing for as long as anyone waits."""

    def __call__(self):
        with written_whole(self.out) as aside:
            aside.write_text("half of")
            time.sleep(120)
