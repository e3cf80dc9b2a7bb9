import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.compare import smooth
from gnnglass.compare.smoothing import smooth_at_lengths
from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot


def random_snapshot(seed, dimension=2, n=60, edge=9.0):
    rng = np.random.default_rng(seed)
    box = edge * np.array([1.0, 1.2, 0.9])[:dimension]
    return Snapshot(
        box=box, positions=(rng.random((n, dimension)) - 0.5) * box, types=rng.integers(2, size=n)
    )


def brute_force(snapshot, values, length, cut, same_species=False):
    """The definition, particle by particle, over the explicit periodic images."""
    result = np.empty(len(snapshot))
    shifts = np.stack(
        np.meshgrid(*[[-1, 0, 1]] * snapshot.dimension, indexing="ij"), axis=-1
    ).reshape(-1, snapshot.dimension)
    for i, centre in enumerate(snapshot.positions):
        total = weighted = 0.0
        for j, other in enumerate(snapshot.positions):
            r = np.linalg.norm(other + shifts * snapshot.box - centre, axis=1).min()
            if r < cut and not (same_species and snapshot.types[i] != snapshot.types[j]):
                total += np.exp(-r / length)
                weighted += np.exp(-r / length) * values[j]
        result[i] = weighted / total
    return result


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("length", [0.3, 1.0])
@pytest.mark.parametrize("same_species", [False, True])
def test_equals_the_definition_over_explicit_images(dimension, length, same_species):
    snapshot = random_snapshot(3, dimension)
    values = np.random.default_rng(1).normal(size=len(snapshot))
    expected = brute_force(snapshot, values, length, 4 * length, same_species)
    found = smooth(snapshot, values, length, same_species=same_species)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_within_the_species_composition_leaves_no_trace():
    """A field that only tells the species is constant over each, smoothed over its own."""
    snapshot = random_snapshot(7)
    types = snapshot.types.astype(float)
    np.testing.assert_allclose(smooth(snapshot, types, 1.0, same_species=True), types)
    assert np.ptp(smooth(snapshot, types, 1.0)[snapshot.types == 0]) > 0.1


def test_cut_may_be_given_and_is_shortened_to_fit_the_box():
    snapshot = random_snapshot(4)
    values = np.random.default_rng(1).normal(size=len(snapshot))
    given = smooth(snapshot, values, 1.0, r_max=1.7)
    np.testing.assert_allclose(given, brute_force(snapshot, values, 1.0, 1.7))
    # 4 × 1.5 is beyond half of the shortest edge, 4.5.
    longest = 0.999 * 4.5
    np.testing.assert_allclose(
        smooth(snapshot, values, 1.5), brute_force(snapshot, values, 1.5, longest)
    )


def test_length_zero_is_the_bare_field_and_a_constant_stays_constant():
    snapshot = random_snapshot(5)
    values = np.random.default_rng(1).normal(size=len(snapshot))
    assert np.array_equal(smooth(snapshot, values, 0), values)
    np.testing.assert_allclose(smooth(snapshot, np.full(60, 2.5), 1.0), 2.5)


def test_several_fields_and_lengths_equal_one_at_a_time():
    snapshot = random_snapshot(6)
    values = np.random.default_rng(1).normal(size=(len(snapshot), 3))
    for length, together in zip(
        (0.5, 0.0, 1.0), smooth_at_lengths(snapshot, values, [0.5, 0.0, 1.0]), strict=True
    ):
        for k in range(3):
            np.testing.assert_allclose(together[:, k], smooth(snapshot, values[:, k], length))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    shift=st.lists(st.floats(-30, 30), min_size=3, max_size=3),
    dimension=st.sampled_from([2, 3]),
)
def test_translation_changes_nothing_and_relabelling_permutes(seed, shift, dimension):
    snapshot = random_snapshot(seed, dimension)
    rng = np.random.default_rng(seed)
    values, order = rng.normal(size=len(snapshot)), rng.permutation(len(snapshot))
    before = smooth(snapshot, values, 0.8)
    moved = snapshot.replace(positions=snapshot.positions + np.array(shift[:dimension]))
    np.testing.assert_allclose(smooth(moved, values, 0.8), before, atol=1e-9)
    relabelled = snapshot.replace(positions=snapshot.positions[order], types=snapshot.types[order])
    np.testing.assert_allclose(smooth(relabelled, values[order], 0.8), before[order], atol=1e-12)


@pytest.mark.parametrize(
    ("values", "length", "r_max", "message"),
    [
        (np.full(60, np.nan), 1.0, None, "60 of 60 values to smooth are NaN"),
        (np.ones(59), 1.0, None, r"shape \(59,\); expected \[60\]"),
        (np.ones(60), -1.0, None, "smoothing length is -1"),
        (np.ones(60), np.nan, None, "smoothing length is nan"),
        (np.ones(60), 2.5, None, "smoothing length 2.5 does not fit the box"),
        (np.ones(60), 1.0, 5.0, "cutoff 5 does not fit the box"),
    ],
)
def test_bad_input_is_refused(values, length, r_max, message):
    with pytest.raises(InputError, match=message):
        smooth(random_snapshot(0), values, length, r_max)
