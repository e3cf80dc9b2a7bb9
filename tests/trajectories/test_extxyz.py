from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import FileError, GnnglassError, InputError
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Trajectory, read

GOOD = (
    '3\nLattice="4.0 0.0 0.0 0.0 4.0 0.0 0.0 0.0 5.0" Properties=species:S:1:pos:R:3:id:I:1:'
    'energy:R:1 step=70 pbc="T T T"\nB 0 0 0 2 -0.5\nA 1 2 3 1 1e-3\nA 1 1 1 3 0\n'
)


def loaded(folder: Path, content: str | bytes) -> Trajectory:
    path = folder / "t.xyz"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read(path)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.integers(2, 9), st.booleans())
def test_what_ase_writes(
    tmp_path_factory: pytest.TempPathFactory, seed: int, d: int, n: int, packed: bool
) -> None:
    ase = pytest.importorskip("ase")
    from ase.io import write as ase_write

    folder = tmp_path_factory.mktemp("ase")
    rng = np.random.default_rng(seed)
    box = rng.uniform(2, 9, 3) * ([1, 1, 0] if d == 2 and seed % 2 else [1, 1, 1])
    frames = []
    for step in (0, 40):
        positions = rng.uniform(-5, 12, (n, 3))
        positions[:, d:] = 0.25
        atoms = ase.Atoms(
            rng.choice(["Ni", "P", "H"], n), positions, cell=box, pbc=[True, True, d == 3]
        )
        atoms.info.update(step=step, comment='with "quotes" and step = 7', table=np.eye(2))
        atoms.arrays["energy"] = rng.normal(size=n)
        atoms.arrays["coordination"] = rng.integers(0, 20, n)
        atoms.arrays["spin"] = rng.normal(size=(n, 3))
        atoms.arrays["name"] = np.array(["x", "yy"])[rng.integers(0, 2, n)]
        frames.append(atoms)
    path = folder / ("t.xyz.gz" if packed else "t.xyz")
    ase_write(path, frames, format="extxyz")
    found = read(path)
    names = sorted({symbol for atoms in frames for symbol in atoms.symbols})
    assert len(found) == 2
    for snapshot, atoms in zip(found, frames, strict=True):
        assert snapshot.dimension == d
        assert snapshot.images is None
        assert snapshot.step == atoms.info["step"]
        np.testing.assert_allclose(snapshot.box, box[:d], rtol=1e-7)
        expected = atoms.positions[:, :d] - box[:d] / 2
        apart = snapshot.minimum_image(snapshot.positions - expected)
        np.testing.assert_allclose(apart, 0, atol=1e-6)
        assert snapshot.type_names == tuple(names)
        assert [names[k] for k in snapshot.types] == list(atoms.symbols)
        spin = {f"spin_{axis}" for axis in "xyz"}
        assert set(snapshot.fields) == {"energy", "coordination", *spin}
        for name in ("energy", "coordination"):
            np.testing.assert_allclose(snapshot.field(name), atoms.arrays[name], atol=1e-7)
        for k, axis in enumerate("xyz"):
            expected = atoms.arrays["spin"][:, k]
            np.testing.assert_allclose(snapshot.field(f"spin_{axis}"), expected, atol=1e-7)


def test_species_of_a_glass_former_in_the_order_of_ids(tmp_path: Path) -> None:
    second = GOOD.replace("step=70 ", "")
    for content in (GOOD + second, gzip.compress((GOOD + second).encode())):
        first, other = loaded(tmp_path, content)
        assert first.type_names == ("A", "B")
        np.testing.assert_array_equal(first.types, [0, 1, 0])
        np.testing.assert_array_equal(first.field("energy"), [1e-3, -0.5, 0])
        assert (first.step, other.step) == (70, 1)  # counted, where no step is given
        np.testing.assert_allclose(
            first.minimum_image(first.positions[0] - np.array([1 - 2, 2 - 2, 3 - 2.5])), 0
        )
    numbered = loaded(tmp_path, GOOD.replace("\nA", "\n1").replace("\nB", "\n2"))[0]
    assert numbered.type_names == ("A", "B")
    np.testing.assert_array_equal(numbered.types, first.types)


def test_the_origin_of_ovito_is_the_corner(tmp_path: Path) -> None:
    plain = loaded(tmp_path, GOOD)[0]
    moved = loaded(tmp_path, GOOD.replace("step=", 'Origin="-2 -2 -2.5" step='))[0]
    np.testing.assert_allclose(
        moved.minimum_image(moved.positions - plain.positions - plain.box / 2), 0, atol=1e-12
    )


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("0.0 4.0 0.0", "0.1 4.0 0.0", InputError, "tilted"),
        ('pbc="T T T"', 'pbc="T F T"', InputError, "not periodic"),
        ('pbc="T T T"', 'pbc="T T F"', InputError, "not periodic"),
        ('pbc="T T T"', 'pbc="T"', InputError, "not periodic"),
        ("Lattice=", "lettuce=", InputError, "states no box"),
        ("species:S:1", "name:S:1", InputError, "lack species"),
        ("pos:R:3", "pos:R:2:w:R:1", InputError, "lack species"),
        ("pos:R:3", "pos:R", FileError, "triples"),
        ("pos:R:3", "pos:S:3", FileError, "'pos_x' is not numeric"),
        ("id:I:1", "id:S:1", FileError, "'id' is not numeric"),
        ("pos:R:3", "pos:R:999999999", FileError, "999999999 columns"),
        ("energy:R:1", "energy:R:2", FileError, "lines of 7 columns"),
        ("3\nLatt", "4\nLatt", FileError, "3 lines of particles where 4 are announced"),
        ("3\nLatt", "99999999999\nLatt", FileError, "where 99999999999 are announced"),
        ("3\nLatt", "0\nLatt", FileError, "where 0 are announced"),
        ("A 1 2 3", "A 1 x 3", FileError, "line 9: the column 'pos_y' holds 'x'"),
        ("A 1 2 3", "A 1 inf 3", InputError, "1 of 3 positions are NaN"),
        ("2 -0.5", "1 -0.5", FileError, "ids occur twice"),
        ("4.0 0.0 0.0 0.0", "-4.0 0.0 0.0 0.0", InputError, "positive edge lengths"),
        ("4.0 0.0 0.0 0.0", "4.0 0.0 0.0", FileError, "expected 9 numbers"),
        ("step=70", "step=7.5", FileError, "seems damaged"),
        ("step=70", "note=" + "x" * 70_000, FileError, "second line has"),
    ],
)
def test_bad_frames_are_one_sentence(
    tmp_path: Path, old: str, new: str, error: type[GnnglassError], message: str
) -> None:
    assert old in GOOD
    with pytest.raises(error, match=message) as caught:
        loaded(tmp_path, GOOD + GOOD.replace(old, new, 1))
    assert str(caught.value).count("frame 1 of") == 1
    assert "\n" not in str(caught.value)


def test_without_pbc_the_box_is_periodic(tmp_path: Path) -> None:
    snapshot = example_snapshot(3, 3000)
    rows = "".join(f"A {x!r} {y!r} {z!r}\n" for x, y, z in snapshot.positions.tolist())
    edge = float(snapshot.box[0])
    head = f'Lattice="{edge} 0 0 0 {edge} 0 0 0 {edge}" Properties=species:S:1:pos:R:3'
    found = loaded(tmp_path, f"3000\n{head}\n{rows}" * 2)
    np.testing.assert_allclose(
        snapshot.minimum_image(found[1].positions + edge / 2 - snapshot.positions), 0, atol=1e-9
    )
