"""Commands that take many files: each is dealt with once, and none stops the others."""

from __future__ import annotations

import os

import numpy as np
import pytest
from command import gnnglass

from gnnglass.cli._options import made_of
from gnnglass.errors import InputError
from gnnglass.explain import GraphCAM, GraphGradCAM, GraphGradCAMAveraged
from gnnglass.simulate import Engine
from gnnglass.testing import example_of, example_snapshot
from gnnglass.training import TrainedClassifier
from gnnglass.trajectories import Trajectory, read, write


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def ask(*arguments):
    done = gnnglass(*arguments)
    assert done.code == 0, done.err
    return done


def test_inherent_gives_what_simulations_give_and_is_done_once(runs, tmp_path):
    (tmp_path / "many").mkdir()
    for name in ("glass-0", "liquid-1"):
        os.link(runs / f"{name}.gsd", tmp_path / "many" / f"{name}.gsd")
    (tmp_path / "many" / "notes.txt").write_text("milk")
    command = ("inherent", tmp_path / "many", "-o", tmp_path / "minima", "--workers=2")
    done = ask(*command)
    assert "notes.txt: it is no trajectory, and is left out" in done.err
    assert "next: gnnglass structure" in done.err
    assert visible(tmp_path / "minima") == ["glass-0.inherent.gsd", "liquid-1.inherent.gsd"]
    for name in ("glass-0", "liquid-1"):
        made, expected = (
            read(folder / f"{name}.inherent.gsd") for folder in (tmp_path / "minima", runs)
        )
        for mine, theirs in zip(made, expected, strict=True):
            np.testing.assert_array_equal(mine.positions, theirs.positions)
            np.testing.assert_array_equal(
                mine.fields["potential_energy"], theirs.fields["potential_energy"]
            )
        assert made.metadata["minimised"]["engine"] == "lammps"
        assert made.metadata["phase"] == expected.metadata["phase"]
    before = {path: path.stat().st_ino for path in (tmp_path / "minima").iterdir()}
    ask(*command)
    assert {path: path.stat().st_ino for path in (tmp_path / "minima").iterdir()} == before


def test_inherent_takes_the_options_of_files_and_stores_them(tmp_path, monkeypatch):
    asked = {}

    def run(tasks, **options):
        asked.update(options)
        here(tasks)

    monkeypatch.setattr("gnnglass.simulate.inherent.run_parallel", run)
    frames = [example_of("kam2d", seed=k).replace(step=k) for k in range(3)]
    swapped = [one.replace(type_names=("X", "Y")) for one in frames]
    write(tmp_path / "mine.gsd", Trajectory(swapped))
    out = tmp_path / "minimum.gsd"
    ask(
        *("inherent", tmp_path / "mine.gsd", "-o", out, "--system=kam2d"),
        *("--species=X=A,Y=B", "--frames=1:2", "--workers=3", "--scheduler=tcp://a:1"),
    )
    assert (asked["workers"], asked["scheduler"]) == (3, "tcp://a:1")
    (made,) = read(out)
    np.testing.assert_allclose(
        made.positions, Engine.minimize(engine(), "kam2d", frames[1]).positions, atol=1e-4
    )
    told = read(out).metadata["minimised"]
    assert told["frames"] == "1:2" and told["species"] == "X=A,Y=B" and told["system"] == "kam2d"
    assert told["source"] == str(tmp_path / "mine.gsd")


def engine():
    from gnnglass.simulate import ENGINES

    return ENGINES.create("lammps")


def here(tasks, **options):
    """Do the tasks in this process."""
    for task in tasks:
        task()


@pytest.mark.parametrize("command", ["inherent", "explain"])
def test_a_refused_file_is_named_and_the_others_are_done(
    runs, classifier, tmp_path, monkeypatch, command
):
    monkeypatch.setattr("gnnglass.simulate.inherent.run_parallel", here)
    bad, out = tmp_path / "wide.gsd", tmp_path / "out"
    wide = [one.replace(box=one.box * 1.2) for one in read(runs / "glass-0.gsd")]
    write(bad, Trajectory(wide, {"system": "kam2d"}))
    words = (classifier,) if command == "explain" else ()
    good = [runs / f"glass-{k}{'.inherent' * bool(words)}.gsd" for k in (0, 1)]
    done = gnnglass(command, *words, good[0], bad, tmp_path / "none.gsd", good[1], "-o", out)
    assert done.code == 1
    said = [line for line in done.err.splitlines() if line.startswith("gnnglass: ")]
    assert str(bad) in said[0] and "number density" in said[0]
    assert "there is no file" in said[1]
    assert said[2].startswith("gnnglass: 2 of 4 files were refused, for the reasons above: ")
    assert len(said) == 3
    end = "-explained.gsd" if words else ".inherent.gsd"
    assert visible(out) == [f"{one.stem}{end}" for one in good]


def test_explain_maps_many_files_each_once(runs, classifier, tmp_path, monkeypatch):
    files = [runs / f"{phase}-0.inherent.gsd" for phase in ("glass", "liquid")]
    command = ("explain", classifier, *files, "-o", tmp_path)
    first = ask(*command)
    trained = TrainedClassifier.load(classifier)
    for file in files:
        made = read(tmp_path / f"{file.stem}-explained.gsd")
        expected = GraphGradCAM().compute(trained, file)
        for frame, scores in zip(made, expected, strict=True):
            np.testing.assert_allclose(frame.field("importance"), scores, atol=1e-6)
        assert made.metadata["explained"] == {
            "model": str(classifier), "source": str(file), "attribution": "graph-gradcam",
            "target": "glass",
        }  # fmt: skip
        for frame, p in zip(made, trained.predict_proba(file)[:, 1], strict=True):
            assert f"{frame.step:12d}  {p:.3f}\n" in first.out
    # Finished files are told again, and not made again: the network is not even loaded.
    with monkeypatch.context() as patched:
        patched.setattr(TrainedClassifier, "load", None)
        assert ask(*command).out == first.out
    one = tmp_path / f"{files[0].stem}-explained.gsd"
    other = tmp_path / f"{files[1].stem}-explained.gsd"
    kept = other.stat().st_ino
    one.unlink()
    ask(*command)
    assert one.exists() and other.stat().st_ino == kept
    ask(*command, "--target=liquid")
    assert read(other).metadata["explained"]["target"] == "liquid"
    # What was made is not explained in turn when a pattern finds it.
    again = gnnglass("explain", classifier, files[0], "-o", files[0].parent / "x.gsd", other)
    assert again.code == 1 and "x.gsd" in again.err


def test_explain_takes_layers_and_batches(runs, classifier, tmp_path):
    file, out = runs / "glass-0.inherent.gsd", tmp_path / "map.gsd"
    trained = TrainedClassifier.load(classifier)
    layer, last = trained.model.particle_layers[:2]
    cases: tuple[tuple[tuple[str, ...], GraphCAM, list[str]], ...] = (
        ((f"--layer={layer}", "--batch-size=1"), GraphGradCAM(layer), [layer]),
        (
            (f"--layer={layer}", f"--layer={last}", "--attribution=graph-gradcam-averaged"),
            GraphGradCAMAveraged([layer, last]),
            [layer, last],
        ),
    )
    for options, method, stated in cases:
        ask("explain", classifier, file, "-o", out, *options)
        for frame, scores in zip(read(out), method.compute(trained, file), strict=True):
            np.testing.assert_allclose(frame.field("importance"), scores, atol=1e-6)
        assert read(out).metadata["explained"]["layers"] == stated
    new = ("-o", tmp_path / "new")
    refused: tuple[tuple[tuple[str, ...], str], ...] = (
        (("--layer=layers.99",), "has no layer 'layers.99'"),
        ((f"--layer={layer}", f"--layer={last}"), "maps one layer, but --layer was given 2 times"),
        (("--attribution=random", "--layer=embed"), "its parameters are seed"),
        (("--attribution=random", "--batch-size=2"), "its parameters are seed"),
    )
    for options, said in refused:
        done = gnnglass("explain", classifier, file, runs / "glass-1.inherent.gsd", *new, *options)
        assert done.code == 1 and done.err.count("\n") == 1 and said in done.err, done.err
    assert gnnglass("explain", classifier, file, "--batch-size=0").code == 2


def test_names_of_products(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v0.5").mkdir()
    a, b, c = tmp_path / "x" / "run.gsd", tmp_path / "y" / "run.gsd", tmp_path / "y" / "run.dump"
    out = tmp_path / "v0.5"
    end = ".inherent.gsd"
    assert made_of([a], tmp_path / "one.gsd", end) == {a: tmp_path / "one.gsd"}
    assert made_of([a], out, end) == {a: out / f"run{end}"}
    for new in (tmp_path / "new", tmp_path / "T0.44"):
        assert made_of([a], new, end) == {a: new / f"run{end}"}
    assert made_of([a, b], out, end) == {a: out / "x" / f"run{end}", b: out / "y" / f"run{end}"}
    assert made_of([b, c], out, end) == {b: out / f"run.gsd{end}", c: out / f"run.dump{end}"}
    assert made_of([a, b], None, end) == {one: one.with_name(f"run{end}") for one in (a, b)}
    assert made_of([b, c], None, end) == {one: one.with_name(f"{one.name}{end}") for one in (b, c)}
    with pytest.raises(InputError, match=r"--out is the file .*one\.gsd, but there are 2 inputs"):
        made_of([a, b], tmp_path / "one.gsd", end)
    clash = [b, c, tmp_path / "z" / "run.gsd.xyz"]
    with pytest.raises(InputError, match="two of the 3 files would be made into one"):
        made_of(clash, out, end)
    # The second time a pattern finds what was made the first time.
    made = a.with_name(f"run{end}")
    assert made_of([a, made], a.parent, end) == {a: made}
    assert "is made here of another file, and left out" in capsys.readouterr().err


def test_a_folder_stands_for_the_files_in_it(tmp_path):
    out = tmp_path / "c.safetensors"
    for k in range(6):
        folder = tmp_path / ("hot" if k % 2 else "cold")
        folder.mkdir(exist_ok=True)
        write(
            folder / f"{k}.gsd", Trajectory([example_of("kam2d", seed=k)], {"phase": folder.name})
        )
    write(tmp_path / "cold" / ".hidden.gsd", Trajectory([example_of("kam2d", seed=9)]))
    (tmp_path / "cold" / "deeper").mkdir()
    classes = [f"--class={phase}={tmp_path}/{phase}" for phase in ("hot", "cold")]
    for given in ([tmp_path / "hot", tmp_path / "cold"], classes):
        ask("train", *given, "-o", out, "--explain=hot", "--model=linear", "--epochs=1")
        split = TrainedClassifier.load(out).split
        assert {*split.train, *split.validation, *split.test} == set("012345")
    (tmp_path / "empty").mkdir()
    done = gnnglass("compare", tmp_path / "empty")
    assert done.code == 1 and "empty is a folder without trajectories" in done.err


def test_the_snapshots_that_are_compared_may_be_in_a_folder(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "runs").mkdir()
    for k in range(2):
        x = rng.normal(size=144)
        one = example_snapshot(2, seed=k).with_fields(x=x, y=x + rng.normal(size=144))
        write(tmp_path / "runs" / f"{k}.gsd", Trajectory([one]))
    options = ("--predictor=x", "--target=y", "--species=A")
    folder = ask("compare", tmp_path / "runs", *options)
    files = ask("compare", *sorted((tmp_path / "runs").iterdir()), *options)
    assert folder.out == files.out
