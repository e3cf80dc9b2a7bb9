"""The Delaunay triangulation of a periodic configuration, in double precision."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gnnglass.structure._neighbors import refuse_coincident
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

FLAT = 1e-12
"""Simplices of less volume, in units of their longest edge, are rounding of cospherical points."""
MARGIN = 2.5
"""Margin of images around the box in the first try, in mean distances; enough for dense liquids."""


@dataclass(frozen=True)
class Simplices:
    """Delaunay triangles (2D) or tetrahedra (3D): no other particle is in their circumspheres.

    All simplices with a corner in the box are listed. A simplex across a face of the box is listed
    once for every image with a corner in the box, so sums over the simplices of each particle must
    use only the corners that are `inside`.

    Attributes:
        particles: Particle at each corner, shape [n_simplices, d + 1].
        corners: Position of its image there, shape [n_simplices, d + 1, d], float64.
        inside: Whether it is the particle itself, not an image, shape [n_simplices, d + 1].
        volumes: d-dimensional volume of each simplex, shape [n_simplices].
        weights: Barycentric coordinates of the circumcentre, shape [n_simplices, d + 1].
    """

    particles: NDArray[np.int64]
    corners: FloatArray
    inside: NDArray[np.bool_]
    volumes: FloatArray
    weights: FloatArray

    def sums(self, values: FloatArray, n: int) -> FloatArray:
        """Sum of the values at the corners of each of n particles, shape [n].

        Args:
            values: One for each corner, shape [n_simplices, d + 1].
            n: Number of particles.
        """
        mine = self.inside
        summed = np.bincount(self.particles[mine], weights=values[mine], minlength=n)
        return summed.astype(np.float64, copy=False)


# Cached because three indicators use the triangulation of the same snapshot, and it dominates their
# cost.
@lru_cache(maxsize=1)
def delaunay(snapshot: Snapshot) -> Simplices:
    """Triangulate a configuration with its periodic images, using Qhull.

    We do not use freud: its Voronoi construction is in single precision, and crashes the
    interpreter on coincident points. If more than d + 1 particles lie on one sphere, as in
    crystals, the triangulation is not unique.

    Raises:
        InputError: If two particles coincide.
    """
    refuse_coincident(snapshot)
    n = len(snapshot)
    margin = MARGIN * snapshot.density ** (-1 / snapshot.dimension)
    while True:
        origin, points = _with_images(snapshot, margin)
        found, closed = _around(points, n)
        volumes, centres, weights = _circumcentres(points[found])
        solid = np.isfinite(volumes)
        radii = np.linalg.norm(centres[solid], axis=1)
        # If the spheres through corners in the box stay within the margin, no image is missing.
        if closed and 2 * radii.max() < margin:
            break
        margin *= 2
    found = found[solid]
    return Simplices(origin[found], points[found], found < n, volumes[solid], weights[solid])


def _around(points: FloatArray, n: int) -> tuple[NDArray[np.int64], bool]:
    """Simplices with a corner among the first n points, and whether they surround all n points."""
    from scipy.spatial import Delaunay, QhullError

    try:
        triangulation = Delaunay(points)
    except QhullError:  # All points lie in one plane, or in 2D on one line.
        return np.empty((0, points.shape[1] + 1), dtype=np.int64), False
    found = triangulation.simplices
    mine = found < n
    # If the facet opposite to a corner has no neighbour, it is on the hull, and so are all the
    # other corners.
    bare = triangulation.neighbors < 0
    on_hull = bare.sum(axis=1, keepdims=True) > bare
    return found[mine.any(axis=1)].astype(np.int64), not (on_hull & mine).any()


def _with_images(snapshot: Snapshot, margin: float) -> tuple[NDArray[np.int64], FloatArray]:
    """Particle index and position of all images up to `margin` beyond the box, originals first."""
    reach = [range(-k, k + 1) for k in np.ceil(margin / snapshot.box).astype(int)]
    origin, points = [np.arange(len(snapshot))], [snapshot.positions]
    for shift in itertools.product(*reach):
        if any(shift):
            moved = snapshot.positions + shift * snapshot.box
            near = (np.abs(moved) < snapshot.box / 2 + margin).all(axis=1)
            origin.append(np.flatnonzero(near))
            points.append(moved[near])
    return np.concatenate(origin), np.concatenate(points)


def _circumcentres(corners: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Volumes [m], circumcentres relative to the first corner [m, d] and their weights [m, d + 1].

    With edges e_i from the first corner and the vectors g_i dual to them (g_i · e_k = δ_ik), the
    circumcentre is ½ Σ |e_i|² g_i, and its weight at corner i is its product with g_i. All values
    of flat simplices are NaN.
    """
    edges = corners[:, 1:] - corners[:, :1]
    squares = (edges**2).sum(axis=2)
    d = edges.shape[2]
    if d == 2:
        turned = np.stack([edges[..., 1], -edges[..., 0]], axis=2)
        normals = np.stack([turned[:, 1], -turned[:, 0]], axis=1)
    else:
        normals = np.cross(np.roll(edges, -1, axis=1), np.roll(edges, -2, axis=1))
    content = (edges[:, 0] * normals[:, 0]).sum(axis=1)
    content[np.abs(content) < FLAT * squares.max(axis=1) ** (d / 2)] = np.nan
    duals = normals / content[:, None, None]
    centres = (squares[..., None] * duals).sum(axis=1) / 2
    weights = (duals * centres[:, None]).sum(axis=2)
    weights = np.concatenate([1 - weights.sum(axis=1, keepdims=True), weights], axis=1)
    return np.abs(content) / (2 if d == 2 else 6), centres, weights
