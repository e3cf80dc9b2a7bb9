"""Partial correlations against regression residuals, and where nothing is left to find."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from synthetic import configuration, runs_of

from gnnglass.compare import UndefinedCorrelationError, correlate, smooth
from gnnglass.errors import InputError


def by_residuals(x, y, controls, method):
    """The textbook definition: correlate what regressions with an intercept leave."""
    if method == "spearman":
        x, y, *controls = (stats.rankdata(values) for values in (x, y, *controls))
    design = np.stack([np.ones(len(x)), *controls], axis=1)
    rests = [values - design @ np.linalg.lstsq(design, values)[0] for values in (x, y)]
    return stats.pearsonr(*rests)[0]


@pytest.fixture
def data():
    """y depends on x and on two other fields, which depend on each other."""
    return runs_of(
        np.random.default_rng(0),
        [0.2, 0.5, -0.1, 0.4],
        energy=lambda rng, x, y: x + y + rng.normal(size=len(x)),
        density=lambda rng, x, y: np.exp(x) - y**3 + rng.normal(size=len(x)),
    )


@pytest.mark.parametrize("method", ["spearman", "pearson"])
@pytest.mark.parametrize("held", [["energy"], ["energy", "density"]])
def test_equals_the_correlation_of_residuals(data, method, held):
    snapshots, runs = data
    found = correlate(snapshots, "x", "y", runs=runs, method=method, given=held)
    for species, comparison in found.items():
        fields = [
            [s.field(name)[s.of_type(species)] for name in ("x", "y", *held)] for s in snapshots
        ]
        expected = [by_residuals(x, y, controls, method) for x, y, *controls in fields]
        np.testing.assert_allclose(comparison.per_configuration, expected, atol=1e-12)
        assert comparison.estimate == pytest.approx(np.mean(expected))
        x, y, *controls = (np.concatenate(values) for values in zip(*fields, strict=True))
        assert comparison.pooled == pytest.approx(by_residuals(x, y, controls, method))


@settings(max_examples=20, deadline=None)
@given(x=st.floats(-5, 5), y=st.floats(-5, 5), scale=st.floats(0.1, 10), seed=st.integers(0, 1000))
def test_adding_the_held_field_to_either_changes_nothing(x, y, scale, seed):
    rng = np.random.default_rng(seed)
    s = configuration(rng, 0.5)
    z = rng.normal(size=len(s))
    before = s.with_fields(z=z)
    after = s.with_fields(x=scale * s.field("x") + x * z, y=s.field("y") + y * z, z=-z)
    estimates = [
        correlate([one], "x", "y", runs=["a"], method="pearson", given=["z"])["A"].estimate
        for one in (before, after)
    ]
    assert estimates[0] == pytest.approx(estimates[1], abs=1e-9)


def chain(rng, n=150):
    """x -> z -> y: the two have nothing in common but z."""
    s = configuration(rng, 0.0, n)
    z = rng.normal(size=n)
    x, y = (0.7 * z + 0.7 * rng.normal(size=n) for _ in range(2))
    return s.with_fields(x=x, y=y, z=z)


@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_vanishes_where_all_goes_through_the_held_field(method):
    rng = np.random.default_rng(6)
    snapshots = [chain(rng) for _ in range(24)]
    runs = [k // 2 for k in range(24)]
    plain = correlate(snapshots, "x", "y", runs=runs, method=method)["A"]
    partial = correlate(snapshots, "x", "y", runs=runs, method=method, given=["z"])["A"]
    assert plain.interval.low > 0.3
    assert partial.interval.low < 0 < partial.interval.high
    assert abs(partial.estimate) < 0.1


def test_held_fields_get_their_own_length_chosen_on_other_runs():
    """The target is z smoothed; of x, which is bare z, nothing is left once z may be smoothed."""
    rng = np.random.default_rng(2)
    wants = [0.5, 0.5, 0.5, 2.0]
    snapshots = []
    for length in wants:
        s = configuration(rng, 0.0, 200)
        z = rng.normal(size=200)
        y = smooth(s, z, length)
        x = z + 0.5 * rng.normal(size=200)
        snapshots.append(s.with_fields(x=x, y=y + 0.1 * y.std() * rng.normal(size=200), z=z))
    found = correlate(
        snapshots, "x", "y", runs=range(4), method="pearson", given=["z"], lengths=[0.5, 2.0]
    )["A"]
    assert found.given == {"z": {"0": 0.5, "1": 0.5, "2": 0.5, "3": 0.5}}
    mask = snapshots[3].of_type("A")
    expected = by_residuals(
        smooth(snapshots[3], snapshots[3].field("x"), found.lengths["3"])[mask],
        snapshots[3].field("y")[mask],
        [smooth(snapshots[3], snapshots[3].field("z"), 0.5)[mask]],
        "pearson",
    )
    assert found.per_configuration[3] == pytest.approx(expected)
    # Nothing in a run's own target takes part in any choice that it is judged by.
    noise = [*snapshots[:3], snapshots[3].with_fields(y=rng.normal(size=200))]
    again = correlate(
        noise, "x", "y", runs=range(4), method="pearson", given=["z"], lengths=[0.5, 2.0]
    )["A"]
    assert again.given["z"]["3"] == 0.5
    assert again.lengths["3"] == found.lengths["3"]
    assert "given z" in found.sentence() and "z over 0.5" in found.sentence()
    assert found.to_frame().given[0] == "z"


def coverage(trials, n_runs):
    """Runs differ in what x and y share beyond z; the truth is the mean over many runs."""
    rng = np.random.default_rng(3)
    hits = 0
    for trial in range(trials):
        snapshots = []
        for truth in np.clip(rng.normal(-0.3, 0.1, n_runs), -0.9, 0.9):
            for _ in range(2):
                s = configuration(rng, truth, n=150)
                z = rng.normal(size=150)
                beyond = {name: s.field(name) + 2 * z for name in "xy"}
                snapshots.append(s.with_fields(z=z, **beyond))
        found = correlate(
            snapshots,
            "x",
            "y",
            runs=np.repeat(np.arange(n_runs), 2).tolist(),
            species=["A"],
            method="pearson",
            given=["z"],
            seed=trial,
        )["A"]
        hits += found.interval.low <= -0.3 <= found.interval.high
    return hits / trials


@pytest.mark.validate
@pytest.mark.parametrize("n_runs", [6, 12])
def test_interval_covers_the_truth_in_500_trials(n_runs):
    assert 0.92 <= coverage(500, n_runs) <= 0.98


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"given": ["x"]}, InputError, "field 'x' is to be compared and also held fixed"),
        ({"given": ["y"]}, InputError, "field 'y' is to be compared and also held fixed"),
        ({"given": ["gone"]}, InputError, "no field 'gone'"),
        ({"given": ["energy"], "method": "top-decile"}, InputError, "only a correlation can be"),
        ({"given": ["twice"]}, UndefinedCorrelationError, "linear function of the given fields"),
        (
            {"given": [f"z{k}" for k in range(52)]},
            UndefinedCorrelationError,
            "54 particles are too few with 52 given",
        ),
    ],
)
def test_bad_input_is_refused(data, changes, error, message):
    snapshots, runs = data
    rng = np.random.default_rng(4)
    snapshots = [
        s.with_fields(
            twice=2 * s.field("x"), **{f"z{k}": rng.normal(size=len(s)) for k in range(52)}
        )
        for s in snapshots
    ]
    with pytest.raises(error, match=message):
        correlate(snapshots, "x", "y", runs=runs, **changes)
