"""Particles that have exchanged their species."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gnnglass.errors import InputError
from gnnglass.planted.assignment import nearest_match
from gnnglass.planted.ball import Ball
from gnnglass.planted.motif import MOTIFS, PLANTED, Motif
from gnnglass.trajectories import Snapshot


@MOTIFS.register("swapped-species")
@dataclass(frozen=True)
class SwappedSpecies(Motif):
    """Pairs of an A and a B in a ball that have exchanged their species.

    The A and B of the ball are matched with the smallest sum of squared distances; of these p
    pairs ⌈c p⌉ exchange their species, with c the contrast, and chance decides which. Positions
    stay, but for neighbours of a particle that is too large for its new place.

    Truth: the particles whose species has changed. The ball would be a blunter truth: most of its
    particles are what they were.

    Attributes:
        radius: Radius of the ball, in units of length.
        contrast: c.
    """

    radius: float = 2.0
    contrast: float = 0.1

    def alter(self, snapshot: Snapshot, ball: Ball, rng: np.random.Generator) -> Snapshot:
        """Exchange the species of pairs; see `Motif.alter`.

        Raises:
            InputError: If the snapshot lacks one of the species, or the ball does.
        """
        big, small = (np.flatnonzero(snapshot.of_type(name)[ball.members]) for name in "AB")
        if not len(big) or not len(small):
            raise InputError(
                f"a ball of radius {self.radius:g} holds {len(big)} A and {len(small)} B; expected "
                "some of each to exchange: use a larger radius."
            )
        mine, yours = nearest_match(ball.offsets[big], ball.offsets[small])
        chosen = rng.permutation(len(mine))[: math.ceil(self.contrast * len(mine))]
        first, second = ball.members[big[mine[chosen]]], ball.members[small[yours[chosen]]]
        types, planted = snapshot.types.copy(), np.zeros(len(snapshot))
        types[first], types[second] = snapshot.types[second], snapshot.types[first]
        planted[first] = planted[second] = 1
        return snapshot.replace(types=types, fields={PLANTED: planted})
