import itertools
from collections import defaultdict

import numpy as np
import pytest
from configurations import crystal
from scipy.spatial import Voronoi

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.structure import TongTanaka
from gnnglass.structure.tong_tanaka import angle_deviation, length_deviation
from gnnglass.systems import GlassFormer, PairPotential, glass_former
from gnnglass.testing import example_snapshot

DIAMETERS = {"A": 1.0, "B": 0.8}


def theta_by_voronoi_vertices(snapshot, sigma):
    """The definition, over the particles whose Voronoi cells share a corner with that of i."""
    d = snapshot.dimension
    shifts = np.array(list(itertools.product((0, 1, -1), repeat=d)))
    points = (snapshot.positions + shifts[:, None] * snapshot.box).reshape(-1, d)
    found = Voronoi(points)
    around: dict[int, set[int]] = defaultdict(set)
    for pair, vertices in zip(found.ridge_points, found.ridge_vertices, strict=True):
        for vertex in vertices:
            around[vertex] |= set(pair.tolist())
    kinds = np.array(snapshot.type_names)[snapshot.types]
    n, total, count = len(snapshot), np.zeros(len(snapshot)), np.zeros(len(snapshot))
    for vertex, members in around.items():
        for i in members if vertex >= 0 else ():
            if i < n:
                contact = {
                    frozenset(ab): sigma(*(kinds[k % n] for k in ab))
                    for ab in itertools.combinations(members, 2)
                }
                if d == 2:
                    j, k = members - {i}
                    total[i] += angle_off(points, i, j, k, contact)
                else:
                    total[i] += length_off(points, contact)
                count[i] += 1
    return total / count


def angle_off(points, i, j, k, contact):
    u, v = points[j] - points[i], points[k] - points[i]
    here = np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
    a, b, c = (contact[frozenset(ab)] for ab in ((i, j), (i, k), (j, k)))
    return abs(here - np.arccos((a**2 + b**2 - c**2) / (2 * a * b)))


def length_off(points, contact):
    off = 0.0
    for (a, b), touching in ((tuple(ab), s) for ab, s in contact.items()):
        off += abs(np.linalg.norm(points[a] - points[b]) - touching)
    return off / sum(contact.values())


@pytest.mark.parametrize("dimension", [2, 3])
def test_equals_the_definition_with_additive_diameters(dimension):
    snapshot = example_snapshot(dimension, 64, seed=1)
    expected = theta_by_voronoi_vertices(snapshot, lambda a, b: (DIAMETERS[a] + DIAMETERS[b]) / 2)
    computed = TongTanaka(diameters=DIAMETERS).compute(snapshot).values
    np.testing.assert_allclose(computed, expected, atol=1e-7)


@pytest.mark.parametrize("name", ["kam2d", "ka3d"])
def test_equals_the_definition_with_the_distances_of_a_mixture_that_is_not_additive(name):
    """Species are matched by name, whatever their order in the snapshot."""
    former = glass_former(name)
    snapshot = example_snapshot(former.dimension, 64, seed=2).replace(type_names=("B", "A"))
    expected = theta_by_voronoi_vertices(
        snapshot, lambda a, b: former.potentials[tuple(sorted((a, b)))].sigma
    )
    computed = TongTanaka(name).compute(snapshot).values
    np.testing.assert_allclose(computed, expected, atol=1e-7)


def test_is_zero_on_a_hexagonal_packing_of_equal_discs_and_not_on_a_square_one():
    """Angles tell: the distance between the discs does not matter."""
    for spacing in (1.0, 1.3):
        lattice = crystal("hexagonal", 6, spacing)
        theta = TongTanaka(diameters={"A": 1.0}).compute(lattice).values
        np.testing.assert_allclose(theta, 0, atol=1e-7)
    # All triangles of a square lattice are right-angled: 90° or 45° in place of 60°.
    theta = TongTanaka(diameters={"A": 1.0}).compute(crystal("square", 6)).values
    assert theta.min() > np.deg2rad(15) - 1e-9
    assert theta.max() < np.deg2rad(30) + 1e-9


def test_is_zero_on_discs_and_spheres_that_touch():
    radii = np.random.default_rng(0).uniform(0.3, 1, (50, 4))
    pairs = list(itertools.combinations(range(4), 2))
    touching = np.stack([radii[:, a] + radii[:, b] for a, b in pairs], axis=1)
    assert np.all(length_deviation(touching, touching) == 0)
    triangle = touching[:, [0, 1, 3]]
    np.testing.assert_allclose(angle_deviation(1.7 * triangle, triangle), 0, atol=1e-7)


def test_a_regular_tetrahedron_with_one_long_edge():
    """One of six edges is √2 long: (√2 − 1)/6; so is any quarter of a regular octahedron."""
    lengths, touching = np.ones((1, 6)), np.ones((1, 6))
    assert length_deviation(lengths, touching) == 0
    lengths[0, 2] = np.sqrt(2)
    assert length_deviation(lengths, touching) == pytest.approx((np.sqrt(2) - 1) / 6)


def test_fcc_is_made_of_tetrahedra_and_octahedra():
    """Eight regular tetrahedra at each particle, and two or four quarters of each octahedron."""
    theta = TongTanaka(diameters={"A": 1.0}).compute(crystal("fcc")).values
    off = (np.sqrt(2) - 1) / 6
    assert theta.min() > off * 12 / 20 - 1e-9
    assert theta.max() < off * 24 / 32 + 1e-9


@pytest.mark.parametrize(
    ("indicator", "message"),
    [
        (TongTanaka(), "neither of system and diameters are given"),
        (TongTanaka("kam2d", {"A": 1.0}), "both of system and diameters are given"),
        (TongTanaka(diameters={"A": 1.0}), "the diameter of B is unknown; .* got those of A"),
        (TongTanaka(diameters={"A": 1.0, "B": 0.0}), "diameters of A and B are 1 and 0"),
        (TongTanaka("ka3d"), "defined in 3D only; this snapshot is 2D"),
    ],
)
def test_bad_parameters_are_refused(indicator, message):
    with pytest.raises(InputError, match=message):
        indicator.compute(example_snapshot(2))


def test_unknown_systems_species_and_potentials_without_a_diameter_are_refused():
    snapshot = example_snapshot(2)
    with pytest.raises(UnknownNameError, match="unknown glass former 'kam5d'"):
        TongTanaka("kam5d").compute(snapshot)
    with pytest.raises(InputError, match="the diameter of C is unknown"):
        TongTanaka("kam2d").compute(snapshot.replace(type_names=("A", "C")))

    class Plain(PairPotential):
        cutoff = 1.0

        def energy(self, r):
            return 0 * r

        force = energy

    plain = GlassFormer("plain", 2, {"A": 1.0}, 1.0, {("A", "A"): Plain()})
    with pytest.raises(InputError, match="Plain, the potential of A and A in 'plain', has no diam"):
        TongTanaka(plain).compute(crystal("hexagonal"))
