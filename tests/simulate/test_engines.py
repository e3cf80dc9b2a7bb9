"""What every engine does alike: oracle, schedule, seeds, temperatures, refusals."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mixtures import mixture, short_protocol

from gnnglass.errors import InputError, SimulationError, UnknownNameError
from gnnglass.simulate import ENGINES, AgeingProtocol, IsoconfigurationalProtocol
from gnnglass.simulate._state import lattice_start, maxwell_velocities
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import read

DIMENSIONS = pytest.mark.parametrize("dimension", [2, 3])


def temperature(snapshot):
    return 2 * snapshot.field("kinetic_energy").mean() / snapshot.dimension


@DIMENSIONS
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000), n=st.integers(216, 343))
def test_energies_and_forces_equal_the_oracle(engine, dimension, seed, n):
    system, snapshot = mixture(dimension), example_snapshot(dimension, n, seed)
    energies, forces = engine.energies_and_forces(system, snapshot)
    expected = system.forces(snapshot)
    np.testing.assert_allclose(energies, system.energies(snapshot), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(forces, expected, rtol=1e-9, atol=1e-9)
    assert energies.sum() == pytest.approx(system.energies(snapshot).sum(), rel=1e-12)


@DIMENSIONS
def test_frames_of_a_liquid_carry_the_energies_of_the_oracle(engine, tmp_path, dimension):
    system = mixture(dimension)
    for snapshot in engine.run(system, short_protocol(), tmp_path / "run.gsd"):
        # Positions were rounded on their way through the file, energies were not.
        kept, oracle = snapshot.field("potential_energy"), system.energies(snapshot)
        np.testing.assert_allclose(kept, oracle, atol=1e-3)
        assert kept.sum() == pytest.approx(oracle.sum(), rel=1e-5)
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
    nearest = np.linalg.norm(apart, axis=-1)
    nearest = np.where(np.eye(n, dtype=bool), np.inf, nearest).min(axis=0)
    # Nobody is much closer to the next, or further from it, than on a perfect lattice.
    perfect = (1 / 1.2) ** (1 / dimension)
    assert nearest.min() > 0.85 * perfect
    assert nearest.max() < 1.05 * perfect
    if round(n ** (1 / dimension)) ** dimension == n:
        np.testing.assert_allclose(nearest, perfect)
    other = lattice_start(system, short_protocol(n_particles=n, seed=8))
    assert not np.array_equal(start.types, other.types)


def test_maxwell_velocities():
    velocities = maxwell_velocities(np.random.default_rng(0), 50_000, 3, 0.7)
    np.testing.assert_allclose(velocities.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(velocities.var(axis=0), 0.7, rtol=5 * np.sqrt(2 / 50_000))


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
    assert (facts["run"], facts["phase"]) == ("glass-0", "glass")
    assert facts["system"] == system.identity
    assert (facts["level"], facts["dt"], facts["kT"]) == ("thermal", 0.005, 0.5)
    assert facts["engine"] == engine.name
    assert facts["equilibration"]["verdict"] in ("equilibrated", "not equilibrated", "undecided")
    assert type(protocol)(**facts["protocol"]) == protocol
    assert set(facts["versions"]) == {"gnnglass", engine.name}
    assert calls[-1] == (protocol.frame_steps[-1],) * 2
    assert trajectory[0].dimension == dimension
    assert tuple(np.bincount(trajectory[0].types)) == system.counts(196)
    assert [path.name for path in tmp_path.iterdir()] == ["glass-0.gsd"]


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
        runner = engine if path is files[0] else ENGINES.create(engine.name)
        runner.run(mixture(2), short_protocol(seed=seed), path)
    first, again, other = (path.read_bytes() for path in files)
    assert first == again
    assert first != other


@DIMENSIONS
def test_the_thermostat_holds_its_temperature(engine, tmp_path, dimension):
    # Strong friction: the kinetic energy of one frame tells nothing of the next.
    protocol = short_protocol(
        n_particles=400, kT=0.8, friction=10.0, n_frames=25, frame_interval=100, hold_steps=1000
    )
    samples = [temperature(s) for s in engine.run(mixture(dimension), protocol, tmp_path / "r.gsd")]
    error = 0.8 * np.sqrt(2 / (400 * dimension * len(samples)))
    assert np.mean(samples) == pytest.approx(0.8, abs=5 * error)


def test_cooling_is_linear_and_ends_at_the_target(engine, tmp_path):
    # Cooled from 2.0 by 0.4 per 300 steps, five runs are stopped one after the other on the way.
    for k in range(1, 5):
        protocol = short_protocol(
            n_particles=900, kT=2.0 - 0.4 * k, friction=20.0, cooling_rate=0.4 / 1.5,
            melt_steps=300, hold_steps=0, n_frames=1,
        )  # fmt: skip
        assert protocol.cooling_steps == 300 * k
        [end] = engine.run(mixture(2), protocol, tmp_path / f"{k}.gsd")
        # What the lattice had too little of was made up for while melting.
        assert temperature(end) == pytest.approx(2.0 - 0.4 * k, rel=5 * np.sqrt(2 / 1800))


def test_waiting_times_are_counted_from_the_quench(engine, tmp_path):
    common = {"n_particles": 196, "kT": 0.3, "kT_melt": 2.0, "melt_steps": 300, "seed": 3}
    ageing = AgeingProtocol(**common, waiting_steps=(1, 10, 100, 1000))
    trajectory = engine.run(mixture(2), ageing, tmp_path / "ageing.gsd")
    assert [snapshot.step for snapshot in trajectory] == [301, 310, 400, 1300]
    energies = [snapshot.field("potential_energy").mean() for snapshot in trajectory]
    # It ages: from decade to decade the energy falls, but for vibrations at the very beginning.
    assert energies[3] < energies[2] < min(energies[:2])


def test_a_clone_is_the_same_alone_and_in_company(engine, tmp_path):
    snapshot = example_snapshot(2)
    protocol = IsoconfigurationalProtocol(kT=0.8, n_clones=3, lag_steps=(5, 60), seed=2)
    both = read(engine.isoconfigurational(mixture(2), snapshot, protocol, tmp_path / "a.gsd"))
    alone = protocol.replace(first_clone=2, n_clones=1)
    last = read(engine.isoconfigurational(mixture(2), snapshot, alone, tmp_path / "b.gsd"))
    assert [frame.step for frame in both] == [0, 5, 60, 5, 60, 5, 60]
    np.testing.assert_array_equal(both[6].unwrapped, last[2].unwrapped)
    assert not np.allclose(both[4].unwrapped, both[6].unwrapped, atol=0.01)


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
    with pytest.raises(SimulationError, match="try a smaller dt") as caught:
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


def test_unknown_engine_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match="hoomd, lammps"):
        ENGINES.create("gromacs")
