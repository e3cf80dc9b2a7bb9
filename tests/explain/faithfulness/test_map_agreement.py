"""Rank correlation of maps, between seeds and under noise, against scipy and known truths."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_weights import untrained, weights
from scipy import stats

from gnnglass.errors import InputError
from gnnglass.explain import VoxelGradCAM
from gnnglass.explain.faithfulness import (
    noise_stability,
    of_species,
    rank_correlation,
    seed_agreement,
)
from gnnglass.testing import example_snapshot

SNAPSHOTS = [example_snapshot(2, n, n) for n in (100, 64)]


def maps(seed, decimals=1):
    """Rounded, so that there are ties."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=len(snapshot)).round(decimals) for snapshot in SNAPSHOTS]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_rank_correlation_is_scipy_s_and_does_not_see_monotone_maps_or_numbering(seed):
    one, other = maps(seed), maps(seed + 1)
    found = rank_correlation(one, other)
    expected = [stats.spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    order = [np.random.default_rng(seed).permutation(len(a)) for a in one]
    changed = rank_correlation(
        [np.exp(a)[p] for a, p in zip(one, order, strict=True)],
        [-(b[p] ** 3) for b, p in zip(other, order, strict=True)],
    )
    np.testing.assert_allclose(changed, -found, atol=1e-12)


def test_agreement_is_the_mean_over_all_pairs():
    seeds = [maps(k) for k in range(3)]
    found = seed_agreement(seeds)
    for k in range(2):
        pairs = [
            stats.spearmanr(seeds[a][k], seeds[b][k]).statistic for a, b in ((0, 1), (0, 2), (1, 2))
        ]
        assert found[k] == pytest.approx(np.mean(pairs))
    np.testing.assert_allclose(seed_agreement([seeds[0], seeds[0]]), 1)
    assert seed_agreement([seeds[0], [-scores for scores in seeds[0]]]) == pytest.approx(-1)


def test_agreement_of_species_alone_is_none_within_a_species():
    """Maps that share nothing but an offset between species agree until species are separated."""
    offset = [4.0 * snapshot.types for snapshot in SNAPSHOTS]
    seeds = [[s + o for s, o in zip(maps(k), offset, strict=True)] for k in range(6)]
    assert (seed_agreement(seeds) > 0.5).all()
    within = seed_agreement([of_species(scores, SNAPSHOTS, "A") for scores in seeds])
    assert (np.abs(within) < 0.15).all()


def test_of_species_picks_its_particles():
    numbered = [np.arange(len(snapshot)) for snapshot in SNAPSHOTS]
    for scores, snapshot in zip(of_species(numbered, SNAPSHOTS, "B"), SNAPSHOTS, strict=True):
        np.testing.assert_array_equal(scores, np.flatnonzero(snapshot.types == 1))
    with pytest.raises(InputError, match="no species 'C'"):
        of_species(numbered, SNAPSHOTS, "C")


def fields(snapshots):
    return [weights(snapshot) for snapshot in snapshots]


def test_noise_matters_the_more_the_wider_it_is():
    stability = [noise_stability(fields, SNAPSHOTS, width) for width in (1e-6, 0.1, 0.3, 30.0)]
    assert all(values.shape == (2,) for values in stability)
    means = [values.mean() for values in stability]
    assert means[0] > 0.9999
    assert all(np.diff(means) < -0.02)
    # Thrown anywhere in the box, particles keep nothing of the map.
    assert abs(means[-1]) < 0.15


def test_noise_has_the_width_that_was_asked_for_and_repeats_with_its_seed():
    seen = []

    def spy(snapshots):
        seen.append(list(snapshots))
        return [snapshot.positions[:, 0] for snapshot in snapshots]

    one, again = (noise_stability(spy, SNAPSHOTS, 0.07, n_seeds=30, seed=2) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    still, *shaken = seen[:31]
    moved = np.concatenate(
        [
            before.minimum_image(after.positions - before.positions)
            for versions in shaken
            for before, after in zip(still, versions, strict=True)
        ]
    )
    assert moved.std(axis=0) == pytest.approx([0.07, 0.07], rel=0.05)
    assert abs(moved.mean()) < 0.005
    assert len({float(versions[0].positions[0, 0]) for versions in shaken}) == 30


def test_maps_of_a_voxel_network_can_be_asked():
    gradcam, classifier = VoxelGradCAM(n_shifts=1, flips=False), untrained("voxel-cnn")
    attribute = partial(gradcam.compute, classifier, accept=["distance", "composition"])
    small, large = (
        noise_stability(attribute, SNAPSHOTS, width, n_seeds=1) for width in (0.01, 1.0)
    )
    assert (small > 0.95).all()
    assert (large < small).all()


def test_bad_input_is_refused():
    one = maps(0)
    with pytest.raises(InputError, match="1 classifiers were given; agreement needs at least two"):
        seed_agreement([one])
    with pytest.raises(InputError, match="1 maps were given; expected 2"):
        rank_correlation(one, one[:1])
    with pytest.raises(InputError, match=r"configuration 1 has shape \[63\]; expected \[64\]"):
        rank_correlation(one, [one[0], one[1][:-1]])
    with pytest.raises(InputError, match=r"configuration 1 is constant \(2\) over its 64"):
        rank_correlation(one, [one[0], np.full(64, 2.0)])
    with pytest.raises(InputError, match="0 maps were given; expected at least one"):
        rank_correlation([], [])
    for width in (0.0, -1.0, np.nan):
        with pytest.raises(InputError, match="width is"):
            noise_stability(fields, SNAPSHOTS, width)
    with pytest.raises(InputError, match="n_seeds is 0"):
        noise_stability(fields, SNAPSHOTS, 0.1, n_seeds=0)
