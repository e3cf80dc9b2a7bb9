"""Liquids of both engines against the thermostat, each other and published figures.

About a quarter of an hour on two cores: ``pytest -m validate tests/simulate/test_physics.py``.
"""

from functools import partial
from itertools import combinations_with_replacement

import numpy as np
import pytest
from scipy import stats

from gnnglass.errors import MissingExtraError
from gnnglass.simulate import ENGINES, Ensemble, Protocol, inherent_structures
from gnnglass.simulate._state import State, Stretch, lattice_start, maxwell_velocities
from gnnglass.simulate.equilibration import assess
from gnnglass.systems import glass_former
from gnnglass.trajectories import read

pytestmark = pytest.mark.validate

N_RUNS = 10
#: Particles and temperature of liquids that relax within two intervals between frames.
LIQUIDS = {"kam2d": (400, 1.5), "ka3d": (500, 1.0)}
#: Chance that engines which agree fail one comparison.
LEVEL = 1e-3

SYSTEMS = pytest.mark.parametrize("name", list(LIQUIDS))
BOTH = pytest.mark.parametrize("engine", ["lammps", "hoomd"])


def liquid(name, seed):
    n, kT = LIQUIDS[name]
    return Protocol(
        n_particles=n,
        kT=kT,
        kT_melt=2.0,
        melt_steps=2000,
        cooling_rate=0.1,
        hold_steps=2000,
        frame_interval=1000,
        n_frames=14,
        seed=seed,
    )


@pytest.fixture(scope="module")
def liquids(tmp_path_factory):
    """Trajectories of independent runs by system, engine and level, simulated when asked for."""
    folder = tmp_path_factory.mktemp("liquids")

    def trajectories(name, engine, level="thermal"):
        try:
            ENGINES.create(engine)
        except MissingExtraError as error:
            pytest.skip(str(error))
        ensemble = Ensemble(folder / f"{name}-{engine}")
        # Both engines begin from the same lattices, but their noise differs from the first step.
        protocols = {f"run-{seed}": liquid(name, seed) for seed in range(N_RUNS)}
        ensemble.plan(name, protocols, engine=engine)
        ensemble.run(description=f"{name}, {engine}")
        return [ensemble.load(run, level) for run in ensemble]

    return trajectories


def per_run(trajectories, quantity):
    """Mean over the frames of each run, shape [n_runs, ...]."""
    return np.array([np.mean([quantity(s) for s in frames], axis=0) for frames in trajectories])


def potential_energy(snapshot):
    return snapshot.field("potential_energy").mean()


def radial_distribution(snapshot, a, b, edges):
    """g_ab(r) from every pair of particles, shape [len(edges) − 1]."""
    first, second = (snapshot.positions[snapshot.of_type(name)] for name in (a, b))
    distances = np.linalg.norm(snapshot.minimum_image(first[:, None] - second), axis=-1)
    n_second = len(second)
    if a == b:
        distances = distances[~np.eye(len(first), dtype=bool)]
        n_second -= 1
    seen = np.histogram(distances, edges)[0]
    d = snapshot.dimension
    shells = {2: np.pi, 3: 4 * np.pi / 3}[d] * np.diff(edges**d)
    return seen / (len(first) * n_second * shells / np.prod(snapshot.box))


@SYSTEMS
@BOTH
def test_the_temperature_is_the_one_that_was_set(liquids, name, engine):
    runs = liquids(name, engine)
    d, kT = runs[0][0].dimension, LIQUIDS[name][1]
    found = per_run(runs, lambda s: 2 * s.field("kinetic_energy").mean() / d)
    error = stats.sem(found)
    print(f"{name}, {engine}: kT = {found.mean():.4f} ± {error:.4f}, set {kT}")
    assert error < 0.01 * kT
    assert abs(found.mean() - kT) < 3 * error


@SYSTEMS
@pytest.mark.parametrize("quantity", ["energy", "pressure", "inherent energy"])
def test_engines_agree_in_the_mean(liquids, name, quantity):
    system, kT = glass_former(name), LIQUIDS[name][1]
    means, errors, samples = [], [], []
    for engine in ("lammps", "hoomd"):
        level = "inherent" if quantity == "inherent energy" else "thermal"
        measure = potential_energy
        if quantity == "pressure":
            measure = partial(system.pressure, kT=kT)
        samples.append(per_run(liquids(name, engine, level), measure))
        means.append(samples[-1].mean())
        errors.append(stats.sem(samples[-1]))
    found = stats.ttest_ind(*samples, equal_var=False)
    print(
        f"{name}, {quantity}: LAMMPS {means[0]:.4f} ± {errors[0]:.4f}, "
        f"HOOMD {means[1]:.4f} ± {errors[1]:.4f}, t = {found.statistic:.2f}"
    )
    assert max(errors) < 0.01 * abs(means[0])
    assert found.pvalue > LEVEL


@SYSTEMS
def test_engines_agree_in_every_radial_distribution(liquids, name):
    edges = np.arange(0.6, 3.01, 0.08)
    both = [liquids(name, engine) for engine in ("lammps", "hoomd")]
    for a, b in combinations_with_replacement(glass_former(name).species, 2):
        measure = partial(radial_distribution, a=a, b=b, edges=edges)
        samples = [per_run(runs, measure) for runs in both]
        # Where hardly any pair is found its number is not normal.
        common = np.mean(np.concatenate(samples), axis=0) > 0.05
        found = stats.ttest_ind(*(sample[:, common] for sample in samples), equal_var=False)
        error = np.hypot(*(stats.sem(sample[:, common]) for sample in samples))
        print(
            f"{name}, g_{a}{b}: {common.sum()} bins, largest |t| "
            f"{np.abs(found.statistic).max():.2f}, mean t² {np.mean(found.statistic**2):.2f}, "
            f"largest standard error {error.max():.3f}"
        )
        assert common.sum() > 20
        assert error.max() < 0.1
        assert found.pvalue.min() > LEVEL / common.sum()
        # Many small differences count as well; the t² of neighbouring bins are correlated.
        assert np.mean(found.statistic**2) < 3


@SYSTEMS
@BOTH
def test_a_liquid_is_called_equilibrated(liquids, name, engine):
    found = [assess(glass_former(name), run) for run in liquids(name, engine)]
    verdicts = [one.verdict for one in found]
    print(f"{name}, {engine}: {verdicts}")
    assert verdicts.count("equilibrated") >= N_RUNS - 2


@BOTH
def test_a_2d_run_stays_in_the_plane(liquids, engine):
    """In the engine's own memory, since a 2D snapshot has no third coordinate."""
    images = [frame.images for run in liquids("kam2d", engine) for frame in run]
    assert np.shape(images)[2] == 2
    assert np.any(images)
    for run in liquids("kam2d", engine):
        unwrapped = np.array([frame.unwrapped for frame in run])
        # A crossing that was miscounted would be a jump by the box, which is 18 long.
        assert np.abs(np.diff(unwrapped, axis=0)).max() < 9
    runner, system, protocol = ENGINES.create(engine), glass_former("kam2d"), liquid("kam2d", 0)
    velocities = maxwell_velocities(protocol.generator("a test"), 400, 2, 2.0)
    start = State(lattice_start(system, protocol), velocities)
    for _ in runner.advance(system, start, Stretch(0, 6000, (2.0, 1.0), 0.005, 1.0, noise=7)):
        pass
    if engine == "lammps":
        gather = runner._session._lammps.gather_atoms
        kept = [np.array(gather(what, 1, 3)).reshape(-1, 3) for what in ("x", "v", "f")]
    else:
        particles = runner._session._simulation.state.get_snapshot().particles
        kept = [particles.position, particles.velocity]
    for values in kept:
        assert np.all(values[:, 2] == 0)
        assert np.all(np.std(values[:, :2], axis=0) > 0.5)


def test_the_inherent_energy_of_ka3d_at_0_70(tmp_path):
    ensemble = Ensemble(tmp_path)
    protocol = Protocol(
        n_particles=1000,
        kT=0.7,
        kT_melt=4.0,
        melt_steps=2000,
        cooling_rate=0.033,
        hold_steps=16_000,
        frame_interval=5000,
        n_frames=13,
        seed=0,
    )
    ensemble.plan("ka3d", {f"run-{k}": protocol.replace(seed=k) for k in range(4)})
    ensemble.run(description="ka3d at T = 0.70")
    inherent = [ensemble.load(run, "inherent") for run in ensemble]
    found = per_run(inherent, potential_energy)
    print(f"E_IS / N = {found.mean():.4f} ± {stats.sem(found):.4f}")
    for run in ensemble:
        print(assess(glass_former("ka3d"), ensemble.load(run)))
    assert stats.sem(found) < 0.005
    assert found.mean() == pytest.approx(-6.76, abs=0.01)


#: Inherent energies per particle of the published configurations (Shiba et al., J. Chem. Phys.
#: 158, 084503 (2023)), from an independent minimisation.
PUBLISHED = {
    1: -6.8380,
    2: -6.8498,
    3: -6.8427,
    4: -6.8605,
    5: -6.8507,
    6: -6.8550,
    7: -6.8435,
}


@BOTH
@pytest.mark.parametrize("number", PUBLISHED)
def test_published_inherent_energies(real_data, engine, number):
    path = real_data / "botan_ka3d_T0.44" / f"isoconfig_N4096T0.44_{number}_tc07.npz"
    if not path.is_file():
        pytest.skip(f"the BOTAN data are not at {path}")
    try:
        ENGINES.factory(engine)
    except MissingExtraError as error:
        pytest.skip(str(error))
    inherent = inherent_structures(glass_former("ka3d"), read(path)[:1], engine)
    assert potential_energy(inherent[0]) == pytest.approx(PUBLISHED[number], abs=1e-3)
