"""Delaunay and radical neighbours of a periodic configuration, in double precision."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
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


TIE = 1e-9
"""Differences of squared radii that decide ties, in units of the squared mean distance."""


@dataclass(frozen=True)
class Contacts:
    """Ordered pairs of particles whose radical Voronoi cells share a face.

    Attributes:
        i: The first, in the box, in increasing order, shape [n_pairs].
        j: The second, shape [n_pairs].
        images: How many boxes away from its own place the second is, shape [n_pairs, d].
        vectors: From the first to the second, shape [n_pairs, d].
    """

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    images: NDArray[np.int64]
    vectors: FloatArray


def radical_contacts(snapshot: Snapshot, radii: FloatArray) -> Contacts:
    """Who shares a face in the radical Voronoi tessellation (Gellatly & Finney, 1982).

    A point belongs to the particle from whose sphere it has the smallest squared tangent
    |x − r_i|² − R_i². The dual of these cells is the lower hull of the points (r_i, r_i² − R_i²) in
    one more dimension (Aurenhammer, SIAM J. Comput. 16, 78 (1987)).

    Args:
        snapshot: Configuration of n particles.
        radii: R_i, shape [n], in units of length.

    Raises:
        InputError: If two particles coincide, one has no cell of its own, or is larger than the
            box.
    """
    refuse_coincident(snapshot)
    if radii.max() > snapshot.box.min() / 2:
        raise InputError(
            f"a particle has the diameter {2 * radii.max():.3g}, and the box an edge of "
            f"{snapshot.box.min():.3g}; expected particles that are smaller than the box."
        )
    n, d = len(snapshot), snapshot.dimension
    spacing = snapshot.density ** (-1 / d)
    margin = MARGIN * spacing
    # Where more than d + 1 cells meet in a point, as in crystals, Qhull would decide anew at each
    # image who touches whom.
    tie = TIE * spacing**2 * np.random.default_rng(0).random(n)
    while True:
        origin, points = _with_images(snapshot, margin)
        weights = (radii**2 + tie)[origin]
        found, closed = _below(points, weights, n)
        centres, powers = _power_centres(points[found], weights[found])
        # A point beyond the margin, if a sphere as large as any, must not reach into the sphere
        # that is orthogonal to those at the corners.
        reach = np.linalg.norm(centres, axis=1) + np.sqrt(np.maximum(powers + weights.max(), 0))
        if closed and len(found) and reach.max() < margin:
            break
        margin *= 2
    corners = list(itertools.permutations(range(d + 1), 2))
    edges = np.concatenate([found[:, pair] for pair in corners])
    edges = np.unique(edges[edges[:, 0] < n], axis=0)
    lone = np.setdiff1d(np.arange(n), edges[:, 0])
    if lone.size:
        raise InputError(
            f"particle {lone[0]} has no radical Voronoi cell, because it lies within a larger one; "
            "expected particles that do not overlap that much: take the inherent structure."
        )
    i, j = edges[:, 0], origin[edges[:, 1]]
    vectors = points[edges[:, 1]] - points[i]
    images = np.rint((points[edges[:, 1]] - snapshot.positions[j]) / snapshot.box)
    return Contacts(i, j, images.astype(np.int64), vectors)


def _below(points: FloatArray, weights: FloatArray, n: int) -> tuple[NDArray[np.int64], bool]:
    """Simplices of the lower hull with a corner among the first n points, and if they close."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        hull = ConvexHull(np.column_stack([points, (points**2).sum(axis=1) - weights]))
    except QhullError:  # All points lie on one sphere, or in one plane.
        return np.empty((0, points.shape[1] + 1), dtype=np.int64), False
    below = hull.equations[:, -2] < -1e-12
    mine = (hull.simplices < n).any(axis=1)
    # Only what surrounds all the points of the box is of the box.
    closed = not (mine & ~below & _is_on_rim(hull, below)).any()
    return hull.simplices[mine & below].astype(np.int64), closed


def _is_on_rim(hull: object, below: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Facets of the upper hull next to the lower one, where the triangulation ends."""
    neighbors: NDArray[np.int64] = hull.neighbors  # type: ignore[attr-defined]
    return np.asarray(below[neighbors].any(axis=1))


def _power_centres(corners: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Centres of the spheres orthogonal to those at the corners, from the first, and their powers.

    The power is the square of the radius: |c − r_0|² − R_0².
    """
    edges = corners[:, 1:] - corners[:, :1]
    right = ((edges**2).sum(axis=2) - weights[:, 1:] + weights[:, :1]) / 2
    # Flat ones, which are rounding of points on one sphere, have their centre anywhere.
    size = np.abs(np.linalg.det(edges)) / (edges**2).sum(axis=2).max(axis=1) ** (edges.shape[2] / 2)
    centres = np.zeros(edges[:, 0].shape)
    solid = size > FLAT**0.5
    centres[solid] = np.linalg.solve(edges[solid], right[solid][..., None])[..., 0]
    return centres, (centres**2).sum(axis=1) - weights[:, 0]


AT_ONCE = 2000
"""Particles whose groups of neighbours are sought at a time, to bound memory."""


def mutual_contacts(contacts: Contacts, n: int, size: int) -> NDArray[np.int64]:
    """All groups of neighbours of a particle that are neighbours of one another, too.

    Args:
        contacts: Of n particles.
        n: Number of particles.
        size: Members of a group: 2 for triangles with the particle, 3 for tetrahedra.

    Returns:
        Rows of `contacts` that share their first particle, shape [n_groups, size].
    """
    counts = np.bincount(contacts.i, minlength=n)
    first, most = np.cumsum(counts) - counts, int(counts.max())
    span = 4 * int(np.abs(contacts.images).max(initial=0)) + 1

    def keys(i: NDArray[np.int64], j: NDArray[np.int64], images: NDArray[np.int64]):  # type: ignore[no-untyped-def]
        place = np.zeros(i.shape, dtype=np.int64)
        for axis in range(images.shape[-1]):
            place = place * span + images[..., axis] + span // 2
        return (i * n + j) * span ** images.shape[-1] + place

    known = np.sort(keys(contacts.i, contacts.j, contacts.images))
    columns = np.array(list(itertools.combinations(range(most), size)), dtype=np.int64)
    found = []
    for start in range(0, n, AT_ONCE):
        own = np.arange(start, min(start + AT_ONCE, n))
        rows = first[own, None] + np.arange(most)
        there = np.arange(most) < counts[own, None]
        rows = np.where(there, rows, 0)
        j, images = contacts.j[rows], contacts.images[rows]
        between = keys(
            np.broadcast_to(j[:, :, None], (*j.shape, most)),
            np.broadcast_to(j[:, None, :], (*j.shape, most)),
            images[:, None, :] - images[:, :, None],
        )
        place = np.minimum(np.searchsorted(known, between), len(known) - 1)
        touch = (known[place] == between) & there[:, :, None] & there[:, None, :]
        mutual = np.ones((len(own), len(columns)), dtype=np.bool_)
        for a, b in itertools.combinations(range(size), 2):
            mutual &= touch[:, columns[:, a], columns[:, b]]
        particle, group = np.nonzero(mutual)
        found.append(rows[particle[:, None], columns[group]])
    return np.concatenate(found)
