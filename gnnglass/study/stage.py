"""A stage of a study: done once, redone only when what it depends on has changed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnnglass.trajectories.files import written_whole


@dataclass(frozen=True)
class Outcome:
    """What a finished stage left.

    Attributes:
        digest: Of everything the stage depended on; the next stage's depends on it.
        result: JSON-like figures of the stage.
        seconds: How long the stage took when it was done.
    """

    digest: str
    result: Any
    seconds: float


def run_stage(
    folder: Path,
    name: str,
    *,
    depends_on: Any,
    after: Iterable[Outcome] = (),
    products: Iterable[Path] = (),
    work: Callable[[], Any],
    say: Callable[[str], None],
) -> Outcome:
    """Do `work`, unless it has been done for exactly these inputs and its files are there.

    The record of a stage is written after its products, so a stage killed at any moment is
    either finished or begun again; parts that it finished (runs, epochs) have records of
    their own.

    Args:
        folder: The study's folder; records go to ``folder/stages``.
        name: Name of the stage, and of its record.
        depends_on: JSON-like parameters the result depends on.
        after: Outcomes of the stages it builds on.
        products: Files the stage leaves.
        work: Does the stage and returns its JSON-like result.
        say: Tells the user what happens.
    """
    inputs = [name, depends_on, [outcome.digest for outcome in after]]
    text = json.dumps(inputs, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    record = folder / "stages" / f"{name}.json"
    if record.is_file() and all(product.is_file() for product in products):
        stored = json.loads(record.read_text(encoding="utf-8"))
        if stored["digest"] == digest:
            say(f"{name}: done before ({stored['seconds']:.0f} s)")
            return Outcome(**stored)
    say(f"{name}: …")
    start = time.perf_counter()
    result = work()
    outcome = Outcome(digest, result, round(time.perf_counter() - start, 2))
    with written_whole(record) as aside:
        aside.write_text(json.dumps(outcome.__dict__, indent=1), encoding="utf-8")
    return outcome
