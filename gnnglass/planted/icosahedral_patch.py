"""A patch of icosahedra in three dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gnnglass.errors import InputError
from gnnglass.planted.assignment import nearest_match
from gnnglass.planted.ball import Ball
from gnnglass.planted.motif import MOTIFS, PLANTED, Motif
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

N_VERTICES = 12


@MOTIFS.register("icosahedral-patch")
@dataclass(frozen=True)
class IcosahedralPatch(Motif):
    """Particles of a ball whose twelve neighbours are on their way to the vertices of icosahedra.

    Frank, Proc. R. Soc. A 215, 43 (1952). x_j → (1 − c) x_j + c v_j, with c the contrast and v_j
    the vertex of neighbour j of a centre: the match with the smallest ``Σ_j |x_j − v_j|²``. Each
    icosahedron has a random orientation and the mean distance of the twelve as its radius.
    Centres are taken from the middle outwards, wherever the twelve nearest neighbours are inside
    the ball and belong to no earlier icosahedron.

    Truth: the centres and their neighbours.

    Attributes:
        radius: Radius of the ball that holds the icosahedra, in units of length.
        contrast: c.
    """

    radius: float = 3.5
    contrast: float = 0.15

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Three."""
        return (3,)

    def alter(self, snapshot: Snapshot, ball: Ball, rng: np.random.Generator) -> Snapshot:
        """Move the neighbours of the centres; see `Motif.alter`.

        Raises:
            InputError: If the ball has no room for a single icosahedron.
        """
        clusters = disjoint_clusters(ball)
        if not clusters:
            raise InputError(
                f"a ball of radius {self.radius:g} holds no particle together with its "
                f"{N_VERTICES} nearest neighbours; use a larger radius."
            )
        positions, planted = snapshot.positions.copy(), np.zeros(len(snapshot))
        for center, *neighbors in clusters:
            bonds = ball.offsets[neighbors] - ball.offsets[center]
            vertices = np.linalg.norm(bonds, axis=1).mean() * icosahedron(rng)
            _, vertex = nearest_match(bonds, vertices)
            positions[ball.members[neighbors]] += self.contrast * (vertices[vertex] - bonds)
            planted[ball.members[[center, *neighbors]]] = 1
        return snapshot.replace(positions=positions, fields={PLANTED: planted})


def disjoint_clusters(ball: Ball) -> list[list[int]]:
    """A centre and its twelve nearest neighbours each, as indices into the ball's members."""
    clusters: list[list[int]] = []
    taken: set[int] = set()
    for place in ball.offsets:
        apart = np.linalg.norm(ball.offsets - place, axis=1)
        # The nearest one is the centre itself.
        cluster = np.argsort(apart)[: N_VERTICES + 1].tolist()
        # Further out, the nearest neighbours might not belong to the ball.
        inside = np.linalg.norm(place) + apart[cluster[-1]] < ball.radius
        if inside and len(cluster) > N_VERTICES and taken.isdisjoint(cluster):
            clusters.append(cluster)
            taken.update(cluster)
    return clusters


def icosahedron(rng: np.random.Generator) -> FloatArray:
    """Vertices of an icosahedron of radius 1 in a random orientation, shape [12, 3]."""
    from scipy.stats import special_ortho_group

    golden = (1 + np.sqrt(5)) / 2
    corners = [(0.0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    vertices = np.concatenate([np.roll(corners, shift, axis=1) for shift in range(3)])
    turn = special_ortho_group.rvs(3, random_state=rng)
    return np.asarray(vertices @ turn.T / np.hypot(1, golden))
