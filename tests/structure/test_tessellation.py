import itertools

import numpy as np
import pytest
from configurations import crystal
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull, Voronoi

from gnnglass.errors import InputError
from gnnglass.structure import HexaticOrder, Steinhardt, TongTanaka, VoronoiDensity, VoronoiVolume
from gnnglass.structure._tessellation import delaunay
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot


def cells_by_convex_hulls(snapshot):
    """Volumes of the hulls of Qhull's own Voronoi vertices, among the images in all directions."""
    shifts = np.array(list(itertools.product((0, 1, -1), repeat=snapshot.dimension)))
    images = (snapshot.positions + shifts[:, None] * snapshot.box).reshape(-1, snapshot.dimension)
    found = Voronoi(images)
    regions = [found.regions[found.point_region[i]] for i in range(len(snapshot))]
    return np.array([ConvexHull(found.vertices[region]).volume for region in regions])


@pytest.mark.parametrize("dimension", [2, 3])
def test_cells_equal_those_of_convex_hulls(dimension):
    snapshot = example_snapshot(dimension, 64)
    computed = VoronoiVolume().compute(snapshot).values
    np.testing.assert_allclose(computed, cells_by_convex_hulls(snapshot), rtol=1e-10)
    np.testing.assert_allclose(VoronoiDensity().compute(snapshot).values * computed, 1)


@settings(max_examples=15, deadline=None)
@given(dimension=st.sampled_from([2, 3]), n=st.integers(1, 40), seed=st.integers(0, 99))
def test_cells_of_random_points_fill_the_box_and_equal_those_of_convex_hulls(dimension, n, seed):
    """Also of few points, whose cells reach around the box, and in a box that is no cube."""
    rng = np.random.default_rng(seed)
    box = np.array([3.0, 4.0, 5.0])[:dimension]
    snapshot = Snapshot(box, rng.uniform(-box, box, (n, dimension)), np.zeros(n))
    computed = VoronoiVolume().compute(snapshot).values
    assert computed.sum() == pytest.approx(box.prod(), rel=1e-10)
    if n > 15:
        np.testing.assert_allclose(computed, cells_by_convex_hulls(snapshot), rtol=1e-9)


@pytest.mark.parametrize("name", ["square", "hexagonal", "sc", "bcc", "fcc", "hcp"])
def test_all_cells_of_a_crystal_are_equal(name):
    """Though many particles lie on one sphere, and Qhull's simplices between them are flat."""
    lattice = crystal(name, spacing=1.7)
    volumes = VoronoiVolume().compute(lattice).values
    np.testing.assert_allclose(volumes, 1 / lattice.density, rtol=1e-10)


def test_cells_of_a_cluster_in_an_empty_box():
    """The first margin is too short for them."""
    cluster = example_snapshot(2, 36).replace(box=np.array([60.0, 30.0]))
    computed = VoronoiVolume().compute(cluster).values
    assert computed.sum() == pytest.approx(1800, rel=1e-10)
    np.testing.assert_allclose(computed, cells_by_convex_hulls(cluster), rtol=1e-9)


def test_a_long_box_with_a_row_of_particles():
    """All images within the first margin lie on one line."""
    row = Snapshot([2.0, 40.0], [[0, 0], [0, 10.0]], np.zeros(2))
    np.testing.assert_allclose(VoronoiVolume().compute(row).values, [40, 40])


@pytest.mark.parametrize("dimension", [2, 3])
def test_no_particle_is_inside_a_sphere(dimension):
    snapshot = example_snapshot(dimension, 36)
    simplices = delaunay(snapshot)
    centres = (simplices.weights[..., None] * simplices.corners).sum(axis=1)
    radii = np.linalg.norm(simplices.corners - centres[:, None], axis=2)
    assert np.ptp(radii, axis=1).max() < 1e-9
    shifts = np.array(list(itertools.product((0, 1, -1), repeat=dimension)))
    for shift in shifts * snapshot.box:
        apart = np.linalg.norm(snapshot.positions + shift - centres[:, None], axis=2)
        assert (apart > radii[:, :1] - 1e-9).all()


INDICATORS = {
    2: (VoronoiVolume(), VoronoiDensity(), TongTanaka("kam2d"), HexaticOrder()),
    3: (VoronoiVolume(), VoronoiDensity(), TongTanaka("ka3d"), Steinhardt()),
}


@pytest.mark.parametrize("apart", [0.0, 3e-8])
def test_coincident_particles_are_refused_by_their_numbers(snapshot, apart):
    """Also across the face of the box, and where single precision cannot tell them apart."""
    positions = snapshot.positions.copy()
    positions[7] = snapshot.box / 2
    positions[31] = snapshot.box / 2 - apart
    for indicator in INDICATORS[snapshot.dimension]:
        with pytest.raises(InputError, match=r"particles 7 and 31 are closer than .* distinct"):
            indicator.compute(snapshot.replace(positions=positions))
