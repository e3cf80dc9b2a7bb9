from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import freud
import gsd.hoomd
import mutations
import numpy as np
import pandas as pd
import pytest

from gnnglass.errors import FileError, InputError
from gnnglass.trajectories import FORMATS, Format, Snapshot, Trajectory, as_trajectory, read, write


def test_the_formats_are_registered() -> None:
    known = {"botan", "deepmind", "extxyz", "glassbench", "gsd", "lammps-data", "lammps-dump"}
    assert known <= set(FORMATS)
    assert all(isinstance(FORMATS.create(name), Format) for name in FORMATS)


def test_content_decides_and_not_the_name(tmp_path: Path, snapshot: Snapshot) -> None:
    write(tmp_path / "misnamed.dump", Trajectory([snapshot]))
    assert len(read(str(tmp_path / "misnamed.dump"))) == 1


@pytest.mark.parametrize("name", FORMATS.names())
def test_every_format_converts(tmp_path: Path, name: str) -> None:
    for content in mutations.samples(tmp_path)[name]:
        (tmp_path / "t").write_bytes(mutations.packed(content))
        given = mutations.loaded(tmp_path / "t")
        write(tmp_path / "t.gsd", given)
        found = read(tmp_path / "t.gsd")
        assert found.metadata == given.metadata
        for one, other in zip(found, given, strict=True):
            apart = other.minimum_image(one.positions - other.positions)
            np.testing.assert_allclose(apart, 0, atol=1e-5)
            np.testing.assert_array_equal(one.types, other.types)
            assert (one.type_names, one.step) == (other.type_names, other.step)
            assert set(one.fields) == set(other.fields)
            assert (one.images is None) == (other.images is None)


def empty(folder: Path) -> Path:
    (folder / "empty.gsd").touch()
    return folder / "empty.gsd"


def text(folder: Path) -> Path:
    (folder / "notes.txt").write_text("the glass transition is\n")
    return folder / "notes.txt"


def zipped_text(folder: Path) -> Path:
    (folder / "notes.gz").write_bytes(b"\x1f\x8bnot gzip at all")
    return folder / "notes.gz"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "absent.gsd", "there is no file .*absent.gsd"),
        (lambda folder: folder, "is a folder"),
        (empty, "is empty"),
        (
            text,
            r"no trajectory format known here \(botan, .*gsd, .*xyz\): it begins with 'the glass",
        ),
        (zipped_text, "no trajectory format"),
    ],
)
def test_unreadable_paths(tmp_path: Path, make: Callable[[Path], Path], message: str) -> None:
    with pytest.raises(FileError, match=message) as caught:
        read(make(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read anything")
def test_a_file_without_permission(tmp_path: Path, snapshot: Snapshot) -> None:
    write(tmp_path / "t.gsd", Trajectory([snapshot]))
    (tmp_path / "t.gsd").chmod(0)
    with pytest.raises(FileError, match="check its permissions"):
        read(tmp_path / "t.gsd")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x54\0\0\0CORD\0\0", "it is a DCD file, which does not tell species"),
        (b"\0\0\x07\xcb\0\0", "it is an XTC file"),
        (b"\x89HDF\r\n\x1a\n\0", "it is an HDF5 file"),
        (b"CuZr\n1.0\n4 0 0\n", "it begins with 'CuZr'"),
        (gzip.compress(b"\n\nframe,x,y\n1,2,3\n", mtime=0), "it begins with 'frame,x,y'"),
        (b"\x93\xff\n\0", "its content is binary"),
        ("\u2028 ".encode() * 99, "its content is binary"),
    ],
)
def test_files_of_other_kinds_are_named(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(FileError, match=f"{what}.*; convert it .* MDAnalysis") as caught:
        read(tmp_path / "t")
    assert "\n" not in str(caught.value)


def numbered_files(folder: Path, numbers: list[int]) -> dict[str, Trajectory]:
    """One configuration, whose species are only numbered, from files and objects of many kinds."""
    rng = np.random.default_rng(0)
    rows = [(number, *rng.uniform(0, 4, 3)) for number in numbers]
    lines = [" ".join(map(str, row)) for row in rows]
    ids = [f"{k} {line}" for k, line in enumerate(lines, 1)]
    cell = "0 4\n0 4\n0 4\n"
    lists = "".join(f"  - [ {', '.join(row.split())}, ]\n" for row in ids)
    n, end, lattice = len(rows), "\n", 'Lattice="4 0 0 0 4 0 0 0 4" Properties='
    texts = {
        "dump": f"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n{n}\nITEM: BOX BOUNDS pp pp pp\n{cell}"
        f"ITEM: ATOMS id type x y z\n{end.join(ids)}\n",
        "yaml": f"---\ncreator: LAMMPS\ntimestep: 0\nnatoms: {n}\nboundary: [ p, p, p, p, p, p, ]\n"
        f"box:\n  - [ 0, 4 ]\n  - [ 0, 4 ]\n  - [ 0, 4 ]\nkeywords: [ id, type, x, y, z, ]\n"
        f"data:\n{lists}...\n",
        "data": f"\n\n{n} atoms\n{max(numbers)} atom types\n\n0 4 xlo xhi\n0 4 ylo yhi\n0 4 zlo zhi"
        f"\n\nAtoms # atomic\n\n{end.join(ids)}\n",
        "extxyz": f"{n}\n{lattice}type:I:1:pos:R:3\n{end.join(lines)}\n",
        "species": f"{n}\n{lattice}species:S:1:pos:R:3\n{end.join(lines)}\n",
        "atooms": f"{n}\ncolumns:species,position cell:4,4,4\n{end.join(lines)}\n",
        "plain": f"{n}\n\n{end.join(lines)}\n",
    }
    found = {}
    for name, text in texts.items():
        (folder / name).write_text(text)
        found[name] = read(folder / name, box=[4, 4, 4] if name == "plain" else None)
    frame = gsd.hoomd.Frame()
    frame.particles.N, frame.configuration.box = n, [4, 4, 4, 0, 0, 0]
    frame.particles.position = np.array(rows)[:, 1:] - 2
    frame.particles.types = [str(number) for number in range(1, max(numbers) + 1)]
    frame.particles.typeid = np.array(numbers) - 1
    found["frame"] = as_trajectory(frame)
    with gsd.hoomd.open(folder / "t.gsd", "w") as file:
        file.append(frame)
    found["gsd"] = read(folder / "t.gsd")
    table = pd.DataFrame(rows, columns=["type", "x", "y", "z"])
    found["tracks"] = as_trajectory(([4, 4, 4], table))
    return found


@pytest.mark.filterwarnings("ignore::gnnglass.errors.GnnglassWarning")
@pytest.mark.parametrize("numbers", [[1, 2, 2, 1], [2, 1, 3], [3, 1, 1]])
def test_numbered_species_have_the_same_names_from_everywhere(
    tmp_path: Path, numbers: list[int]
) -> None:
    for name, trajectory in numbered_files(tmp_path, numbers).items():
        (snapshot,) = trajectory
        names = [snapshot.type_names[k] for k in snapshot.types]
        assert names == ["ABC"[number - 1] for number in numbers], name


def test_names_that_this_package_wrote_are_kept(tmp_path: Path, snapshot: Snapshot) -> None:
    write(tmp_path / "t.gsd", snapshot.replace(type_names=("1", "2")))
    assert read(tmp_path / "t.gsd")[0].type_names == ("1", "2")
    with gsd.hoomd.open(tmp_path / "t.gsd") as file:
        assert as_trajectory(file[0])[0].type_names == ("1", "2")


def test_as_trajectory_takes_what_holds_configurations(tmp_path: Path, snapshot: Snapshot) -> None:
    trajectory = Trajectory([snapshot, snapshot], {"run": "r"})
    write(tmp_path / "t.gsd", trajectory)
    with gsd.hoomd.open(tmp_path / "t.gsd") as file:
        frame = file[1]
    assert as_trajectory(trajectory) is trajectory
    assert as_trajectory(snapshot)[0] is snapshot
    assert list(as_trajectory([snapshot, snapshot])) == [snapshot, snapshot]
    assert as_trajectory((snapshot, snapshot))[1] is snapshot
    for source in (tmp_path / "t.gsd", str(tmp_path / "t.gsd")):
        assert as_trajectory(source).metadata == {"run": "r"}
    found = as_trajectory(frame)[0]
    np.testing.assert_allclose(found.positions, snapshot.positions, atol=1e-6)
    np.testing.assert_array_equal(found.types, snapshot.types)
    assert found.images is None  # as in the snapshot that was written


def test_as_trajectory_takes_frames_made_by_hand() -> None:
    frame = gsd.hoomd.Frame()
    frame.particles.N = 2
    frame.particles.position = [[0, 0, 0], [1, 1, 0]]
    with pytest.raises(InputError, match="the frame has no box"):
        as_trajectory(frame)
    frame.configuration.box = [4, 4, 0, 0, 0, 0]
    found = as_trajectory(frame)[0]
    assert (found.dimension, found.type_names, found.images) == (2, ("A",), None)


@pytest.mark.parametrize("kind", ["edges", "six", "freud", "columns"])
def test_as_trajectory_takes_box_and_points(snapshot: Snapshot, kind: str) -> None:
    d = snapshot.dimension
    six = np.zeros(6)
    six[:d] = snapshot.box
    points = np.zeros((len(snapshot), 3))
    points[:, :d] = snapshot.positions
    source: tuple[object, object] = {
        "edges": (snapshot.box, snapshot.positions),
        "six": (list(six), points),
        "freud": (freud.box.Box.from_box(six), points),
        "columns": (six[:3], points.tolist()),
    }[kind]
    found = as_trajectory(source)[0]
    assert found.dimension == d
    np.testing.assert_allclose(found.positions, snapshot.positions, atol=1e-6)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "a int is not a trajectory; expected a path"),
        (None, "a NoneType is not a trajectory"),
        ([1, 2, 3], "a list is not a trajectory"),
        ([], "holds no frame"),
        (([4, 4, 0], [[0, 0, 1.0]]), "leave the plane"),
        (([4, 4, 4, 0.1, 0, 0], [[0, 0, 1.0]]), "tilted"),
        (([4, 4, 4, 4], [[0, 0, 1.0]]), "box has shape"),
        (("box", "points"), "not numeric"),
        (([4, 4], [[0, float("nan")]]), "NaN"),
        (([4, 4], 1.0), "points have shape"),
        (([4, 4], [1.0]), "points have shape"),
    ],
)
def test_as_trajectory_refuses_the_rest(source: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        as_trajectory(source)
    assert "\n" not in str(caught.value)


def test_a_format_from_elsewhere_is_asked_too(
    tmp_path: Path, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Notes(Format):
        def matches(self, path: Path, head: bytes) -> bool:
            return head.startswith(b"NOTES")

        def read(self, path: Path) -> Trajectory:
            return Trajectory([snapshot])

    FORMATS.names()
    entry = SimpleNamespace(factory=Notes, needs=None)
    monkeypatch.setitem(FORMATS._entries, "notes", entry)  # type: ignore[arg-type]
    (tmp_path / "t.notes").write_text("NOTES")
    assert read(tmp_path / "t.notes")[0] is snapshot


def test_importing_the_package_loads_no_heavy_library() -> None:
    script = (
        "import sys, gnnglass.trajectories\n"
        "print({'gsd', 'freud', 'matplotlib', 'torch', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "set()"
