"""Stages of a study: done once, redone only when what they depend on has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gnnglass._files import locked, require_writable
from gnnglass._records import Record, code_digest, digest_of
from gnnglass.errors import InputError

#: Held while a process works in the folder.
LOCK = ".lock"


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
    outcomes: dict[str, Record] = field(default_factory=dict)

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
        code: Iterable[str] = (),
        after: Iterable[str] = (),
        products: Iterable[Path] = (),
    ) -> Any:
        """Do `work`, unless it was done for exactly these inputs and its files are as it left them.

        Args:
            name: Name of the stage, and of its record.
            work: Gets the stage's digest, does the stage, returns its JSON-like result.
            depends_on: JSON-like parameters the result depends on.
            code: Modules, packages and functions that make the result, as for
                `gnnglass._records.code_digest`; those of the stages it builds on need not be
                named again.
            after: Names of the stages it builds on.
            products: Files the stage leaves.

        Returns:
            The result, now or of the time it was done.
        """
        upstream = [self.outcomes[earlier].identity for earlier in after]
        digest = digest_of(name, depends_on, code_digest(*code), upstream)
        record = self.folder / "stages" / f"{name}.json"
        left = list(products)
        outcome = Record.find(record, digest, left)
        if outcome is not None:
            tqdm.write(f"{name}: done before, in {outcome.seconds:.0f} s")
        else:
            tqdm.write(f"{name} …")
            outcome = Record.make(record, digest, lambda: work(digest), left)
        self.outcomes[name] = outcome
        return outcome.result
