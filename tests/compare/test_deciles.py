"""Shares of deciles against counting, and ties against all their orders."""

from itertools import permutations

import numpy as np
import pytest
from synthetic import configuration, runs_of

from gnnglass.compare import correlate, noise_ceiling
from gnnglass.errors import InputError
from gnnglass.stats import among_largest


@pytest.mark.parametrize("method", ["top-decile", "bottom-decile"])
def test_counts_the_particles_in_both_tenths(method):
    rng = np.random.default_rng(0)
    snapshots, runs = runs_of(rng, [0.7, -0.7, 0.1], n=150)
    found = correlate(snapshots, "x", "y", runs=runs, method=method)["A"]
    for s, share in zip(snapshots, found.per_configuration, strict=True):
        x, y = (s.field(name)[s.of_type("A")] for name in "xy")
        highest = set(np.argsort(x)[-10:])
        others = set(np.argsort(y)[-10:] if method == "top-decile" else np.argsort(y)[:10])
        assert share == pytest.approx(len(highest & others) / 10)


def test_ties_are_the_mean_over_all_orders():
    """Integers tie across the tenth; every order of the tied particles is as good as another."""
    rng = np.random.default_rng(1)
    x, y = rng.permutation([3, 2, 2, 2, 1, *[0] * 15]), rng.permutation([5, 4, 4, *[0] * 17])

    def memberships(values):
        """All ways to choose the top two of twenty."""
        (first,) = np.flatnonzero(values == values.max())
        second = np.sort(values)[-2]
        return [{first, other} for other in np.flatnonzero(values == second)]

    overlaps = [len(a & b) / 2 for a in memberships(x) for b in memberships(y)]
    s = configuration(rng, 0.0, 20).replace(types=np.zeros(20, int))
    s = s.with_fields(x=x, y=y)
    found = correlate([s], "x", "y", runs=["a"], method="top-decile")["A"]
    assert found.estimate == pytest.approx(np.mean(overlaps))


def test_the_same_field_overlaps_wholly_and_chance_is_a_tenth():
    rng = np.random.default_rng(2)
    snapshots = [configuration(rng, 0.0, 600) for _ in range(20)]
    same = correlate(snapshots, "x", "x", runs=range(20), method="top-decile")["A"]
    assert same.estimate == pytest.approx(1)
    chance = correlate(snapshots, "x", "y", runs=range(20), method="top-decile")["A"]
    assert chance.interval.low < 0.1 < chance.interval.high
    assert "chance 0.1" in chance.sentence()
    assert "in the top decile of y" in chance.sentence()


def test_turning_the_target_round_swaps_top_and_bottom():
    snapshots, runs = runs_of(np.random.default_rng(3), [0.5, 0.6])
    turned = [s.with_fields(y=-s.field("y")) for s in snapshots]
    top = correlate(snapshots, "x", "y", runs=runs, method="top-decile")["A"]
    bottom = correlate(turned, "x", "y", runs=runs, method="bottom-decile")["A"]
    np.testing.assert_array_equal(top.per_configuration, bottom.per_configuration)


def test_membership_adds_up_to_a_tenth_whatever_is_tied():
    for values in set(permutations([0.0, 0.0, 1.0, 1.0])):
        repeated = np.repeat(values, 10)
        assert among_largest(repeated, 4).sum() == pytest.approx(4)
        assert set(among_largest(repeated, 4)) == {0.0, 0.2}


def test_no_ceiling_of_shares():
    snapshots, runs = runs_of(np.random.default_rng(4), [0.5, 0.6])
    with pytest.raises(InputError, match="the noise ceiling was asked for 'top-decile'"):
        noise_ceiling(snapshots, "x", "y", runs=runs, method="top-decile")
