import numpy as np
import pytest
from synthetic import runs_of, with_gaps

from gnnglass.compare import compare_fields, correlate, noise_ceiling
from gnnglass.errors import InputError


@pytest.fixture
def data():
    return runs_of(
        np.random.default_rng(0),
        [0.5, 0.6, 0.4, 0.5],
        random=lambda rng, x, y: rng.normal(size=len(x)),
        half_a=lambda rng, x, y: y + 0.5 * rng.normal(size=len(x)),
        half_b=lambda rng, x, y: y + 0.5 * rng.normal(size=len(x)),
        late=lambda rng, x, y: (y >= y.max()).astype(float),
    )


def test_has_one_row_per_predictor_target_species_method_and_smoothing(data):
    snapshots, runs = data
    table = compare_fields(
        snapshots,
        ["x", "random"],
        ["y"],
        runs=runs,
        methods=["spearman", "pearson"],
        lengths=[0.5, 1.0],
        censored={"y": "late"},
        halves={"y": ("half_a", "half_b")},
    )
    assert len(table) == 2 * 1 * 2 * 2 * 2
    assert not table.duplicated(["predictor", "target", "species", "method", "smoothed"]).any()
    for smoothed, lengths in ((False, None), (True, [0.5, 1.0])):
        expected = correlate(
            snapshots, "x", "y", runs=runs, lengths=lengths, censored="late", method="pearson"
        )["B"]
        row = table.query(
            "predictor == 'x' and species == 'B' and method == 'pearson' "
            f"and smoothed == {smoothed}"
        ).iloc[0]
        assert row.estimate == pytest.approx(expected.estimate)
        assert (row.low, row.high) == (expected.interval.low, expected.interval.high)
        assert row.length == expected.length
        assert row.censored_share == expected.censored_share
        ceiling = noise_ceiling(snapshots, "half_a", "half_b", runs=runs, method="pearson")["B"]
        assert row.ceiling == pytest.approx(ceiling.ceiling)
    bare = table.query("not smoothed and species == 'A' and method == 'spearman'")
    by_name = bare.set_index("predictor").estimate
    assert by_name["x"] > 0.3 > abs(by_name["random"])


def test_particles_without_a_target_are_left_out_of_its_rows_alone(data):
    snapshots, runs = data
    snapshots = [s.with_fields(z=s.field("x") - s.field("half_a")) for s in snapshots]
    gaps, rest = with_gaps(snapshots, (4, 9, 11), "y", "late", "half_a", "half_b")
    how = {
        "runs": runs,
        "given": ["random"],
        "censored": {"y": "late"},
        "halves": {"y": ("half_a", "half_b")},
    }
    found, whole, without = (
        compare_fields(each, ["x"], ["y", "z"], **how) for each in (gaps, snapshots, rest)
    )
    same = ["estimate", "low", "high", "pooled", "ceiling", "censored_share"]
    for target, expected, n_gone in (("y", without, {"A": 2, "B": 1}), ("z", whole, {})):
        rows, others = (table[table.target == target] for table in (found, expected))
        np.testing.assert_allclose(rows[same].astype(float), others[same].astype(float))
        shares = [n_gone.get(name, 0) / snapshots[0].of_type(name).sum() for name in rows.species]
        np.testing.assert_allclose(rows.undefined_share, shares)
    # A species of which nobody has a value: no coefficient, and the reason.
    nobody = np.flatnonzero(snapshots[0].of_type("B"))
    none, _ = with_gaps(snapshots, nobody, "y", "late")
    row = compare_fields(none, ["x"], ["y"], **how | {"halves": None}).iloc[-1]
    assert (row.species, row.undefined_share) == ("B", 1)
    assert "0 B particles with a value" in row.note


def test_given_fields_add_partial_rows_for_all_other_predictors(data):
    snapshots, runs = data
    held = {"given": ["half_a"], "lengths": [0.5, 1.0], "same_species": True}
    table = compare_fields(
        snapshots,
        ["x", "half_a"],
        ["y"],
        runs=runs,
        species=["A"],
        methods=["pearson", "top-decile"],
        halves={"y": ("half_a", "half_b")},
        **held,
    )
    assert list(table.predictor + "|" + table.given + "|" + table.method) == [
        *["x||pearson"] * 2, *["x|half_a|pearson"] * 2, *["half_a||pearson"] * 2,
        *["x||top-decile"] * 2, *["half_a||top-decile"] * 2,
    ]  # fmt: skip
    expected = correlate(snapshots, "x", "y", runs=runs, method="pearson", **held)["A"]
    row = table.query("given != '' and smoothed").iloc[0]
    assert (row.estimate, row.low) == (expected.estimate, expected.interval.low)
    # A ceiling is that of a correlation with the target as it is.
    assert np.isnan(row.ceiling)
    assert np.isfinite(table.ceiling[0])
    assert table.query("method == 'top-decile'").ceiling.isna().all()


def test_an_undefined_pair_leaves_its_reason_and_the_rest_of_the_table(data):
    snapshots, runs = data
    flat = [s.with_fields(flat=np.zeros(len(s))) for s in snapshots]
    table = compare_fields(flat, ["x"], ["y", "flat"], runs=runs, species=["A"])
    assert np.isfinite(table.estimate[0])
    assert np.isnan(table.estimate[1])
    assert "constant" in table.note[1]


def test_bad_input_is_refused(data):
    snapshots, runs = data
    with pytest.raises(InputError, match="0 predictors and 1 targets"):
        compare_fields(snapshots, [], ["y"], runs=runs)
    with pytest.raises(InputError, match="field 'y' is to be compared and also held fixed"):
        compare_fields(snapshots, ["x"], ["y"], runs=runs, given=["y"])
    with pytest.raises(InputError, match="no field 'z'"):
        compare_fields(snapshots, ["z"], ["y"], runs=runs)
    with pytest.raises(InputError, match="for a single run"):
        compare_fields(snapshots, ["x"], ["y"], runs=["a"] * 12, lengths=[0.5, 1])
