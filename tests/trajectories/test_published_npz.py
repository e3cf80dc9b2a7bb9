"""BOTAN and GlassBench: npz files, real ones and such as were made to do harm."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mutations
import numpy as np
import pytest

from gnnglass.dynamics import IsoconfigurationalEnsemble
from gnnglass.errors import FileError, GnnglassError, InputError
from gnnglass.trajectories import read, write
from gnnglass.trajectories._arrays import read_npz

#: Mean propensity of the A particles in the published files.
PUBLISHED = {1: 0.6986, 2: 0.4962, 3: 0.6166, 4: 0.4277, 5: 0.5549, 6: 0.5080, 7: 0.6124}


def propensity(ensemble: IsoconfigurationalEnsemble) -> float:
    moved = np.linalg.norm(ensemble.displacements[:, 0], axis=-1).mean(axis=0)
    return float(moved[ensemble.initial.of_type("A")].mean())


@pytest.mark.parametrize("number", PUBLISHED)
def test_published_botan_files(real_data: Path, number: int) -> None:
    path = real_data / "botan_ka3d_T0.44" / f"isoconfig_N4096T0.44_{number}_tc07.npz"
    trajectory = read(path)
    assert len(trajectory) == 33
    assert trajectory.metadata["kT"] == 0.44
    assert trajectory.metadata["system"] == "ka3d"
    initial = trajectory[0]
    np.testing.assert_allclose(initial.box, 15.05658, atol=1e-5)
    assert tuple(np.bincount(initial.types)) == (3277, 819)
    ensemble = IsoconfigurationalEnsemble.from_trajectory(trajectory)
    assert propensity(ensemble) == pytest.approx(PUBLISHED[number], abs=6e-5)
    assert ensemble.times.tolist() == [4120.0]
    with np.load(path) as file:
        moved = file["positions"] - file["initial_positions"]
    np.testing.assert_allclose(ensemble.displacements[:, 0], moved, atol=1e-12)


def test_a_botan_file_survives_as_gsd(real_data: Path, tmp_path: Path) -> None:
    trajectory = read(real_data / "botan_ka3d_T0.44" / "isoconfig_N4096T0.44_2_tc07.npz")
    write(tmp_path / "t.gsd", trajectory)
    ensemble = IsoconfigurationalEnsemble.from_trajectory(read(tmp_path / "t.gsd"))
    assert propensity(ensemble) == pytest.approx(PUBLISHED[2], abs=1e-4)


def botan(n: int = 64, **changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    start = rng.uniform(0, (n / 1.2) ** (1 / 3), (n, 3))
    arrays = {
        "types": np.arange(n, dtype=np.int8) % 2,
        "initial_positions": start,
        "positions": start + rng.normal(size=(4, n, 3)),
    }
    return {name: values for name, values in {**arrays, **changes}.items() if values is not None}


def saved(folder: Path, arrays: dict[str, Any], name: str = "t.npz") -> Path:
    np.savez_compressed(folder / name, **arrays)
    return folder / name


def test_an_unnamed_lag_is_the_unit_of_time(tmp_path: Path) -> None:
    arrays = botan()
    trajectory = read(saved(tmp_path, arrays))
    assert trajectory.metadata == {
        "run": "t", "system": "ka3d", "level": "thermal", "dt": 1.0, "time_unit": "lag",
        "isoconfigurational": {"n_clones": 4, "lag_steps": [1]},
    }  # fmt: skip
    ensemble = IsoconfigurationalEnsemble.from_trajectory(trajectory)
    expected = arrays["positions"] - arrays["initial_positions"]
    np.testing.assert_allclose(ensemble.displacements[:, 0], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"initial_positions": botan()["initial_positions"] * 1.2}, "does not fit the edge 3.764"),
        ({"initial_positions": botan()["initial_positions"] / 2}, "does not fit the edge 3.764"),
        ({"initial_positions": botan()["initial_positions"][:9]}, "does not fit the edge"),
        ({"initial_positions": np.zeros(3)}, r"shape \(3,\)"),
        ({"positions": np.zeros((4, 63, 3))}, r"expected \[n_clones, 64, 3\]"),
        ({"positions": np.full((4, 64, 3), np.nan)}, "NaN"),
        ({"positions": np.zeros((0, 64, 3))}, "not each stored"),
        ({"types": np.zeros(63, int)}, "types have shape"),
        ({"types": np.zeros(64)}, "expected whole numbers"),
        ({"types": np.full(64, 2)}, "only 2 species"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(saved(tmp_path, botan(**changes)))
    assert "\n" not in str(caught.value)


def glassbench(d: int, **changes: Any) -> dict[str, Any]:
    n = 60
    edge = (n / {2: 1290 / 32.8962**2, 3: 1.2}[d]) ** (1 / d)
    rng = np.random.default_rng(0)
    arrays = {
        "types": (np.arange(n) % d + changes.pop("first", 0)).astype(np.int8),
        "initial_positions": rng.uniform(-edge / 2, edge / 2, (n, d)).astype(np.float32),
        "initial_positions_inherent": np.zeros((n, d)),
        "md_prop": rng.normal(size=(6, n)),
        "bb_prop": rng.normal(size=(6, n)),
    }
    return {**arrays, **changes}


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("first", [0, 1])
def test_glassbench_configurations(tmp_path: Path, d: int, first: int) -> None:
    arrays = glassbench(d, first=first, SE3=np.arange(60.0))
    name = {2: "N1290T0.23_141.npz", 3: "N4096T0.44_301.npz"}[d]
    trajectory = read(saved(tmp_path, arrays, name))
    [found] = trajectory
    np.testing.assert_allclose(found.positions, arrays["initial_positions"], atol=1e-12)
    assert found.density == pytest.approx({2: 1.19206, 3: 1.2}[d], rel=1e-4)
    np.testing.assert_array_equal(found.types, arrays["types"] - first)
    assert set(found.fields) == {
        *(f"{kind}_prop_{lag}" for kind in ("md", "bb") for lag in range(6)),
        "SE3",
    }
    np.testing.assert_array_equal(found.field("bb_prop_5"), arrays["bb_prop"][5])
    assert trajectory.metadata["kT"] == {2: 0.23, 3: 0.44}[d]
    assert trajectory.metadata["system"] == {2: "ka2d-ternary", 3: "ka3d"}[d]


def test_glassbench_runs_go_to_the_nearest_image(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    start, moved = rng.uniform(-5, 5, (40, 2)), rng.normal(size=(8, 40, 2))
    wrapped = (start + moved + 5) % 10 - 5
    arrays = {
        "types": np.arange(40) % 3,
        "initial_positions": start,
        "positions": wrapped,
        "box": np.array(10.0),
    }
    trajectory = read(saved(tmp_path, arrays, "N1290T0.23_151_tc40.npz"))
    assert trajectory[0].type_names == ("A", "B", "C")
    ensemble = IsoconfigurationalEnsemble.from_trajectory(trajectory)
    np.testing.assert_allclose(ensemble.displacements[:, 0], moved, atol=1e-12)
    assert (trajectory.metadata["kT"], trajectory.metadata["time_unit"]) == (0.23, "lag")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (glassbench(2, md_prop=np.zeros((2, 59))), "field 'md_prop_0' has shape"),
        (glassbench(2, md_prop=np.zeros((2, 2, 60))), "md_prop has shape"),
        (glassbench(2, md_prop=np.zeros((101, 60))), "md_prop has shape"),
        (glassbench(2, types=np.full(60, 2)), "from 0 or from 1"),
        (glassbench(2, initial_positions=np.zeros((60, 4))), r"expected \[n, 2\]"),
        (glassbench(2, box=np.ones(3), positions=np.zeros((2, 60, 2))), "expected an edge"),
        (glassbench(2, box=np.ones(1), positions=np.zeros((2, 60))), "expected an edge"),
        (glassbench(2, box=np.array(-1.0), positions=np.zeros((2, 60, 2))), "positive edge"),
    ],
)
def test_glassbench_arrays_that_do_not_fit(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(saved(tmp_path, arrays))


def header(text: bytes) -> Callable[[bytes], bytes]:
    return lambda member: (
        b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + member[80:]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000000,), }"),
            "fit",
        ),
        (
            header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (0, 999999999999999), }"),
            "fit",
        ),
        (header(b"{'descr': '|O', 'fortran_order': False, 'shape': (64,), }"), "not an array of"),
        (header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }"), "not an array of"),
        (
            header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"1" * 9999),
            "not an arr",
        ),
        (header(b"(" * 60_000), "not an array of"),
        (header(b"__import__('os').abort()"), "not an array of"),
        (lambda member: member[:-8], "does not fit shape"),
        (lambda member: member[:5], "not an array of numbers"),
        (lambda member: b"\x93NUMPY\x02\x00" + member[8:], "not an array of"),
    ],
)
def test_headers_that_lie(tmp_path: Path, change: Callable[[bytes], bytes], message: str) -> None:
    members = mutations.npz(**botan())
    members["positions.npy"] = change(members["positions.npy"])
    (tmp_path / "t.npz").write_bytes(mutations.packed(members))
    with pytest.raises(FileError, match=message) as caught:
        read(tmp_path / "t.npz")
    assert "\n" not in str(caught.value)


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(tmp_path / "executed"),)

    types = np.array([Evil()] * 64, dtype=object)
    np.savez(tmp_path / "t.npz", **botan(types=types), allow_pickle=True)
    with pytest.raises(GnnglassError):
        read_npz(tmp_path / "t.npz", ["types"])
    assert not (tmp_path / "executed").exists()


def test_a_zip_bomb_is_refused_and_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("types", "initial_positions"):
            archive.writestr(f"{name}.npy", b"")
        with archive.open("positions.npy", "w", force_zip64=True) as stream:
            for _ in range(256):
                stream.write(bytes(1 << 20))
    with pytest.raises(FileError, match=r"positions\.npy claims to unpack to 268435456 bytes"):
        read_npz(path, ["positions"])


def test_other_compressions_and_cut_files(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, member in mutations.npz(**botan()).items():
            archive.writestr(name, member)
    with pytest.raises(FileError, match="compressed in a way"):
        read(path)
    whole = saved(tmp_path, botan()).read_bytes()
    for kept in range(4, len(whole), 97):
        path.write_bytes(whole[:kept])
        with pytest.raises(FileError, match="seems damaged"):
            read(path)


def test_columns_first_and_other_byte_orders(tmp_path: Path) -> None:
    array = np.arange(24, dtype=">f4").reshape(2, 3, 4)
    stream = io.BytesIO()
    np.savez(stream, f=np.asfortranarray(array), c=array, scalar=np.array(7), none=np.empty((0, 3)))
    (tmp_path / "t.npz").write_bytes(stream.getvalue())
    found = read_npz(tmp_path / "t.npz", ["f", "c", "scalar", "none", "absent"])
    assert set(found) == {"f", "c", "scalar", "none"}
    np.testing.assert_array_equal(found["f"], array)
    np.testing.assert_array_equal(found["c"], array)
    assert (found["scalar"].shape, int(found["scalar"]), found["none"].shape) == ((), 7, (0, 3))
