"""Local packing: density, coordination number, Voronoi cells."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gnnglass.structure._neighbors import fading
from gnnglass.structure._tessellation import Simplices, delaunay
from gnnglass.structure.indicator import INDICATORS, Indicator
from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray


@INDICATORS.register("local-density")
@dataclass(eq=False)
class LocalDensity(Indicator):
    """The coarse-grained number density at each particle, in units of length^−d.

    ρ_i = Σ_j w(r_ij) / ∫ w dV over all particles of every species, including i itself, with
    w(r) = ½ [cos(π r / r_max) + 1] for r < r_max, so that particles enter and leave smoothly (the
    cutoff function of Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007)).

    Args:
        r_max: Distance at which the weight vanishes, in units of length.
    """

    label = "local density"
    unit = "length^-d"
    formula = (
        r"\rho_i = \sum_j w(r_{ij}) \Big/ \int w\, \mathrm dV,\quad "
        r"w(r) = \tfrac12 \Big[\cos\frac{\pi r}{r_\text{max}} + 1\Big]"
    )

    r_max: float = 2.0

    @property
    def reach(self) -> float:
        """`r_max`."""
        return self.r_max

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """Density at each particle, shape [n].

        Raises:
            InputError: If `r_max` is not positive or beyond half the box.
        """
        pairs = neighbor_pairs(snapshot, self.r_max)
        weights = fading(pairs.distances, self.r_max)
        total = 1 + np.bincount(pairs.i, weights=weights, minlength=len(snapshot))
        return np.asarray(total / self._volume(snapshot.dimension))

    def _volume(self, dimension: int) -> float:
        """∫ w dV, in closed form."""
        if dimension == 2:
            return math.pi * self.r_max**2 * (1 / 2 - 2 / math.pi**2)
        return 4 * math.pi / 3 * self.r_max**3 * (1 / 2 - 3 / math.pi**2)


@INDICATORS.register("coordination-number")
@dataclass(eq=False)
class CoordinationNumber(Indicator):
    """Z_i, the number of particles j ≠ i of every species with r_ij < r_max; a pure number.

    The cutoff is usually the first minimum of g(r) (Hansen & McDonald, Theory of Simple Liquids,
    4th ed., Academic Press (2013), section 2.5), so that Z counts the first shell.

    Args:
        r_max: The cutoff, in units of length; by default the first minimum of g_AA(r) of the
            Kob–Andersen mixture at density 1.2.
    """

    label = "coordination number"
    unit = "1"
    formula = r"Z_i = \#\{ j : r_{ij} < r_\text{max} \}"

    r_max: float = 1.5

    @property
    def reach(self) -> float:
        """`r_max`."""
        return self.r_max

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """Number of neighbours of each particle, shape [n].

        Raises:
            InputError: If `r_max` is not positive or beyond half the box.
        """
        pairs = neighbor_pairs(snapshot, self.r_max)
        return np.bincount(pairs.i, minlength=len(snapshot)).astype(np.float64)


@INDICATORS.register("voronoi-volume")
@dataclass(eq=False)
class VoronoiVolume(Indicator):
    """V_i, the volume (2D: area) of the region nearest to particle i, in length^d.

    The cells of all particles fill the box: Σ_i V_i = V; the size of the particles is ignored
    (Voronoi, J. Reine Angew. Math. 134, 198 (1908)).
    """

    label = "Voronoi volume"
    unit = "length^d"
    formula = (
        r"V_i = \mathrm{vol}\{ \mathbf r : \lvert\mathbf r - \mathbf r_i\rvert"
        r" \le \lvert\mathbf r - \mathbf r_j\rvert\ \forall j \}"
    )
    low_is_glassy = True

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
    """1/V_i with the volume V_i of the Voronoi cell: a density without a length to choose.

    In units of length^−d. Its rank correlations are those of `VoronoiVolume` with the opposite
    sign; its smoothed field is a local density.
    """

    label = "Voronoi density"
    unit = "length^-d"
    formula = r"1 / V_i"

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """Density in the cell of each particle, shape [n].

        Raises:
            InputError: If two particles coincide.
        """
        return 1 / VoronoiVolume().measure(snapshot)


def _shares(simplices: Simplices) -> FloatArray:
    """Part of the volume of each simplex nearest to each corner, shape [n_simplices, d + 1].

    The bisectors of the edges meet in the circumcentres of simplex, faces and edges. A corner, the
    midpoint of an edge, the circumcentre of a face and the circumcentre of the simplex span a piece
    whose volume is V/d! times the weights of the opposite corners in the two circumcentres. It is
    negative if the circumcentre is beyond a face; a neighbouring simplex then has the same excess,
    so that sums over all simplices around a particle are right.
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

    With a² the square of the side opposite to a corner, its weight is a²(b² + c² − a²) divided by
    the sum of all three.
    """
    sides = np.roll(corners, -1, axis=1) - np.roll(corners, -2, axis=1)
    squares = (sides**2).sum(axis=2)
    weights = squares * (squares.sum(axis=1, keepdims=True) - 2 * squares)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
