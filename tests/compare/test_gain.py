"""What a predictor adds, against regressions done by hand and closed forms."""

import numpy as np
import pytest
from scipy import stats
from synthetic import configuration, runs_of, with_gaps

from gnnglass.compare import correlate, gain
from gnnglass.errors import InputError


@pytest.fixture
def data():
    return runs_of(
        np.random.default_rng(0),
        [0.3, 0.5, 0.1, 0.4],
        n_configurations=2,
        energy=lambda rng, x, y: x + y + rng.normal(size=len(x)),
        density=lambda rng, x, y: np.exp(x) - y + rng.normal(size=len(x)),
    )


@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_equals_regressions_on_the_other_runs(data, method):
    snapshots, runs = data
    held = ["energy", "density"]
    found = gain(snapshots, "x", "y", runs=runs, given=held, method=method)["A"]

    def columns(s, names):
        values = [s.field(name)[s.of_type("A")] for name in names]
        if method == "spearman":
            values = [stats.rankdata(each) for each in values]
        return np.stack([stats.zscore(each) for each in values], axis=1)

    for names, curve in (held, found.without), ([*held, "x"], found.with_it):
        for k, s in enumerate(snapshots):
            others = [o for o, run in zip(snapshots, runs, strict=True) if run != runs[k]]
            a = np.concatenate([columns(o, names) for o in others])
            b = np.concatenate([columns(o, ["y"])[:, 0] for o in others])
            predicted = columns(s, names) @ np.linalg.lstsq(a, b)[0]
            coefficient = stats.spearmanr if method == "spearman" else stats.pearsonr
            expected = coefficient(predicted, s.field("y")[s.of_type("A")])[0]
            assert curve[k] == pytest.approx(expected, abs=1e-12)
    gains = (found.with_it - found.without).reshape(4, 2).mean(axis=1)
    assert found.estimate == pytest.approx(gains.mean())
    assert found.interval.low <= found.estimate <= found.interval.high
    partial = correlate(snapshots, "x", "y", runs=runs, given=held, method=method)["A"]
    assert found.partial.estimate == partial.estimate


def test_particles_without_a_target_are_left_out(data):
    snapshots, runs = data
    marked = [s.with_fields(mark=np.zeros(len(s))) for s in snapshots]
    gaps, rest = with_gaps(marked, (0, 3, 5), "y", "mark")
    how = {"runs": runs, "given": ["energy"], "censored": "mark"}
    found, expected = (gain(each, "x", "y", **how)["A"] for each in (gaps, rest))
    np.testing.assert_allclose(found.with_it, expected.with_it)
    np.testing.assert_allclose(found.without, expected.without)
    assert "% of the particles have no y and are left out." in found.sentence()


def summed(rng, weight, n=300):
    """y = z + weight x + noise, all of unit variance but y."""
    s = configuration(rng, 0.0, n)
    x, z, noise = rng.normal(size=(3, n))
    return s.with_fields(x=x, z=z, y=z + weight * x + noise)


def test_closed_form():
    """R² is the share of the variance of y that the predictors carry."""
    rng = np.random.default_rng(1)
    snapshots = [summed(rng, 1.0) for _ in range(16)]
    found = gain(snapshots, "x", "y", runs=range(16), given=["z"], method="pearson")["A"]
    assert found.without.mean() == pytest.approx(np.sqrt(1 / 3), abs=0.02)
    assert found.with_it.mean() == pytest.approx(np.sqrt(2 / 3), abs=0.02)
    assert found.interval.low > 0.15


def test_noise_does_not_gain():
    rng = np.random.default_rng(2)
    snapshots = [summed(rng, 0.0) for _ in range(8)]
    found = gain(snapshots, "x", "y", runs=range(8), given=["z"])["A"]
    assert found.interval.low < 0.005
    assert found.estimate < 0.002


def test_results_show_themselves(data):
    snapshots, runs = data
    found = gain(snapshots, "x", "y", runs=runs, given=["energy"], lengths=[0.5, 1.0])["B"]
    row = found.to_frame().iloc[0]
    assert row["with"] - row["without"] == pytest.approx(row.estimate)
    assert (row.given, row.n_runs, row.partial) == ("energy", 4, found.partial.estimate)
    sentence = found.sentence()
    assert f"added to energy, B particles: {found.estimate:+.3f} [" in sentence
    assert f"from {row['without']:.3f} to {row['with']:.3f}" in sentence
    ax = found.plot()
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), [row["without"], row["with"]])
    assert found.plot(ax) is ax


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"given": []}, "no field was given for x to be added to"),
        ({"runs": ["a"] * 8}, "all configurations are of one run"),
        ({"given": ["x"]}, "'x' is to be compared and also held fixed"),
        ({"method": "top-decile"}, "only a correlation can be partial"),
        ({"species": ["C"]}, "no species 'C'"),
    ],
)
def test_bad_input_is_refused(data, changes, message):
    snapshots, runs = data
    with pytest.raises(InputError, match=message):
        gain(snapshots, "x", "y", **{"runs": runs, "given": ["energy"], **changes})
