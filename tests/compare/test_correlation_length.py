"""Lengths of fields that were made with a known one, and of fields that have none."""

from itertools import product

import numpy as np
import pytest
from random_fields import exponential_fields
from scipy.special import j0

from gnnglass.compare import Curve, SpatialCorrelation, correlation_length, spatial_correlation
from gnnglass.compare.spatial import expected_shapes, fit_decay
from gnnglass.errors import InputError


@pytest.fixture(scope="module")
def plane():
    """Eight fields of ξ = 1.5 in boxes of 32, a quarter of the variance independent."""
    return exponential_fields(
        np.random.default_rng(0), 8, dimension=2, edge=32.0, xi=1.5, n=1200, independent=0.25
    )


def test_a_known_length_is_recovered_in_2d():
    """Of all particles and of one species, with a quarter of the variance independent."""
    snapshots = exponential_fields(
        np.random.default_rng(0), 20, dimension=2, edge=32.0, xi=1.5, n=1000, independent=0.25
    )
    found = correlation_length(
        snapshots, "f", runs=range(20), species=["A", "all"], fit_range=(1, 5)
    )
    for each in found.values():
        assert each.estimate == pytest.approx(1.5, rel=0.1)
        assert each.decay.amplitude == pytest.approx(0.75, abs=0.1)
        assert each.fit_range == (1.0, 5.0)
        assert each.warning == ""


@pytest.mark.parametrize("xi", [0.8, 1.5])
def test_a_known_length_is_recovered_in_3d(xi):
    """Also where it is an eighth of the box, and C would be lowered by a third of itself."""
    snapshots = exponential_fields(
        np.random.default_rng(1), 4, dimension=3, edge=12.0, xi=xi, n=1500
    )
    found = correlation_length(snapshots, "f", runs=range(4), species=["all"])["all"]
    assert found.decay.length == pytest.approx(xi, rel=0.1)
    assert np.isnan(found.estimate) == (xi > 1.2)


def test_a_length_that_is_too_large_for_the_box_is_not_given():
    """What was fitted is told, with the box that it takes, and a curve goes on without it."""
    rng = np.random.default_rng(2)
    found = {}
    for xi in (1.0, 5.0):
        snapshots = exponential_fields(rng, 6, dimension=2, edge=16.0, xi=xi, n=400)
        found[xi] = correlation_length(snapshots, "f", runs=range(6), species=["all"])["all"]
    large = found[5.0]
    assert large.decay.length > 2
    assert np.isnan([large.estimate, large.interval.low, large.interval.high]).all()
    needed = "simulate a box of edge at least "
    for told in (
        f"the best fit has ξ = {large.decay.length:.3g} [",
        "nothing beyond an eighth of the edge 16 can be told",
        "no more than ξ ≳ 2 is known",
        needed,
    ):
        assert told in large.sentence()
        assert told in large.to_frame().note[0]
    assert large.plot().lines[-1].get_label() == f"ξ = {large.decay.length:.3g}"
    curve = Curve("kT", {0.3: large, 1.0: found[1.0]})
    assert needed in curve.sentence()
    assert curve.to_frame().estimate.notna().tolist() == [False, True]


def test_what_a_box_makes_of_an_exponential_equals_a_sum_over_waves(plane):
    """Waves that fit the box, the one of no length left out."""
    correlation = spatial_correlation(plane[:1], "f", runs=["a"], species=["all"])["all"]
    waves = np.arange(-400, 401) * 2 * np.pi / 32
    k = np.hypot(*np.meshgrid(waves, waves)).ravel()
    k = k[k > 0]
    for xi in (2.0, 4.0, 8.0):
        spectrum = 2 * np.pi * xi**2 / (1 + (k * xi) ** 2) ** 1.5 / 32**2
        expected = [spectrum @ j0(k * r) for r in (2.0, 5.0, 7.5)]
        found = expected_shapes(correlation, [2.0, 5.0, 7.5], [xi])[:, 0]
        np.testing.assert_allclose(found, expected, atol=0.003)


@pytest.mark.parametrize("dimension", [2, 3])
def test_what_a_block_makes_of_an_exponential_equals_sampling(dimension):
    """Random places i, j at a distance and y, z anywhere: C_ij − C_iy − C_jy + C_yz."""
    edges = np.array([8.0, 6.0, 7.0])[:dimension]
    rng = np.random.default_rng(3)
    block = SpatialCorrelation(
        "f", "A", np.zeros(1), np.zeros((1, 1)), np.ones(1), edges, 100, blocks=2, seed=0
    )
    for r, xi in product((1.0, 3.0), (0.8, 2.0)):
        i, y, z = rng.random((3, 400_000, dimension)) * edges
        away = rng.normal(size=i.shape)
        j = i + r * away / np.linalg.norm(away, axis=1, keepdims=True)
        inside = ((j > 0) & (j < edges)).all(axis=1)

        def mean(a, b, among=inside, xi=xi):
            return np.exp(-np.linalg.norm(a - b, axis=1) / xi)[among].mean()

        expected = np.exp(-r / xi) - mean(i, y) - mean(j, y) + mean(y, z)
        found = expected_shapes(block, [r], [xi])[0, 0]
        assert found == pytest.approx(expected, abs=0.004)


def test_the_fit_inverts_its_model(plane):
    correlation = spatial_correlation(plane[:1], "f", runs=["a"], species=["A"])["A"]
    lengths = np.geomspace(0.5, 10, 400)
    shapes = expected_shapes(correlation, correlation.r, lengths)
    for k in (20, 200, 380):
        found = fit_decay(-0.3 * shapes[:, k], lengths, shapes)
        assert found.length == lengths[k]
        assert found.amplitude == pytest.approx(-0.3)


def test_an_uncorrelated_field_has_no_length(plane):
    rng = np.random.default_rng(4)
    snapshots = [s.with_fields(f=rng.normal(size=len(s))) for s in plane]
    found = correlation_length(snapshots, "f", runs=range(8), species=["A"], fit_range=(1, 4))["A"]
    assert np.isnan(found.estimate)
    assert found.warning == ""
    assert "none, fitted at r = 1 … 4: the correlation there is not told" in found.sentence()
    assert len(found.plot().lines) == 2


def test_results_show_themselves_and_make_a_curve(plane):
    found = correlation_length(plane, "f", runs=range(8), species=["A", "B"], fit_range=(1, 4))
    a = found["A"]
    assert a.interval.low < a.estimate < a.interval.high
    assert f"Correlation length of f, A particles: {a.estimate:.2f} [" in a.sentence()
    assert f"blocks of half the edge give {a.ratio.estimate:.2f}" in a.sentence()
    row = a.to_frame().iloc[0]
    assert (row.estimate, row.edge, row.n_runs) == (a.estimate, 32.0, 8)
    ax = a.plot()
    r, fitted = map(np.asarray, ax.lines[-1].get_data())
    assert (r[0], r[-1]) == (1, 4)
    assert fitted[0] == pytest.approx(a.correlation.estimate[3:5].mean(), abs=0.1)
    curve = Curve("kT", {0.5: a, 0.4: found["B"]})
    assert list(curve.to_frame().kT) == [0.4, 0.5]
    np.testing.assert_array_equal(
        curve.plot().lines[0].get_ydata(), [found["B"].estimate, a.estimate]
    )


def test_one_run_has_a_length_and_no_interval(plane):
    found = correlation_length(plane, "f", runs=["a"] * 8, species=["A"], fit_range=(1, 4))["A"]
    assert np.isfinite(found.estimate)
    assert "1 run only" in found.sentence()


def test_too_few_bins_are_refused(plane):
    with pytest.raises(InputError, match=r"from r = 1 on has 3 bins with pairs; expected at least"):
        correlation_length(plane[:1], "f", runs=["a"], fit_range=(1, 1.75))
