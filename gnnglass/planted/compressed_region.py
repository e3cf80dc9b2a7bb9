"""A region whose particles were drawn together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gnnglass.planted.ball import Ball
from gnnglass.planted.motif import MOTIFS, PLANTED, Motif
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

#: Particles are planted where the compression exceeds this part of that in the middle.
APPRECIABLE = 0.5


@MOTIFS.register("compressed-region")
@dataclass(frozen=True)
class CompressedRegion(Motif):
    """A ball in which everybody is drawn towards the middle.

    u(r) = −c r (1 − q)², with q = r² / R²: c is the contrast and R the radius, at which u and its
    slope vanish. Its divergence is −c (1 − q) [d − (d + 4) q] in d dimensions: compression out to
    r = R √(d / (d + 4)), dilation from there on. The density at r + u rises by the factor
    1 / [(1 + u/r)^(d−1) (1 + du/dr)], which is 1 / (1 − c)^d in the middle.

    Truth: the particles where −div u exceeds half of d c, its value in the middle: out to 0.374 R
    in 2D and 0.413 R in 3D.

    Attributes:
        radius: R, in units of length.
        contrast: c.
    """

    radius: float = 4.0
    contrast: float = 0.05

    def alter(self, snapshot: Snapshot, ball: Ball, rng: np.random.Generator) -> Snapshot:
        """Draw particles together; see `Motif.alter`."""
        q = (ball.offsets**2).sum(axis=1) / ball.radius**2
        positions, planted = snapshot.positions.copy(), np.zeros(len(snapshot))
        positions[ball.members] -= self.contrast * (1 - q)[:, None] ** 2 * ball.offsets
        planted[ball.members] = compression(q, snapshot.dimension) > APPRECIABLE
        return snapshot.replace(positions=positions, fields={PLANTED: planted})


def compression(q: FloatArray, dimension: int) -> FloatArray:
    """−div u in units of its value in the middle, at r² = q R²; the shape of `q`."""
    return (1 - q) * (1 - (1 + 4 / dimension) * q)
