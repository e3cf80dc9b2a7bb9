"""Steepest descent against an independent integrator, and minimising what is hot."""

import numpy as np
import pytest
from mixtures import mixture, short_protocol
from scipy.integrate import solve_ivp

from gnnglass.errors import SimulationError
from gnnglass.simulate import ENGINES, inherent_structures
from gnnglass.simulate._descent import MAX_STAGES, _chebyshev_step, follow, steepest_descent
from gnnglass.systems import GLASS_FORMERS
from gnnglass.testing import example_of, example_snapshot
from gnnglass.trajectories import Trajectory

#: Müller & Brown, Theor. Chim. Acta 53, 75 (1979): three minima, with winding ridges between them.
MULLER_BROWN = np.array(
    [
        [-200, -1, 0, -10, 1, 0],
        [-100, -1, 0, -10, 0, 0.5],
        [-170, -6.5, 11, -6.5, -0.5, 1.5],
        [15, 0.7, 0.6, 0.7, -1, 1],
    ]
)


def muller_brown(position):
    """Force at positions of shape [1, 2]."""
    x, y = position[0]
    force = np.zeros(2)
    for height, a, b, c, x0, y0 in MULLER_BROWN:
        dx, dy = x - x0, y - y0
        value = height * np.exp(a * dx**2 + b * dx * dy + c * dy**2)
        force -= value * np.array([2 * a * dx + b * dy, b * dx + 2 * c * dy])
    return force[None]


def by_lsoda(forces, start, time):
    path = solve_ivp(
        lambda _, flat: forces(flat.reshape(start.shape)).ravel(),
        (0, time), start.ravel(), method="LSODA", rtol=1e-9, atol=1e-9,
    )  # fmt: skip
    return path.y[:, -1].reshape(start.shape)


def test_every_start_ends_in_the_basin_it_lies_in():
    rng = np.random.default_rng(0)
    ends = []
    for start in rng.uniform([-1.6, -0.3], [1.1, 1.9], (60, 2)):
        found = follow(steepest_descent(start[None], spacing=0.5), muller_brown)
        true = by_lsoda(muller_brown, start[None], 5.0)
        np.testing.assert_allclose(found.positions, true, atol=1e-2)
        ends.append(tuple(np.round(true[0], 1)))
    assert len(set(ends)) == 3


@pytest.mark.parametrize("stages", [2, 5, 17, MAX_STAGES])
def test_a_step_is_of_second_order_and_stable(stages):
    """On dx/dt = −λx: exact up to the third power, and no growth as far as is claimed."""

    def after_one(rate):
        def force(x):
            return -rate * x

        start = np.ones((1, 1))
        end = follow(_chebyshev_step(start, force(start), 1.0, stages, 1e9), force)
        assert end is not None
        return end[0, 0]

    for rate, tolerance in ((1e-2, 1e-6), (1e-3, 1e-9)):
        assert after_one(rate) == pytest.approx(np.exp(-rate), abs=tolerance)
    for rate in np.linspace(0.1, ((stages - 1) ** 2 - 1) / 1.54 + 1e-9, 50):
        assert abs(after_one(rate)) <= 1


def test_an_unstable_step_is_given_up_before_forces_are_asked_for_where_it_leads():
    """Beyond a wall that the largest curvature at the start does not tell of."""
    asked = []

    def force(x):
        asked.append(x)
        return np.where(np.abs(x) < 1e-3, 0.01, 1e6)

    start = np.zeros((1, 1))
    assert follow(_chebyshev_step(start, force(start), 1.0, 2, spacing=0.1), force) is None
    assert np.abs(asked).max() < 0.1


def test_the_stiffness_is_the_largest_curvature():
    curvatures = np.array([[1.0, 30.0], [400.0, 7.0]])
    start = np.full((2, 2), 0.3)
    found = follow(steepest_descent(start, spacing=1.0), lambda x: -curvatures * x)
    assert found.stiffness == pytest.approx(400, rel=1e-3)
    assert np.abs(found.positions).max() < 1e-2


#: Much above what is simulated: particles forget within a time unit where they were.
HOT = {"abm2d": 16.0, "ipl2d": 2.0, "ipl3d": 2.0, "harmonic3d": 1.0}


@pytest.mark.parametrize("name", GLASS_FORMERS.names())
def test_hot_liquids_have_inherent_structures(engine, tmp_path, name):
    system, kT = GLASS_FORMERS.create(name), HOT.get(name, 4.0)
    protocol = short_protocol(
        n_particles=len(example_of(system)), kT=kT, kT_melt=kT, dt=0.001, melt_steps=500,
        n_frames=2, frame_interval=200,
    )  # fmt: skip
    run = engine.run(system, protocol, tmp_path / "run.gsd")
    for minimum in inherent_structures(system, run, engine.name):
        assert np.abs(system.forces(minimum)).max() < 2e-6


def test_a_frame_without_a_minimum_is_named(engine, monkeypatch):
    snapshots = [example_snapshot(2, seed=seed).replace(step=10 * seed) for seed in (1, 2)]
    minimize = type(engine).minimize

    def failing(self, system, snapshot):
        if snapshot.step == 20:
            raise SimulationError("no minimum was reached.")
        return minimize(self, system, snapshot)

    monkeypatch.setattr(type(engine), "minimize", failing)
    with pytest.raises(SimulationError, match=r"frame 1 \(step 20\) .* no minimum was reached\."):
        inherent_structures(mixture(2), Trajectory(snapshots), engine.name)


def test_minimising_gives_no_advice_about_time_steps():
    """Where LAMMPS stops, there was no dt to be made smaller."""
    engine = ENGINES.create("lammps")
    system = GLASS_FORMERS.create("ipl2d")
    snapshot = example_of(system)
    twice = snapshot.positions.copy()
    twice[1] = twice[0]
    with pytest.raises(SimulationError, match="check that positions, length unit") as caught:
        engine.energies_and_forces(system, snapshot.replace(positions=twice))
    assert "dt" not in str(caught.value)
