from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshot_strategies import snapshots

from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot, Trajectory

NaN = float("nan")


@settings(max_examples=30, deadline=None)
@given(snapshots())
def test_positions_are_wrapped_and_unwrapped_is_what_was_given(snapshot: Snapshot) -> None:
    rng = np.random.default_rng(0)
    given_positions = rng.uniform(-3, 3, snapshot.positions.shape) * snapshot.box
    again = snapshot.replace(positions=given_positions, images=np.zeros_like(given_positions))
    assert np.all(np.abs(again.positions) <= snapshot.box / 2)
    assert np.all(again.positions < snapshot.box / 2)
    np.testing.assert_allclose(again.unwrapped, given_positions, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(snapshots(), st.integers(-4, 4))
def test_translation_by_whole_boxes_changes_only_images(snapshot: Snapshot, k: int) -> None:
    known = snapshot.replace(images=np.zeros(snapshot.positions.shape))
    moved = known.replace(positions=known.positions + k * known.box)
    np.testing.assert_allclose(
        known.minimum_image(moved.positions - known.positions), 0, atol=1e-10
    )
    np.testing.assert_allclose(
        moved.unwrapped - known.unwrapped, known.box * k + 0 * known.positions
    )


@pytest.mark.parametrize("position", [1.0, -1.0, np.nextafter(1, 0), np.nextafter(-1, -2), 3.0])
def test_faces_of_the_box_belong_to_one_side(position: float) -> None:
    snapshot = Snapshot([2.0, 2.0], [[position, 0.0]], [0], images=[[0, 0]])
    assert -1 <= snapshot.positions[0, 0] < 1
    assert snapshot.unwrapped[0, 0] == pytest.approx(position)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 100))
def test_rounding_leaves_no_particle_outside(edge: float) -> None:
    half = edge / 2
    beside = [np.nextafter(x, x + to) for x in (-half, half) for to in (-1, 1)]
    snapshot = Snapshot([edge] * 2, [[x, x] for x in beside], [0] * 4, images=[[0, 0]] * 4)
    assert np.all((snapshot.positions >= -half) & (snapshot.positions < half))
    np.testing.assert_allclose(snapshot.unwrapped[:, 0], beside)


def test_arrays_are_read_only_and_pickle(snapshot: Snapshot) -> None:
    marked = snapshot.with_fields(u=np.arange(len(snapshot)))
    with pytest.raises(ValueError, match="read-only"):
        marked.positions[0] = 0
    again = pickle.loads(pickle.dumps(marked))
    np.testing.assert_array_equal(again.positions, marked.positions)
    np.testing.assert_array_equal(again.field("u"), marked.field("u"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"box": [1.0]}, "2 or 3 positive edge lengths"),
        ({"box": [5.0, 0.0]}, "positive edge lengths"),
        ({"box": [5.0, NaN]}, "positive edge lengths"),
        ({"positions": [[0.0, NaN], [1.0, 1.0]]}, "1 of 2 positions are NaN"),
        ({"positions": [[0.0, float("inf")], [1.0, 1.0]]}, "NaN or infinite"),
        ({"positions": [[0.0, 0.0, 0.0]] * 2}, "expected .n, 2."),
        ({"positions": np.zeros((0, 2))}, "n > 0"),
        ({"types": [0]}, "one per particle"),
        ({"types": [0, 2]}, "only 2 species are named"),
        ({"types": [0, -1]}, "from -1 to 0"),
        ({"images": [[0, 0]]}, "images have shape"),
        ({"fields": {"u": [1.0]}}, "field 'u' has shape"),
    ],
)
def test_bad_arrays_are_refused(changes: dict[str, object], message: str) -> None:
    good = {"box": [5.0, 5.0], "positions": [[0.0, 0.0], [1.0, 1.0]], "types": [0, 1]}
    with pytest.raises(InputError, match=message) as caught:
        Snapshot(**{**good, **changes})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_missing_things_are_named(snapshot: Snapshot) -> None:
    with pytest.raises(InputError, match="no field 'tau' in this snapshot; it has: u"):
        snapshot.with_fields(u=np.zeros(len(snapshot))).field("tau")
    with pytest.raises(InputError, match="no species 'C' in this snapshot; it has A, B"):
        snapshot.of_type("C")
    with pytest.raises(InputError, match="without image flags"):
        _ = snapshot.unwrapped
    with pytest.raises(InputError, match="holds no frame"):
        Trajectory([])


def test_trajectory_slices_keep_metadata_and_map_adds_to_them(snapshot: Snapshot) -> None:
    run = Trajectory([snapshot.replace(step=k) for k in range(5)], {"run": "r1"})
    assert [s.step for s in run[1:4:2]] == [1, 3]
    assert run[1:4].metadata == {"run": "r1"}
    assert run[-1].step == 4
    inherent = run.map(lambda s: s.replace(step=s.step + 10), level="inherent")
    assert [s.step for s in inherent] == [10, 11, 12, 13, 14]
    assert inherent.metadata == {"run": "r1", "level": "inherent"}
