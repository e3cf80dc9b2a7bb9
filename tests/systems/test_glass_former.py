from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.systems import GLASS_FORMERS, ForceShiftedLJ, GlassFormer
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

SEEDS = st.integers(0, 10_000)


def mixture(dimension):
    """`kam2d`, or a 3D mixture whose cutoffs differ more."""
    if dimension == 2:
        return GLASS_FORMERS.create("kam2d")
    return GlassFormer(
        name="test3d",
        dimension=3,
        composition={"A": 0.65, "B": 0.35},
        density=1.2,
        potentials={
            ("A", "A"): ForceShiftedLJ(1.0, 1.0, 2.0),
            ("A", "B"): ForceShiftedLJ(1.5, 0.8, 1.2),
            ("B", "B"): ForceShiftedLJ(0.5, 0.88, 1.6),
        },
        citation="none: made for this test",
    )


def brute_force(system, snapshot):
    """Energies and forces by the double sum over pairs and over the nearest images."""
    n, d = snapshot.positions.shape
    energies, forces = np.zeros(n), np.zeros((n, d))
    shifts = [np.array(image) * snapshot.box for image in product((-1, 0, 1), repeat=d)]
    for i, j in combinations(range(n), 2):
        names = tuple(sorted(snapshot.type_names[snapshot.types[k]] for k in (i, j)))
        potential = system.potentials[names]
        for shift in shifts:
            vector = snapshot.positions[j] + shift - snapshot.positions[i]
            r = np.sqrt(vector @ vector)
            if r < potential.cutoff:
                energies[[i, j]] += potential.energy(r) / 2
                force = potential.force(r) * vector / r
                forces[i] -= force
                forces[j] += force
    return energies, forces


@pytest.mark.parametrize(("dimension", "n"), [(2, 49), (3, 90)])
def test_energies_and_forces_equal_the_double_sum(dimension, n):
    system, snapshot = mixture(dimension), example_snapshot(dimension, n, seed=3)
    energies, forces = brute_force(system, snapshot)
    np.testing.assert_allclose(system.energies(snapshot), energies, rtol=1e-11, atol=1e-11)
    scale = np.abs(forces).max()
    np.testing.assert_allclose(system.forces(snapshot), forces, rtol=1e-11, atol=1e-12 * scale)


@pytest.mark.parametrize("dimension", [2, 3])
def test_forces_are_minus_the_gradient_of_the_energy(dimension):
    system, snapshot = mixture(dimension), example_snapshot(dimension, 100, seed=5)
    forces, h = system.forces(snapshot), 1e-6
    for particle, axis in [(0, 0), (17, 1), (60, dimension - 1)]:
        moved = []
        for sign in (1, -1):
            positions = snapshot.positions.copy()
            positions[particle, axis] += sign * h
            moved.append(system.energies(snapshot.replace(positions=positions)).sum())
        gradient = (moved[0] - moved[1]) / (2 * h)
        assert forces[particle, axis] == pytest.approx(-gradient, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("dimension", [2, 3])
def test_forces_sum_to_zero(dimension):
    system, snapshot = mixture(dimension), example_snapshot(dimension)
    forces = system.forces(snapshot)
    np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-10 * np.abs(forces).max())


@pytest.mark.parametrize("dimension", [2, 3])
@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_symmetries_of_the_box(dimension, seed):
    """Translation, a signed permutation of the axes, and relabelling."""
    rng = np.random.default_rng(seed)
    system, snapshot = mixture(dimension), example_snapshot(dimension, 120, seed=seed)
    turn = np.eye(dimension)[rng.permutation(dimension)] * rng.choice([-1, 1], dimension)
    shift = rng.uniform(-30, 30, dimension)
    order = rng.permutation(len(snapshot))
    moved = Snapshot(
        snapshot.box,
        (snapshot.positions @ turn.T + shift)[order],
        snapshot.types[order],
    )
    energies, forces = system.energies(snapshot), system.forces(snapshot)
    tolerance = {"rtol": 1e-8, "atol": 1e-9 * np.abs(forces).max()}
    np.testing.assert_allclose(system.energies(moved), energies[order], **tolerance)
    np.testing.assert_allclose(system.forces(moved), (forces @ turn.T)[order], **tolerance)


def test_species_are_matched_by_name():
    system, snapshot = mixture(2), example_snapshot(2)
    renamed = snapshot.replace(types=2 - snapshot.types, type_names=("C", "B", "A"))
    np.testing.assert_array_equal(system.energies(renamed), system.energies(snapshot))


def test_composition_and_box():
    system = GLASS_FORMERS.create("kam2d")
    assert system.counts(1000) == (650, 350)
    assert sum(system.counts(1023)) == 1023
    assert 1000 / np.prod(system.box(1000)) == pytest.approx(1.2)
    assert system.r_max == 2.5


def test_unknown_glass_former_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match="kam2d"):
        GLASS_FORMERS.create("kam4d")


def test_refuses_what_does_not_fit():
    system = mixture(2)
    with pytest.raises(InputError, match="3D snapshot was given to 'kam2d'"):
        system.energies(example_snapshot(3))
    with pytest.raises(InputError, match="also holds C"):
        system.energies(example_snapshot(2).replace(type_names=("A", "C")))
    with pytest.raises(InputError, match="half the"):
        system.energies(example_snapshot(2, 16))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"composition": {"A": 0.5, "B": 0.4}}, "sums to 0.9"),
        ({"potentials": {("A", "A"): ForceShiftedLJ(1, 1, 2.5)}}, "expected one for each"),
    ],
)
def test_refuses_an_incomplete_definition(changes, message):
    system = mixture(2)
    parameters = {**{key: getattr(system, key) for key in system.__dataclass_fields__}, **changes}
    with pytest.raises(InputError, match=message):
        GlassFormer(**parameters)
