"""Stages of a study: done once, redone only when what they depend on has changed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

import gnnglass
from gnnglass._files import locked, require_writable, written_whole
from gnnglass.errors import InputError

#: Held while a process works in the folder.
LOCK = ".lock"


@dataclass(frozen=True)
class Outcome:
    """What a finished stage left.

    Attributes:
        digest: Of everything the stage depended on; the digests of later stages depend on it.
        result: JSON-like figures of the stage.
        seconds: How long the stage took when it was done.
    """

    digest: str
    result: Any
    seconds: float


@dataclass
class Stages:
    """The stages of one study, and what they left.

    The record of a stage is written after its products, so a stage killed at any moment is
    either finished or begun again; parts that it finished (runs, epochs) have records of their
    own.

    Attributes:
        folder: The study's folder; records go to ``folder/stages``.
        outcomes: What is finished, by name.
    """

    folder: Path
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from running the study in this folder meanwhile.

        Also removes what a process that was killed left half written. The operating system
        gives the folder free when this process ends, however it ends.

        Raises:
            InputError: If another process is running the study in this folder.
            FileError: If the folder cannot be written to.
        """
        require_writable(self.folder / LOCK)
        with locked(self.folder / LOCK, wait=False) as held:
            if not held:
                raise InputError(
                    f"another process is running a study in {self.folder}; "
                    "wait for it, or give another folder."
                )
            for pattern in (".*.partial*", "*/.*.partial*"):
                for unfinished in self.folder.glob(pattern):
                    unfinished.unlink(missing_ok=True)
            yield

    def run(
        self,
        name: str,
        work: Callable[[str], Any],
        *,
        depends_on: Any = None,
        after: Iterable[str] = (),
        products: Iterable[Path] = (),
    ) -> Any:
        """Do `work`, unless it was done for exactly these inputs and its files are there.

        Args:
            name: Name of the stage, and of its record.
            work: Gets the stage's digest, does the stage, returns its JSON-like result.
            depends_on: JSON-like parameters the result depends on.
            after: Names of the stages it builds on.
            products: Files the stage leaves.

        Returns:
            The result, now or of the time it was done.
        """
        upstream = [self.outcomes[earlier].digest for earlier in after]
        inputs = [gnnglass.__version__, name, depends_on, upstream]
        text = json.dumps(inputs, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        record = self.folder / "stages" / f"{name}.json"
        if record.is_file() and all(product.is_file() for product in products):
            stored = Outcome(**json.loads(record.read_text(encoding="utf-8")))
            if stored.digest == digest:
                tqdm.write(f"{name}: done before, in {stored.seconds:.0f} s")
                self.outcomes[name] = stored
                return stored.result
        tqdm.write(f"{name} …")
        start = time.perf_counter()
        # Through JSON, so that a stage just done gives what a stage read back would.
        result = json.loads(json.dumps(work(digest), allow_nan=False))
        outcome = Outcome(digest, result, round(time.perf_counter() - start, 2))
        with written_whole(record) as aside:
            aside.write_text(json.dumps(outcome.__dict__, indent=1), encoding="utf-8")
        self.outcomes[name] = outcome
        return result
