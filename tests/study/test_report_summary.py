"""What a report says first: what was found, and how far it may be believed."""

import pytest

from gnnglass.study import Report
from gnnglass.study.verdict import summary

CLASSES = ["liquid", "glass"]


def judged(gnn, energy, n_runs=40):
    """Levels in which the GNN and the energy have some AUC, each with its interval."""
    rows = {
        name: {"auc": {"estimate": area, "low": low, "high": 1.0}, "n_runs": n_runs}
        for name, (area, low) in (("gnn", gnn), ("energy", energy))
    }
    return {"levels": {"inherent": rows}, "classes": CLASSES}


def row(predictor, estimate, low, high, n_runs=30, **more):
    return {
        "predictor": predictor, "target": "propensity", "species": "A", "method": "spearman",
        "estimate": estimate, "low": low, "high": high, "n_runs": n_runs, "given": "",
        "smoothed": True, **more,
    }  # fmt: skip


def of_dynamics(*rows, **more):
    return summary({"correlations": list(rows), **more})


def test_a_network_that_beats_the_energy_is_not_doubted_for_it():
    clear = summary(judged((0.97, 0.9), (0.6, 0.5)))
    assert clear.found == [
        "From one inherent structure of a run it never saw, the GNN nearly always tells glass from "
        "liquid (AUC 0.97)."
    ]
    assert clear.doubts == ["No dynamics is known, so the maps are compared with structure alone."]


def test_it_is_said_that_everything_separates():
    easy = summary(judged((0.97, 0.9), (0.96, 0.9)))
    assert "; the potential energy alone (0.96) does as well." in easy.found[0]
    assert any(doubt.startswith("Everything separates the two") for doubt in easy.doubts)


def test_few_runs_and_chance_are_named():
    few = summary(judged((0.9, 0.4), (0.6, 0.3), n_runs=8)).doubts[0]
    assert few == (
        "Few runs: only 8 were held out: the 95 % interval of its AUC is [0.40, 1.00], which "
        "contains chance."
    )
    assert "chance" not in summary(judged((0.9, 0.7), (0.6, 0.3), n_runs=8)).doubts[0]


@pytest.mark.parametrize(
    ("estimate", "low", "high", "said"),
    [
        (-0.5, -0.6, -0.4, "Where the GNN importance is high, A particles are slower"),
        (0.5, 0.4, 0.6, "Where the GNN importance is high, A particles are faster"),
        (-0.2, -0.4, 0.1, "Whether the GNN importance knows anything of the dynamics of A"),
    ],
)
def test_dynamics_is_told_in_words(estimate, low, high, said):
    first = of_dynamics(
        row("importance_gnn", estimate, low, high),
        row("potential_energy", 0.3, 0.2, 0.4),
        row("hexatic_order", -0.6, -0.7, -0.5),
        row("importance_random", 0.01, -0.1, 0.1),
    ).found[0]
    assert first.startswith(said)
    assert "the best structural indicator, hexatic order, has −0.60" in first


@pytest.mark.parametrize(
    ("null", "said"),
    [
        ({}, "No null was run"),
        ({"shuffled_n": 5, "shuffled_quantile": 1.0}, "The null is too small"),
        ({"shuffled_n": 50, "shuffled_quantile": 0.8}, "A control failed: trained on shuffled"),
        ({"shuffled_n": 50, "shuffled_quantile": 1.0}, "The control held"),
    ],
)
def test_what_the_null_says(null, said):
    (doubt,) = of_dynamics(row("importance_gnn", -0.5, -0.6, -0.4, **null)).doubts
    assert doubt.startswith(said)


def test_a_random_field_that_does_as_well_is_a_failed_control():
    held = {"shuffled_n": 50, "shuffled_quantile": 1.0}
    rows = row("importance_gnn", -0.1, -0.2, -0.05, **held), row("importance_random", 0.15, 0, 0.3)
    assert of_dynamics(*rows).doubts[-1] == "A control failed: a random field has |r| = 0.15."


def test_dynamics_elsewhere_few_runs_and_lower_bounds_are_doubts():
    doubts = of_dynamics(
        row("importance_gnn", -0.5, None, None, n_runs=3, censored_share=0.9),
        conditions={"elsewhere": "Dynamics was measured at another kT."},
    ).doubts
    assert doubts[0].startswith("Few runs: dynamics is known of only 3 of them, too few")
    assert doubts[-2:] == [
        "Of the propensity, 90.0 % are lower bounds.",
        "Dynamics was measured at another kT.",
    ]


def test_maps_are_likened_to_indicators_by_strength():
    def alike(predictor, estimate, low, high):
        return {**row(predictor, estimate, low, high), "target": "importance_gnn", "length": 1.0}

    rows = [
        alike("potential_energy", -0.75, -0.8, -0.7),
        alike("hexatic_order", 0.3, -0.1, 0.5),
        alike("local_density", 0.1, 0.0, 0.2),
    ]
    assert summary({"structure": rows}).maps == [
        "Where the GNN importance is high, potential energy is low (strongly: −0.75) and hexatic "
        "order is high (weakly: +0.30, its interval contains zero)."
    ]
    (nothing,) = summary({"structure": rows[2:]}).maps
    assert nothing.startswith("The GNN importance resembles no indicator: the largest correlation")


def test_the_page_begins_with_it(study):
    page = Report(study[0]).html()
    places = [page.index(text) for text in ("<h1>", "From one inherent", "How far it may be")]
    assert places == sorted(places) and places[-1] < page.index("<nav")
    assert page.count("<details open") == 1
