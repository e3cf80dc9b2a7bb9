"""Each command on the smallest of data."""

import re
from dataclasses import asdict
from typing import Any

import gsd.hoomd
import numpy as np
import pandas as pd
import pytest
from command import gnnglass

from gnnglass import study
from gnnglass.models import GraphRecipe
from gnnglass.simulate import ENGINES, Ensemble, IsoconfigurationalProtocol, Protocol
from gnnglass.systems import glass_former
from gnnglass.testing import example_snapshot
from gnnglass.training import TrainedClassifier, TrainingOptions
from gnnglass.trajectories import Snapshot, Trajectory, read, write

COMMANDS = (
    *("demo", "run", "report", "list", "show", "simulate", "ensemble", "status", "train"),
    *("explain", "inherent", "relaxation", "dynamics", "structure", "compare"),
    *("correlation-length", "convert"),
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
    done = gnnglass()
    assert all(command in done.out + done.err for command in COMMANDS)


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


def test_simulate_takes_every_parameter_of_a_protocol(tmp_path):
    given = Protocol(
        n_particles=196,
        kT=0.9,
        kT_melt=1.5,
        melt_steps=30,
        cooling_rate=2.0,
        hold_steps=20,
        n_frames=2,
        frame_interval=10,
        dt=0.002,
        friction=3.0,
        seed=8,
    )
    assert given.model_fields_set == set(Protocol.model_fields)
    out = tmp_path / "run.gsd"
    options = [f"--{key.replace('_', '-')}={value}" for key, value in given.model_dump().items()]
    done = gnnglass("simulate", "kam2d", "-o", out, *options)
    assert done.code == 0, done.err
    assert read(out).metadata["protocol"] == given.model_dump(mode="json")


def test_train_stores_a_classifier(classifier):
    loaded = TrainedClassifier.load(classifier)
    assert (loaded.labels, loaded.level, loaded.system) == (
        ("liquid", "glass"), "inherent", "kam2d",
    )  # fmt: skip


def test_train_takes_indicators_and_balls(runs, tmp_path):
    out, files = tmp_path / "fields.safetensors", sorted(runs.glob("*.inherent.gsd"))
    train = ("train", *files, "-o", out, "--model=linear", "--epochs=1")
    fed = ("--indicator=potential-energy", "--indicator=tong-tanaka")
    done = gnnglass(*train, *fed, "--supervision=ball", "--ball-radius=2.5")
    assert done.code == 0, done.err
    loaded = TrainedClassifier.load(out)
    assert loaded.recipe.indicators == ("potential-energy", "tong-tanaka")
    assert loaded.recipe.system == "kam2d"
    assert loaded.record["options"]["ball_radius"] == 2.5
    explained = tmp_path / "explained.gsd"
    done = gnnglass("explain", out, files[0], "-o", explained)
    assert done.code == 0, done.err
    for wrong, said in (
        (("--indicator=energy",), "unknown structural indicator 'energy'"),
        (("--ball-radius=2.5",), "supervision is 'local'; set supervision to ball"),
        (("--supervision=ball", "--ball-radius=50"), "ball_radius is 50; expected less than half"),
    ):
        done = gnnglass(*train, *wrong, "--overwrite")
        assert done.code == 1 and said in done.err, done.err


def test_train_takes_what_the_tables_of_study_files_take(runs, tmp_path):
    out, files = tmp_path / "net.safetensors", sorted(runs.glob("*.inherent.gsd"))
    train = ("train", *files, "-o", out, "--epochs=1", "--seed=3")
    done = gnnglass(
        *train,
        *("--recipe=r_max=1.6", "--recipe=indicators=['potential-energy']", "--recipe=n-angular=2"),
        *("--model-option=n_radial=6", "--model-option=hidden=8", "--model-option=n_layers=1"),
        *("--training=learning_rate=1e-4", "--training=supervision=ball"),
        "--training=ball_radius=2.5",
    )
    assert done.code == 0, done.err
    loaded = TrainedClassifier.load(out)
    assert isinstance(loaded.recipe, GraphRecipe)
    assert (loaded.recipe.r_max, loaded.recipe.n_angular) == (1.6, 2)
    assert loaded.recipe.indicators == ("potential-energy",)
    assert {key: loaded.model_options[key] for key in ("n_radial", "hidden", "n_layers")} == {
        "n_radial": 6, "hidden": 8, "n_layers": 1,
    }  # fmt: skip
    assert loaded.record["options"] == asdict(
        TrainingOptions(learning_rate=1e-4, supervision="ball", ball_radius=2.5, epochs=1, seed=3)
    )
    for wrong, said in (
        ("--recipe=r_mx=1.6", "'r_mx' (did you mean 'r_max'?)"),
        ("--recipe=r_max=wide", "r_max is 'wide', expected float"),
        ("--recipe=system=kam2d", "system is that of the runs (--system)"),
        ("--recipe=type_names=['A']", "type_names follows from the configurations"),
        ("--recipe=r_max", "--recipe was given 'r_max'; expected KEY=VALUE, such as r_max=1.5"),
        ("--model-option=n_layer=2", "(did you mean 'n_layers'?)"),
        ("--model-option=n_species=3", "cannot have n_species = 3: its recipe gives it 2"),
        ("--model-option=n_fields=1", "cannot have n_fields = 1: its recipe gives it 0"),
        ("--model-option=r_max=9.0", "cannot have r_max = 9.0: its recipe gives it"),
        ("--model-option=n_classes=3", "n_classes is 3, but classifiers tell two classes"),
        ("--training=learn_rate=1", "no option learn_rate (did you mean 'learning_rate'?)"),
        ("--training=learning_rate=-1", "learning_rate is -1"),
        ("--training=patience=soon", "patience is 'soon', expected"),
        ("--training=epochs=2", "epochs is given twice, by --training and by itself"),
    ):
        done = gnnglass(*train, wrong)
        assert done.code == 1 and said in done.err and done.err.count("\n") == 1, done.err
    done = gnnglass(*train, "--recipe=r_max=1", "--recipe=r-max=2")
    assert done.code == 1 and "--recipe gives r_max twice" in done.err


def test_a_classifier_without_test_runs_says_so(runs, tmp_path):
    out, files = tmp_path / "all.safetensors", sorted(runs.glob("*.inherent.gsd"))
    train = ("train", *files, "-o", out, "--model=linear", "--epochs=1")
    done = gnnglass(*train, "--test=0")
    assert done.code == 0, done.err
    assert "no run was held out, so how well it does on others is not known" in done.out
    assert "AUC" not in done.out and "next: gnnglass explain" in done.err
    loaded = TrainedClassifier.load(out)
    assert (loaded.split.test, len(loaded.split.train), len(loaded.split.validation)) == ((), 4, 2)
    assert "no run was held out" in loaded._repr_html_()
    shown = gnnglass("show", out).out
    assert "test           no run was held out" in shown
    done = gnnglass(*train, "--test=-0.1")
    assert done.code == 1 and "expected a share between 0 and 1, or 0 for no test" in done.err
    done = gnnglass(*train, "--validation=0")
    assert done.code == 1 and "validation is 0; expected a share between 0 and 1." in done.err


def test_train_takes_patterns_that_name_the_classes(runs, tmp_path):
    out = tmp_path / "cnn.safetensors"
    done = gnnglass(
        *("train", "-o", out, "--model=voxel-cnn", "--epochs=1"),
        *(f"--class=hot={runs}/liquid-?.gsd", f"--class=cold={runs}/glass-?.gsd", "--explain=hot"),
    )
    assert done.code == 0, done.err
    assert "thermal level" in done.out and "explains hot" in done.out
    loaded = TrainedClassifier.load(out)
    assert (loaded.level, loaded.labels, loaded.explained) == ("thermal", ("cold", "hot"), "hot")
    assert set(loaded.split.test) <= {f"{p}-{k}" for p in ("liquid", "glass") for k in range(3)}
    explained = tmp_path / "explained.gsd"
    done = gnnglass("explain", out, runs / "glass-0.gsd", "-o", explained)
    assert done.code == 0, done.err
    assert "P(hot)" in done.out and read(explained).metadata["explained"]["target"] == "hot"


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
    np.testing.assert_allclose(
        importance["glass-0"], importance["glass-0.inherent"], atol=1e-3 * largest
    )


def test_explain_another_class_and_method(runs, classifier, tmp_path):
    source, out = runs / "glass-0.inherent.gsd", tmp_path / "out.gsd"
    options = ("--attribution=random", "--target=liquid", "--field=noise")
    done = gnnglass("explain", classifier, source, "-o", out, *options)
    assert done.code == 0, done.err
    assert "P(liquid)" in done.out
    assert all("particles/gnnglass/noise" in log for log in log_fields(out))


def test_dynamics_runs_clones_once_and_analyses_those_of_others(runs, tmp_path):
    first, second = tmp_path / "first.gsd", tmp_path / "second.gsd"
    lags = ("--n-clones=3", "--last-lag=100", "--n-lags=3")
    command = ("dynamics", runs / "glass-0.gsd", "-o", first, *lags, "--workers=2")
    done = gnnglass(*command)
    assert done.code == 0, done.err
    kept = Ensemble(tmp_path / "first.clones")
    made = {path: path.stat().st_mtime_ns for path in kept.folder.rglob("*.gsd")}
    assert len(kept) == 3
    first.unlink()
    assert gnnglass(*command).code == 0
    assert {path: path.stat().st_mtime_ns for path in made} == made
    facts = read(first).metadata
    assert (facts["run"], facts["isoconfigurational"]["n_clones"]) == ("glass-0", 3)

    # The same clones in one file, as an engine makes them.
    start, protocol = read(runs / "glass-0.gsd")[-1], facts["isoconfigurational"]
    assert protocol["lag_steps"][-1] == 100
    at_once = ENGINES.create("lammps").isoconfigurational(
        glass_former("kam2d"), start, IsoconfigurationalProtocol(**protocol), tmp_path / "all.gsd"
    )
    done = gnnglass("dynamics", at_once, "-o", second)
    assert done.code == 0, done.err
    (logs,), (same,) = log_fields(first), log_fields(second)
    for field in ("propensity", "propensity_cage_relative", "tau_bond", "tau_overlap"):
        values = logs[f"particles/gnnglass/{field}"]
        assert np.isfinite(values).all() and values.shape == (144,)
        np.testing.assert_array_equal(values, same[f"particles/gnnglass/{field}"])


ENSEMBLE = """
system = {{ name = "{system}", n_particles = 144 }}
simulate = {{ runs = 2, seed = 4 }}
[phases.glass]
kT = 0.3
kT_melt = 1.0
melt_steps = 50
hold_steps = 50
n_frames = 2
frame_interval = 20
[phases.aged]
kT = 0.3
kT_melt = 1.0
melt_steps = 50
waiting_steps = [1, 10]
"""


def test_an_ensemble_is_simulated_and_told(tmp_path):
    file, out = tmp_path / "ensemble.toml", tmp_path / "runs"
    file.write_text(ENSEMBLE.format(system="kam2d"))
    done = gnnglass("ensemble", file, "-o", out, "--workers=2")
    assert done.code == 0, done.err
    assert f"{out}: 4 runs" in done.out
    ensemble = Ensemble(out)
    assert list(ensemble) == ["glass-000", "glass-001", "aged-000", "aged-001"]
    again = ensemble["glass-000"].protocol
    assert isinstance(again, Protocol)
    ensemble.plan("kam2d", {"bad": again.replace(seed=9)})
    ensemble["bad"].fail("the moon was full.")
    told = gnnglass("status", out)
    assert told.code == 0, told.err
    assert "5 runs: 4 done, 0 running, 1 failed, 0 planned" in told.out
    assert "failed: bad: the moon was full." in told.out
    each = gnnglass("status", out, "--all").out
    assert all(name in each for name in ensemble)


def test_status_of_a_study_tells_runs_and_clones(tmp_path):
    for folder in ("runs", "dynamics"):
        Ensemble(tmp_path / folder).plan("kam2d", {"a": Protocol(
            n_particles=144, kT=1.0, seed=1, n_frames=1, frame_interval=1, hold_steps=1
        )})  # fmt: skip
    out = gnnglass("status", tmp_path).out
    for folder in ("runs", "dynamics"):
        assert f"{tmp_path / folder}: 1 runs: 0 done, 0 running, 0 failed, 1 planned" in out


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


def test_structure_says_what_it_leaves_out_and_refuses_it_where_it_is_asked_for(tmp_path):
    source, out = tmp_path / "mine.gsd", tmp_path / "out.gsd"
    write(source, Trajectory([example_snapshot(2)]))
    done = gnnglass("structure", source, "-o", out)
    assert done.code == 0, done.err
    (line,) = [one for one in done.out.splitlines() if one.startswith("left out: ")]
    assert "potential-energy, tong-tanaka (no glass former is stated)" in line
    assert "steinhardt-q6-averaged (not defined in 2D)" in line
    (log,) = log_fields(out)
    assert "particles/gnnglass/hexatic_order" in log
    assert "particles/gnnglass/potential_energy" not in log
    done = gnnglass("structure", source, "-o", out, "--indicator=potential-energy", "--overwrite")
    assert done.code == 1 and "needs to know the glass former" in done.err


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
    assert -1 <= row["estimate"] <= 1
    # Of three runs there is no interval; the runs themselves stand in the table and are printed.
    assert np.isnan(row["low"]) and row["note"].startswith("3 runs only: ")
    assert row["note"] in done.out


@pytest.fixture
def annotated(tmp_path):
    """Three runs: y is the sum of x and z, which vary over the box, and noise."""
    rng = np.random.default_rng(0)
    files = [tmp_path / f"annotated-{k}.gsd" for k in range(3)]
    for path in files:
        positions = rng.uniform(-6, 6, (200, 2))
        x, z = np.sin(np.pi * positions.T / 6) + 0.2 * rng.normal(size=(2, 200))
        y = x + z + 0.5 * rng.normal(size=200)
        types, fields = rng.integers(2, size=200), {"x": x, "y": y, "z": z}
        write(path, Trajectory([Snapshot([12, 12], positions, types, fields=fields)], {}))
    return files


def test_compare_holds_fields_fixed_and_says_what_is_gained(annotated, tmp_path):
    table = tmp_path / "table.csv"
    fields = ("--predictor=x", "--predictor=z", "--target=y", "--given=z", "--species=A")
    smoothing = ("--length=0.1", "--length=0.5", "--same-species")
    done = gnnglass("compare", *annotated, *fields, *smoothing, "-o", table)
    assert done.code == 0, done.err
    rows = pd.read_csv(table, keep_default_na=False)
    assert list(rows.predictor + "|" + rows.given) == ["x|", "x|", "x|z", "x|z", "z|", "z|"]
    assert "when x is added to z, A particles: +0." in done.out
    assert "when z is added" not in done.out


@pytest.mark.parametrize(("method", "more"), [("top-decile", True), ("bottom-decile", False)])
def test_compare_counts_the_extremes(annotated, tmp_path, method, more):
    table = tmp_path / "table.csv"
    fields = ("--predictor=x", "--target=y", f"--method={method}")
    assert gnnglass("compare", *annotated, *fields, "-o", table).code == 0
    assert ((pd.read_csv(table).estimate > 0.1) == more).all()


def test_compare_leaves_out_who_has_no_target_and_says_so(annotated, tmp_path):
    hole = np.where(np.arange(200) < 3, np.nan, 0.0)
    for path in annotated:
        (one,) = read(path)
        marked = one.with_fields(y=one.field("y") + hole, y_censored=hole)
        write(path, Trajectory([marked], {}), overwrite=True)
    fields = ("--predictor=x", "--target=y", "--given=z", "--species=A")
    done = gnnglass("compare", *annotated, *fields)
    assert done.code == 0, done.err
    assert re.search(r"note: [.\d]+% of the A particles have no y and are left out", done.out)
    assert re.search(r"Gain .* [.\d]+% of the particles have no y and are left out\.", done.out)


def test_correlation_length_prints_and_writes_what_it_found(annotated, tmp_path):
    table = tmp_path / "table.csv"
    done = gnnglass("correlation-length", *annotated, "--field=x", "--species=all", "-o", table)
    assert done.code == 0, done.err
    assert done.out.startswith("Correlation length of x, all particles: ")
    assert "the box is too small: the best fit has ξ = " in done.out
    (row,) = pd.read_csv(table).to_dict("records")
    assert (row["field"], row["n_runs"], row["edge"]) == ("x", 3, 12.0)


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


def test_convert_takes_a_box_for_plain_xyz(tmp_path):
    source, out = tmp_path / "t.xyz", tmp_path / "out.gsd"
    source.write_text("2\nAtoms. Timestep: 7\nA 1 2 0\nB 3 1 0\n")
    refused = gnnglass("convert", source, "-o", out)
    assert refused.code != 0 and "give the edges, with" in refused.err and not out.exists()
    for box, said in (
        ("ten", "--box was given 'ten'"),
        ("5", "box has shape"),
        ("-5,5", "positive"),
    ):
        refused = gnnglass("convert", source, "-o", out, f"--box={box}")
        assert refused.code != 0 and said in refused.err
    done = gnnglass("convert", source, "-o", out, "--box=5,6")
    assert done.code == 0, done.err
    (snapshot,) = read(out)
    assert snapshot.step == 7
    np.testing.assert_allclose(snapshot.box, [5, 6])
    np.testing.assert_allclose(snapshot.positions, [[1, 2], [-2, 1]], atol=1e-6)


def test_demo_is_the_study_that_comes_along(monkeypatch, tmp_path):
    asked: dict[str, Any] = {}

    def note(definition, folder, **options):
        asked.update(study=definition, folder=folder, **options)

    monkeypatch.setattr(study, "run_study", note)
    done = gnnglass("demo", "-o", tmp_path / "demo", "--workers=2", "--scheduler=tcp://a:1")
    assert done.code == 0, done.err
    assert asked["study"].system.name == "kam2d"
    assert (asked["folder"], asked["workers"]) == (tmp_path / "demo", 2)
    assert asked["scheduler"] == "tcp://a:1"


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
