"""Disturbances: a compressed region, and pairs of particles with exchanged species."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gnnglass.errors import InputError
from gnnglass.planted.motif import MOTIFS, PLANTED, Ball, Motif, nearest_match
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

#: Particles count as planted where the compression exceeds this fraction of that at the centre.
APPRECIABLE = 0.5


@MOTIFS.register("compressed-region")
@dataclass(frozen=True)
class CompressedRegion(Motif):
    """A ball in which all particles are displaced towards the centre.

    u(r) = −c r (1 − q)², with q = r² / R²: c is the contrast and R the radius, at which u and its
    slope vanish. Its divergence is −c (1 − q) [d − (d + 4) q] in d dimensions: compression out to
    r = R √(d / (d + 4)), dilation beyond. The density at r + u rises by the factor
    1 / [(1 + u/r)^(d−1) (1 + du/dr)], which is 1 / (1 − c)^d at the centre.

    Truth: the particles where −div u exceeds half of d c, its value at the centre: out to 0.374 R
    in 2D and 0.413 R in 3D.

    Attributes:
        radius: R, in units of length.
        contrast: c.
    """

    radius: float = 4.0
    contrast: float = 0.05

    def alter(self, snapshot: Snapshot, ball: Ball, rng: np.random.Generator) -> Snapshot:
        """Displace the particles of the ball; see `Motif.alter`."""
        q = (ball.offsets**2).sum(axis=1) / ball.radius**2
        positions, planted = snapshot.positions.copy(), np.zeros(len(snapshot))
        positions[ball.members] -= self.contrast * (1 - q)[:, None] ** 2 * ball.offsets
        planted[ball.members] = compression(q, snapshot.dimension) > APPRECIABLE
        return snapshot.replace(positions=positions, fields={PLANTED: planted})


def compression(q: FloatArray, dimension: int) -> FloatArray:
    """−div u in units of its value at the centre, at r² = q R²; same shape as `q`."""
    return (1 - q) * (1 - (1 + 4 / dimension) * q)


@MOTIFS.register("swapped-species")
@dataclass(frozen=True)
class SwappedSpecies(Motif):
    """Pairs of an A and a B in a ball that have exchanged their species.

    The A and B particles of the ball are paired with the smallest sum of squared distances. Of
    these p pairs, ⌈c p⌉ random ones exchange their species, with c the contrast. Positions do not
    change, except for neighbours of a particle that is too large for its new position.

    Truth: the particles whose species has changed; most particles of the ball have not changed.

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
