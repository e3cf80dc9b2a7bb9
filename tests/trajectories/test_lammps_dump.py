from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshot_strategies import snapshots

from gnnglass.errors import FileError, GnnglassError, InputError
from gnnglass.trajectories import Snapshot, read

VARIANTS = ["", "s", "u", "su"]


def dump(
    snapshot: Snapshot,
    variant: str,
    *,
    images: bool = False,
    origin: float = 0.0,
    seed: int = 0,
    flat_z: bool = False,
) -> str:
    """One frame as LAMMPS writes it, atoms in any order; the box begins at `origin`."""
    d, box = snapshot.dimension, snapshot.box
    source = snapshot.unwrapped if "u" in variant else snapshot.positions
    coordinates = source + box / 2 + origin
    if "s" in variant:
        coordinates = (coordinates - origin) / box
    axes = "xyz"[:d]
    columns = ["id", "type", *(axis + variant for axis in axes)]
    columns += ["z"] if flat_z else []
    columns += [f"i{axis}" for axis in axes] if images else []
    columns += list(snapshot.fields)
    lines = []
    for i in np.random.default_rng(seed).permutation(len(snapshot)):
        row = [str(i + 1), str(snapshot.types[i] + 1), *map(repr, coordinates[i].tolist())]
        row += ["0.25"] if flat_z else []
        row += map(str, snapshot.images[i]) if images and snapshot.images is not None else []
        row += [repr(float(values[i])) for values in snapshot.fields.values()]
        lines.append(" ".join(row) + " \n")
    edges = [*box, 1.0][:3]
    bounds = "".join(f"{origin!r} {float(origin + edge)!r}\n" for edge in edges)
    return (
        f"ITEM: TIMESTEP\n{snapshot.step}\nITEM: NUMBER OF ATOMS\n{len(snapshot)}\n"
        f"ITEM: BOX BOUNDS pp pp pp\n{bounds}ITEM: ATOMS {' '.join(columns)} \n{''.join(lines)}"
    )


def loaded(text: str | bytes, name: str = "t.atom") -> list[Snapshot]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return list(read(path))


@settings(max_examples=30, deadline=None)
@given(snapshots(), st.floats(-20, 20), st.integers(0, 99))
def test_all_variants_give_the_same_snapshot(random: Snapshot, origin: float, seed: int) -> None:
    images = np.random.default_rng(seed).integers(-2, 3, random.positions.shape)
    expected = random.replace(images=images, fields={}, types=random.types * 0)
    for variant in VARIANTS:
        for with_images in (False, True):
            text = dump(expected, variant, images=with_images, origin=origin, seed=seed)
            found = loaded(text)[0]
            np.testing.assert_allclose(found.box, expected.box, atol=1e-12)
            shift = expected.minimum_image(found.positions - expected.positions)
            np.testing.assert_allclose(shift, 0, atol=1e-11)
            assert found.step == expected.step
            assert (found.images is None) == (not with_images and "u" not in variant)
            if found.images is not None:
                np.testing.assert_allclose(found.unwrapped, expected.unwrapped, atol=1e-10)


@settings(max_examples=20, deadline=None)
@given(snapshots())
def test_atoms_are_sorted_and_extras_become_fields(random: Snapshot) -> None:
    expected = random.replace(
        fields={"c_pe": np.arange(len(random)) * 0.1, "v_x": np.ones(len(random))}
    )
    found = loaded(dump(expected, "", seed=7))[0]
    np.testing.assert_array_equal(found.types, expected.types)
    assert found.type_names == tuple("ABC"[: expected.types.max() + 1])
    assert set(found.fields) == {"c_pe", "v_x"}
    for name, values in expected.fields.items():
        np.testing.assert_array_equal(found.field(name), values)


def test_dimension_is_told_from_z(snapshot: Snapshot) -> None:
    assert loaded(dump(snapshot, ""))[0].dimension == snapshot.dimension
    if snapshot.dimension == 2:
        found = loaded(dump(snapshot, "", flat_z=True))[0]
        assert found.dimension == 2
        assert not found.fields
        # One frame out of plane, and the whole file is 3D.
        risen = dump(snapshot, "", flat_z=True).replace(" 0.25 ", " 0.5 ", 1)
        both = loaded(dump(snapshot, "", flat_z=True) + risen)
        assert [frame.dimension for frame in both] == [3, 3]


@pytest.mark.filterwarnings("ignore::gnnglass.errors.GnnglassWarning")
def test_units_time_and_text_columns_are_passed_over(snapshot: Snapshot) -> None:
    text = dump(snapshot, "").replace("ITEM: ATOMS id", "ITEM: ATOMS element id")
    head, body = text.split("ITEM: ATOMS", 1)
    columns, *rows = body.splitlines()
    body = "\n".join([columns, *(f"Ni {row}" for row in rows), ""])
    prefix = "ITEM: UNITS\nlj\nITEM: TIME\n0.5\n"
    found = loaded(prefix + head + "ITEM: ATOMS" + body)[0]
    np.testing.assert_allclose(found.positions, snapshot.positions, atol=1e-12)
    assert not found.fields


def test_zero_tilt_is_orthorhombic_and_gzip_is_unpacked(snapshot: Snapshot) -> None:
    text = dump(snapshot, "").replace("BOUNDS pp", "BOUNDS xy xz yz pp")
    head, rest = text.split("pp pp pp\n")
    lines = rest.split("\n")
    lines[:3] = [f"{line} 0.0" for line in lines[:3]]
    packed = gzip.compress((head + "pp pp pp\n" + "\n".join(lines)).encode())
    found = loaded(packed, "t.atom.gz")[0]
    np.testing.assert_allclose(found.positions, snapshot.positions, atol=1e-12)
    with pytest.raises(FileError, match=r"frame 0 of .* is cut off"):
        loaded(packed[:-20])


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("BOUNDS pp pp pp", "BOUNDS ff pp pp", InputError, "boundary that is not periodic"),
        ("BOUNDS pp pp pp", "BOUNDS pp fs pp", InputError, "boundary that is not periodic"),
        ("BOUNDS pp", "BOUNDS abc origin", FileError, "expected 4 numbers on each line"),
        ("ATOMS id type x y", "ATOMS id type fx fy", InputError, "no x coordinate"),
        ("ATOMS id", "ATOMS tag", InputError, "some frames have a column 'id'"),
        ("ATOMS id type", "ATOMS id mol", InputError, "no column that names species"),
        ("ATOMS id type x", "ATOMS id x", FileError, "expected .* lines of"),
        ("ITEM: NUMBER OF ATOMS", "ITEM: NUMBER", FileError, "begins with ITEM:"),
        ("ITEM: TIMESTEP\n0", "ITEM: TIMESTEP\nzero", FileError, "not a whole LAMMPS dump"),
        ("\n1 1 ", "\n1 77 ", FileError, "atom types must be 1 to 26"),
        ("\n1 1 ", "\n1 x ", FileError, r"line \d+: the column 'type' holds 'x'"),
        ("\n1 1 ", "\n2 1 ", FileError, "ids occur twice"),
        ("\n1 1 ", "\n1 1 7 ", FileError, "."),
    ],
)
def test_bad_frames_are_one_sentence(
    snapshot: Snapshot, old: str, new: str, error: type[GnnglassError], message: str
) -> None:
    good = dump(snapshot.replace(types=snapshot.types * 0), "")
    assert old in good
    bad = good.replace(old, new, 1)
    with pytest.raises(error, match=message) as caught:
        loaded(good + bad)
    assert "frame 1 of" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tilted_and_nan_name_the_frame() -> None:
    square = Snapshot([4.0, 4.0], [[0.0, 0.0], [1.0, 1.0]], [0, 1])
    text = dump(square, "")
    with pytest.raises(InputError, match=r"frame 0 of .* tilted"):
        loaded(text.replace("\n0.0 4.0\n", "\n0.0 4.0 0.5\n", 1))
    with pytest.raises(InputError, match=r"frame 1 of .*: 1 of 2 positions are NaN"):
        loaded(text + text.replace(" 2.0 2.0", " nan 2.0"))
    with pytest.raises(InputError, match=r"frame 0 of .*positive edge lengths"):
        loaded(text.replace("\n0.0 4.0\n", "\n4.0 0.0\n", 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_a_cut_file_names_the_frame_that_is_cut(where: int) -> None:
    square = Snapshot([4.0, 4.0], [[0.0, 0.0], [1.0, 1.0]], [0, 1])
    frames = [dump(square.replace(step=step), "") for step in range(3)]
    ends = np.cumsum([len(frame) for frame in frames])
    kept = where % ends[-1]
    # A file without its last line feed is whole.
    if kept in (0, *ends, *(ends - 1)):
        return
    number = int(np.searchsorted(ends, kept))
    text = "".join(frames)[:kept]
    if kept < len("ITEM:"):
        with pytest.raises(FileError, match="no trajectory format"):
            loaded(text)
        return
    with pytest.raises(FileError, match=f"frame {number} of .* is cut off") as caught:
        loaded(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "dimension", "frames", "edge", "counts"),
    [
        ("2ddump.log.u.atom", 2, 12, 28.8675, (650, 350)),
        ("2ddump.u.atom", 2, 10, 28.8675, (650, 350)),
        ("3dkaljdump.log.u.atom", 3, 18, 9.41036, (800, 200)),
        ("3dkaljdump.u.atom", 3, 10, 9.41036, (800, 200)),
    ],
)
def test_published_dumps(
    real_data: Path, name: str, dimension: int, frames: int, edge: float, counts: tuple[int, ...]
) -> None:
    path = real_data / "pymattersim_kalj" / name
    trajectory = read(path)
    assert len(trajectory) == frames
    first = trajectory[0]
    np.testing.assert_allclose(first.box, [edge] * dimension)
    assert tuple(np.bincount(first.types)) == counts
    assert first.density == pytest.approx(1.2, rel=1e-4)
    # Unwrapped positions are those of the file, particle by particle, up to the shift of origin.
    rows = [line.split() for line in path.read_text().splitlines()[-1000:]]
    stated = np.array(sorted((int(row[0]), *map(float, row[2:])) for row in rows))[:, 1:]
    np.testing.assert_allclose(trajectory[-1].unwrapped, stated - edge / 2, atol=1e-9)
    # A liquid at this density keeps its particles apart, in every frame and through the faces.
    from gnnglass.trajectories import neighbor_pairs

    assert all(neighbor_pairs(frame, 2.0).distances.min() > 0.6 for frame in trajectory)
