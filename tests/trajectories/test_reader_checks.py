"""What a file is gets checked: ids, names of species, dimension, numbers in every row, steps."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from gnnglass.errors import FileError, GnnglassError, GnnglassWarning, InputError
from gnnglass.trajectories import Snapshot, Trajectory, as_trajectory, read, write

#: Four particles of two species in a box of edges 4, 4 and `HEIGHT`.
ROWS = [("1", "1", "Zr", 0.5, 0.5), ("2", "2", "Cu", 1.5, 0.5), ("3", "2", "Cu", 2.5, 1.5),
        ("4", "1", "Zr", 3.5, 2.5)]  # fmt: skip


def dump(
    columns: str = "id type x y",
    rows: list[str] | None = None,
    *,
    height: str = "-0.5 0.5",
    step: str = "0",
    bounds: str = "pp pp pp",
) -> str:
    lines = rows if rows is not None else [f"{i} {t} {x} {y}" for i, t, _, x, y in ROWS]
    return (
        f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(lines)}\n"
        f"ITEM: BOX BOUNDS {bounds}\n0 4\n0 4\n{height}\nITEM: ATOMS {columns}\n"
        + "".join(f"{line}\n" for line in lines)
    )


def extxyz(properties: str | None, rows: list[str], keys: str = "") -> str:
    said = f" Properties={properties}" if properties else ""
    return f'{len(rows)}\nLattice="4 0 0 0 4 0 0 0 4"{said}{keys}\n' + "".join(
        f"{row}\n" for row in rows
    )


def data(atoms: str, rows: list[str], more: str = "", after: str = "") -> str:
    return (
        f"made by hand\n\n{len(rows)} atoms\n2 atom types\n\n0 4 xlo xhi\n0 4 ylo yhi\n"
        f"0 4 zlo zhi\n\n{more}{atoms}\n\n" + "".join(f"{row}\n" for row in rows) + after
    )


def loaded(folder: Path, text: str | bytes, *, quietly: bool = True) -> Trajectory:
    path = folder / "t"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if quietly else "error", GnnglassWarning)
        return read(path)


def refused(folder: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(GnnglassError, match=said) as caught:
        loaded(folder, text)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600 + len(str(folder))


def species(snapshot: Snapshot) -> list[str]:
    return [snapshot.type_names[k] for k in snapshot.types]


NAMED = ["Zr", "Cu", "Cu", "Zr"]
LABELLED = "Atom Type Labels\n\n1 Zr\n2 Cu\n\n"
SAME_NAMES = {
    "type and element": dump(
        "id type element x y", [f"{i} {t} {e} {x} {y}" for i, t, e, x, y in ROWS]
    ),
    "element": dump("id element x y", [f"{i} {e} {x} {y}" for i, _, e, x, y in ROWS]),
    "words as type": dump("id type x y", [f"{i} {e} {x} {y}" for i, _, e, x, y in ROWS]),
    "typelabel": dump("id typelabel x y", [f"{i} {e} {x} {y}" for i, _, e, x, y in ROWS]),
    "labels": data("Atoms # atomic", [f"{i} {t} {x} {y} 0" for i, t, _, x, y in ROWS], LABELLED),
    "labels in rows": data(
        "Atoms # atomic", [f"{i} {e} {x} {y} 0" for i, _, e, x, y in ROWS], LABELLED
    ),
    "species": extxyz("species:S:1:pos:R:3", [f"{e} {x} {y} 0" for _, _, e, x, y in ROWS]),
    "element:S": extxyz("pos:R:3:element:S:1", [f"{x} {y} 0 {e}" for _, _, e, x, y in ROWS]),
    "type:S": extxyz("type:S:1:pos:R:3", [f"{e} {x} {y} 0" for _, _, e, x, y in ROWS]),
    "no Properties": extxyz(None, [f"{e} {x} {y} 0" for _, _, e, x, y in ROWS]),
    "Z": extxyz(
        "Z:I:1:pos:R:3", [f"{40 if e == 'Zr' else 29} {x} {y} 0" for _, _, e, x, y in ROWS]
    ),
}


@pytest.mark.parametrize("name", SAME_NAMES)
def test_names_of_species_are_the_files_whatever_the_format(tmp_path: Path, name: str) -> None:
    [found] = loaded(tmp_path, SAME_NAMES[name])
    assert found.type_names == ("Cu", "Zr")
    assert species(found) == NAMED
    np.testing.assert_allclose(found.positions[0], 0.5 - 2)


NUMBERED = {
    "dump": SAME_NAMES["type and element"].replace("Zr", "Ni").replace("Cu", "Ni"),
    "plain dump": dump(),
    "data": data("Atoms # atomic", [f"{i} {t} {x} {y} 0" for i, t, _, x, y in ROWS]),
    "species": extxyz("species:S:1:pos:R:3", [f"{t} {x} {y} 0" for _, t, _, x, y in ROWS]),
    "type": extxyz("type:I:1:pos:R:3", [f"{t} {x} {y} 0" for _, t, _, x, y in ROWS]),
}


@pytest.mark.parametrize("name", NUMBERED)
def test_numbered_species_are_letters_whatever_the_format(tmp_path: Path, name: str) -> None:
    # LAMMPS writes one element for all types, unless it is told the elements.
    [found] = loaded(tmp_path, NUMBERED[name])
    assert found.type_names == ("A", "B")
    assert species(found) == ["A", "B", "B", "A"]


def test_types_of_one_name_stay_apart(tmp_path: Path) -> None:
    rows = ["1 1 Cu 0.5 0.5", "2 2 Zr 1.5 0.5", "3 3 Cu 2.5 1.5", "4 1 Cu 3.5 2.5"]
    [found] = loaded(tmp_path, dump("id type element x y", rows))
    assert species(found) == ["Cu1", "Zr", "Cu3", "Cu1"]


def test_a_number_in_some_rows_only_is_refused_with_its_line(tmp_path: Path) -> None:
    for column, bad in (("id", 0), ("type", 1), ("x", 2), ("c_pe", 4)):
        rows = [[i, t, str(x), str(y), "0.5"] for i, t, _, x, y in ROWS]
        rows[2][bad] = "1O"
        text = dump("id type x y c_pe", [" ".join(row) for row in rows])
        refused(tmp_path, text, f"line 12: the column '{column}' holds '1O'")
    good = dump()
    for blank in (b"\xa0", b"\x85", "\u2003".encode()):
        refused(tmp_path, good.encode().replace(b"\n3 2", b"\n" + blank + b" 2"), "line 12")
        refused(tmp_path, good.encode().replace(b"\n3 2", b"\n" + blank + b"3 2"), "line 12")
    refused(tmp_path, good.replace("\n3 2", "\n1_0 2"), "line 12")
    refused(tmp_path, good.replace("\n3 2", "\n3.5 2"), "ids are not whole numbers")
    bad_row = extxyz("species:S:1:pos:R:3", ["A 0 0 0", "A 1 x 1", "B 2 2 2"])
    refused(tmp_path, bad_row, "line 4: the column 'pos_y' holds 'x'")
    bad_row = data("Atoms # atomic", ["1 1 0 0 0", "2 1 1 1 1", "x 2 2 2 2"])
    refused(tmp_path, bad_row, r"line 14: the column 'id' holds 'x'")


def test_what_messages_quote_is_short(tmp_path: Path) -> None:
    long = "x" * 20_000
    good = dump()
    for text in (
        good.replace("TIMESTEP\n0", f"TIMESTEP\n{long}"),
        good.replace("ITEM: NUMBER", long),
        good.replace("0 4\n0 4", f"0 4\n0 {long}", 1),
        good.replace("0 4\n0 4", f"{long}\n0 4", 1),
        good.replace("id type x y", f"id mol {long} y"),
        good.replace("id type x y", f"{long} {long} x y"),
        good.replace("\n3 2", f"\n{long} 2"),
        extxyz(f"{long}:S:1:pos:R:x", ["A 0 0 0"]),
        extxyz(f"pos:R:{long}", ["A 0 0 0"]),
        extxyz("species:S:1:pos:R:3", ["A 0 0 0"], f" step={long}"),
        data(f"Atoms # {long}", ["1 1 0 0 0"]),
        data("Atoms", ["1 1 0 0 0"], f"Atom Type Labels\n\n1 {long} y\n2 B\n\n"),
    ):
        refused(tmp_path, text, ".")


def test_a_3d_box_without_z_is_refused(tmp_path: Path) -> None:
    for height in ("0 4", "0 3.9"):
        refused(tmp_path, dump(height=height), "no z coordinate, but its box is that of a 3D run")
    rng = np.random.default_rng(0)
    rows = [f"{k + 1} 1 {x} {y}" for k, (x, y) in enumerate(rng.uniform(0, 4, (100, 2)))]
    # A slab of four layers; a box of height 1 is that of a 2D run however small the particles are.
    refused(tmp_path, dump(rows=rows, height="0 2"), "a 3D run")
    for height in ("0 1", "-0.1 0.1", "-0.5 0.5"):
        assert loaded(tmp_path, dump(rows=rows, height=height))[0].dimension == 2


@pytest.mark.parametrize("z", ["1e-9", "0.25", "-2e-9"])
def test_z_that_differs_by_rounding_is_2d_in_every_format(tmp_path: Path, z: str) -> None:
    heights = [z if k % 2 else str(float(z) + 1e-9) for k in range(4)]
    rows = [(i, t, x, y, h) for (i, t, _, x, y), h in zip(ROWS, heights, strict=True)]
    for text in (
        dump("id type x y z", [f"{i} {t} {x} {y} {h}" for i, t, x, y, h in rows]),
        data("Atoms", [f"{i} {t} {x} {y} {h}" for i, t, x, y, h in rows]),
        extxyz("type:I:1:pos:R:3", [f"{t} {x} {y} {h}" for _, t, x, y, h in rows]),
    ):
        assert loaded(tmp_path, text)[0].dimension == 2
        # One particle out of the plane, and it is 3D.
        assert loaded(tmp_path, text.replace(f" {heights[3]}\n", " 0.4\n"))[0].dimension == 3


def test_a_2d_gsd_file_with_particles_off_the_plane_is_refused(tmp_path: Path) -> None:
    gsd_hoomd = pytest.importorskip("gsd.hoomd")
    for z, height, dimensions, expected in (
        (0.0, 1, 3, 2), (0.0, 1, 2, 2), (1e-4, 0, 2, 2),
        (0.3, 1, 3, 3), (0.3, 0, 3, 0), (0.3, 1, 2, 0),
    ):  # fmt: skip
        frame = gsd_hoomd.Frame()
        frame.configuration.box = [4, 4, height, 0, 0, 0]
        frame.configuration.dimensions = dimensions
        frame.particles.N = 2
        frame.particles.position = [[0, 0, 0], [1, 1, z]]
        with gsd_hoomd.open(tmp_path / "t.gsd", "w") as file:
            file.append(frame)
        if expected:
            assert read(tmp_path / "t.gsd")[0].dimension == expected
        else:
            with pytest.raises(InputError, match="particles differ in z by 0"):
                read(tmp_path / "t.gsd")


def test_numbers_as_fortran_writes_them(tmp_path: Path) -> None:
    plain = dump(step="1200")
    text = plain.replace("1200", "1.2D+03").replace(" 0.5", " 0.5D+00").replace(" 1.5", " 15.d-1")
    found, expected = loaded(tmp_path, text)[0], loaded(tmp_path, plain)[0]
    np.testing.assert_array_equal(found.positions, expected.positions)
    assert found.step == expected.step == 1200
    refused(tmp_path, dump(step="1.5"), "'1.5' is not a whole number")
    # A word that is no number stays one.
    [named] = loaded(tmp_path, dump("id type x y", [f"{i} D{t} {x} {y}" for i, t, _, x, y in ROWS]))
    assert named.type_names == ("D1", "D2")


def test_a_missing_last_line_feed_is_not_a_missing_row(tmp_path: Path) -> None:
    rows = [f"{i} {t} {x:.6f} {y:.6f}" for i, t, _, x, y in ROWS]
    for text in (
        dump(rows=rows),
        dump(rows=rows).replace("00\n", "00 \n"),
        extxyz("type:I:1:pos:R:3", [f"{t} {x:.4f} {y:.4f} 0.0000" for _, t, _, x, y in ROWS]),
        data("Atoms", [f"{i} {t} {x:.4f} {y:.4f} 0.0000" for i, t, _, x, y in ROWS]),
    ):
        whole = loaded(tmp_path, text)[0]
        np.testing.assert_array_equal(loaded(tmp_path, text[:-1])[0].positions, whole.positions)
        for lost in range(2, 7):
            with pytest.raises(FileError):
                loaded(tmp_path, text[:-lost])


def test_a_row_that_lacks_the_space_at_its_end_is_cut(tmp_path: Path) -> None:
    """Where the number of decimals varies, only the blank at the end tells."""
    rows = ["1 1 0.5 0.25 ", "2 2 1.5 0.125 ", "3 2 2.5 1.0625 "]
    text = dump(rows=rows)
    assert len(loaded(tmp_path, text[:-1])[0]) == 3
    for lost in range(2, 6):
        with pytest.raises(FileError, match="is cut off"):
            loaded(tmp_path, text[:-lost])


def test_atoms_without_a_style_are_atomic_or_refused(tmp_path: Path) -> None:
    atomic = [f"{i} {t} {x} {y} 0.1" for i, t, _, x, y in ROWS]
    plain = loaded(tmp_path, data("Atoms # atomic", atomic))[0]
    for rows in (atomic, [f"{row} 0 0 0" for row in atomic]):
        found = loaded(tmp_path, data("Atoms", rows))[0]
        np.testing.assert_array_equal(found.positions, plain.positions)
    for style, middle in (("full", "1 1 0.0"), ("molecular", "1 1"), ("charge", "1 0.5")):
        for images in ("", " 0 0 0"):
            rows = [f"{i} {middle} {x} {y} 0.1{images}" for i, _, _, x, y in ROWS]
            refused(tmp_path, data("Atoms", rows), f"Atoms # {style}")
            stated = loaded(tmp_path, data(f"Atoms # {style}", rows))[0]
            np.testing.assert_array_equal(stated.positions, plain.positions)


def test_orthogonal_boxes_in_general_notation(tmp_path: Path) -> None:
    rows = [f"{i} {t} {x} {y} 0.{i}" for i, t, _, x, y in ROWS]
    plain = dump("id type x y z", rows, height="0 4")
    general = plain.replace("BOUNDS", "BOUNDS abc origin").replace(
        "0 4\n0 4\n0 4\n", "4 0 0 0\n1e-9 4 0 0\n0 0 4 0\n"
    )
    tilts = plain.replace("BOUNDS", "BOUNDS xy xz yz").replace("0 4\n", "0 4 -2e-7\n")
    header = data("Atoms", rows)
    vectors = header.replace(
        "0 4 xlo xhi\n0 4 ylo yhi\n0 4 zlo zhi\n",
        "4 0 0 avec\n0 4 1e-8 bvec\n0 0 4 cvec\n0 0 0 abc origin\n",
    )
    tilted = header.replace("zlo zhi\n", "zlo zhi\n-2e-7 0 0 xy xz yz\n")
    lattice = extxyz("type:I:1:pos:R:3", [row.split(" ", 1)[1] for row in rows])
    rounded = lattice.replace("4 0 0 0 4", "4 0 0 -2.6e-07 4")
    expected = loaded(tmp_path, plain)[0]
    for text in (general, tilts, header, vectors, tilted, lattice, rounded):
        found = loaded(tmp_path, text)[0]
        np.testing.assert_allclose(found.box, [4, 4, 4])
        np.testing.assert_allclose(found.positions, expected.positions, atol=1e-12)
    for text in (
        general.replace("1e-9 4", "0.1 4"),
        tilts.replace("-2e-7", "0.1", 1),
        vectors.replace("1e-8", "0.1"),
        tilted.replace("-2e-7", "0.1"),
        rounded.replace("-2.6e-07", "0.1"),
    ):
        refused(tmp_path, text, "tilted")


@pytest.mark.parametrize(
    ("step", "time"),
    [("Timestep", "Time"), ("step", "time"), ("Step", "t"), ("frame", "md_time"), ("timestep", "")],
)
def test_steps_and_times_of_extended_xyz(tmp_path: Path, step: str, time: str) -> None:
    frames = [
        extxyz(
            "type:I:1:pos:R:3",
            ["1 0 0 0", "2 1 1 1"],
            f" {step}={n}" + (f" {time}={n / 200:.6f}" if time else ""),
        )
        for n in (0, 100, 200)
    ]
    found = loaded(tmp_path, "".join(frames), quietly=False)
    assert [frame.step for frame in found] == [0, 100, 200]
    assert found.metadata == ({"dt": 0.005} if time else {})


def test_times_of_dumps(tmp_path: Path) -> None:
    def frames(*pairs: tuple[int, float]) -> str:
        return "".join(
            f"ITEM: UNITS\nlj\nITEM: TIME\n{time}\n{dump(step=str(step))}" for step, time in pairs
        )

    found = loaded(tmp_path, frames((0, 0), (100, 0.5), (300, 1.5)), quietly=False)
    assert found.metadata == {"dt": 0.005, "units": "lj"}
    assert loaded(tmp_path, frames((100, 0.5)), quietly=False).metadata["time"] == 0.5
    with pytest.warns(GnnglassWarning, match="not proportional to the steps"):
        (tmp_path / "t").write_text(frames((0, 0), (100, 0.5), (300, 9)))
        assert "dt" not in read(tmp_path / "t").metadata


def test_what_is_not_kept_is_named_in_one_line(tmp_path: Path) -> None:
    rows = [f"{i} {t} {x} {y} word" for i, t, _, x, y in ROWS]
    texts = {
        "note": dump("id type x y note", rows),
        "Temperature": extxyz("type:I:1:pos:R:3", ["1 0 0 0", "2 1 1 1"], " Temperature=1.5"),
        "Bonds": data(
            "Atoms # atomic",
            ["1 1 0 0 0", "2 1 1 1 1"],
            after="\nVelocities\n\n2 4 5 6\n1 1 2 3\n\nBonds\n\n1 1 1 2\n",
        ),
    }
    for name, text in texts.items():
        (tmp_path / "t").write_text(text)
        with pytest.warns(
            GnnglassWarning, match=f"(?i)not read, for want of a place: {name}"
        ) as told:
            [found] = read(tmp_path / "t")
        assert len(told) == 1
        assert "\n" not in str(told[0].message)
    # Velocities come by id, like all else.
    np.testing.assert_array_equal(found.field("vx"), [1, 4])
    np.testing.assert_array_equal(found.field("vz"), [3, 6])
    masses = data("Atoms", ["1 1 0 0 0", "2 2 1 1 1"], f"Masses\n\n1 2.5\n2 1\n\n{LABELLED}")
    assert loaded(tmp_path, masses, quietly=False).metadata["masses"] == {"Zr": 2.5, "Cu": 1.0}
    vectors = extxyz("type:I:1:pos:R:3:vel:R:3:forces:R:3:m:R:3", ["1 0 0 0 1 2 3 4 5 6 7 8 9"] * 2)
    [found] = loaded(tmp_path, vectors, quietly=False)
    assert {name: values[0] for name, values in found.fields.items()} == {
        "vx": 1, "vy": 2, "vz": 3, "fx": 4, "fy": 5, "fz": 6, "m_x": 7, "m_y": 8, "m_z": 9,
    }  # fmt: skip


def test_hoomd_quantities_are_fields_or_named(tmp_path: Path) -> None:
    gsd_hoomd = pytest.importorskip("gsd.hoomd")
    frame = gsd_hoomd.Frame()
    frame.configuration.box = [4, 4, 4, 0, 0, 0]
    frame.particles.N = 2
    frame.particles.position = [[0, 0, 0], [1, 1, 1]]
    frame.particles.charge = [1, -1]
    frame.particles.diameter = [1, 2]
    frame.particles.mass = [3, 4]
    frame.bonds.N = 1
    frame.bonds.types = ["b"]
    frame.bonds.group = [[0, 1]]
    with gsd_hoomd.open(tmp_path / "t.gsd", "w") as file:
        file.append(frame)
    with pytest.warns(GnnglassWarning, match="for want of a place: bonds/"):
        [found] = read(tmp_path / "t.gsd")
    for name, expected in (("charge", [1, -1]), ("diameter", [1, 2]), ("mass", [3, 4])):
        np.testing.assert_array_equal(found.field(name), expected)
        np.testing.assert_array_equal(as_trajectory(frame)[0].field(name), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write(tmp_path / "ours.gsd", found)
        again = read(tmp_path / "ours.gsd")[0]
    assert set(again.fields) == set(found.fields)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"types": [0.5, 1]}, "types are not whole"),
        ({"types": [0, 2**32]}, "types are not whole"),
        ({"types": np.array([0, 2**32 - 1], dtype=np.uint32)}, "types are not whole"),
        ({"types": [0, np.nan]}, "types are not whole"),
        ({"types": ["A", "B"]}, "types is .*expected numbers"),
        ({"images": [[0, 0.5], [0, 0]]}, "images are not whole"),
        ({"images": [[0, 2**32], [0, 0]]}, "images are not whole"),
        ({"step": 0.5}, "the step are not whole|step"),
        ({"ids": [1, 1]}, "the id 1 occurs twice"),
        ({"ids": [1, 1.5]}, "ids are not whole"),
        ({"ids": [1, 2, 3]}, "ids have shape"),
    ],
)
def test_snapshots_cast_nothing_silently(change: dict[str, object], said: str) -> None:
    good = Snapshot([4, 4], [[0, 0], [1, 1]], [0, 1], images=[[0, 0], [0, 0]])  # type: ignore[arg-type]
    with pytest.raises(InputError, match=said):
        good.replace(**change)
    assert good.replace(types=np.array([0.0, 1.0])).types.dtype == np.int32
