import numpy as np
import pytest
from configurations import crystal, distances_to, vectors_from
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import Legendre

from gnnglass.errors import InputError
from gnnglass.structure import CoordinationNumber, HexaticOrder, Steinhardt
from gnnglass.structure._neighbors import bonds
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot


def neighbours_of(snapshot, i, neighbors):
    """Bonds of one particle by brute force: the neighbours and the vectors to them."""
    others, vectors = vectors_from(snapshot, i)
    r = np.linalg.norm(vectors, axis=1)
    if "r_max" in neighbors:
        chosen = r < neighbors["r_max"]
    else:
        chosen = np.argsort(r)[: neighbors["num_neighbors"]]
    return others[chosen], vectors[chosen]


def q_by_addition_theorem(vectors, degree):
    """q_l of one set of bonds without any harmonics: q_l² = mean of P_l over all pairs of bonds."""
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = np.clip(directions @ directions.T, -1, 1)
    return np.sqrt(max(Legendre.basis(degree)(cosines).mean(), 0))


NEIGHBORS = [{"num_neighbors": 6}, {"num_neighbors": 12}, {"r_max": 1.4}]


@pytest.mark.parametrize("neighbors", NEIGHBORS)
def test_bonds_are_those_of_brute_force(snapshot, neighbors):
    found = bonds(snapshot, neighbors)
    for i in range(len(snapshot)):
        others, vectors = neighbours_of(snapshot, i, neighbors)
        order = np.argsort(others)
        np.testing.assert_array_equal(found.j[found.i == i], others[order])
        np.testing.assert_allclose(found.vectors[found.i == i], vectors[order], atol=1e-12)


def test_a_particle_on_the_upper_face_has_neighbours():
    """Rounding puts it a whole edge above the lower face, where scipy's tree takes no point."""
    edge = np.nextafter(5.0, 0)
    snapshot = Snapshot([10, 10], [[edge, 0], [-4, 0], [0, 0]], np.zeros(3))
    np.testing.assert_array_equal(bonds(snapshot, {"num_neighbors": 1}).j, [1, 0, 1])


@pytest.mark.parametrize("neighbors", NEIGHBORS)
def test_hexatic_order_equals_the_definition(neighbors):
    snapshot = example_snapshot(2, seed=5)
    expected = []
    for i in range(len(snapshot)):
        _, v = neighbours_of(snapshot, i, neighbors)
        terms = np.exp(6j * np.arctan2(v[:, 1], v[:, 0]))
        expected.append(abs(terms.sum()) / max(len(terms), 1))
    computed = HexaticOrder(neighbors).compute(snapshot).values
    np.testing.assert_allclose(computed, expected, atol=1e-12)


def test_hexatic_order_is_one_on_a_hexagonal_lattice_and_zero_on_a_square_one():
    lattice = crystal("hexagonal", 6, spacing=1.1)
    np.testing.assert_allclose(HexaticOrder().compute(lattice).values, 1, atol=1e-12)
    square = crystal("square", 8)
    four = HexaticOrder({"r_max": 1.2}).compute(square).values
    np.testing.assert_allclose(four, 0, atol=1e-12)
    alone = HexaticOrder({"r_max": 0.5}).compute(square, accept="distance")
    assert np.array_equal(alone.values, np.zeros(64))


@pytest.mark.parametrize(
    ("name", "num_neighbors", "q4", "q6"),
    [
        ("fcc", 12, 0.1909406540, 0.5745242597),
        ("hcp", 12, 0.0972222222, 0.4847616846),
        ("bcc", 14, 0.0363696484, 0.5106882309),
        ("sc", 6, 0.7637626158, 0.3535533906),
    ],
)
def test_crystals_have_the_values_of_the_textbooks(name, num_neighbors, q4, q6):
    """As in table I of Mickel et al., J. Chem. Phys. 138, 044501 (2013), with more digits."""
    neighbors = {"num_neighbors": num_neighbors}
    for degree, value in ((4, q4), (6, q6)):
        bare = Steinhardt(degree, neighbors=neighbors).compute(crystal(name)).values
        np.testing.assert_allclose(bare, value, rtol=0, atol=1e-8)
        averaged = Steinhardt(degree, True, neighbors).compute(crystal(name)).values
        np.testing.assert_allclose(averaged, value, rtol=0, atol=1e-8)


@pytest.mark.parametrize("degree", [1, 4, 6])
@pytest.mark.parametrize("neighbors", NEIGHBORS)
def test_q_equals_the_mean_of_legendre_polynomials_over_pairs_of_bonds(degree, neighbors):
    snapshot = example_snapshot(3, 125, seed=1)
    expected = []
    for i in range(len(snapshot)):
        _, vectors = neighbours_of(snapshot, i, neighbors)
        expected.append(q_by_addition_theorem(vectors, degree) if len(vectors) else 0)
    computed = Steinhardt(degree, neighbors=neighbors).compute(snapshot).values
    np.testing.assert_allclose(computed, expected, atol=1e-7)


def test_the_average_equals_that_of_scipys_harmonics():
    special = pytest.importorskip("scipy.special")
    if not hasattr(special, "sph_harm_y"):
        pytest.skip("this scipy has the harmonics under another name")
    snapshot = example_snapshot(3, 125, seed=2)
    neighbors = {"num_neighbors": 12}
    q, near = [], []
    for i in range(len(snapshot)):
        others, v = neighbours_of(snapshot, i, neighbors)
        polar = np.arccos(v[:, 2] / np.linalg.norm(v, axis=1))
        azimuth = np.arctan2(v[:, 1], v[:, 0])
        q.append([special.sph_harm_y(6, m, polar, azimuth).mean() for m in range(-6, 7)])
        near.append([i, *others])
    averaged = np.array([np.mean([q[j] for j in js], axis=0) for js in near])
    expected = np.sqrt(4 * np.pi / 13 * (np.abs(averaged) ** 2).sum(axis=1))
    computed = Steinhardt(6, averaged=True).compute(snapshot).values
    np.testing.assert_allclose(computed, expected, atol=1e-12)


def test_a_particle_without_neighbours_has_no_order():
    lonely = Snapshot([9, 9, 9], [[0, 0, 0], [1, 0, 0], [4, 4, 4]], np.zeros(3))
    values = Steinhardt(neighbors={"r_max": 1.5}).compute(lonely).values
    np.testing.assert_allclose(values, [1, 1, 0], atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99))
def test_any_rotation_and_reflection_of_a_cluster_changes_nothing(seed):
    cluster = example_snapshot(3, 64, seed=seed).replace(box=np.full(3, 30.0))
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    turned = cluster.replace(positions=cluster.positions @ turn)
    for averaged in (False, True):
        q = Steinhardt(6, averaged)
        before = q.compute(cluster).values
        np.testing.assert_allclose(q.compute(turned).values, before, atol=1e-12)


def test_coordination_counts_by_brute_force_and_on_crystals(snapshot):
    expected = [(distances_to(snapshot, i)[1] < 1.4).sum() for i in range(len(snapshot))]
    np.testing.assert_array_equal(CoordinationNumber(1.4).compute(snapshot).values, expected)
    for name, z in (("square", 4), ("hexagonal", 6), ("sc", 6), ("bcc", 8), ("fcc", 12)):
        np.testing.assert_array_equal(CoordinationNumber(1.1).compute(crystal(name)).values, z)


@pytest.mark.parametrize(
    ("indicator", "message"),
    [
        (Steinhardt(0), "degree is 0; expected a whole number from 1"),
        (Steinhardt(1.5), "degree is 1.5; expected a whole number"),
        (
            Steinhardt(neighbors={"num_neighbors": 343}),
            "num_neighbors is 343; expected .* 1 to 342",
        ),
        (Steinhardt(neighbors={"r_max": 4.0}), "cutoff 4 does not fit the box"),
        (Steinhardt(neighbors={}), r"neighbors are {}; expected {'num_neighbors'"),
        (CoordinationNumber(-1.0), "cutoff -1 does not fit the box"),
    ],
)
def test_bad_parameters_are_refused(indicator, message):
    with pytest.raises(InputError, match=message):
        indicator.compute(example_snapshot(3))


def test_steinhardt_is_for_three_dimensions():
    with pytest.raises(InputError, match="is defined in 3D only; this snapshot is 2D"):
        Steinhardt().compute(example_snapshot(2))
