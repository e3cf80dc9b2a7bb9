from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.systems import (
    GLASS_FORMERS,
    ForceShiftedLJ,
    GlassFormer,
    HarmonicSpheres,
    SmoothedInversePower,
    SmoothedLJ,
)
from gnnglass.testing import example_of, example_snapshot
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


@pytest.mark.parametrize(("dimension", "n"), [(2, 49), (3, 90)])
def test_the_virial_is_the_double_sum(dimension, n):
    system, snapshot = mixture(dimension), example_snapshot(dimension, n, seed=3)
    expected = 0.0
    shifts = [np.array(image) * snapshot.box for image in product((-1, 0, 1), repeat=dimension)]
    for i, j in combinations(range(n), 2):
        names = tuple(sorted(snapshot.type_names[snapshot.types[k]] for k in (i, j)))
        for shift in shifts:
            r = np.linalg.norm(snapshot.positions[j] + shift - snapshot.positions[i])
            expected += r * system.potentials[names].force(r)
    assert system.virial(snapshot) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", GLASS_FORMERS.names())
def test_the_pressure_is_minus_the_derivative_of_the_energy_by_the_volume(name):
    system, h = GLASS_FORMERS.create(name), 1e-6
    snapshot = example_of(system)
    energies, volumes = [], []
    for stretch in (1 + h, 1 - h):
        energies.append(
            system.energies(
                snapshot.replace(box=stretch * snapshot.box, positions=stretch * snapshot.positions)
            ).sum()
        )
        volumes.append(np.prod(stretch * snapshot.box))
    expected = -(energies[0] - energies[1]) / (volumes[0] - volumes[1])
    assert system.pressure(snapshot, 0.0) == pytest.approx(expected, rel=1e-4)
    ideal = system.pressure(snapshot, 0.7) - system.pressure(snapshot, 0.0)
    assert ideal == pytest.approx(0.7 * system.density)


@pytest.mark.parametrize(("name", "dimension"), [("ipl2d", 2), ("ipl3d", 3)])
def test_the_virial_of_inverse_powers_follows_from_the_energy(name, dimension):
    """W = n U for r^(−n): exact but for the smoothing at the cutoff."""
    system = GLASS_FORMERS.create(name)
    snapshot = example_of(system)
    energy = system.energies(snapshot).sum()
    assert system.virial(snapshot) == pytest.approx(12 * energy, rel=2e-3)


def test_a_pair_of_harmonic_spheres_in_closed_form():
    system = GlassFormer(
        "pair", 3, {"A": 1.0}, 2 / 216, {("A", "A"): HarmonicSpheres(epsilon=2.0, sigma=1.0)}
    )
    pair = Snapshot(np.full(3, 6.0), [[-2.9, 0, 0], [2.6, 0, 0]], [0, 0], ("A",))
    np.testing.assert_allclose(system.energies(pair), [0.125, 0.125])
    np.testing.assert_allclose(system.forces(pair), [[1, 0, 0], [-1, 0, 0]], atol=1e-12)
    assert system.virial(pair) == pytest.approx(0.5)
    assert system.pressure(pair, kT=3.0) == pytest.approx(2 / 216 * 3 + 0.5 / (3 * 216))


def test_published_numbers():
    """What the papers say in other words than the parameters do."""
    glass = GLASS_FORMERS.create
    assert glass("ka3d").counts(4096) == (3277, 819)  # as in the BOTAN data
    assert glass("ka3d").box(4096)[0] == pytest.approx(15.05658, abs=1e-5)
    assert glass("ka2d-ternary").counts(1290) == (600, 330, 360)
    assert glass("ka2d-ternary").box(1290)[0] == pytest.approx(32.8962)
    assert glass("wahnstrom3d").density == pytest.approx(1.296)
    ipl = glass("ipl3d")
    sigma = {pair: potential.sigma for pair, potential in ipl.potentials.items()}
    cubed = sum(0.25 * (1 + (a != b)) * s**3 for (a, b), s in sigma.items())
    assert ipl.density * cubed == pytest.approx(1)
    # Grigera, Cavagna, Giardina & Parisi (2002) give the diameters in units of the effective one.
    assert sigma["A", "A"] / cubed ** (1 / 3) == pytest.approx(0.905365, abs=1e-6)
    assert sigma["B", "B"] / cubed ** (1 / 3) == pytest.approx(1.086438, abs=1e-6)
    harmonic = glass("harmonic3d")
    assert harmonic.density * np.pi / 12 * (1 + 1.4**3) == pytest.approx(0.662, abs=5e-4)


def test_the_ternary_mixture_is_that_of_the_published_configurations():
    """σ and ε of the model KA2-2D, in the public code of Jung, Biroli & Berthier."""
    potentials = GLASS_FORMERS.create("ka2d-ternary").potentials
    sigma = {"AA": 1.0, "AB": 0.8, "AC": 0.9, "BB": 0.88, "BC": 0.8, "CC": 0.94}
    epsilon = {"AA": 1.0, "AB": 1.5, "AC": 0.75, "BB": 0.5, "BC": 1.5, "CC": 0.75}
    assert {"".join(pair): p for pair, p in potentials.items()} == {
        pair: SmoothedLJ(epsilon[pair], sigma[pair], 2.5 * sigma[pair]) for pair in sigma
    }


def test_forces_vanish_in_a_published_inherent_structure(real_data):
    """Of 1290 particles, types 1, 2 and 3 by rows, by Jung, Biroli & Berthier (StructDynGlass)."""
    path = real_data / "StructDynGlass" / "1_inherent.xyz"
    if not path.is_file():
        pytest.skip(
            f"data/Cnf-100000/1_inherent.xyz of GerhardJung/StructDynGlass is not at {path}"
        )
    rows = np.loadtxt(path, skiprows=9, max_rows=1290)
    box = [32.8962, 32.8962]
    snapshot = Snapshot(box, rows[:, 1:], rows[:, 0].astype(int) - 1, ("A", "B", "C"))
    forces = GLASS_FORMERS.create("ka2d-ternary").forces(snapshot)
    assert np.sqrt((forces**2).sum(axis=1).mean()) < 0.05


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, scale=st.floats(0.8, 1.25))
def test_inverse_powers_know_no_length(seed, scale):
    """Stretching a configuration of r^(−12) particles multiplies its energy by a power."""
    bare = {("A", "A"): SmoothedInversePower(1.0, 1.0, 12, 2.5)}
    wide = {("A", "A"): SmoothedInversePower(1.0, 1.0, 12, 2.5 * scale)}
    snapshot = example_snapshot(2, 49, seed).replace(types=np.zeros(49), type_names=("A",))
    stretched = snapshot.replace(box=scale * snapshot.box, positions=scale * snapshot.positions)
    np.testing.assert_allclose(
        GlassFormer("wide", 2, {"A": 1.0}, 1.0, wide).energies(stretched) * scale**12,
        GlassFormer("bare", 2, {"A": 1.0}, 1.0, bare).energies(snapshot),
        rtol=1e-9,
    )


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
        ({"dimension": 4}, "has 4 dimensions; expected 2 or 3"),
        ({"density": -1.0}, "is -1; expected a positive number"),
        ({"composition": {"A": 1.5, "B": -0.5}}, "the fraction of A in 'kam2d' is 1.5"),
    ],
)
def test_refuses_an_incomplete_definition(changes, message):
    system = mixture(2)
    parameters = {**{key: getattr(system, key) for key in system.__dataclass_fields__}, **changes}
    with pytest.raises(InputError, match=message):
        GlassFormer(**parameters)
