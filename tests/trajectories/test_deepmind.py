"""Pickles: published ones are read, whatever else they might do is not done."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mutations
import numpy as np
import pytest

from gnnglass.dynamics import IsoconfigurationalEnsemble
from gnnglass.errors import FileError, GnnglassError, InputError
from gnnglass.trajectories import read
from gnnglass.trajectories._arrays import read_pickle

N, EDGE = 20, 15.04


def content(**changes: Any) -> dict[str, Any]:
    """The entries of the published files, made up."""
    rng = np.random.default_rng(0)
    start = rng.uniform(0, EDGE, (N, 3))
    values = {
        "positions": start,
        "types": np.arange(N, dtype=np.int32) % 2,
        "box": np.full(3, EDGE),
        "time": [0.0, 0.003, 0.006, 0.6, 57882.645],
        "time_indices": [4, 1, 3, 3],
        "is_values": np.array([0.1, 0.9]),
        "trajectory_start_velocities": [rng.normal(size=(N, 3)) for _ in range(5)],
        "trajectory_target_positions": [
            [start + rng.normal(size=(N, 3)) for _ in range(5)] for _ in range(4)
        ],
        "metadata": {"temperature": 0.44, "pressure": 2.93, "fluid": "Kob Andersen"},
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def saved(folder: Path, data: Any, protocol: int = 3) -> Path:
    (folder / "t.pickle").write_bytes(pickle.dumps(data, protocol=protocol))
    return folder / "t.pickle"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("pack", [bytes, zlib.compress])
def test_runs_in_the_order_of_times(tmp_path: Path, protocol: int, pack: type[bytes]) -> None:
    data = content()
    path = saved(tmp_path, data, protocol)
    path.write_bytes(pack(path.read_bytes()))
    trajectory = read(path)
    assert len(trajectory) == 1 + 5 * 3  # one of the four times occurs twice
    assert trajectory.metadata == {
        "run": "t", "level": "thermal", "kT": 0.44, "dt": pytest.approx(0.003),
        "isoconfigurational": {"n_clones": 5, "lag_steps": [1, 200, 19294215]},
    }  # fmt: skip
    ensemble = IsoconfigurationalEnsemble.from_trajectory(trajectory)
    np.testing.assert_allclose(ensemble.times, [0.003, 0.6, 57882.645], rtol=1e-12)
    targets = data["trajectory_target_positions"]
    for clone in range(5):
        for lag, index in enumerate([1, 2, 0]):
            expected = targets[index][clone] - data["positions"]
            np.testing.assert_allclose(ensemble.displacements[clone, lag], expected, atol=1e-12)
    np.testing.assert_array_equal(trajectory[0].types, data["types"])


def test_names_of_older_numpy_are_known(tmp_path: Path) -> None:
    path = saved(tmp_path, content())
    old = path.read_bytes().replace(b"numpy._core.", b"numpy.core.")
    assert b"numpy.core." in old
    path.write_bytes(old)
    assert len(read(path)) == 16


def test_a_configuration_without_runs(tmp_path: Path) -> None:
    trajectory = read(saved(tmp_path, content(trajectory_target_positions=None)))
    assert len(trajectory) == 1
    assert "isoconfigurational" not in trajectory.metadata


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([1, 2], "holds a list"),
        ({}, "no array 'positions'; its keys are 'none'"),
        (content(box=15.0), "no array 'box'"),
        (content(box=np.ones(2)), "box has shape"),
        (content(types=np.zeros(N)), "expected whole numbers"),
        (content(positions=np.zeros((N, 2))), r"expected \[n, 3\]"),
        (content(positions=np.full((N, 3), np.nan)), "NaN"),
        (content(time=None), "do not give the times"),
        (content(time=["a", "b"]), "do not give the times"),
        (content(time_indices=[1, 2, 3, 99]), "do not give the times"),
        (content(time_indices=[1]), "has 4 times"),
        (content(time_indices=[0, 1, 2, 3]), "not positive"),
        (content(trajectory_target_positions=[]), "not a list of times"),
        (content(trajectory_target_positions=[[], []]), "not a list of times"),
        (content(trajectory_target_positions=[[np.zeros((N, 3))], [1]]), "not all of"),
        (content(trajectory_target_positions=[[np.zeros((N, 3))] * 100_000]), "several times"),
    ],
)
def test_data_that_do_not_fit(tmp_path: Path, data: Any, message: str) -> None:
    with pytest.raises(GnnglassError, match=message) as caught:
        read(saved(tmp_path, data))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_containers_and_numbers_come_back(protocol: int) -> None:
    shared = [1, 2]
    value: dict[str, Any] = {
        "a": [None, True, False, 0, -1, 255, 65535, 2**31, -(2**70), 2.5, "text", "é" * 300],
        "b": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {"c": {}}),
        "shared": [shared, shared],
        "many": list(range(3000)),
    }
    assert read_pickle(pickle.dumps(value, protocol=protocol)) == value
    recursive: list[Any] = []
    recursive.append(recursive)
    found = read_pickle(pickle.dumps(recursive, protocol=protocol))
    assert found[0] is found


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype="<i2").reshape(3, 4),
        np.arange(12, dtype=">f4").reshape(3, 4),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(24.0).reshape(4, 6)[::2, ::3],
        np.array([True, False]),
        np.empty((0, 3), np.uint8),
        np.array(4.5),
    ],
)
def test_arrays_come_back(protocol: int, array: np.ndarray) -> None:
    one, same = read_pickle(pickle.dumps([array, array], protocol=protocol))
    np.testing.assert_array_equal(one, array)
    assert one.dtype == array.dtype.newbyteorder("=")
    assert one is same
    assert read_pickle(pickle.dumps({"x": np.float64(2.5)}, protocol=protocol)) == {"x": 2.5}


REFUSED = "not a pickle of arrays|lacks|impossible|expects|key"
WATCHED: list[list[str]] = []
sys.addaudithook(lambda event, _: WATCHED[-1].append(event) if WATCHED else None)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Whatever Python audits meanwhile: imports, opened files, processes, code."""
    events: list[str] = []
    WATCHED.append(events)
    try:
        yield events
    finally:
        WATCHED.pop()


class Calls:
    """An object whose pickle calls `function`, or does what `reduced` says."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Any:
        return self.reduced


class WithState:
    def __setstate__(self, state: Any) -> None:
        raise AssertionError("executed")

    def __getstate__(self) -> dict[str, int]:
        return {"a": 1}


def attacks(mark: Path) -> dict[str, Any]:
    """Objects and raw pickles that would make the file `mark`, or worse, if they were executed."""
    touch = f"open({str(mark)!r}, 'w').close()"
    name = str(mark).encode()
    return {
        "system": Calls(os.system, (f"touch {mark}",)),
        "eval": Calls(eval, (touch,)),
        "exec": Calls(exec, (touch,)),
        "open": Calls(open, (str(mark), "w")),
        "popen": Calls(subprocess.Popen, (["touch", str(mark)],)),
        "getattr": Calls(getattr, ("text", "upper")),
        "numpy.save": Calls(np.save, (str(mark), np.zeros(2))),
        "numpy.load": Calls(np.load, (str(mark),)),
        "numpy.memmap": Calls(np.memmap, (str(mark), "f8", "w+", 0, (3,))),
        "ndarray": Calls(np.ndarray, ((10**12,),)),
        "list of a call": [np.zeros(3), {"a": Calls(os.mkdir, (str(mark),))}],
        "state": WithState(),
        "state of a function": Calls(os.getcwd, (), {"a": 1}),
        "list items": Calls(list, (), None, iter([Calls(os.mkdir, (str(mark),))])),
        "dict items": Calls(dict, (), None, None, iter([("a", Calls(os.mkdir, (str(mark),)))])),
        "objects in an array": np.array([Calls(os.mkdir, (str(mark),))], dtype=object),
        "dtype with metadata": np.dtype("f8", metadata={"a": 1}),
        "structured": np.zeros(2, dtype=[("a", "f8"), ("b", "O")]),
        "dates": np.zeros(2, dtype="M8[s]"),
        "complex": np.zeros(2, dtype=complex),
        "text": np.array(["a" * 100]),
        "sets": {1, 2},
        "class": dict,
        "slice": slice(1),
        "INST": b"\x80\x02(S'" + name + b"'\nios\nmkdir\n.",
        "OBJ": b"\x80\x02(cos\nmkdir\nU" + bytes([len(name)]) + name + b"o.",
        "NEWOBJ": b"\x80\x02cos\nmkdir\nX" + struct.pack("<I", len(name)) + name + b"\x85\x81.",
        "dotted": b"\x80\x04\x8c\x05numpy\x8c\x0df2py.os.mkdir\x93.",
        "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x10dtype.__reduce__\x93.",
        "dunder": b"\x80\x02cnumpy\n__dict__\n.",
        "f2py": b"\x80\x02cnumpy.testing._private.utils\nrunstring\n.",
        "persistent": b"\x80\x02Pos.mkdir\n.",
        "extension": b"\x80\x02\x82\x01.",
        "build a name": b"\x80\x02cnumpy\nndarray\n}U\x01aK\x01sb.",
        "call a name": b"\x80\x02cnumpy\nndarray\nK\x05\x85\x85R.",
        "object array": b"\x80\x02cnumpy\ndtype\nU\x02O8\x89\x88\x87R.",
    }


def test_the_watch_sees_what_pickle_would_do(tmp_path: Path) -> None:
    raw = pickle.dumps(attacks(tmp_path / "mark")["eval"])
    with watched() as events:
        pickle.loads(raw)
    assert {"pickle.find_class", "exec", "open"} <= set(events)
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize("attack", attacks(Path("x")))
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_nothing_is_executed(tmp_path: Path, attack: str, protocol: int) -> None:
    mark = tmp_path / "mark"
    evil = attacks(mark)[attack]
    raw = evil if isinstance(evil, bytes) else pickle.dumps({"positions": evil}, protocol)
    with watched() as events, pytest.raises(ValueError, match=REFUSED):
        read_pickle(raw)
    assert not events
    assert not mark.exists()
    (tmp_path / "evil.pickle").write_bytes(raw)
    with pytest.raises(FileError, match=r"evil\.pickle, which seems damaged"):
        read(tmp_path / "evil.pickle")


def reconstructed(shape: bytes, data: bytes) -> bytes:
    return (
        b"\x80\x03cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
        b"(K\x01" + shape + b"cnumpy\ndtype\nX\x02\x00\x00\x00f8\x89\x88\x87R\x89C"
        + bytes([len(data)]) + data + b"tb."
    )  # fmt: skip


def test_the_raw_form_is_right() -> None:
    np.testing.assert_array_equal(read_pickle(reconstructed(b"K\x01\x85", b"\0" * 8)), [0.0])


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (reconstructed(b"K\x02\x85", b"\0" * 8), "of shape .* has 8 bytes"),
        (reconstructed(b"J\xff\xff\xff\xff\x85", b""), "impossible shape"),
        (reconstructed(b"\x8a\x0a" + b"\x7f" * 10 + b"\x85", b""), "impossible shape"),
        (reconstructed(b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86", b""), "has 0 bytes"),
        (reconstructed(b"(" + b"K\x00" * 40 + b"t", b""), "impossible shape"),
        (b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.", "."),  # 9 exabytes of bytes
        (b"\x80\x04\x95" + b"\xff" * 7 + b"\x7f.", "."),  # a frame as long
        (b"\x80\x02]r\xff\xff\xff\xff0.", "not a pickle of arrays"),
        (b"\x80\x02]" + b"a" * 9, "lacks|expects"),
        (b"\x80\x02(((((.", "lacks"),
        (b"\x80\x02h\x05.", "did not remember"),
        (b"\x80\x02}]]s.", "key that is not text"),
        (b"\x80\x02}K\x01K\x01s.", "key that is not text"),
        (b"\x80\x02" + b"N" * 1_000_001 + b".", "more than 1000000"),
        (b"\x80\x02N", "cut off"),
        (b"\x80\x02I" + b"9" * 100_000 + b"\n.", "."),
        (b"\x80\x02.", "lacks"),
    ],
)
def test_bombs_and_nonsense(raw: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_pickle(raw)


def test_a_large_index_of_the_memory_costs_nothing() -> None:
    assert read_pickle(b"\x80\x02]r\xff\xff\xff\xff.") == []


def test_deep_nesting_comes_back_flat_or_not_at_all() -> None:
    deep = read_pickle(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".")
    assert len(deep) == 1


def test_many_references_to_one_array_are_not_many_arrays(tmp_path: Path) -> None:
    array = np.zeros((N, 3))
    with pytest.raises(InputError, match="several times"):
        read(saved(tmp_path, content(trajectory_target_positions=[[array] * 200] * 4)))


def test_every_cut_is_refused(tmp_path: Path) -> None:
    whole = mutations.deepmind(4)
    for kept in range(2, len(whole), 101):
        (tmp_path / "t").write_bytes(whole[:kept])
        with pytest.raises(FileError):
            read(tmp_path / "t")
