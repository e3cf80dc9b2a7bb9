from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot, neighbor_pairs


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([2, 3]), st.integers(1, 60), st.integers(0, 2**32 - 1), st.floats(0.05, 0.49)
)
def test_pairs_equal_brute_force(dimension: int, n: int, seed: int, reach: float) -> None:
    rng = np.random.default_rng(seed)
    box = rng.uniform(3, 12, dimension)
    snapshot = Snapshot(box, rng.uniform(-1, 1, (n, dimension)) * box, rng.integers(0, 2, n))
    r_max = reach * box.min()
    # All images one box around, rather than the minimum image that the code under test takes.
    shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * dimension), -1).reshape(-1, dimension) * box
    vectors = snapshot.positions[None, :, None] - snapshot.positions[:, None, None] + shifts
    near = np.linalg.norm(vectors, axis=-1) < r_max
    near[np.arange(n), np.arange(n)] = False
    i, j, k = np.nonzero(near)

    pairs = neighbor_pairs(snapshot, r_max)
    np.testing.assert_array_equal(pairs.i, i)
    np.testing.assert_array_equal(pairs.j, j)
    np.testing.assert_allclose(pairs.vectors, vectors[i, j, k], atol=1e-12)
    np.testing.assert_allclose(pairs.distances, np.linalg.norm(pairs.vectors, axis=1))
    assert len(pairs) == len(i)


@pytest.mark.parametrize("r_max", [0.0, -1.0, float("nan"), 100.0])
def test_cutoff_must_fit_the_box(snapshot: Snapshot, r_max: float) -> None:
    with pytest.raises(InputError, match="does not fit the box") as caught:
        neighbor_pairs(snapshot, r_max)
    assert "\n" not in str(caught.value)


def test_cutoff_of_half_the_box_is_refused(snapshot: Snapshot) -> None:
    with pytest.raises(InputError, match="half the shortest edge"):
        neighbor_pairs(snapshot, float(snapshot.box.min()) / 2)
