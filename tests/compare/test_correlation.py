import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from synthetic import configuration, runs_of, with_gaps

from gnnglass.compare import UndefinedCorrelationError, correlate, smooth
from gnnglass.errors import InputError

SCIPY = {"spearman": stats.spearmanr, "pearson": stats.pearsonr}


@pytest.fixture
def data():
    return runs_of(np.random.default_rng(0), [0.2, 0.5, -0.1, 0.4])


@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_each_configuration_equals_scipy_per_species(data, method):
    snapshots, runs = data
    found = correlate(snapshots, "x", "y", runs=runs, method=method)
    assert set(found) == {"A", "B"}
    for species, comparison in found.items():
        expected = [
            SCIPY[method](s.field("x")[s.of_type(species)], s.field("y")[s.of_type(species)])[0]
            for s in snapshots
        ]
        np.testing.assert_allclose(comparison.per_configuration, expected, atol=1e-12)
        by_run = np.reshape(expected, (4, 3)).mean(axis=1)
        assert comparison.estimate == pytest.approx(by_run.mean())
        assert list(comparison.per_run.values()) == pytest.approx(by_run.tolist())
        assert comparison.interval.low < comparison.estimate < comparison.interval.high
        together = [
            np.concatenate([s.field(name)[s.of_type(species)] for s in snapshots]) for name in "xy"
        ]
        assert comparison.pooled == pytest.approx(SCIPY[method](*together)[0])


def test_runs_weigh_the_same_however_many_configurations_they_have(data):
    snapshots, _ = data
    found = correlate(snapshots[:5], "x", "y", runs=["a", "a", "a", "a", "b"])["A"]
    each = found.per_configuration
    assert found.estimate == pytest.approx((each[:4].mean() + each[4]) / 2)


def test_pooling_over_configurations_is_a_separate_figure():
    """A shift between configurations makes the pooled value large and leaves the estimate at 0."""
    rng = np.random.default_rng(2)
    snapshots = []
    for k in range(8):
        s = configuration(rng, 0.0)
        snapshots.append(s.with_fields(x=s.field("x") + 5 * k, y=s.field("y") + 5 * k))
    found = correlate(snapshots, "x", "y", runs=range(8))["A"]
    assert abs(found.estimate) < 0.15
    assert found.pooled > 0.9


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_monotonic_maps_and_relabelling_leave_spearman_alone(seed):
    rng = np.random.default_rng(seed)
    snapshots, runs = runs_of(rng, [0.3, 0.6], n_configurations=1)
    before = correlate(snapshots, "x", "y", runs=runs)["A"]
    mapped = []
    for s in snapshots:
        order = rng.permutation(len(s))
        mapped.append(
            s.replace(
                positions=s.positions[order],
                types=s.types[order],
                fields={"x": np.exp(s.field("x"))[order], "y": -s.field("y")[order]},
            )
        )
    after = correlate(mapped, "x", "y", runs=runs)["A"]
    np.testing.assert_allclose(after.per_configuration, -before.per_configuration, atol=1e-12)


def smoothed_target(rng, length, n=80):
    """y is x smoothed over `length`, with a little noise: that length predicts it best."""
    s = configuration(rng, 0.0, n)
    y = smooth(s, s.field("x"), length)
    return s.with_fields(y=y + 0.2 * y.std() * rng.normal(size=n))


def test_the_length_of_a_run_is_chosen_on_the_other_runs():
    """One run wants a long length and the others a short one: each gets the others' choice."""
    rng = np.random.default_rng(3)
    wants = [0.2, 0.2, 0.2, 2.0]
    snapshots = [smoothed_target(rng, length, 160) for length in wants for _ in range(2)]
    runs = [f"run{k}" for k in range(4) for _ in range(2)]
    found = correlate(snapshots, "x", "y", runs=runs, lengths=[0.2, 2.0])["A"]
    alone = correlate(snapshots[6:], "x", "y", runs=runs[6:], lengths=[2.0])["A"]
    assert alone.per_configuration.min() > 0.9
    assert found.lengths["run3"] == 0.2
    assert found.per_run["run3"] < alone.estimate - 0.1
    # Whatever happens in a run's own target cannot change the length it gets.
    noise = [
        s if run != "run0" else s.with_fields(y=rng.normal(size=len(s)))
        for s, run in zip(snapshots, runs, strict=True)
    ]
    again = correlate(noise, "x", "y", runs=runs, lengths=[0.2, 2.0])["A"]
    assert again.lengths["run0"] == found.lengths["run0"]


def test_two_runs_get_each_others_length():
    rng = np.random.default_rng(4)
    snapshots = [smoothed_target(rng, length, 160) for length in (0.3, 2.0)]
    found = correlate(snapshots, "x", "y", runs=["a", "b"], lengths=[0.3, 2.0])["A"]
    assert found.lengths == {"a": 2.0, "b": 0.3}
    assert found.length == 0.3
    assert found.smoothed


def test_only_x_is_smoothed(data):
    snapshots, runs = data
    found = correlate(snapshots, "x", "y", runs=runs, lengths=[0.7])["B"]
    mask = snapshots[0].of_type("B")
    expected = stats.spearmanr(
        smooth(snapshots[0], snapshots[0].field("x"), 0.7)[mask], snapshots[0].field("y")[mask]
    )[0]
    assert found.per_configuration[0] == pytest.approx(expected)


def test_choice_is_by_magnitude_and_ties_go_to_the_shorter(data):
    snapshots, runs = data
    flipped = [s.with_fields(y=-s.field("y")) for s in snapshots]
    plus = correlate(snapshots, "x", "y", runs=runs, lengths=[0, 0.5, 1])["A"]
    minus = correlate(flipped, "x", "y", runs=runs, lengths=[1, 0.5, 0])["A"]
    assert plus.lengths == minus.lengths
    assert plus.estimate == pytest.approx(-minus.estimate)


def test_censored_particles_are_tied_at_the_top_and_their_share_reported():
    snapshots, runs = runs_of(np.random.default_rng(5), [0.6, 0.6, 0.6], n=120)
    marked = []
    for s in snapshots:
        bound = np.quantile(s.field("y"), 0.7)
        late = s.field("y") > bound
        # The mark alone decides: a bound written too low would rank them in the middle.
        marked.append(s.with_fields(y=np.where(late, bound - 1, s.field("y")), late=late))
    found = correlate(marked, "x", "y", runs=runs, censored="late")["A"]
    mask = marked[0].of_type("A")
    late = marked[0].field("late")[mask] == 1
    y = np.where(late, np.inf, marked[0].field("y")[mask])
    expected = stats.pearsonr(
        stats.rankdata(marked[0].field("x")[mask]), stats.rankdata(y, method="average")
    )[0]
    assert found.per_configuration[0] == pytest.approx(expected)
    share = np.concatenate([s.field("late")[s.of_type("A")] for s in marked]).mean()
    assert found.censored_share == pytest.approx(share)
    assert f"{share:.1%} of y censored" in found.sentence()


@pytest.mark.parametrize("method", ["spearman", "pearson", "top-decile", "bottom-decile"])
def test_particles_without_a_target_are_left_out(data, method):
    """As if they had never been there; two of the species A, and one of B."""
    whole, runs = data
    gone = (0, 3, 5)
    late = (np.arange(80) % 7 == 1).astype(float)
    rng = np.random.default_rng(0)
    whole = [s.with_fields(late=late, z=s.field("y") + rng.normal(size=80)) for s in whole]
    marked, rest = with_gaps(whole, gone, "y", "late")
    for held in ((), ("z",)) if method in SCIPY else ((),):
        how = {"runs": runs, "method": method, "censored": "late", "given": held}
        found, expected = (correlate(one, "x", "y", **how) for one in (marked, rest))
        n = {name: whole[0].of_type(name).sum() for name in "AB"}
        for name, n_gone in {"A": 2, "B": 1}.items():
            a, b = found[name], expected[name]
            np.testing.assert_allclose(a.per_configuration, b.per_configuration, rtol=1e-12)
            assert a.pooled == pytest.approx(b.pooled)
            assert a.censored_share == pytest.approx(b.censored_share)
            assert a.undefined_share == pytest.approx(n_gone / n[name])
            assert a.to_frame().undefined_share[0] == a.undefined_share
            assert f"{100 * n_gone / n[name]:.3g}% of the particles have no y" in a.sentence()
            assert "left out" not in b.sentence()
    # Smoothing is of a predictor that everybody has, and so over everybody.
    smoothed = correlate(marked, "x", "y", runs=runs, lengths=[0.7], censored="late")["A"]
    keep = whole[2].of_type("A") & np.isfinite(marked[2].field("y"))
    y = np.where(late == 1, 99, whole[2].field("y"))[keep]
    x = smooth(whole[2], whole[2].field("x"), 0.7)[keep]
    assert smoothed.per_configuration[2] == pytest.approx(stats.spearmanr(x, y)[0])


def test_nothing_but_a_marked_target_may_be_missing(data):
    snapshots, runs = data
    hole = np.where(np.arange(80) == 4, np.nan, 0.0)
    y = snapshots[7].field("y") + hole
    with pytest.raises(InputError, match=r"'y' is NaN or infinite for 1 of 80"):
        correlate(with_field(snapshots, 7, y=y), "x", "y", runs=runs)
    marked = [s.with_fields(late=hole, y=s.field("y") + hole) for s in snapshots]
    for field in ("x", "z"):
        gaps = with_field(
            [s.with_fields(z=s.field("x") ** 2) for s in marked], 7, **{field: np.roll(y, 1)}
        )
        with pytest.raises(InputError, match=rf"'{field}' is NaN .* of 80 .* configuration 7"):
            correlate(gaps, "x", "y", runs=runs, given=["z"], censored="late")
    with pytest.raises(InputError, match=r"'x' is NaN .* configuration 0"):
        together = [s.with_fields(x=s.field("x") + hole) for s in marked]
        correlate(together, "x", "y", runs=runs, lengths=[0.5], censored="late")
    with pytest.raises(InputError, match="those for which that is NaN with NaN"):
        correlate(
            [s.with_fields(late=hole) for s in snapshots], "x", "y", runs=runs, censored="late"
        )
    nobody = np.where(snapshots[0].of_type("B"), np.nan, 0)
    with pytest.raises(UndefinedCorrelationError, match="has 0 B particles with a value"):
        correlate(
            [s.with_fields(late=nobody, y=s.field("y") + nobody) for s in snapshots],
            "x", "y", runs=runs, censored="late",
        )  # fmt: skip


def test_one_run_gives_an_estimate_and_says_why_there_is_no_interval(data):
    snapshots, _ = data
    found = correlate(snapshots, "x", "y", runs=["only"] * 12)["A"]
    assert np.isfinite(found.estimate)
    assert np.isnan(found.interval.low)
    assert "1 run only" in found.interval.note
    assert "1 run only" in found.sentence()
    assert "1 run only" in found.to_frame().note[0]


def interval_coverage(trials, n_runs):
    """Runs differ in their true correlation; the truth is the mean over many runs."""
    rng = np.random.default_rng(6)
    hits = 0
    for trial in range(trials):
        truths = np.clip(rng.normal(-0.4, 0.1, n_runs), -0.9, 0.9)
        snapshots, runs = runs_of(rng, truths, n_configurations=2, n=150)
        found = correlate(
            snapshots, "x", "y", runs=runs, species=["A"], method="pearson", seed=trial
        )["A"]
        hits += found.interval.low <= -0.4 <= found.interval.high
    return hits / trials


def test_interval_covers_the_truth_quick():
    assert interval_coverage(60, 10) >= 0.88


@pytest.mark.validate
@pytest.mark.parametrize("n_runs", [6, 12])
def test_interval_covers_the_truth_in_500_trials(n_runs):
    assert 0.92 <= interval_coverage(500, n_runs) <= 0.98


def test_results_show_themselves(data):
    snapshots, runs = data
    found = correlate(snapshots, "x", "y", runs=runs, lengths=[0.5, 1.0])["A"]
    row = found.to_frame().iloc[0]
    assert row.estimate == found.estimate
    assert row.n_runs == 4
    assert row.n_configurations == 12
    sentence = found.sentence()
    assert "4 runs" in sentence
    assert f"{found.estimate:+.3f}" in sentence
    assert "chosen on other runs" in sentence
    ax = found.plot()
    assert len(ax.lines[0].get_xdata()) == 12
    assert found.plot(ax) is ax


def with_field(snapshots, k, **fields):
    return [s.with_fields(**fields) if i == k else s for i, s in enumerate(snapshots)]


def test_undefined_correlations_name_field_and_configuration(data):
    snapshots, runs = data
    constant = with_field(snapshots, 4, y=np.ones(80))
    with pytest.raises(
        UndefinedCorrelationError, match=r"'y' is constant \(1\) .* configuration 4 \(run run1"
    ):
        correlate(constant, "x", "y", runs=runs)
    few = snapshots[0].replace(types=np.r_[1, 1, np.zeros(78, int)])
    with pytest.raises(UndefinedCorrelationError, match=r"configuration 0 .* has 2 B particles"):
        correlate([few], "x", "y", runs=["a"], species=["B"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": "nothing"}, "no field 'nothing' in configuration 0 .* it has: x, y"),
        ({"species": ["C"]}, "no species 'C'"),
        (
            {"method": "kendall"},
            "unknown correlation method 'kendall'; known: spearman, pearson, top",
        ),
        ({"runs": ["a"]}, "1 run names were given for 12 configurations"),
        ({"lengths": []}, "no smoothing length was given"),
        ({"lengths": [-1]}, "smoothing length is -1"),
        ({"lengths": [9]}, "smoothing length 9 does not fit the box"),
        ({"lengths": [0.5, 1], "runs": ["a"] * 12}, "2 smoothing lengths .* a single run"),
        ({"censored": "y"}, "'y' in configuration 0 .* should mark censored"),
        ({"censored": "gone"}, "no field 'gone'"),
    ],
)
def test_bad_input_is_refused(data, changes, message):
    snapshots, runs = data
    arguments = {"x": "x", "y": "y", "runs": runs} | changes
    with pytest.raises(InputError, match=message):
        correlate(snapshots, **arguments)


def test_nan_and_nothing_are_refused(data):
    snapshots, runs = data
    values = snapshots[7].field("x").copy()
    values[3] = np.nan
    with pytest.raises(InputError, match=r"'x' is NaN or infinite for 1 of 80 .* configuration 7"):
        correlate(with_field(snapshots, 7, x=values), "x", "y", runs=runs)
    with pytest.raises(InputError, match="no configuration"):
        correlate([], "x", "y", runs=[])
