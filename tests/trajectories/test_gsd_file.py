from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path

import gsd.fl
import gsd.hoomd
import numpy as np
import pytest
from hypothesis import given, settings
from snapshot_strategies import snapshots, trajectories

from gnnglass.errors import FileError, InputError
from gnnglass.trajectories import Snapshot, Trajectory, read, write
from gnnglass.trajectories.gsd import _Chunks

TOLERANCE = 2e-7  # relative, of single precision


def round_trip(trajectory: Trajectory) -> Trajectory:
    """Written, read, and held in memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.gsd"
        write(path, trajectory)
        again = read(path)
        return Trajectory(list(again), again.metadata)


def assert_same(found: Snapshot, expected: Snapshot) -> None:
    scale = TOLERANCE * expected.box.max()
    np.testing.assert_allclose(found.box, expected.box, rtol=TOLERANCE)
    np.testing.assert_array_equal(found.types, expected.types)
    assert found.type_names == expected.type_names
    assert found.step == expected.step
    shift = expected.minimum_image(found.positions - expected.positions)
    np.testing.assert_allclose(shift, 0, atol=scale)
    assert (found.images is None) == (expected.images is None)
    if expected.images is not None:
        np.testing.assert_allclose(found.unwrapped, expected.unwrapped, atol=10 * scale)
    assert set(found.fields) == set(expected.fields)
    for name, values in expected.fields.items():
        np.testing.assert_array_equal(found.field(name), values)  # fields keep all their digits


@settings(max_examples=30, deadline=None)
@given(trajectories)
def test_round_trip(trajectory: Trajectory) -> None:
    again = round_trip(trajectory)
    assert len(again) == len(trajectory)
    assert again.metadata == trajectory.metadata
    for found, expected in zip(again, trajectory, strict=True):
        assert_same(found, expected)


@settings(max_examples=30, deadline=None)
@given(snapshots())
def test_what_was_read_is_written_unchanged(snapshot: Snapshot) -> None:
    once = round_trip(Trajectory([snapshot]))[0]
    twice = round_trip(Trajectory([once]))[0]
    np.testing.assert_array_equal(once.positions, twice.positions)
    np.testing.assert_array_equal(once.box, twice.box)
    if once.images is not None:
        np.testing.assert_array_equal(once.images, twice.images)


@settings(max_examples=30, deadline=None)
@given(trajectories)
def test_plain_gsd_reads_every_frame_and_finds_the_fields(trajectory: Trajectory) -> None:
    names = {name for snapshot in trajectory for name in snapshot.fields}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "t.gsd", trajectory)
        with gsd.hoomd.open(Path(folder) / "t.gsd") as file:
            assert len(file) == len(trajectory)
            for frame, snapshot in zip(file, trajectory, strict=True):
                frame.validate()
                assert len(snapshot) == frame.particles.N
                assert np.all(np.abs(frame.particles.position) <= frame.configuration.box[:3] / 2)
                for name in names:
                    stored = frame.log[f"particles/gnnglass/{name}"]
                    assert stored.dtype == np.float64
                    absent = np.full(len(snapshot), np.nan)
                    np.testing.assert_array_equal(stored, snapshot.fields.get(name, absent))


def test_two_dimensions_are_stored_as_hoomd_does(tmp_path: Path, snapshot: Snapshot) -> None:
    write(tmp_path / "t.gsd", Trajectory([snapshot]))
    with gsd.hoomd.open(tmp_path / "t.gsd") as file:
        frame = file[0]
    assert frame.configuration.dimensions == snapshot.dimension
    assert (frame.configuration.box[2] == 0) == (snapshot.dimension == 2)
    np.testing.assert_array_equal(frame.configuration.box[3:], 0)


def test_equal_frames_at_the_end_are_not_lost(tmp_path: Path, snapshot: Snapshot) -> None:
    write(tmp_path / "t.gsd", Trajectory([snapshot] * 3))
    assert len(read(tmp_path / "t.gsd")) == 3


def test_metadata_take_numpy_values_and_refuse_others(tmp_path: Path, snapshot: Snapshot) -> None:
    metadata = {"kT": np.float64(0.5), "n": np.int32(3), "lags": np.array([1, 10])}
    write(tmp_path / "t.gsd", Trajectory([snapshot], metadata))
    assert read(tmp_path / "t.gsd").metadata == {"kT": 0.5, "n": 3, "lags": [1, 10]}
    with pytest.raises(InputError, match="metadata must be JSON-like"):
        write(tmp_path / "t.gsd", Trajectory([snapshot], {"ax": object()}))
    assert read(tmp_path / "t.gsd").metadata["n"] == 3


class _Opened:
    """Stands in for the module's file reader and counts the frames decoded."""

    decoded: list[int]

    def __init__(self) -> None:
        self.decoded = []

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        original = _Chunks.frame

        def frame(chunks: _Chunks, number: int) -> dict[str, object]:
            self.decoded.append(number)
            return original(chunks, number)

        monkeypatch.setattr(_Chunks, "frame", frame)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Opened]:
    watcher = _Opened()
    watcher.watch(monkeypatch)
    yield watcher


def test_frames_are_decoded_when_asked_for(
    tmp_path: Path, snapshot: Snapshot, opened: _Opened
) -> None:
    write(tmp_path / "t.gsd", Trajectory([snapshot.replace(step=k) for k in range(20)]))
    trajectory = read(tmp_path / "t.gsd")
    assert opened.decoded == [0]
    assert trajectory[7].step == 7
    assert trajectory[-1].step == 19
    assert opened.decoded == [0, 7, 19]
    assert [s.step for s in trajectory[3:9:3]] == [3, 6]
    assert [s.step for s in trajectory] == list(range(20))
    with pytest.raises(IndexError):
        _ = trajectory[20]


def test_lazy_frames_pickle_and_survive_a_change_of_folder(
    tmp_path: Path, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "t.gsd", Trajectory([snapshot] * 2, {"run": "r"}))
    monkeypatch.chdir(tmp_path)
    packed = pickle.dumps(read("t.gsd"))
    assert len(packed) < 1000
    monkeypatch.chdir(tmp_path.parent)
    assert_same(pickle.loads(packed)[1], snapshot)


def test_a_file_that_vanishes_is_named(tmp_path: Path, snapshot: Snapshot) -> None:
    write(tmp_path / "t.gsd", Trajectory([snapshot] * 2))
    trajectory = read(tmp_path / "t.gsd")
    (tmp_path / "t.gsd").unlink()
    with pytest.raises(FileError, match=r"t\.gsd"):
        _ = trajectory[1]


def hoomd_frame(**configuration: object) -> gsd.hoomd.Frame:
    frame = gsd.hoomd.Frame()
    frame.particles.N = 3
    frame.particles.types = ["A", "B"]
    frame.particles.typeid = [0, 1, 0]
    frame.particles.position = [[1, 2, 0], [3, -4, 0], [-6, 4, 0]]
    frame.configuration.box = [10, 10, 0, 0, 0, 0]
    frame.configuration.dimensions = 2
    for name, value in configuration.items():
        setattr(frame.configuration, name, value)
    return frame


def written_by_hoomd(path: Path, *frames: gsd.hoomd.Frame) -> Path:
    with gsd.hoomd.open(path, "w") as file:
        file.extend(frames)
    return path


@pytest.mark.parametrize(
    ("configuration", "dimension"),
    [
        ({}, 2),
        ({"box": [10, 10, 1, 0, 0, 0]}, 2),
        ({"dimensions": 3}, 2),
        ({"dimensions": 3, "box": [10, 10, 10, 0, 0, 0]}, 3),
    ],
)
def test_foreign_files_tell_their_dimension(
    tmp_path: Path, configuration: dict[str, object], dimension: int
) -> None:
    found = read(written_by_hoomd(tmp_path / "h.gsd", hoomd_frame(**configuration)))[0]
    assert found.dimension == dimension
    # The third particle is outside: wrapped, and the crossing is counted.
    np.testing.assert_allclose(found.positions[2, :2], [4, 4])
    assert found.images is not None
    np.testing.assert_array_equal(found.images[2, :2], [-1, 0])


def test_foreign_logs_of_scalar_shape_are_fields(tmp_path: Path) -> None:
    frame = hoomd_frame()
    frame.log["particles/md/pair/LJ/energies"] = np.array([1, 2, 3], dtype=np.float32)
    frame.log["particles/md/pair/LJ/forces"] = np.zeros((3, 3))
    frame.log["particles/of_others"] = np.zeros(5)
    frame.log["md/potential_energy"] = np.array([6.0])
    found = read(written_by_hoomd(tmp_path / "h.gsd", frame))[0]
    assert dict(found.fields).keys() == {"md/pair/LJ/energies"}
    np.testing.assert_array_equal(found.field("md/pair/LJ/energies"), [1, 2, 3])


def test_the_number_of_particles_may_vary(tmp_path: Path) -> None:
    more = hoomd_frame(step=10)
    more.particles.N = 4
    more.particles.typeid = [0, 0, 1, 1]
    more.particles.position = np.arange(12).reshape(4, 3) / 10
    more.particles.position[:, 2] = 0
    path = written_by_hoomd(tmp_path / "h.gsd", hoomd_frame(step=1), more, hoomd_frame(step=20))
    assert [len(snapshot) for snapshot in read(path)] == [3, 4, 3]


def test_double_precision_files_are_read_in_full(tmp_path: Path) -> None:
    frame = hoomd_frame()
    frame.particles.position = np.array([[1 / 3, 2, 0], [3, -4, 0], [-3, 4, 0]])
    with gsd.hoomd.open(tmp_path / "d.gsd", "w", precision="double") as file:
        file.append(frame)
    assert read(tmp_path / "d.gsd")[0].positions[0, 0] == 1 / 3


def test_tilted_boxes_are_refused(tmp_path: Path) -> None:
    path = written_by_hoomd(tmp_path / "h.gsd", hoomd_frame(box=[10, 10, 0, 0.5, 0, 0]))
    with pytest.raises(InputError, match=r"frame 0 of .*h\.gsd: the box is tilted") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_nan_positions_name_file_and_frame(tmp_path: Path) -> None:
    bad = hoomd_frame(step=1)
    bad.particles.position = [[np.nan, 0, 0], [1, 0, 0], [2, 0, 0]]
    trajectory = read(written_by_hoomd(tmp_path / "h.gsd", hoomd_frame(), bad))
    with pytest.raises(InputError, match=r"frame 1 of .*h\.gsd: 1 of 3 positions are NaN"):
        _ = trajectory[1]


def test_other_schemas_and_files_without_frames_are_refused(tmp_path: Path) -> None:
    with gsd.fl.open(str(tmp_path / "o.gsd"), "w", "test", "other", [1, 0]) as file:
        file.write_chunk("x", np.zeros(3))
        file.end_frame()
    with pytest.raises(FileError, match="schema 'other'; expected 'hoomd'"):
        read(tmp_path / "o.gsd")
    with pytest.raises(FileError, match="holds no frame"):
        read(written_by_hoomd(tmp_path / "empty.gsd"))


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path, snapshot: Snapshot) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot write") as caught:
        write(tmp_path / "file" / "t.gsd", Trajectory([snapshot]))
    assert "\n" not in str(caught.value)
    with pytest.raises(FileError, match=r"cannot write .*greek\.gsd"):
        write(tmp_path / "greek.gsd", Trajectory([snapshot.replace(type_names=("α", "β"))]))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failure_while_writing_leaves_the_old_file(tmp_path: Path, snapshot: Snapshot) -> None:
    path = tmp_path / "t.gsd"
    write(path, Trajectory([snapshot]))
    before = path.read_bytes()
    with pytest.raises(FileError):
        write(path, Trajectory([snapshot, snapshot.replace(step=-1)]))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
