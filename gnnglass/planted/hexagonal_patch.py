"""A patch of triangular lattice in two dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gnnglass.planted.assignment import nearest_match
from gnnglass.planted.ball import Ball
from gnnglass.planted.motif import MOTIFS, PLANTED, Motif
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


@MOTIFS.register("hexagonal-patch")
@dataclass(frozen=True)
class HexagonalPatch(Motif):
    """The particles of a disc, on their way to the sites of a triangular lattice.

    x_i → (1 − c) x_i + c s_i, with c the contrast and s_i the site of particle i: the match with
    the smallest ``Σ_i |x_i − s_i|²``. The lattice has a random orientation and origin, and the
    spacing at which the disc holds as many sites as particles, so that the density stays what it
    was.

    Truth: all particles of the disc.

    Attributes:
        radius: Radius of the disc, in units of length.
        contrast: c.
    """

    radius: float = 3.0
    contrast: float = 0.15

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Two: what packs best in 3D is another structure."""
        return (2,)

    def alter(self, snapshot: Snapshot, ball: Ball, rng: np.random.Generator) -> Snapshot:
        """Move the disc's particles; see `Motif.alter`."""
        sites = lattice_in_disc(len(ball), ball.radius, rng)
        _, site = nearest_match(ball.offsets, sites)
        positions, planted = snapshot.positions.copy(), np.zeros(len(snapshot))
        positions[ball.members] += self.contrast * (sites[site] - ball.offsets)
        planted[ball.members] = 1
        return snapshot.replace(positions=positions, fields={PLANTED: planted})


def lattice_in_disc(n: int, radius: float, rng: np.random.Generator) -> FloatArray:
    """The n sites that a randomly laid triangular lattice has in a disc, shape [n, 2].

    Args:
        n: How many there are to be; the spacing is chosen for it.
        radius: Radius of the disc around the origin.
        rng: Source of orientation and origin.
    """
    angle, shift = rng.uniform(0, np.pi / 3), rng.uniform(size=2)
    across = int(np.ceil(np.sqrt(n))) + 1
    cells = np.stack(np.meshgrid(*[np.arange(-across, across + 1)] * 2), axis=-1).reshape(-1, 2)
    edges = np.array([[np.cos(a), np.sin(a)] for a in (angle, angle + np.pi / 3)])
    sites = (cells + shift) @ edges
    distances = np.linalg.norm(sites, axis=1)
    order = np.argsort(distances)
    # The edge of the disc is half way between the last site inside and the first one outside.
    spacing = radius / distances[order[n - 1 : n + 1]].mean()
    return np.asarray(spacing * sites[order[:n]])
