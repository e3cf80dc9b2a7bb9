"""Curves along the lag are comparisons, one after another."""

import numpy as np
import pytest
from synthetic import runs_of, with_gaps

from gnnglass.compare import Curve, correlate, correlate_lags
from gnnglass.errors import InputError

TARGETS = {100.0: "late", 1.0: "early", 10.0: "y"}


@pytest.fixture
def data():
    return runs_of(
        np.random.default_rng(0),
        [0.8, 0.7, 0.8, 0.75],
        n=120,
        early=lambda rng, x, y: rng.normal(size=len(x)),
        late=lambda rng, x, y: y + 2 * rng.normal(size=len(x)),
        z=lambda rng, x, y: y + rng.normal(size=len(x)),
    )


@pytest.mark.parametrize("options", [{}, {"lengths": [0.0, 0.5]}, {"given": ["z"]}])
def test_every_point_is_a_comparison(data, options):
    snapshots, runs = data
    curves = correlate_lags(snapshots, "x", TARGETS, runs=runs, **options)
    assert set(curves) == {"A", "B"}
    assert list(curves["A"].points) == [1, 10, 100]
    for lag, target in TARGETS.items():
        alone = correlate(snapshots, "x", target, runs=runs, **options)["A"]
        point = curves["A"].points[lag]
        assert (point.estimate, point.interval) == (alone.estimate, alone.interval)


def test_particles_without_a_target_are_left_out_at_that_lag(data):
    snapshots, runs = data
    marked = [s.with_fields(mark=np.zeros(len(s))) for s in snapshots]
    gaps, rest = with_gaps(marked, (0, 3), "late", "mark")
    found = correlate_lags(gaps, "x", TARGETS, runs=runs, censored={"late": "mark"})["A"]
    assert found.points[1].estimate == correlate(snapshots, "x", "early", runs=runs)["A"].estimate
    assert found.points[100].estimate == pytest.approx(
        correlate(rest, "x", "late", runs=runs)["A"].estimate
    )


def test_a_curve_shows_itself(data):
    snapshots, runs = data
    curve = correlate_lags(snapshots, "x", TARGETS, runs=runs, species=["A"])["A"]
    table = curve.to_frame()
    assert list(table.lag) == [1, 10, 100]
    assert list(table.target) == ["early", "y", "late"]
    sentence = curve.sentence()
    assert "with early, A particles, at lag 1: " in sentence
    assert sentence.endswith("largest in size at lag 10.")
    ax = curve.plot(color="C3")
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), table.estimate)
    (bars,) = ax.collections
    np.testing.assert_array_equal(
        [segment[:, 1] for segment in bars.get_segments()], table[["low", "high"]]
    )
    assert curve.plot(ax) is ax


def test_curves_of_nothing_are_refused(data):
    snapshots, runs = data
    with pytest.raises(InputError, match="no target was named"):
        correlate_lags(snapshots, "x", {}, runs=runs)
    with pytest.raises(InputError, match="no estimate along kT"):
        Curve("kT", {})
