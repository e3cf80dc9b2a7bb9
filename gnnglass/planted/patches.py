"""Patches of order: triangular lattice in two dimensions, icosahedra in three."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gnnglass.errors import InputError
from gnnglass.planted.motif import MOTIFS, PLANTED, Ball, Motif, nearest_match
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


@MOTIFS.register("hexagonal-patch")
@dataclass(frozen=True)
class HexagonalPatch(Motif):
    """A disc whose particles are moved part of the way to the sites of a triangular lattice.

    x_i → (1 − c) x_i + c s_i, with c the contrast and s_i the site of particle i, assigned with the
    smallest ``Σ_i |x_i − s_i|²``. The lattice has a random orientation and origin, and the spacing
    at which the disc holds as many sites as particles, so that the density does not change.

    Truth: all particles of the disc.

    Attributes:
        radius: Radius of the disc, in units of length.
        contrast: c.
    """

    radius: float = 3.0
    contrast: float = 0.15

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Two: in 3D the densest packing is a different structure."""
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
        n: Number of sites; the spacing is chosen to match.
        radius: Radius of the disc around the origin.
        rng: Random number generator for orientation and origin.
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


N_VERTICES = 12


@MOTIFS.register("icosahedral-patch")
@dataclass(frozen=True)
class IcosahedralPatch(Motif):
    """A ball of particles whose twelve neighbours are moved part of the way to icosahedra.

    Frank, Proc. R. Soc. A 215, 43 (1952). x_j → (1 − c) x_j + c v_j, with c the contrast and v_j
    the vertex of neighbour j of a centre, assigned with the smallest ``Σ_j |x_j − v_j|²``. Each
    icosahedron has a random orientation and the mean distance of the twelve as its radius. Centres
    are chosen from the middle of the ball outwards, if all twelve nearest neighbours are inside the
    ball and belong to no earlier icosahedron.

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
            InputError: If the ball is too small for a single icosahedron.
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
    """Lists of a centre and its twelve nearest neighbours, as indices into the ball's members."""
    clusters: list[list[int]] = []
    used: set[int] = set()
    for place in ball.offsets:
        apart = np.linalg.norm(ball.offsets - place, axis=1)
        # The nearest one is the centre itself.
        cluster = np.argsort(apart)[: N_VERTICES + 1].tolist()
        # Further out, the nearest neighbours might not belong to the ball.
        inside = np.linalg.norm(place) + apart[cluster[-1]] < ball.radius
        if inside and len(cluster) > N_VERTICES and used.isdisjoint(cluster):
            clusters.append(cluster)
            used.update(cluster)
    return clusters


def icosahedron(rng: np.random.Generator) -> FloatArray:
    """Vertices of an icosahedron of radius 1 in a random orientation, shape [12, 3]."""
    from scipy.stats import special_ortho_group

    golden = (1 + np.sqrt(5)) / 2
    corners = [(0.0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    vertices = np.concatenate([np.roll(corners, shift, axis=1) for shift in range(3)])
    turn = special_ortho_group.rvs(3, random_state=rng)
    return np.asarray(vertices @ turn.T / np.hypot(1, golden))
