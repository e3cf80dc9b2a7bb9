import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError
from gnnglass.structure import mean_radial_counts, radial_counts
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

CENTERS = [0.9, 1.2, 2.0]


def test_one_pair_gives_one_gaussian_in_its_own_column():
    snapshot = Snapshot([20, 20], [[0, 0], [1.1, 0]], [0, 1])
    counts = radial_counts(snapshot, CENTERS, 0.1)
    gaussian = np.exp(-((1.1 - np.array(CENTERS)) ** 2) / (2 * 0.1**2))
    gaussian[2] = 0
    np.testing.assert_allclose(counts[0], [0, 0, 0, *gaussian], atol=1e-17)
    np.testing.assert_allclose(counts[1], [*gaussian, 0, 0, 0], atol=1e-17)


@pytest.mark.parametrize("dimension", [2, 3])
def test_equals_the_sum_over_all_pairs(dimension):
    snapshot = example_snapshot(dimension, seed=2)
    counts = radial_counts(snapshot, CENTERS, 0.15)
    apart = snapshot.minimum_image(snapshot.positions[:, None] - snapshot.positions)
    r = np.linalg.norm(apart, axis=-1)
    np.fill_diagonal(r, np.inf)
    for species in (0, 1):
        for k, center in enumerate(CENTERS):
            whole = np.exp(-((r - center) ** 2) / (2 * 0.15**2))[:, snapshot.types == species]
            np.testing.assert_allclose(
                counts[:, species * 3 + k], whole.sum(axis=1), atol=1e-3, rtol=0
            )


def test_counts_integrate_to_the_number_of_neighbours():
    snapshot = example_snapshot(2, 400)
    width, step = 0.1, 0.05
    counts = radial_counts(snapshot, np.arange(step, 5, step), width)
    apart = snapshot.minimum_image(snapshot.positions[:, None] - snapshot.positions)
    within = (np.linalg.norm(apart, axis=-1) < 3).sum(axis=1) - 1
    bins = counts.reshape(len(snapshot), 2, -1).sum(axis=1)[:, : round(3 / step)]
    total = bins.sum(axis=1) * step / (width * np.sqrt(2 * np.pi))
    assert np.abs(total.mean() - within.mean()) < 0.5


@settings(max_examples=20, deadline=None)
@given(shift=st.lists(st.floats(-30, 30), min_size=2, max_size=2), seed=st.integers(0, 99))
def test_translation_changes_nothing_and_relabelling_permutes(shift, seed):
    snapshot = example_snapshot(2, seed=seed)
    before = radial_counts(snapshot, CENTERS, 0.2)
    moved = snapshot.replace(positions=snapshot.positions + np.array(shift))
    # A pair at the very end of the sum may fall on either side of it.
    np.testing.assert_allclose(radial_counts(moved, CENTERS, 0.2), before, atol=1e-5)
    order = np.random.default_rng(seed).permutation(len(snapshot))
    relabelled = snapshot.replace(positions=snapshot.positions[order], types=snapshot.types[order])
    np.testing.assert_allclose(radial_counts(relabelled, CENTERS, 0.2), before[order], atol=1e-12)


@pytest.mark.parametrize(
    ("centers", "width", "message"),
    [
        ([], 0.1, "expected a list of positive distances"),
        ([1.0, -1.0], 0.1, "expected a list of positive distances"),
        ([np.nan], 0.1, "expected a list of positive distances"),
        ([1.0], 0.0, "width is 0"),
        ([1.0], np.nan, "width is nan"),
        ([4.0], 0.5, "cutoff 6.5 does not fit the box"),
    ],
)
def test_bad_input_is_refused(centers, width, message):
    with pytest.raises(InputError, match=message):
        radial_counts(example_snapshot(2), centers, width)


def test_mean_per_species_and_a_species_without_particles():
    snapshot = example_snapshot(2)
    counts = radial_counts(snapshot, [1.0, 1.5], 0.1)
    expected = [counts[snapshot.of_type(name)].mean(axis=0) for name in "AB"]
    np.testing.assert_allclose(
        mean_radial_counts(snapshot, [1.0, 1.5], 0.1), np.concatenate(expected)
    )
    with pytest.raises(InputError, match="no particle of species C"):
        mean_radial_counts(snapshot.replace(type_names=("A", "B", "C")), [1.0], 0.1)
