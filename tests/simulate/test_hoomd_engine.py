"""What is particular to HOOMD: the energy it leaves out, the images of the plane, its devices."""

import sys
from types import ModuleType

import numpy as np
import pytest
from mixtures import mixture, short_protocol

from gnnglass.errors import InputError, MissingExtraError
from gnnglass.registry import Registry
from gnnglass.simulate import hoomd as engine_module
from gnnglass.simulate._state import State, lattice_start, maxwell_velocities, stretches
from gnnglass.simulate.hoomd import INSTALL, load_hoomd
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import neighbor_pairs


@pytest.fixture
def engine():
    pytest.importorskip("hoomd", reason="HOOMD-blue is not installed here (it is on conda-forge)")
    return engine_module.HoomdEngine()


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_energy_that_hoomd_leaves_out_is_added(engine, dimension):
    """HOOMD's force-shifted pairs lack −φ(r_c); were that mended there, this would tell."""
    system, snapshot = mixture(dimension), example_snapshot(dimension)
    energies, _ = engine.energies_and_forces(system, snapshot)
    force = engine._session._simulation.operations.integrator.forces[0]
    lacking = energies.sum() - force.energies.sum()
    pairs = neighbor_pairs(snapshot, 2.5)
    types = np.sort(np.stack([snapshot.types[pairs.i], snapshot.types[pairs.j]]), axis=0)
    expected = 0.0
    for (a, b), potential in system.potentials.items():
        indices = [[system.species.index(a)], [system.species.index(b)]]
        inside = (types == indices).all(axis=0) & (pairs.distances < potential.cutoff)
        # φ(2.5 σ) of the plain Lennard-Jones potential, for every pair counted twice.
        expected -= 4 * potential.epsilon * (2.5**-12 - 2.5**-6) * inside.sum() / 2
    assert expected > 10
    assert lacking == pytest.approx(expected, rel=1e-9)


def test_images_off_the_plane_are_left_alone(engine):
    """In 2D HOOMD counts crossings of the box without thickness; they must not reach us."""
    system, protocol = mixture(2), short_protocol(kT=2.0, hold_steps=3000)
    start = lattice_start(system, protocol)
    melt = maxwell_velocities(np.random.default_rng(0), 196, 2, 2.0)
    [*_, last] = stretches(protocol.stages, protocol.frame_steps, protocol, 196)
    for _ in engine.advance(system, State(start, melt), last):
        pass
    particles = engine._session._simulation.state.get_snapshot().particles
    assert np.all(particles.position[:, 2] == 0)
    assert np.all(particles.velocity[:, 2] == 0)
    positions, crossed, velocities = engine.motion()
    assert positions.shape == crossed.shape == velocities.shape == (196, 2)


def test_all_frames_are_in_the_file(engine, tmp_path):
    """A writer that is not flushed loses frames; ours writes them all or none."""
    trajectory = engine.run(
        mixture(2), short_protocol(n_frames=51, frame_interval=5), tmp_path / "run.gsd"
    )
    assert len(trajectory) == 51


def test_minimising_needs_no_thermostat_and_survives_overlaps(engine):
    system, snapshot = mixture(2), example_snapshot(2)
    near = snapshot.positions.copy()
    near[1] = near[0] + 1e-3
    minimum = engine.minimize(system, snapshot.replace(positions=near))
    assert np.abs(system.forces(minimum)).max() < 2e-6


def test_devices(engine):
    if not engine._hoomd.device.GPU.is_available():
        with pytest.raises(InputError, match="sees no GPU"):
            engine_module.HoomdEngine(device="gpu")
    with pytest.raises(InputError, match="expected 'auto', 'cpu' or 'gpu'"):
        engine_module.HoomdEngine(device="tpu")
    assert engine_module.HoomdEngine(device="cpu").version.startswith(("4", "5", "6"))


def test_absent_hoomd_says_where_it_is(monkeypatch):
    registry: Registry[object] = Registry("engine", "gnnglass.simulate")
    registry.register("absent", needs="no_such_module", install=INSTALL)(object)
    with pytest.raises(MissingExtraError, match="conda install -c conda-forge"):
        registry.create("absent")
    monkeypatch.setitem(sys.modules, "hoomd", None)
    with pytest.raises(MissingExtraError, match="conda install -c conda-forge"):
        load_hoomd()


def test_old_hoomd_is_refused(monkeypatch):
    old = ModuleType("hoomd")
    old.version = ModuleType("hoomd.version")
    old.version.version = "3.11.0"
    monkeypatch.setitem(sys.modules, "hoomd", old)
    monkeypatch.setitem(sys.modules, "hoomd.md", ModuleType("hoomd.md"))
    with pytest.raises(MissingExtraError, match=r"3\.11\.0 is installed; expected 4 or later"):
        load_hoomd()
