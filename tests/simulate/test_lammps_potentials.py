"""Every potential on LAMMPS, by formula or by table, against the oracle."""

import tempfile
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import short_protocol

from gnnglass.errors import InputError, SimulationError
from gnnglass.simulate import ENGINES
from gnnglass.simulate.inherent import separated
from gnnglass.simulate.lammps import pair_commands
from gnnglass.systems import (
    GLASS_FORMERS,
    ForceShiftedLJ,
    GlassFormer,
    HarmonicSpheres,
    PairPotential,
    ShiftedLJ,
    SmoothedInversePower,
    SmoothedLJ,
    inner_radius,
)
from gnnglass.testing import example_of
from gnnglass.trajectories import Snapshot, neighbor_pairs


@dataclass(frozen=True)
class GaussianCore(PairPotential):
    """A form LAMMPS is not told of: bounded at zero, with a force that ends in a jump."""

    epsilon: float
    cutoff: float

    def energy(self, r):
        r = np.asarray(r, dtype=float)
        inside = np.exp(-(r**2)) - np.exp(-(self.cutoff**2))
        return np.where(r < self.cutoff, self.epsilon * inside, 0.0)

    def force(self, r):
        r = np.asarray(r, dtype=float)
        return np.where(r < self.cutoff, self.epsilon * 2 * r * np.exp(-(r**2)), 0.0)


def of_all_kinds(dimension):
    """One pair by each of LAMMPS' formulas and two by tables of different potentials."""
    return GlassFormer(
        name="all-kinds",
        dimension=dimension,
        composition={"A": 0.4, "B": 0.3, "C": 0.3},
        density=1.1,
        potentials={
            ("A", "A"): ForceShiftedLJ(1.0, 1.0, 2.5),
            ("A", "B"): ShiftedLJ(1.5, 0.8, 2.0),
            ("A", "C"): HarmonicSpheres(20.0, 1.2),
            ("B", "B"): SmoothedInversePower(1.0, 0.9, 12, 2.2),
            ("B", "C"): GaussianCore(3.0, 1.5),
            ("C", "C"): SmoothedLJ(1.0, 1.1, 2.4),
        },
    )


SYSTEMS = {
    **{name: GLASS_FORMERS.create(name) for name in GLASS_FORMERS},
    "all-kinds 2D": of_all_kinds(2),
    "all-kinds 3D": of_all_kinds(3),
}


@pytest.fixture(scope="module")
def engine():
    return ENGINES.create("lammps")


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The folder in which temporary ones are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", SYSTEMS)
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_energies_and_forces_equal_the_oracle(engine, name, seed):
    system = SYSTEMS[name]
    snapshot = example_of(system, seed)
    energies, forces = engine.energies_and_forces(system, snapshot)
    for mine, oracle in ((energies, system.energies(snapshot)), (forces, system.forces(snapshot))):
        scale = np.abs(oracle).max()
        np.testing.assert_allclose(mine, oracle, rtol=1e-9, atol=1e-11 * scale)
    assert energies.sum() == pytest.approx(system.energies(snapshot).sum(), rel=1e-9)


def radial(system, pair, distances, engine):
    """Energy and force of two particles at given distances, by LAMMPS."""
    types = [system.species.index(name) for name in pair]
    box = np.full(system.dimension, 3 * system.r_max)
    values = []
    for r in distances:
        positions = np.zeros((2, system.dimension))
        positions[1, 0] = r
        snapshot = Snapshot(box, positions, types, system.species)
        energies, forces = engine.energies_and_forces(system, snapshot)
        values.append((energies.sum(), forces[1, 0]))
    return np.array(values).T


@pytest.mark.parametrize("pair", [("B", "B"), ("B", "C"), ("C", "C"), ("A", "C")], ids="".join)
def test_tables_are_precise_from_end_to_end(engine, pair):
    system = of_all_kinds(3)
    potential = system.potentials[pair]
    low = inner_radius(potential) * (1 + 1e-6)
    r = np.concatenate([[low], np.linspace(low, potential.cutoff * (1 + 1e-9), 40)[1:]])
    energy, force = radial(system, pair, r, engine)
    outer = r > 2 / 3 * potential.cutoff
    for mine, oracle in ((energy, potential.energy(r)), (force, potential.force(r))):
        floor = 1e-9 * np.abs(oracle[outer]).max()
        np.testing.assert_allclose(mine, oracle, rtol=1e-9, atol=floor)


@pytest.mark.parametrize(
    ("name", "style", "shift"),
    [
        ("kam2d", "pair_style lj/smooth/linear 2.5", False),
        ("wahnstrom3d", "pair_style lj/cut 2.5", True),
        ("harmonic3d", "pair_style harmonic/cut", False),
        ("ipl3d", "pair_style table spline ", False),
        ("ka2d-ternary", "pair_style table spline ", False),
        ("all-kinds 2D", "pair_style hybrid lj/smooth/linear 2.5 lj/cut 2.5 harmonic/cut ", True),
    ],
)
def test_formulas_are_used_where_there_are_some(tmp_path, name, style, shift):
    commands = pair_commands(SYSTEMS[name], tmp_path)
    assert commands[0].startswith(style)
    assert commands.count("pair_modify shift yes") == shift
    n = len(SYSTEMS[name].species)
    assert sum(line.startswith("pair_coeff") for line in commands) == n * (n + 1) // 2
    tables = {"ipl3d": 3, "ka2d-ternary": 6, "all-kinds 2D": 3}.get(name, 0)
    assert len(list(tmp_path.iterdir())) == tables


def test_table_files_do_not_outlive_their_reading(engine, scratch):
    system = GLASS_FORMERS.create("ipl2d")
    ENGINES.create("lammps").energies_and_forces(system, example_of(system))
    assert list(scratch.iterdir()) == []


def test_folders_with_spaces_are_no_trouble(tmp_path, monkeypatch):
    spaced = tmp_path / "my scratch"
    spaced.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spaced))
    system = GLASS_FORMERS.create("ipl2d")
    snapshot = example_of(system)
    energies, _ = ENGINES.create("lammps").energies_and_forces(system, snapshot)
    np.testing.assert_allclose(energies, system.energies(snapshot), rtol=1e-9)


def test_refuses_a_potential_that_is_too_rough(engine):
    class Step(GaussianCore):
        def energy(self, r):
            return super().energy(r) + (np.asarray(r) < 1)

    system = GlassFormer("steps", 2, {"A": 1.0}, 1.0, {("A", "A"): Step(1.0, 2.0)})
    with pytest.raises(InputError, match="use a potential without kinks"):
        engine.energies_and_forces(system, example_of(system))


def random_points(name, n=256, seed=0):
    system = SYSTEMS[name]
    rng = np.random.default_rng(seed)
    box = system.box(n)
    types = rng.permutation(np.repeat(np.arange(len(system.species)), system.counts(n)))
    positions = (rng.random((n, system.dimension)) - 0.5) * box
    positions[1] = positions[0]
    return Snapshot(box, positions, types, system.species)


def test_pairs_closer_than_a_table_are_refused(engine):
    system = SYSTEMS["ipl3d"]
    with pytest.raises(SimulationError, match="two particles are closer than any pair of a liquid"):
        engine.energies_and_forces(system, random_points("ipl3d"))
    # The engine is fit for use afterwards.
    snapshot = example_of(system)
    energies, _ = engine.energies_and_forces(system, snapshot)
    np.testing.assert_allclose(energies, system.energies(snapshot), rtol=1e-9)


@pytest.mark.parametrize("name", ["ipl2d", "kam2d"])
def test_overlapping_particles_are_separated_and_minimised(engine, name):
    system, points = SYSTEMS[name], random_points(name)
    apart = separated(system, points)
    pairs = neighbor_pairs(apart, 1.0)
    names = np.array(system.species)[apart.types]
    nearest = {pair: inner_radius(p) for pair, p in system.potentials.items()}
    for i, j, r in zip(pairs.i, pairs.j, pairs.distances, strict=True):
        assert r >= nearest[tuple(sorted((names[i], names[j])))]
    assert separated(system, apart) is apart
    minimum = engine.minimize(system, apart)
    assert np.abs(system.forces(minimum)).max() < 1e-5


def test_too_many_particles_cannot_be_separated():
    system = GLASS_FORMERS.create("ipl2d")
    positions = (np.random.default_rng(0).random((60, 2)) - 0.5) * 3
    crowd = Snapshot([3.0, 3.0], positions, np.repeat([0, 1], 30))
    with pytest.raises(SimulationError, match="could not move them apart; start from"):
        separated(system, crowd)


#: Time step, kT, mean potential energy per particle and pressure, as the docstrings state them.
REFERENCE = {
    "kam2d": (0.005, 0.6, -2.725, 10.65),
    "abm2d": (0.002, 3.0, 7.80, 115.6),
    "ka3d": (0.005, 0.7, -5.70, 7.5),
    "ka2d-ternary": (0.005, 0.5, -2.334, 7.09),
    "wahnstrom3d": (0.005, 0.8, -5.639, 9.59),
    "ipl2d": (0.005, 0.36, 2.951, 13.50),
    "ipl3d": (0.005, 0.3, 2.249, 6.91),
    "harmonic3d": (0.02, 4e-3, 6.63e-3, 3.135e-2),
}


@pytest.mark.validate
@pytest.mark.parametrize("name", GLASS_FORMERS.names())
def test_reference_states(engine, tmp_path, name):
    """Short runs of another seed than that of the docstrings: energies to 2 %, pressures to 3 %."""
    system = GLASS_FORMERS.create(name)
    dt, kT, energy, pressure = REFERENCE[name]
    protocol = short_protocol(
        n_particles=1024,
        kT=kT,
        kT_melt=3 * kT,
        dt=dt,
        seed=2,
        n_frames=20,
        frame_interval=200,
        melt_steps=2000,
        hold_steps=4000,
        cooling_rate=kT / (1000 * dt),
    )
    frames = engine.run(system, protocol, tmp_path / "run.gsd")
    energies = [system.energies(frame).mean() for frame in frames]
    pressures = [system.pressure(frame, kT) for frame in frames]
    assert np.mean(energies) == pytest.approx(energy, rel=0.02)
    assert np.mean(pressures) == pytest.approx(pressure, rel=0.03)
