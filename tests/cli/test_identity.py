"""Commands hold what they are given against what it is to be used with."""

from __future__ import annotations

import numpy as np
import pytest
from command import gnnglass

from gnnglass.testing import example_of
from gnnglass.training import TrainedClassifier
from gnnglass.trajectories import Trajectory, read, write

SNAPSHOT = example_of("kam2d", seed=3)


@pytest.fixture(scope="module")
def thermal_classifier(runs):
    out = runs / "thermal.safetensors"
    files = sorted(runs.glob("*-?.gsd"))
    done = gnnglass("train", *files, "-o", out, "--model=linear", "--epochs=1")
    assert done.code == 0, done.err
    return out


def dump(path, snapshot, unit=1.0, names=(1, 2)):
    """As LAMMPS writes it: no level, no system, species by number or by name."""
    edges = "".join(f"0 {edge * unit!r}\n" for edge in snapshot.box.tolist())
    kind = "type" if isinstance(names[0], int) else "element"
    lines = [
        f"{k + 1} {names[t]} {x * unit!r} {y * unit!r} 0\n"
        for k, (t, (x, y)) in enumerate(
            zip(snapshot.types, (snapshot.positions + snapshot.box / 2).tolist(), strict=True)
        )
    ]
    path.write_text(
        f"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n{len(snapshot)}\n"
        f"ITEM: BOX BOUNDS pp pp pp\n{edges}-0.5 0.5\n"
        f"ITEM: ATOMS id {kind} x y z\n{''.join(lines)}"
    )
    return path


def refused(*arguments):
    done = gnnglass(*arguments)
    assert done.code == 1 and done.err.count("\n") == 1, done.err
    return done.err


def explained(classifier, source, out, *options):
    done = gnnglass("explain", classifier, source, "-o", out, *options)
    assert done.code == 0, done.err
    return read(out)


def test_a_unit_of_length_makes_the_same_of_three_files(thermal_classifier, tmp_path):
    sigma = dump(tmp_path / "sigma.dump", SNAPSHOT)
    expected = explained(thermal_classifier, sigma, tmp_path / "0.gsd")
    for unit in (2.5, 10.0):
        path = dump(tmp_path / f"{unit}.dump", SNAPSHOT, unit)
        said = refused("explain", thermal_classifier, path, "-o", tmp_path / "x.gsd")
        assert f"number density {1.2 / unit**2:.3g} against 1.2" in said
        assert "nearest-neighbour distance" in said and str(path) in said
        found = explained(
            thermal_classifier, path, tmp_path / f"{unit}.gsd", f"--length-unit={unit}"
        )
        np.testing.assert_allclose(
            found[0].field("importance"), expected[0].field("importance"), atol=1e-5
        )
        assert found.metadata["length_unit"] == unit
        said = refused("structure", path, "-o", tmp_path / "x.gsd", "--indicator=local-density")
        assert "counts neighbours within 2" in said
        said = refused(
            "structure",
            path,
            "-o",
            tmp_path / "x.gsd",
            "--system=kam2d",
            "--indicator=potential-energy",
        )
        assert "number density" in said
        assert not (tmp_path / "x.gsd").exists()


def test_exchanged_species_are_refused_or_mapped(thermal_classifier, tmp_path):
    right = dump(tmp_path / "right.dump", SNAPSHOT)
    swapped = dump(tmp_path / "swapped.dump", SNAPSHOT, names=(2, 1))
    said = refused("explain", thermal_classifier, swapped, "-o", tmp_path / "x.gsd")
    assert "composition A 0.3" in said and "against A 0.65" in said and "--species" in said
    expected = explained(thermal_classifier, right, tmp_path / "right.gsd")
    found = explained(thermal_classifier, swapped, tmp_path / "s.gsd", "--species=A=B,B=A")
    np.testing.assert_allclose(found[0].field("importance"), expected[0].field("importance"))
    found = explained(thermal_classifier, swapped, tmp_path / "n.gsd", "--species=1=B,2=A")
    np.testing.assert_allclose(found[0].field("importance"), expected[0].field("importance"))
    names = dump(tmp_path / "names.dump", SNAPSHOT, names=("Cu", "Zr"))
    said = refused("explain", thermal_classifier, names, "-o", tmp_path / "x.gsd")
    assert "species Cu, Zr" in said and "knows A, B" in said
    found = explained(thermal_classifier, names, tmp_path / "n.gsd", "--species=Cu=A,Zr=B")
    np.testing.assert_allclose(found[0].field("importance"), expected[0].field("importance"))


def test_a_difference_that_is_meant_is_stored(thermal_classifier, tmp_path):
    wide = SNAPSHOT.replace(box=SNAPSHOT.box * 1.04, positions=SNAPSHOT.positions * 1.04)
    path = dump(tmp_path / "wide.dump", wide)
    said = refused("explain", thermal_classifier, path, "-o", tmp_path / "x.gsd")
    assert "number density 1.11 against 1.2" in said and "--accept density" in said
    found = explained(thermal_classifier, path, tmp_path / "y.gsd", "--accept=density")
    assert found.metadata["accepted"] == {"density": "number density 1.11 against 1.2"}
    assert "what can be accepted" in refused(
        "explain", thermal_classifier, path, "-o", tmp_path / "x.gsd", "--accept=everything"
    )


def test_the_files_own_system_wins(classifier, tmp_path):
    """Minimised with the potentials of another mixture it would be labelled right and wrong."""
    path = tmp_path / "ipl2d.gsd"
    write(path, Trajectory([SNAPSHOT], {"system": "ipl2d", "level": "thermal"}))
    said = refused("explain", classifier, path, "-o", tmp_path / "x.gsd")
    assert "system ipl2d against kam2d" in said
    found = explained(classifier, path, tmp_path / "y.gsd", "--system=kam2d")
    assert found.metadata["system"] == "kam2d"
    assert found.metadata["accepted"]["system"] == "stated ipl2d, read as kam2d"


def test_inherent_structures_are_not_explained_by_a_thermal_classifier(
    thermal_classifier, runs, tmp_path
):
    said = refused(
        "explain", thermal_classifier, runs / "glass-0.inherent.gsd", "-o", tmp_path / "x.gsd"
    )
    assert "holds inherent structures, but thermal configurations are wanted" in said


def stored(path, *frames, **facts):
    write(path, Trajectory(frames, facts))
    return path


def test_training_refuses_what_is_not_one_task(runs, tmp_path):
    glass = read(runs / "glass-1.gsd")
    liquids = [runs / f"liquid-{k}.gsd" for k in range(3)]
    glasses = [runs / f"glass-{k}.gsd" for k in (0, 2)]
    swapped = [one.replace(types=1 - one.types) for one in glass]
    wide = [one.replace(box=one.box * 1.04, positions=one.positions * 1.04) for one in glass]
    facts = dict(glass.metadata)
    copy = [one.replace(positions=one.positions + 0.5) for one in read(runs / "liquid-0.gsd")]
    for name, frames, changed, words in (
        ("swapped", swapped, {}, "are not of one material: composition"),
        ("wide", wide, {}, "are not of one material: number density"),
        ("system", glass, {"system": "abm2d"}, "system abm2d against kam2d"),
        ("level", glass, {"level": "inherent"}, "thermal and inherent trajectories are mixed"),
        ("copy", copy, {"run": "another"}, "are the same configuration"),
        ("phase", glass, {"phase": "gel"}, "at least"),
    ):
        path = stored(tmp_path / f"{name}.gsd", *frames, **{**facts, **changed})
        said = refused(
            *("train", "-o", tmp_path / "x.safetensors"),
            *(f"--class=liquid={one}" for one in liquids),
            *(f"--class=glass={one}" for one in (*glasses, path)),
        )
        expected = words if name != "phase" else "states that it is of the class 'gel'"
        assert expected in said, said
    assert not (tmp_path / "x.safetensors").exists()


def test_training_holds_the_runs_against_the_system_they_state(runs, tmp_path):
    """Species exchanged in all of them are seen too."""
    files = []
    for path in sorted(runs.glob("*-?.gsd")):
        whole = read(path)
        swapped = [one.replace(types=1 - one.types) for one in whole]
        files.append(stored(tmp_path / path.name, *swapped, **whole.metadata))
    out = tmp_path / "x.safetensors"
    ask = ("train", *files, "-o", out, "--model=linear", "--epochs=1")
    said = refused(*ask)
    assert "the labelled set is not like 'kam2d': composition A 0.3" in said
    done = gnnglass(*ask, "--accept=composition")
    assert done.code == 0, done.err
    assert list(TrainedClassifier.load(out).record["accepted"]) == ["composition"]
    done = gnnglass(*ask, "--species=A=B,B=A")
    assert done.code == 0, done.err


def test_classes_may_have_names_of_their_own_and_the_file_says_so(runs, tmp_path):
    out = tmp_path / "c.safetensors"
    done = gnnglass(
        *("train", "-o", out, "--model=linear", "--epochs=1", "--explain=cold"),
        *(f"--class=hot={runs}/liquid-?.gsd", f"--class=cold={runs}/glass-?.gsd"),
    )
    assert done.code == 0, done.err
    accepted = TrainedClassifier.load(out).record["accepted"]
    assert accepted == {"phase": "liquid as hot, glass as cold"}
    said = refused(
        *("train", "-o", tmp_path / "d.safetensors"),
        *(f"--class=glass={runs}/liquid-?.gsd", f"--class=liquid={runs}/glass-?.gsd"),
    )
    assert "states that it is of the class" in said


def test_runs_of_one_name_in_two_folders_are_two_runs(tmp_path):
    for phase, first in (("hot", 0), ("cold", 10)):
        for k in range(3):
            folder = tmp_path / phase / str(k)
            folder.mkdir(parents=True)
            dump(folder / "run.dump", example_of("kam2d", seed=first + k))
    out = tmp_path / "c.safetensors"
    done = gnnglass(
        *("train", "-o", out, "--model=linear", "--epochs=1", "--explain=cold"),
        *(f"--class={phase}={tmp_path}/{phase}/*/run.dump" for phase in ("hot", "cold")),
    )
    assert done.code == 0, done.err
    split = TrainedClassifier.load(out).split
    assert {*split.train, *split.validation, *split.test} == {
        f"{phase}/{k}/run" for phase in ("hot", "cold") for k in range(3)
    }


def annotated(path, seed, **facts):
    frame = example_of("kam2d", seed=seed)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=len(frame))
    return stored(path, frame.with_fields(x=x, y=x + rng.normal(size=len(frame))), **facts)


def test_comparing_refuses_copies_and_mixtures(tmp_path):
    seven = [annotated(tmp_path / f"copy-{k}.gsd", 0) for k in range(7)]
    ask = ("compare", "--predictor=x", "--target=y")
    assert "are the same configuration" in refused(*ask, *seven)
    one = annotated(tmp_path / "one.gsd", 1, system="kam2d")
    other = annotated(tmp_path / "other.gsd", 2, system="abm2d")
    assert "system abm2d against kam2d" in refused(*ask, one, other)
    minima = annotated(tmp_path / "minima.gsd", 3, system="kam2d", level="inherent")
    thermal = annotated(tmp_path / "thermal.gsd", 4, system="kam2d", level="thermal")
    assert "level thermal against inherent" in refused(*ask, minima, thermal)
    done = gnnglass(*ask, one, annotated(tmp_path / "two.gsd", 5, system="kam2d"))
    assert done.code == 0, done.err


def test_frames_may_be_left_out(tmp_path):
    frames = [example_of("kam2d", seed=k).replace(step=k) for k in range(4)]
    path = stored(tmp_path / "run.gsd", *frames)
    for chosen, steps in (("1:", [1, 2, 3]), ("::2", [0, 2]), ("-1", [3]), ("1:3", [1, 2])):
        out = tmp_path / "chosen.gsd"
        done = gnnglass("convert", path, "-o", out, f"--frames={chosen}")
        assert done.code == 0, done.err
        assert [frame.step for frame in read(out)] == steps
    for wrong, words in (("7:", "picks none of the 4 frames"), ("a", "expected a number or FROM")):
        assert words in refused("convert", path, "-o", tmp_path / "x.gsd", f"--frames={wrong}")
