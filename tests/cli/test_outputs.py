"""What commands write never takes the place of an input, of a device, or of what others made."""

import os
import warnings

import gsd.hoomd
import pytest
from command import gnnglass

from gnnglass.cli import _notes
from gnnglass.errors import GnnglassWarning
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Trajectory, read, write

DUMP = """ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp pp
0 4
0 4
-0.5 0.5
ITEM: ATOMS id type x y
1 1 0.5 0.5
2 2 1.5 0.5
"""


@pytest.fixture
def files(tmp_path):
    """A folder with a trajectory of ours, one by HOOMD, a dump, a table and notes."""
    snapshot = example_snapshot(2, 100).with_fields(a=range(100), b=range(100))
    for k in range(2):
        write(tmp_path / f"run-{k}.gsd", Trajectory([snapshot], {"run": str(k), "phase": str(k)}))
    (tmp_path / "run.dump").write_text(DUMP)
    (tmp_path / "notes.txt").write_text("do not lose this")
    (tmp_path / "table.csv").write_text("x,y\n1,2\n")
    with gsd.hoomd.open(tmp_path / "hoomd.gsd", "w") as file:
        frame = gsd.hoomd.Frame()
        frame.configuration.box = [4, 4, 4, 0, 0, 0]
        frame.particles.N = 1
        frame.particles.position = [[0, 0, 0]]
        file.append(frame)
    return tmp_path


def commands(folder):
    """Every command that writes a file, without where to."""
    run, other = folder / "run-0.gsd", folder / "run-1.gsd"
    (folder / "model.safetensors").write_bytes(b"\x10" + b"\0" * 7 + b'{"other": 1}    ')
    return {
        "convert": ("convert", run),
        "inherent": ("inherent", run, "--system=kam2d"),
        "relaxation": ("relaxation", run, "--dt=1"),
        "structure": ("structure", run, "--indicator=local-density"),
        "dynamics": ("dynamics", run, "--kT=1", "--system=kam2d"),
        "compare": ("compare", run, "--predictor=a", "--target=b"),
        "correlation-length": ("correlation-length", run, "--field=a"),
        "train": ("train", run, other),
        "simulate": ("simulate", "kam2d", "--kT=1"),
        "explain": ("explain", folder / "model.safetensors", run),
    }


NAMES = sorted([
    "convert", "structure", "dynamics", "compare", "correlation-length", "train", "simulate",
    "explain", "inherent", "relaxation",
])  # fmt: skip


def state(folder):
    return {path: (path.stat().st_ino, path.read_bytes()) for path in folder.iterdir()}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_others_is_replaced(files, name):
    command = commands(files)[name]
    (files / "link.gsd").symlink_to(files / "notes.txt")
    os.link(files / "run-0.gsd", files / "hard.gsd")
    before = state(files)
    targets = ["notes.txt", "table.csv", "run.dump", "link.gsd", "model.safetensors"]
    if name != "simulate":
        # Its one input is a name; of what is ours, any may be made anew.
        targets += ["run-0.gsd", "hard.gsd"]
    if name not in ("compare", "correlation-length", "train"):
        targets += ["hoomd.gsd"]
    for target in targets:
        done = gnnglass(*command, "-o", files / target)
        assert done.code == 1, target
        (sentence,) = done.err.strip().splitlines()
        assert "--overwrite" in sentence
        assert target in sentence
    done = gnnglass(*command, "-o", "/dev/null", "--overwrite")
    assert done.code == 1
    assert "a device" in done.err
    assert state(files) == before


@pytest.mark.parametrize("name", ["convert", "structure", "compare", "correlation-length"])
def test_its_own_product_is_made_anew_and_others_on_demand(files, name):
    command = commands(files)[name]
    out = files / "new"
    for _ in range(2):
        done = gnnglass(*command, "-o", out)
        assert done.code == 0, done.err
    made = out.read_bytes()
    for target in ("notes.txt", "run-0.gsd"):
        if target == "run-0.gsd" and name not in ("convert", "structure"):
            continue
        done = gnnglass(*command, "-o", files / target, "--overwrite")
        assert done.code == 0, done.err
        assert len((files / target).read_bytes()) == pytest.approx(len(made), rel=0.1)


@pytest.mark.parametrize("command", ["run", "ensemble"])
def test_folders_with_other_things_are_refused(files, command):
    (files / "study.toml").write_text("title = 1\n")
    before = state(files)
    done = gnnglass(command, files / "study.toml", "-o", files)
    assert done.code == 1
    assert "other things in it, such as hoomd.gsd" in done.err
    assert state(files) == before
    # Told to, or with nothing but the study itself there, it goes on to read the file.
    (files / "new").mkdir()
    (files / "new" / "study.toml").write_text("title = 1\n")
    for arguments in (
        (files / "study.toml", "-o", files, "--overwrite"),
        (files / "new" / "study.toml", "-o", files / "new"),
    ):
        done = gnnglass(command, *arguments)
        assert done.code == 1
        assert "other things" not in done.err
        assert "study.toml" in done.err


def test_notes_of_the_readers_are_one_line_each(files):
    (files / "bare.dump").write_text(DUMP.replace("ATOMS id", "ATOMS mol"))
    done = gnnglass("convert", files / "bare.dump", "-o", files / "bare.gsd")
    assert done.code == 0
    line, after = done.err.splitlines()
    assert line.startswith("gnnglass: note: ") and after.startswith("next: gnnglass ")
    assert "it has no ids, so its particles are taken in the order of the file" in line
    assert read(files / "bare.gsd").metadata["order"] == "of the file"


def test_what_is_said_of_many_files_is_said_once(capsys):
    with _notes():
        for file in ("a.dump", "b.dump", "a.dump"):
            warnings.warn(f"{file}: it has no ids.", GnnglassWarning, stacklevel=1)
        warnings.warn("c.dump: bonds.", GnnglassWarning, stacklevel=1)
    assert capsys.readouterr().err.splitlines() == [
        "gnnglass: note: a.dump: it has no ids.",
        "gnnglass: note: c.dump: bonds.",
        "gnnglass: note: 2 files in all: it has no ids.",
    ]
