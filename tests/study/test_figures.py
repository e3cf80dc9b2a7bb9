import sys

import matplotlib as mpl
import numpy as np
import pytest
from scipy.stats import rankdata

from gnnglass.compare import Curve, compare_fields, correlate_lags
from gnnglass.errors import InputError
from gnnglass.study.figures import (
    bar_length,
    classifier_colors,
    correlation_figure,
    curve_figure,
    history_figure,
    map_figure,
    predictor_colors,
    rank_within_species,
    roc_figure,
    scatter_figure,
)

CLASSES = ("liquid", "glass")


def test_roc_passes_through_the_counts():
    labels, scores = [0, 0, 1, 1], [-2.0, 3.0, 1.0, 4.0]
    curve = roc_figure({"gnn": (labels, scores)}, CLASSES).axes[0].lines[1]
    assert {(0, 0), (0, 0.5), (0.5, 1), (1, 1)} <= {
        tuple(point) for point in np.column_stack(curve.get_data())
    }


def test_only_probabilities_are_checked_for_calibration():
    labels = np.array([0, 1] * 20)
    assert len(roc_figure({"energy": (labels, labels * 3.0)}, CLASSES).axes) == 1
    both = {"gnn": (labels, np.full(40, 0.5)), "energy": (labels, labels * 3.0)}
    figure = roc_figure(both, CLASSES)
    (dots,) = figure.axes[1].collections
    np.testing.assert_allclose(dots.get_offsets(), [[0.5, 0.5]])


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([0, 1], [1.0], r"shapes \(2,\) and \(1,\)"),
        ([0, 1], [1.0, np.nan], "finite scores"),
        ([1, 1], [0.1, 0.2], "needs both 0 and 1"),
    ],
)
def test_bad_scores_are_refused(labels, scores, message):
    with pytest.raises(InputError, match=message):
        roc_figure({"gnn": (labels, scores)}, CLASSES)


def test_history_without_auc_has_one_panel():
    rows = [{"epoch": k, "train_loss": 1.0, "val_loss": None} for k in range(3)]
    assert len(history_figure({"gnn": rows}).axes) == 1


def test_correlations_are_drawn_where_they_are(study):
    rows = study[0]["correlations"]
    figure = correlation_figure(rows)
    assert len(figure.axes) == 4
    drawn = {
        round(float(x), 12) for ax in figure.axes for line in ax.lines for x in line.get_xdata()
    }
    assert {round(row[key], 12) for row in rows for key in ("estimate", "low", "high")} <= drawn


def test_partial_correlations_are_drawn_beside_the_others(study):
    snapshots = study[1].maps
    table = compare_fields(
        snapshots,
        ["importance_gnn"],
        ["propensity"],
        runs=range(len(snapshots)),
        species=["A"],
        given=["potential_energy"],
    )
    (ax,) = correlation_figure(table.to_dict("records")).axes
    drawn = {line.get_label(): np.asarray(line.get_xdata())[0] for line in ax.lines}
    assert [drawn["bare"], drawn["bare, given potential_energy"]] == list(table.estimate)


def test_curves_of_several_fields_share_axes(study):
    snapshots = study[1].maps
    targets = {1.0: "half_a", 100.0: "propensity"}
    curves = {
        name: correlate_lags(snapshots, name, targets, runs=range(len(snapshots)))["A"]
        for name in ("importance_gnn", "potential_energy")
    }
    (ax,) = curve_figure(curves, "Spearman correlation").axes
    for line, curve in zip(ax.lines, curves.values(), strict=False):
        np.testing.assert_array_equal(line.get_ydata(), curve.to_frame().estimate)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "GNN importance", "potential energy",
    ]  # fmt: skip
    assert ax.get_xscale() == "log"
    other = Curve("kT", curves["potential_energy"].points)
    for wrong in ({}, {**curves, "other": other}):
        with pytest.raises(InputError, match="all against the same parameter"):
            curve_figure(wrong, "r")


def test_maps_share_their_colour_scale_and_are_white_at_no_importance(study):
    maps = study[1].maps
    limits = [
        [ax.collections[-1].get_clim() for ax in map_figure(s, ["importance_gnn"], among=maps).axes]
        for s in maps
    ]
    assert limits[0][0] == limits[1][0]
    low, high = limits[0][0]
    assert low == -high
    assert limits[0][1] == (0, 1)


def test_a_field_that_only_others_have_is_said_to_be_not_measured(study):
    glass = study[1].maps[0]
    liquid = glass.replace(fields={"importance_gnn": glass.field("importance_gnn")})
    fields = ["importance_gnn", "tau_bond"]
    figure = map_figure(liquid, fields, among=[glass, liquid], title="a liquid")
    said = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert said == ["not measured"] * 2
    assert figure.get_suptitle() == "a liquid"
    with pytest.raises(InputError, match="no field 'tau_bond'"):
        map_figure(liquid, fields, among=[liquid])


def test_particles_are_drawn_in_their_size_beside_a_bar(study):
    snapshot = study[1].maps[0]
    ax = map_figure(snapshot, ["importance_gnn"], radii={"A": 0.3, "B": 0.6}).axes[0]
    widths = ax.collections[-1].get_widths()
    np.testing.assert_allclose(widths, np.where(snapshot.of_type("A"), 0.6, 1.2))
    length = bar_length(snapshot)
    assert length == 2 and length <= snapshot.box[0] / 5
    (bar,) = ax.artists
    assert bar.txt_label.get_text() == "2 σ"


def test_a_classifier_and_its_map_have_one_colour():
    names = ["counts", "gnn", "other"]
    colors = classifier_colors([*names, "linear", "energy"])
    of_maps = predictor_colors(
        [*(f"importance_{name}" for name in names), "potential_energy", "importance_random"]
    )
    assert [of_maps[f"importance_{name}"] for name in names] == [colors[name] for name in names]
    assert len(set(colors.values())) == 5
    assert of_maps["potential_energy"] == colors["energy"]


def test_blue_is_the_glass_like_end_of_every_field_and_titles_say_the_unit(study):
    snapshot = study[1].maps[0]
    fields = ["importance_gnn", "tau_bond", "potential_energy", "propensity"]
    figure = map_figure(snapshot, fields)
    above = figure.axes[: len(fields)]
    maps = [ax.collections[-1].get_cmap().name for ax in above]
    assert maps == ["RdBu", "RdBu", "RdBu_r", "RdBu_r"]
    assert [ax.get_title() for ax in above] == [
        "GNN importance",
        "relaxation time (bond breaking) [time]",
        "potential energy [energy]",
        "propensity [length]",
    ]


@pytest.mark.parametrize("blue_is_slow", [True, False])
def test_blue_is_the_end_of_the_explained_phase(study, blue_is_slow):
    fields = ["importance_gnn", "potential_energy", "tau_bond"]
    axes = map_figure(study[1].maps[0], fields, blue_is_slow=blue_is_slow).axes
    blue_at_the_top = [ax.collections[-1].get_cmap()(1.0)[2] > 0.3 for ax in axes[:3]]
    # Importance is large where it speaks for the explained phase; slow is low energy, long times.
    assert blue_at_the_top == [True, not blue_is_slow, blue_is_slow]


def test_axes_name_the_phases():
    labels = np.array([0, 1] * 20)
    figure = roc_figure({"energy": (labels, labels / 2)}, ("young", "old"), "inherent", 1)
    left, right = figure.axes
    assert left.get_xlabel() == "share of young called old"
    assert left.get_ylabel() == "share of old called old"
    assert right.get_xlabel() == "predicted probability of old"
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["+E_IS"]


def test_ranks_are_within_species(study):
    snapshot = study[1].maps[0]
    ranks = rank_within_species(snapshot, "potential_energy")
    for name in "AB":
        mask = snapshot.of_type(name)
        expected = (rankdata(snapshot.field("potential_energy")[mask]) - 1) / (mask.sum() - 1)
        np.testing.assert_allclose(ranks[mask], expected)


def test_scatter_marks_the_censored(study):
    snapshots = study[1].maps
    figure = scatter_figure(snapshots, ["importance_gnn"], "tau_bond")
    for ax, name in zip(figure.axes, "AB", strict=True):
        free, late = (c.get_offsets() for c in ax.collections[:2])
        n_late = sum(int(s.field("tau_bond_censored")[s.of_type(name)].sum()) for s in snapshots)
        assert len(late) == n_late > 0
        assert len(free) + len(late) == sum(int(s.of_type(name).sum()) for s in snapshots)
        assert ax.get_yscale() == "log"
    assert figure.axes[0].get_ylabel() == "relaxation time (bond breaking) [time]"
    assert figure.axes[-1].get_xlabel() == "GNN importance"


def test_missing_fields_are_refused(study):
    snapshot = study[1].maps[0]
    with pytest.raises(InputError, match="no field 'gone'"):
        map_figure(snapshot, ["gone"])
    with pytest.raises(InputError, match="no field to draw"):
        map_figure(snapshot, [])
    with pytest.raises(InputError, match="no field 'gone'"):
        scatter_figure([snapshot], ["importance_gnn"], "gone")


def test_global_settings_are_left_as_they_were(study):
    before = dict(mpl.rcParams)
    correlation_figure(study[0]["correlations"])
    map_figure(study[1].maps[0], ["importance_gnn"])
    assert dict(mpl.rcParams) == before


def test_figures_are_not_left_open(study):
    pyplot = sys.modules.get("matplotlib.pyplot")
    before = pyplot and pyplot.get_fignums()
    map_figure(study[1].maps[0], ["importance_gnn"])
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == (before or [])
