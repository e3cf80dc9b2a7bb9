"""The spatial correlation function against a sum over all pairs and images."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.compare import UndefinedCorrelationError, spatial_correlation
from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot


def random_snapshot(seed, dimension=2, n=60, edge=9.0):
    rng = np.random.default_rng(seed)
    box = edge * np.array([1.0, 1.2, 0.9])[:dimension]
    types = np.arange(n) % 3 // 2
    return Snapshot(
        box=box,
        positions=(rng.random((n, dimension)) - 0.5) * box,
        types=types,
        fields={"f": rng.normal(size=n) + 3 * types},
    )


def brute_force(snapshot, members, width, n_bins, blocks):
    """The mean over pairs in each bin, over explicit periodic images, and that of squares."""
    images = np.array(list(product((-1, 0, 1), repeat=snapshot.dimension))) * snapshot.box
    cell = [tuple(c) for c in np.floor((snapshot.positions / snapshot.box + 0.5) * blocks)]
    kind = list(zip(cell, snapshot.types, strict=True))
    f = snapshot.field("f")
    delta = {i: f[i] - np.mean([f[j] for j in members if kind[j] == kind[i]]) for i in members}
    total, count = np.zeros(n_bins), np.zeros(n_bins)
    for i, j in product(members, members):
        if i == j or cell[i] != cell[j]:
            continue
        away = snapshot.positions[j] - snapshot.positions[i]
        r = np.linalg.norm(away + images, axis=1).min()
        if r < n_bins * width:
            total[int(r / width)] += delta[i] * delta[j]
            count[int(r / width)] += 1
    with np.errstate(invalid="ignore"):
        return total / count, np.mean([d**2 for d in delta.values()])


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("blocks", [1, 2])
def test_equals_the_sum_over_all_pairs(dimension, blocks):
    snapshots = [random_snapshot(seed, dimension) for seed in range(4)]
    found = spatial_correlation(
        snapshots,
        "f",
        runs=["a", "a", "a", "b"],
        species=["A", "B", "all"],
        bin_width=0.5,
        r_max=2.2,
        blocks=blocks,
    )
    for name, correlation in found.items():
        masks = [np.full(len(s), True) if name == "all" else s.of_type(name) for s in snapshots]
        products, squares = zip(
            *[
                brute_force(s, np.flatnonzero(mask).tolist(), 0.5, 4, blocks)
                for s, mask in zip(snapshots, masks, strict=True)
            ],
            strict=True,
        )
        above = np.array([np.mean(products[:3], axis=0), products[3]])
        below = np.array([np.mean(squares[:3]), squares[3]])
        np.testing.assert_allclose(correlation.per_run, above / below[:, None], atol=1e-9)
        # Of runs, too, the means are divided, and not the ratios averaged.
        expected = above.mean(axis=0) / below.mean()
        np.testing.assert_allclose(correlation.estimate, expected, atol=1e-9)
        centres = [interval.estimate for interval in correlation.intervals]
        np.testing.assert_allclose(centres, expected, atol=1e-9)
        np.testing.assert_allclose(correlation.r, [0.25, 0.75, 1.25, 1.75])


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    shift=st.lists(st.floats(-30, 30), min_size=2, max_size=2),
    flip=st.booleans(),
    scale=st.floats(0.1, 10),
    offset=st.floats(-10, 10),
)
def test_symmetries_and_another_scale_change_nothing(seed, shift, flip, scale, offset):
    rng = np.random.default_rng(seed)
    before = random_snapshot(seed)
    order = rng.permutation(len(before))
    moved = (before.positions + np.array(shift)) * ([1, -1] if flip else 1)
    after = before.replace(
        positions=moved[order],
        types=before.types[order],
        fields={"f": (scale * before.field("f") + offset * before.types)[order]},
    )
    # Wide bins, whose edges rounding could only cross by accident.
    first, second = (
        spatial_correlation([s], "f", runs=["a"], species=["all"], bin_width=1.1)["all"].estimate
        for s in (before, after)
    )
    np.testing.assert_allclose(first, second, atol=1e-9)


def test_an_uncorrelated_field_levels_off_at_what_its_mean_took_away():
    rng = np.random.default_rng(0)
    snapshots = [random_snapshot(seed, n=40) for seed in range(400)]
    snapshots = [s.with_fields(f=rng.normal(size=40)) for s in snapshots]
    found = spatial_correlation(
        snapshots, "f", runs=range(400), species=["A"], bin_width=2.0, r_max=4.0
    )["A"]
    n = int(snapshots[0].of_type("A").sum())
    (_, interval) = found.intervals
    assert interval.low < -1 / (n - 1) < interval.high < 0
    assert f"{-1 / (n - 1):.4f}" in found.sentence()


def test_results_show_themselves():
    snapshots = [random_snapshot(seed) for seed in range(6)]
    found = spatial_correlation(snapshots, "f", runs=range(6))
    assert set(found) == {"A", "B"}
    a = found["A"]
    table = a.to_frame()
    assert (table.low <= table.estimate).all() and (table.estimate <= table.high).all()
    assert f"{table.estimate.iloc[-1]:+.3f} [" in a.sentence() and "6 runs" in a.sentence()
    ax = a.plot()
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), table.estimate)
    assert a.plot(ax) is ax


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"field": "gone"}, "no field 'gone'"),
        ({"species": ["C"]}, "no species 'C'"),
        ({"runs": ["a"]}, "1 run names were given for 2"),
        ({"bin_width": 0.0}, "bins of width 0"),
        ({"bin_width": 3.0}, "bins of width 3"),
        ({"r_max": 6.0}, "does not fit the box"),
        ({"blocks": 0}, "blocks is 0"),
    ],
)
def test_bad_input_is_refused(changes, message):
    snapshots = [random_snapshot(0), random_snapshot(1)]
    with pytest.raises(InputError, match=message):
        spatial_correlation(**{"snapshots": snapshots, "field": "f", "runs": ["a", "b"], **changes})


def test_fields_without_a_correlation_are_refused():
    snapshots = [random_snapshot(0), random_snapshot(1)]
    reshaped = snapshots[1].replace(box=np.array([8.0, 12.15]))
    with pytest.raises(InputError, match=r"configuration 1 .* box 8 × 12.15, others 9 × 10.8"):
        spatial_correlation([snapshots[0], reshaped], "f", runs=["a", "b"])
    flat = snapshots[1].with_fields(f=snapshots[1].types)
    with pytest.raises(UndefinedCorrelationError, match=r"'f' is constant over the 40 A particles"):
        spatial_correlation([snapshots[0], flat], "f", runs=["a", "b"])
    broken = snapshots[1].with_fields(f=np.full(60, np.nan))
    with pytest.raises(InputError, match=r"'f' is NaN or infinite for 60 of 60"):
        spatial_correlation([snapshots[0], broken], "f", runs=["a", "b"])
