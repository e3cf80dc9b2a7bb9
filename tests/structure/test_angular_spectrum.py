"""The angular spectrum: its definition, by all pairs of bonds, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
from configurations import vectors_from
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import Legendre

from gnnglass.errors import InputError
from gnnglass.structure import angular_spectrum
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

R_MAX, ORDERS = 1.7, 7


def by_definition(snapshot: Snapshot, i: int) -> np.ndarray:
    """Σ over ordered pairs of bonds, equal ones included, shape [pairs, shells, orders]."""
    others, vectors = vectors_from(snapshot, i)
    near = np.linalg.norm(vectors, axis=1) < R_MAX
    others, vectors = others[near], vectors[near]
    r = np.linalg.norm(vectors, axis=1)
    cosine = np.clip(vectors @ vectors.T / np.outer(r, r), -1, 1)
    width, found = 1.1 / 4, np.zeros((3, 4, ORDERS))
    for k in range(4):
        radial = np.exp(-((r - 0.6 - width * (k + 0.5)) ** 2) / (2 * width**2))
        radial *= (np.cos(np.pi * r / R_MAX) + 1) / 2
        for order in range(ORDERS):
            if snapshot.dimension == 2:
                along = np.cos(order * np.arccos(cosine))
            else:
                along = Legendre.basis(order)(cosine)
            terms = np.outer(radial, radial) * along
            for pair, (b, c) in enumerate(((0, 0), (0, 1), (1, 1))):
                mine, theirs = (snapshot.types[others] == s for s in (b, c))
                found[pair, k, order] = terms[np.ix_(mine, theirs)].sum()
    return found


@pytest.mark.parametrize("dimension", [2, 3])
def test_it_is_the_sum_over_pairs_of_bonds(dimension):
    snapshot = example_snapshot(dimension, {2: 100, 3: 125}[dimension], seed=1)
    found = angular_spectrum(snapshot, R_MAX, ORDERS)
    assert found.shape == (len(snapshot), 3 * 4 * ORDERS)
    for i in (0, 41, 99):
        np.testing.assert_allclose(
            found[i], by_definition(snapshot, i).ravel(), rtol=1e-9, atol=1e-10
        )


def test_a_right_angle_in_closed_form():
    """cos(l 90°): the first bond with the second, and in AA and BB each with itself."""
    corner = Snapshot([20, 20], [[0, 0], [1, 0], [0, 1]], [0, 0, 1])
    found = angular_spectrum(corner, R_MAX, 5).reshape(3, 3, 4, 5)[0]
    own = found[0, :, :1]
    assert (own > 0).all()
    np.testing.assert_allclose(found[0], own * np.ones(5), atol=1e-12)
    np.testing.assert_allclose(found[1], own * [1, 0, -1, 0, 1], atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(dimension=st.sampled_from([2, 3]), seed=st.integers(0, 2**16))
def test_it_is_invariant_under_any_rotation_and_reflection(dimension, seed):
    rng = np.random.default_rng(seed)
    cluster = example_snapshot(dimension, 64, seed)
    turn, _ = np.linalg.qr(rng.normal(size=(dimension, dimension)))
    before = Snapshot(3 * cluster.box, cluster.positions, cluster.types)
    shift = rng.uniform(-20, 20, dimension)
    after = before.replace(positions=cluster.positions @ turn.T + shift)
    one, other = (angular_spectrum(snapshot, R_MAX, ORDERS) for snapshot in (before, after))
    np.testing.assert_allclose(other, one, atol=1e-9 * np.abs(one).max())


@pytest.mark.parametrize("dimension", [2, 3])
def test_nothing_happens_abruptly_at_the_cutoff(dimension):
    """Value and slope: with the envelope both vanish there."""

    def at(r: float) -> np.ndarray:
        positions = np.zeros((3, dimension))
        positions[1, 0], positions[2, 1] = 1.0, r
        return angular_spectrum(Snapshot([9.0] * dimension, positions, [0, 0, 0]), R_MAX, 3)[0]

    outside = at(R_MAX + 1e-3)
    assert np.abs(at(R_MAX - 1e-3) - outside).max() < 1e-4 * np.abs(outside).max()
    assert np.abs(at(R_MAX - 0.5) - outside).max() > 0.1 * np.abs(outside).max()


@pytest.mark.parametrize(
    ("r_max", "n_orders", "said"),
    [
        (R_MAX, 0, "n_orders is 0; expected at least 1"),
        (R_MAX, 21, "n_orders is 21; expected at most 20"),
        (0.5, 3, "r_max is 0.5; expected more than 0.6"),
        (50.0, 3, "cutoff 50 does not fit the box"),
    ],
)
def test_what_makes_no_sense_is_refused(r_max, n_orders, said):
    with pytest.raises(InputError, match=said):
        angular_spectrum(example_snapshot(2), r_max, n_orders)
