"""The room of each particle: its Voronoi cell, and the density that makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gnnglass.structure.indicator import INDICATORS, Indicator
from gnnglass.structure.tessellation import Simplices, delaunay
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


@INDICATORS.register("voronoi-volume")
@dataclass(eq=False)
class VoronoiVolume(Indicator):
    """V_i, the volume (2D: area) of all points that are nearest to particle i, in length^d.

    The cells of all particles, of whatever size, fill the box (Voronoi, J. Reine Angew. Math.
    134, 198 (1908)): Σ_i V_i = V.
    """

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """Volume of the cell of each particle, shape [n].

        Raises:
            InputError: If two particles coincide.
        """
        simplices = delaunay(snapshot)
        return simplices.sums(_shares(simplices), len(snapshot))


@INDICATORS.register("voronoi-density")
@dataclass(eq=False)
class VoronoiDensity(Indicator):
    """1/V_i with the Voronoi cell's volume V_i: the density without a length to choose.

    In units of length^−d. Its rank correlations are those of `VoronoiVolume` with the other
    sign; its smoothed field is a local density.
    """

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """Density in the cell of each particle, shape [n].

        Raises:
            InputError: If two particles coincide.
        """
        return 1 / VoronoiVolume().measure(snapshot)


def _shares(simplices: Simplices) -> FloatArray:
    """Volume of each simplex that is nearest to each of its corners, shape [n_simplices, d + 1].

    The bisectors of the edges meet in the circumcentres of simplex, faces and edges. Corner,
    midpoint of an edge, circumcentre of a face, circumcentre of the simplex are the corners of
    a piece whose volume is V/d! times the weights of the opposite corners in the two
    circumcentres: negative beyond a face, where a neighbouring simplex has as much too much, so
    that sums over all simplices around a particle are right.
    """
    if simplices.particles.shape[1] == 3:
        return simplices.volumes[:, None] * (1 - simplices.weights) / 2
    shares = np.zeros(simplices.weights.shape)
    for apex in range(4):
        face = [corner for corner in range(4) if corner != apex]
        of_face = (1 - _triangle_weights(simplices.corners[:, face])) / 2
        shares[:, face] += simplices.weights[:, [apex]] * of_face
    return simplices.volumes[:, None] * shares


def _triangle_weights(corners: FloatArray) -> FloatArray:
    """Barycentric coordinates of the circumcentres of triangles in space, shape [m, 3].

    With a² the square of the side opposite to a corner, that corner's is a²(b² + c² − a²), over
    the sum of all three.
    """
    sides = np.roll(corners, -1, axis=1) - np.roll(corners, -2, axis=1)
    squares = (sides**2).sum(axis=2)
    weights = squares * (squares.sum(axis=1, keepdims=True) - 2 * squares)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
