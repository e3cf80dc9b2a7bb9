"""Each command on the smallest of data."""

import gsd.hoomd
import numpy as np
import pandas as pd
import pytest
from command import gnnglass

from gnnglass import study
from gnnglass.dynamics import IsoconfigurationalEnsemble
from gnnglass.training import TrainedClassifier
from gnnglass.trajectories import read

COMMANDS = (
    *("demo", "run", "report", "list", "simulate", "train"),
    *("explain", "dynamics", "structure", "compare", "convert"),
)
DUMP = """ITEM: TIMESTEP
7
ITEM: NUMBER OF ATOMS
3
ITEM: BOX BOUNDS pp pp pp
0 10
0 10
-0.5 0.5
ITEM: ATOMS id type x y
1 1 1.0 2.0
2 2 {second} 5.0
3 1 8.0 9.0
"""


def log_fields(path):
    with gsd.hoomd.open(path) as trajectory:
        return [frame.log for frame in trajectory]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_does(command):
    done = gnnglass(command, "--help")
    assert done.code == 0
    assert f"gnnglass {command}" in done.out


def test_without_a_command_all_are_listed():
    out = gnnglass().out
    assert all(command in out for command in COMMANDS)


def test_list_names_what_is_registered():
    out = gnnglass("list").out
    for name in ("kam2d", "lammps", "gsd", "message-passing", "graph-gradcam", "hexatic-order"):
        assert name in out


def test_simulate_writes_thermal_and_inherent_frames(runs):
    thermal, inherent = read(runs / "glass-1.gsd"), read(runs / "glass-1.inherent.gsd")
    assert len(thermal) == len(inherent) == 2
    assert thermal.metadata["phase"] == inherent.metadata["phase"] == "glass"
    assert (thermal.metadata["kT"], thermal.metadata["run"]) == (0.2, "glass-1")
    assert (thermal.metadata["level"], inherent.metadata["level"]) == ("thermal", "inherent")
    assert inherent[0].field("potential_energy").mean() < -1


def test_train_stores_a_classifier(classifier):
    loaded = TrainedClassifier.load(classifier)
    assert (loaded.labels, loaded.level, loaded.system) == (
        ("liquid", "glass"), "inherent", "kam2d",
    )  # fmt: skip


def test_train_takes_patterns_that_name_the_classes(runs, tmp_path):
    out = tmp_path / "cnn.safetensors"
    done = gnnglass(
        *("train", "-o", out, "--model=voxel-cnn", "--epochs=1"),
        *(f"--liquid={runs}/liquid-?.gsd", f"--glass={runs}/glass-?.gsd"),
    )
    assert done.code == 0, done.err
    assert "thermal level" in done.out
    loaded = TrainedClassifier.load(out)
    assert loaded.level == "thermal"
    assert set(loaded.split.test) <= {f"{phase}-{k}" for phase in loaded.labels for k in range(3)}


def test_explain_minimises_on_the_way_if_the_classifier_wants_it(runs, classifier, tmp_path):
    importance = {}
    for name in ("glass-0", "glass-0.inherent"):
        out = tmp_path / f"{name}.gsd"
        done = gnnglass("explain", classifier, runs / f"{name}.gsd", "-o", out)
        assert done.code == 0, done.err
        assert "P(glass)" in done.out
        assert read(out).metadata["level"] == "inherent"
        importance[name] = [log["particles/gnnglass/importance"] for log in log_fields(out)]
    assert np.shape(importance["glass-0"]) == (2, 144)
    # The second were read back in the single precision of GSD before they were explained.
    largest = np.abs(importance["glass-0"]).max()
    np.testing.assert_allclose(*importance.values(), atol=1e-3 * largest)


def test_explain_another_class_and_method(runs, classifier, tmp_path):
    source, out = runs / "glass-0.inherent.gsd", tmp_path / "out.gsd"
    options = ("--attribution=random", "--target=liquid", "--field=noise")
    done = gnnglass("explain", classifier, source, "-o", out, *options)
    assert done.code == 0, done.err
    assert "P(liquid)" in done.out
    assert all("particles/gnnglass/noise" in log for log in log_fields(out))


def test_dynamics_runs_clones_and_analyses_kept_ones(runs, tmp_path):
    first, second = tmp_path / "first.gsd", tmp_path / "second.gsd"
    options = ("--n-clones=3", "--last-lag=100", "--n-lags=3")
    done = gnnglass("dynamics", runs / "glass-0.gsd", "-o", first, *options)
    assert done.code == 0, done.err
    clones = tmp_path / "first.clones.gsd"
    ensemble = IsoconfigurationalEnsemble.from_trajectory(read(clones))
    assert ensemble.n_clones == 3
    assert ensemble.times[-1] == pytest.approx(100 * 0.005)
    done = gnnglass("dynamics", clones, "-o", second)
    assert done.code == 0, done.err
    (logs,), (same,) = log_fields(first), log_fields(second)
    for field in ("propensity", "propensity_cage_relative", "tau_bond", "tau_overlap"):
        values = logs[f"particles/gnnglass/{field}"]
        assert np.isfinite(values).all() and values.shape == (144,)
        np.testing.assert_array_equal(values, same[f"particles/gnnglass/{field}"])


def test_structure_writes_all_indicators_or_those_that_are_asked_for(runs, tmp_path):
    out = tmp_path / "out.gsd"
    assert gnnglass("structure", runs / "liquid-0.gsd", "-o", out).code == 0
    thermal = log_fields(out)[0]
    assert {"particles/gnnglass/hexatic_order", "particles/gnnglass/local_density"} <= set(thermal)
    options = ("--inherent", "--indicator=potential-energy")
    assert gnnglass("structure", runs / "liquid-0.gsd", "-o", out, *options).code == 0
    inherent = log_fields(out)[0]
    assert "particles/gnnglass/hexatic_order" not in inherent
    energy = "particles/gnnglass/potential_energy"
    assert inherent[energy].mean() < thermal[energy].mean()


def test_compare_prints_and_writes_the_table(runs, tmp_path):
    files = []
    for k in range(3):
        files.append(tmp_path / f"{k}.gsd")
        assert gnnglass("structure", runs / f"glass-{k}.inherent.gsd", "-o", files[-1]).code == 0
    table = tmp_path / "table.csv"
    fields = ("--predictor=local_density", "--target=potential_energy", "--species=A")
    done = gnnglass("compare", *files, *fields, "-o", table)
    assert done.code == 0, done.err
    assert "local_density" in done.out
    (row,) = pd.read_csv(table).to_dict("records")
    assert (row["method"], row["species"], row["n_runs"]) == ("spearman", "A", 3)
    assert -1 <= row["low"] <= row["estimate"] <= row["high"] <= 1


@pytest.mark.parametrize("second", ["4.0", "14.0", "-6.0"], ids=["in", "above", "below"])
def test_convert_wraps_particles_outside_the_box(tmp_path, second):
    source, out = tmp_path / "dump.atom", tmp_path / "out.gsd"
    source.write_text(DUMP.format(second=second))
    done = gnnglass("convert", source, "-o", out, "--system=kam2d", "--phase=glass")
    assert done.code == 0, done.err
    with gsd.hoomd.open(out) as trajectory:
        (frame,) = trajectory
    assert frame.configuration.step == 7
    np.testing.assert_allclose(frame.particles.position[1, 0], 4.0 - 5.0, atol=1e-6)
    assert dict(read(out).metadata)["system"] == "kam2d"


def test_demo_is_the_study_that_comes_along(monkeypatch, tmp_path):
    asked = {}

    def note(definition, folder, **options):
        asked.update(study=definition, folder=folder, **options)

    monkeypatch.setattr(study, "run_study", note)
    done = gnnglass("demo", "-o", tmp_path / "demo", "--workers=2")
    assert done.code == 0, done.err
    assert asked["study"].system.name == "kam2d"
    assert (asked["folder"], asked["workers"]) == (tmp_path / "demo", 2)


def test_published_trajectory_by_others(real_data, classifier, tmp_path):
    source, out = tmp_path / "2ddump.u.atom", tmp_path / "out.gsd"
    whole = (real_data / "pymattersim_kalj" / "2ddump.u.atom").read_text()
    frames = whole.split("ITEM: TIMESTEP\n")[1:]
    assert len(frames) == 10
    source.write_text("".join(f"ITEM: TIMESTEP\n{frame}" for frame in frames[:2]))
    done = gnnglass("explain", classifier, source, "-o", out)
    assert done.code == 0, done.err
    with gsd.hoomd.open(out) as trajectory:
        assert [frame.particles.N for frame in trajectory] == [1000, 1000]
        for frame in trajectory:
            values = frame.log["particles/gnnglass/importance"]
            assert values.shape == (1000,) and np.isfinite(values).all() and values.std() > 0
