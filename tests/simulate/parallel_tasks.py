"""Tasks that spawned workers can import."""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from gnnglass.errors import InputError
from gnnglass.trajectories.files import written_whole


@dataclass(frozen=True)
class Say:
    out: Path
    fails: bool = False

    def __call__(self):
        if self.fails:
            raise InputError("the moon is full.")
        self.out.write_text(str(os.getpid()))


@dataclass(frozen=True)
class Confess:
    """Writes down what the worker has loaded and how many threads it may use."""

    out: Path

    def __call__(self):
        import freud

        import gnnglass.simulate  # noqa: F401

        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        facts = {
            "heavy": [name for name in ("torch", "pandas") if name in sys.modules],
            "limits": {name: os.environ.get(name) for name in names},
            "freud": freud.parallel.get_num_threads(),
        }
        self.out.write_text(json.dumps(facts))


@dataclass(frozen=True)
class Die:
    out: Path

    def __call__(self):
        os._exit(3)


@dataclass(frozen=True)
class WriteSlowly:
    """Is in the middle of writing for as long as anyone waits."""

    out: Path

    def __call__(self):
        with written_whole(self.out) as aside:
            aside.write_text("half of")
            time.sleep(120)
