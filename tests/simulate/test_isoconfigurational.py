import numpy as np
import pytest
from mixtures import mixture, short_protocol

from gnnglass.simulate import ENGINES, IsoconfigurationalProtocol
from gnnglass.trajectories import read


@pytest.fixture(scope="module")
def engine():
    return ENGINES.create("lammps")


@pytest.fixture(scope="module", params=[2, 3], ids=["2D", "3D"])
def start(request, engine, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "run.gsd"
    return engine.run(mixture(request.param), short_protocol(hold_steps=1000), out)[-1]


def clones(engine, start, out, **changes):
    parameters = {"kT": 0.5, "n_clones": 24, "lag_steps": (1, 40), "seed": 3, **changes}
    protocol = IsoconfigurationalProtocol(**parameters)
    trajectory = read(engine.isoconfigurational(mixture(start.dimension), start, protocol, out))
    shape = (protocol.n_clones, len(protocol.lag_steps), *start.positions.shape)
    moved = np.array([snapshot.unwrapped for snapshot in trajectory[1:]]).reshape(shape)
    return trajectory, moved - trajectory[0].unwrapped


def test_layout(engine, start, tmp_path):
    trajectory, moved = clones(engine, start, tmp_path / "iso.gsd", n_clones=3)
    assert [snapshot.step for snapshot in trajectory] == [0, 1, 40, 1, 40, 1, 40]
    np.testing.assert_array_equal(trajectory[0].positions, start.positions)
    assert trajectory[0].images is not None
    facts = trajectory.metadata
    assert facts["isoconfigurational"]["n_clones"] == 3
    assert facts["isoconfigurational"]["lag_steps"] == [1, 40]
    assert (facts["run"], facts["dt"], facts["kT"]) == ("iso", 0.005, 0.5)
    assert np.abs(moved).max() < 1.5


def test_short_displacements_are_ballistic(engine, start, tmp_path):
    """Over clones, the variance of a displacement is kT t² at first, and the momentum is zero."""
    _, moved = clones(engine, start, tmp_path / "iso.gsd", n_clones=24)
    variance = moved[:, 0].var(axis=0, ddof=1).mean()
    degrees = moved[:, 0].size
    ballistic = 0.5 * 0.005**2
    assert variance == pytest.approx(ballistic, rel=5 * np.sqrt(2 / degrees) + 0.01)
    # What moves the centre is the first kick of the bath: √(γ dt / 2) of a free centre's speed.
    centre = moved[:, 0].mean(axis=1)
    assert np.abs(centre).max() < 5 * np.sqrt(0.005 / 2) * np.sqrt(ballistic / len(start))


def test_clones_differ_and_do_not_depend_on_how_many_there_are(engine, start, tmp_path):
    _, few = clones(engine, start, tmp_path / "few.gsd", n_clones=2)
    _, more = clones(engine, start, tmp_path / "more.gsd", n_clones=4)
    np.testing.assert_array_equal(few, more[:2])
    ends = more[:, 0].reshape(4, -1)
    assert np.abs(np.corrcoef(ends)[np.triu_indices(4, 1)]).max() < 0.25


def test_the_seed_decides_the_file(engine, start, tmp_path):
    files = [tmp_path / name / "iso.gsd" for name in "abc"]
    for path, seed in zip(files, (1, 1, 2), strict=True):
        clones(engine, start, path, seed=seed, n_clones=2)
    first, again, other = (path.read_bytes() for path in files)
    assert first == again
    assert first != other


def test_a_start_without_images_will_do(engine, start, tmp_path):
    bare = start.replace(images=None)
    trajectory, moved = clones(engine, bare, tmp_path / "iso.gsd", n_clones=1)
    assert not trajectory[0].images.any()
    assert np.abs(moved).max() < 1.5
