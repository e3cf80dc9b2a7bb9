import itertools

import numpy as np
import pytest
from configurations import crystal
from scipy.spatial import HalfspaceIntersection
from scipy.stats import spearmanr

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.structure import TongTanaka
from gnnglass.structure.tong_tanaka import angle_deviation, length_deviation
from gnnglass.systems import GLASS_FORMERS, GlassFormer, PairPotential, glass_former
from gnnglass.testing import example_of, example_snapshot

DIAMETERS = {"A": 1.0, "B": 0.8}


def radical_neighbours(snapshot, radii):
    """Of each particle: the images whose half-space bounds its cell, by cutting it out of space."""
    d = snapshot.dimension
    shifts = np.array(list(itertools.product((0, 1, -1), repeat=d)))
    points = (snapshot.positions + shifts[:, None] * snapshot.box).reshape(-1, d)
    sizes = np.tile(radii, len(shifts))
    found = []
    for i, (here, radius) in enumerate(zip(snapshot.positions, radii, strict=True)):
        apart = points - here
        squares = (apart**2).sum(axis=1)
        near = np.flatnonzero((squares < 3.5**2) & (np.arange(len(points)) != i))
        offsets = -(squares[near] + radius**2 - sizes[near] ** 2) / 2
        cell = HalfspaceIntersection(np.column_stack([apart[near], offsets]), np.zeros(d))
        found.append({int(near[k]) for k in cell.dual_vertices})
    return points, found


def theta_by_cutting_cells(snapshot, sigma):
    """The definition, over all triplets (2D: pairs) of neighbours that are mutual neighbours."""
    n, d = len(snapshot), snapshot.dimension
    kinds = np.array(snapshot.type_names)[snapshot.types]
    points, around = radical_neighbours(snapshot, np.array([sigma(a, a) / 2 for a in kinds]))

    def touch(j, k):
        """Whether images j and k do: moved back so that j is in the box."""
        place = points[k] - points[j] + points[j % n]
        return any(np.allclose(points[m], place) for m in around[j % n] if m % n == k % n)

    theta = np.zeros(n)
    for i, neighbours in enumerate(around):
        mutual = {pair for pair in itertools.combinations(sorted(neighbours), 2) if touch(*pair)}
        values = []
        for group in itertools.combinations(sorted(neighbours), d):
            if not all(pair in mutual for pair in itertools.combinations(group, 2)):
                continue
            contact = {
                frozenset(ab): sigma(*(kinds[k % n] for k in ab))
                for ab in itertools.combinations((i, *group), 2)
            }
            if d == 2:
                j, k = group
                values.append(angle_off(points, i, j, k, contact))
            else:
                values.append(length_off(points, contact))
        theta[i] = np.mean(values)
    return theta


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
    expected = theta_by_cutting_cells(snapshot, lambda a, b: (DIAMETERS[a] + DIAMETERS[b]) / 2)
    computed = TongTanaka(diameters=DIAMETERS).compute(snapshot).values
    np.testing.assert_allclose(computed, expected, atol=1e-7)


@pytest.mark.parametrize("name", GLASS_FORMERS.names())
def test_equals_the_definition_in_every_mixture(name):
    """Species are matched by name, whatever their order in the snapshot."""
    former = glass_former(name)
    made = example_of(former, seed=2)
    n = len(former.species)
    snapshot = made.replace(types=n - 1 - made.types, type_names=former.species[::-1])
    expected = theta_by_cutting_cells(
        snapshot, lambda a, b: former.potentials[tuple(sorted((a, b)))].sigma
    )
    computed = TongTanaka(name).compute(snapshot).values
    np.testing.assert_allclose(computed, expected, atol=1e-7)
    assert spearmanr(computed, expected).statistic > 0.999


def test_a_small_particle_within_a_large_one_has_no_cell():
    snapshot = example_snapshot(2)
    positions = snapshot.positions.copy()
    large, small = (int(np.flatnonzero(snapshot.of_type(name))[0]) for name in "AB")
    positions[small] = positions[large] + 0.01
    with pytest.raises(InputError, match=f"particle {small} has no radical Voronoi cell"):
        TongTanaka(diameters={"A": 1.0, "B": 0.1}).compute(snapshot.replace(positions=positions))


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
    with pytest.raises(InputError, match=r"also holds C, but .* knows A, B"):
        TongTanaka("kam2d").compute(snapshot.replace(type_names=("A", "C")))

    class Plain(PairPotential):
        cutoff = 1.0

        def energy(self, r):
            return 0 * r

        force = energy

    plain = GlassFormer("plain", 2, {"A": 1.0}, 1.0, {("A", "A"): Plain()})
    with pytest.raises(InputError, match="Plain, the potential of A and A in 'plain', has no diam"):
        TongTanaka(plain).compute(crystal("hexagonal"), accept="density")
