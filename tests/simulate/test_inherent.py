import numpy as np
import pytest
from mixtures import mixture, short_protocol
from scipy.optimize import minimize

from gnnglass.errors import FileError, GnnglassError, InputError, SimulationError
from gnnglass.simulate import ENGINES, Engine, inherent, inherent_structures, minimise_files
from gnnglass.systems import glass_former
from gnnglass.testing import example_of, example_snapshot
from gnnglass.trajectories import Trajectory, read, write

DIMENSIONS = pytest.mark.parametrize("dimension", [2, 3])


@pytest.fixture(scope="module", params=[2, 3], ids=["2D", "3D"])
def run(request, engine, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "run.gsd"
    return mixture(request.param), engine.run(mixture(request.param), short_protocol(), out)


def by_scipy(system, snapshot):
    """The minimum that L-BFGS finds with the oracle's energies and forces."""

    def energy_and_gradient(flat):
        moved = snapshot.replace(positions=flat.reshape(snapshot.positions.shape))
        return system.energies(moved).sum(), -system.forces(moved).ravel()

    options = {"maxiter": 5000, "maxfun": 20_000, "gtol": 1e-8, "ftol": 1e-16, "maxcor": 30}
    found = minimize(
        energy_and_gradient,
        snapshot.positions.ravel(),
        jac=True,
        method="L-BFGS-B",
        options=options,
    )
    return snapshot.replace(positions=found.x.reshape(snapshot.positions.shape))


def test_forces_vanish_and_the_energy_is_lower(engine, run):
    system, trajectory = run
    for snapshot in trajectory:
        minimum = engine.minimize(system, snapshot)
        assert np.abs(system.forces(minimum)).max() < 2e-6
        assert minimum.field("potential_energy").sum() < system.energies(snapshot).sum()
        np.testing.assert_array_equal(minimum.field("potential_energy"), system.energies(minimum))
        np.testing.assert_array_equal(minimum.types, snapshot.types)
        np.testing.assert_array_equal(minimum.box, snapshot.box)
        assert minimum.step == snapshot.step


def test_positions_stay_unwrapped(engine, run):
    system, trajectory = run
    shifted = trajectory[0].replace(positions=trajectory[0].unwrapped + 3.3)
    minimum = engine.minimize(system, shifted)
    # Some particles go far on the way down, but none through the box of 12 or 5.
    assert np.abs(minimum.unwrapped - shifted.unwrapped).max() < 2
    without = engine.minimize(system, shifted.replace(images=None))
    assert without.images is None
    np.testing.assert_array_equal(without.positions, minimum.positions)


@DIMENSIONS
def test_an_independent_minimiser_finds_the_same_minimum(engine, dimension):
    system = mixture(dimension)
    snapshot = example_snapshot(dimension, 216 if dimension == 3 else 81)
    bottom = engine.minimize(system, snapshot)
    noise = np.random.default_rng(0).normal(scale=0.01, size=bottom.positions.shape)
    # Close to a minimum, so that both minimisers start in its basin.
    start = bottom.replace(positions=bottom.positions + noise)
    ours, theirs = engine.minimize(system, start), by_scipy(system, start)
    energy = system.energies(theirs).sum()
    assert ours.field("potential_energy").sum() == pytest.approx(energy, rel=1e-9)
    drift = ours.minimum_image(ours.positions - theirs.positions)
    np.testing.assert_allclose(drift - drift.mean(axis=0), 0, atol=1e-4)


def test_the_result_does_not_depend_on_the_engine_s_past(engine):
    system = mixture(2)
    first, second = example_snapshot(2, seed=1), example_snapshot(2, seed=1)
    second = second.replace(positions=-second.positions, box=second.box * 1.01)
    alone = ENGINES.create(engine.name).minimize(system, first)
    engine.minimize(system, second)
    after = engine.minimize(system, first)
    np.testing.assert_array_equal(after.positions, alone.positions)


@DIMENSIONS
def test_overlapping_particles_come_apart(engine, dimension):
    system, snapshot = mixture(dimension), example_snapshot(dimension)
    rng = np.random.default_rng(4)
    positions = rng.uniform(-0.5, 0.5, snapshot.positions.shape) * snapshot.box
    minimum = engine.minimize(system, snapshot.replace(positions=positions))
    assert np.abs(system.forces(minimum)).max() < 2e-6
    assert minimum.field("potential_energy").mean() < -2


def test_boxes_may_differ_between_frames(engine):
    system, snapshot = mixture(2), example_snapshot(2)
    for factor in (1.0, 1.05, 0.97):
        scaled = snapshot.replace(box=snapshot.box * factor, positions=snapshot.positions * factor)
        minimum = engine.minimize(system, scaled)
        np.testing.assert_array_equal(minimum.box, scaled.box)
        assert np.abs(system.forces(minimum)).max() < 2e-6


def test_a_whole_trajectory(run):
    system, trajectory = run
    calls = []
    inherent = inherent_structures(system, trajectory, progress=lambda *done: calls.append(done))
    assert inherent.metadata == {**trajectory.metadata, "level": "inherent"}
    assert [snapshot.step for snapshot in inherent] == [snapshot.step for snapshot in trajectory]
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert inherent_structures(system, inherent) is inherent


def test_minimising_twice_changes_nothing(engine, run):
    system, trajectory = run
    minimum = engine.minimize(system, trajectory[0])
    again = engine.minimize(system, minimum)
    np.testing.assert_allclose(again.unwrapped, minimum.unwrapped, atol=1e-6)


def test_published_inherent_energy(engine, real_data):
    """E_IS / N of configuration 1 of the BOTAN set (Shiba et al., J. Chem. Phys. 158, 084503)."""
    path = real_data / "botan_ka3d_T0.44" / "isoconfig_N4096T0.44_1_tc07.npz"
    if not path.is_file():
        pytest.skip(f"the BOTAN data are not at {path}")
    minimum = engine.minimize(glass_former("ka3d"), read(path)[0])
    assert minimum.field("potential_energy").mean() == pytest.approx(-6.8380, abs=1e-3)


def test_a_trajectory_in_memory_will_do(engine):
    snapshots = [example_snapshot(2, seed=seed) for seed in (0, 1)]
    inherent = inherent_structures(mixture(2), Trajectory(snapshots))
    assert inherent.metadata == {"system": mixture(2).identity, "level": "inherent"}
    assert len(inherent) == 2


def test_minima_that_are_kept_are_not_sought_again(engine, run, tmp_path, monkeypatch):
    system, trajectory = run
    options = {"engine": engine.name, "keep": tmp_path / "kept"}
    first = inherent_structures(system, trajectory[:2], **options)
    sought = []
    minimize = type(engine).minimize
    monkeypatch.setattr(
        type(engine), "minimize", lambda *given: sought.append(1) or minimize(*given)
    )
    again = inherent_structures(system, trajectory, **options)
    assert (len(sought), len(list((tmp_path / "kept").iterdir()))) == (1, 3)
    for one, other in zip(first, again, strict=False):
        np.testing.assert_array_equal(one.positions, other.positions)
        field = "potential_energy"
        np.testing.assert_array_equal(one.field(field), other.field(field))
    fresh = inherent_structures(system, trajectory[:1], engine.name)[0]
    np.testing.assert_allclose(first[0].unwrapped, fresh.unwrapped, atol=1e-6)
    np.testing.assert_array_equal(first[0].field(field), fresh.field(field))


def test_a_minimum_is_known_by_all_that_it_depends_on(engine, tmp_path):
    snapshot = example_snapshot(2)
    changed = [
        snapshot,
        snapshot.replace(positions=snapshot.positions + 1e-6),
        snapshot.replace(types=snapshot.types[::-1]),
        snapshot.replace(box=snapshot.box * 1.01),
        snapshot.replace(images=np.zeros(snapshot.positions.shape)),
        snapshot.replace(step=7),
    ]
    for k, one in enumerate(changed):
        inherent_structures(mixture(2), Trajectory([one]), engine.name, keep=tmp_path)
        assert len(list(tmp_path.iterdir())) == k + 1
    fields = snapshot.with_fields(other=np.zeros(len(snapshot)))
    inherent_structures(mixture(2), Trajectory([fields]), engine.name, keep=tmp_path)
    assert len(list(tmp_path.iterdir())) == len(changed)
    other = glass_former("abm2d")
    alone = Trajectory([snapshot])
    inherent_structures(other, alone, engine.name, keep=tmp_path, accept=["composition"])
    assert len(list(tmp_path.iterdir())) == len(changed) + 1


def test_a_folder_that_cannot_be_written_is_refused_before_minimising(
    engine, tmp_path, monkeypatch
):
    monkeypatch.setattr(type(engine), "minimize", None)
    (tmp_path / "file").touch()
    trajectory = Trajectory([example_snapshot(2)])
    with pytest.raises(FileError, match="cannot write"):
        inherent_structures(mixture(2), trajectory, engine.name, keep=tmp_path / "file")


@pytest.fixture
def minimised(monkeypatch):
    """Steps of the frames that are minimised, by the only worker there is: this process."""
    steps = []
    whole = Engine.minimize

    def minimize(self, system, snapshot):
        steps.append(snapshot.step)
        return whole(self, system, snapshot)

    def run(tasks, **options):
        for task in tasks:
            task()

    monkeypatch.setattr(Engine, "minimize", minimize)
    monkeypatch.setattr(inherent, "run_parallel", run)
    return steps


@pytest.fixture
def files(tmp_path):
    """Two runs of three frames, numbered through, and where their minima go."""
    found = {}
    for k in range(2):
        source = tmp_path / f"{k}.gsd"
        frames = [example_of("kam2d", seed=3 * k + j).replace(step=3 * k + j) for j in range(3)]
        write(source, Trajectory(frames, {"system": "kam2d", "kT": 1.0}))
        found[source] = tmp_path / "minima" / f"{k}.inherent.gsd"
    return found


def test_files_are_minimised_like_trajectories_and_once(files, minimised):
    assert minimise_files(files) == list(files.values())
    assert sorted(minimised) == list(range(6))
    for source, out in files.items():
        made, expected = read(out), inherent_structures("kam2d", source)
        for mine, theirs in zip(made, expected, strict=True):
            assert mine.step == theirs.step
            np.testing.assert_array_equal(mine.positions, theirs.positions.astype(np.float32))
            np.testing.assert_array_equal(
                mine.field("potential_energy"), theirs.field("potential_energy")
            )
        assert made.metadata["minimised"] == {"source": str(source), "engine": "lammps"}
        assert (made.metadata["level"], made.metadata["kT"]) == ("inherent", 1.0)
    before = {path: path.stat().st_ino for path in files.values()}
    minimised.clear()
    assert minimise_files({str(source): str(out) for source, out in files.items()})
    assert (minimised, {path: path.stat().st_ino for path in files.values()}) == ([], before)
    folder = next(iter(before)).parent
    assert {path.name for path in folder.iterdir()} == {
        *(path.name for path in before),
        *(f".{path.name}.record" for path in before),
    }


@pytest.mark.parametrize("what", ["input", "option", "product", "cut", "record"])
def test_a_product_of_something_else_is_noticed_and_made_anew(files, minimised, what):
    (source, out), *_ = files.items()
    minimise_files({source: out})
    options = {}
    if what == "input":
        write(source, Trajectory(list(read(source))[:2], {"system": "kam2d"}))
    elif what == "option":
        options = {"accept": ["temperature"]}
    elif what == "product":
        write(out, read(source))
    elif what == "cut":
        out.write_bytes(out.read_bytes()[:-10])
    else:
        (out.parent / f".{out.name}.record").write_text("{}")
    minimised.clear()
    # What is cut is nobody's product.
    minimise_files({source: out}, overwrite=what == "cut", **options)
    assert minimised == [0, 1, 2][: len(read(source))]
    assert [frame.step for frame in read(out)] == minimised
    assert read(out).metadata["level"] == "inherent"


def test_killed_work_goes_on_at_the_frame_where_it_was(files, minimised, monkeypatch):
    (source, out), *_ = files.items()

    def killed(path, trajectory, **options):
        if len(minimised) == 2:
            raise KeyboardInterrupt
        return write(path, trajectory, **options)

    monkeypatch.setattr(inherent, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        minimise_files({source: out})
    assert not out.exists()
    monkeypatch.setattr(inherent, "write", write)
    minimise_files({source: out})
    assert minimised == [0, 1, 1, 2]
    assert len(read(out)) == 3
    assert not [path for path in out.parent.iterdir() if path.name.endswith(".minima")]


def test_a_file_that_is_refused_does_not_stop_the_others(files, minimised, tmp_path):
    (source, out), (second, last) = files.items()
    for name, facts in (("minima", {"level": "inherent"}), ("mine", {}), ("ka3d", {})):
        write(tmp_path / f"{name}.gsd", Trajectory([example_snapshot(2)], facts))
    bad = {tmp_path / f"{name}.gsd": tmp_path / "x.gsd" for name in ("minima", "mine", "none")}
    told: dict[str, GnnglassError] = {}
    made = minimise_files(
        {**bad, source: out, second: last},
        refused=lambda path, error: told.__setitem__(path.stem, error),
    )
    assert made == [out, last] and all(path.is_file() for path in made)
    assert "holds inherent structures already" in str(told["minima"])
    assert "does not name its glass former" in str(told["mine"])
    assert "there is no file" in str(told["none"])
    with pytest.raises(InputError, match="does not name its glass former"):
        minimise_files({tmp_path / "mine.gsd": tmp_path / "x.gsd", source: out})
    with pytest.raises(FileError, match="is read here"):
        minimise_files({source: source})


def test_a_frame_without_a_minimum_is_named_and_its_file_is_not_written(files, monkeypatch):
    whole = Engine.minimize

    def minimize(self, system, snapshot):
        if snapshot.step == 4:
            raise SimulationError("it blew up.")
        return whole(self, system, snapshot)

    failed = []

    def run(tasks, **options):
        for task in tasks:
            try:
                task()
            except SimulationError as error:
                failed.append(f"{task.name}: {error}")
        raise SimulationError(failed[0])

    monkeypatch.setattr(Engine, "minimize", minimize)
    monkeypatch.setattr(inherent, "run_parallel", run)
    (_, out), (second, last) = files.items()
    with pytest.raises(SimulationError, match=rf"^{second}: frame 1 \(step 4\) .* it blew up"):
        minimise_files(files)
    assert out.exists() and not last.exists()
    # Other parts of the file go on to their own frames, and not to those of others.
    assert len(failed) == 1


@pytest.mark.parametrize("n", [1, 5, 16, 17, 100])
def test_parts_of_a_file_are_all_its_frames_each_once(n, tmp_path):
    made = inherent._Minimisation(
        tmp_path, tmp_path, read, glass_former("kam2d"), "lammps", {}, n, "", {}, False
    )
    assert len(made.parts) <= inherent.MOST_PARTS
    assert [k for part in made.parts for k in part.chosen] == list(range(n))
