"""A piece of the benchmark: done once, by a worker, and found again by what it depends on."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gnnglass
from gnnglass.benchmark.planting import Planting
from gnnglass.trajectories.files import written_whole


@dataclass(frozen=True)
class Piece(ABC):
    """Work on one scenario with one network, whose record is a JSON file.

    It is a `gnnglass.ensembles.Task`. The file's name holds a digest of everything the record
    depends on, and the file is written last: it is there if and only if the work is done.

    Attributes:
        planting: The scenario, with the seed.
        network: Name of the network.
        device: Where networks run.
    """

    planting: Planting
    network: str
    device: str

    @property
    @abstractmethod
    def depends_on(self) -> Any:
        """JSON-like values that the record depends on, besides the scenario and the seed."""

    @abstractmethod
    def work(self) -> Any:
        """Do it, and return the JSON-like record."""

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.planting.scenario}, {self.network}, seed {self.planting.seed}"

    @property
    def digest(self) -> str:
        """Of all that the record depends on."""
        planting = self.planting
        inputs = [
            gnnglass.__version__,
            planting.benchmark.seed,
            planting.seed,
            planting.base.model_dump(),
            planting.section.model_dump(),
            self.depends_on,
        ]
        text = json.dumps(inputs, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def file(self) -> Path:
        """The record."""
        kind = type(self).__name__.lower()
        label = f"{self.planting.scenario}-{self.network}-{self.planting.seed}".replace(" ", "_")
        return self.planting.folder / kind / f"{label}-{self.digest}.json"

    @property
    def done(self) -> bool:
        """Whether the record is there."""
        return self.file.is_file()

    @property
    def record(self) -> Any:
        """What the work left."""
        return json.loads(self.file.read_text(encoding="utf-8"))

    def __call__(self) -> None:
        """Do the work and write the record."""
        record = self.work()
        with written_whole(self.file) as aside:
            aside.write_text(json.dumps(record, allow_nan=False), encoding="utf-8")

    def fail(self, reason: str) -> None:  # noqa: B027 - all that a failure leaves is told
        """Keep nothing: the next try begins anew."""
