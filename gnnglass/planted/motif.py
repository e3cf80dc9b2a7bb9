"""What a motif is: a snapshot in, the same with a structure planted into one ball out."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from gnnglass.errors import InputError
from gnnglass.planted.ball import Ball
from gnnglass.planted.spacing import kept_apart
from gnnglass.registry import Registry
from gnnglass.trajectories import Snapshot

#: The field that holds the truth: 1 for the particles that were planted, 0 for all others.
PLANTED = "planted"
#: How much closer than any pair was before a motif in full may bring two particles, as a share.
SQUEEZE = 0.1


class Motif(ABC):
    """A structure that can be planted into a disordered configuration.

    Subclasses are frozen dataclasses of their parameters, so that their repr can be evaluated,
    and give `alter`.

    Attributes:
        radius: Radius of the ball in which it is planted, in units of length.
        contrast: From 0, the configuration as it was, to 1, the motif in full.

    Raises:
        InputError: If the radius is not positive or the contrast not between 0 and 1.
    """

    radius: float
    contrast: float

    def __post_init__(self) -> None:
        if not 0 < self.radius < np.inf:
            raise InputError(f"radius is {self.radius:g}; expected a positive length.")
        if not 0 <= self.contrast <= 1:
            raise InputError(f"contrast is {self.contrast:g}; expected a number from 0 to 1.")

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Numbers of space dimensions in which the motif can be planted."""
        return (2, 3)

    def to_dict(self) -> dict[str, Any]:
        """Its kind and its parameters as JSON-like values."""
        assert dataclasses.is_dataclass(self)
        return {"kind": type(self).__name__, **dataclasses.asdict(self)}

    @abstractmethod
    def alter(self, snapshot: Snapshot, ball: Ball, rng: np.random.Generator) -> Snapshot:
        """What a subclass does, between the checks and the care for distances of `plant`.

        Args:
            snapshot: Configuration of n particles without fields.
            ball: Where to plant; particles outside stay as they are.
            rng: Source of chance.

        Returns:
            The snapshot with other positions or types and the field ``planted``.

        Raises:
            InputError: If the motif needs something that the ball does not hold.
        """

    def plant(
        self, snapshot: Snapshot, rng: np.random.Generator, *, center: int | None = None
    ) -> Snapshot:
        """Plant the motif once.

        Where this brings a pair closer than any pair of its species was before, the particles
        that were not planted give way: an impossible distance would tell a planted configuration
        without any look at its structure. A motif in full may go to 0.9 of that distance, or some
        would not fit; the fourth power of the contrast leaves a moderate one next to nothing of it.

        Args:
            snapshot: Configuration of n particles. Its fields are dropped, for they describe
                what it was.
            rng: Source of chance.
            center: Index of the particle in the middle of the ball; drawn without.

        Returns:
            The configuration with the field ``planted``: 1.0 for the responsible particles, 0.0
            for all others.

        Raises:
            InputError: If the snapshot has a dimension or a composition that the motif cannot
                use, is too small for the ball, or has no room for so much contrast.
        """
        if snapshot.dimension not in self.dimensions:
            defined = " and ".join(f"{d}D" for d in self.dimensions)
            raise InputError(
                f"{self!r} is planted in {defined} only; this snapshot is {snapshot.dimension}D."
            )
        if center is None:
            center = int(rng.integers(len(snapshot)))
        bare = snapshot.replace(fields={})
        altered = self.alter(bare, Ball.around(bare, center, self.radius), rng)
        return kept_apart(
            bare,
            altered,
            held=altered.field(PLANTED) == 1,
            share=1 - SQUEEZE * self.contrast**4,
        )


MOTIFS: Registry[Motif] = Registry("motif", "gnnglass.planted")
