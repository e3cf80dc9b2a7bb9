"""The part of the report on ageing: from made-up figures to a sentence, a picture and a table."""

import pytest

from gnnglass.study import Report
from gnnglass.study.figures import ageing_figure, rows_by_predictor
from gnnglass.study.verdict import verdict

WAITED = (10.0, 60.0, 300.0)


def row(waited, predictor, estimate, smoothed=True, **other):
    return {
        "waiting_time": waited,
        "predictor": predictor,
        "target": "propensity_cage_relative",
        "species": "A",
        "method": "spearman",
        "smoothed": smoothed,
        "estimate": estimate,
        "low": estimate - 0.05,
        "high": estimate + 0.05,
        "n_runs": 6,
        **other,
    }


def ageing():
    rows = []
    for k, waited in enumerate(WAITED):
        rows += [
            row(waited, "importance_gnn", -0.1, smoothed=False),
            row(waited, "importance_gnn", -0.2 - 0.1 * k),
            row(waited, "potential_energy", 0.3),
            # None of these is what is followed.
            row(waited, "potential_energy", 0.9, species="B"),
            row(waited, "potential_energy", 0.9, target="tau_bond"),
            row(waited, "potential_energy", 0.9, method="pearson"),
        ]
    summary = [
        {
            "waiting_time": waited,
            "species": species,
            "propensity": 0.5,
            "propensity_cage_relative": 0.4,
            "tau_bond": 50.0,
            "tau_bond_censored": 0.6,
            "tau_overlap": 20.0 * (k + 1),
            "tau_overlap_censored": 0.25 * k,
        }
        for k, waited in enumerate(WAITED)
        for species in "AB"
    ]
    curves = [
        {
            "waiting_time": waited,
            "species": "A",
            "cage_relative": relative,
            "time": time,
            "overlap": 1 / (1 + time),
        }
        for waited in WAITED
        for relative in (False, True)
        for time in (1.0, 10.0)
    ]
    return {"phase": "glass", "rows": rows, "summary": summary, "curves": curves}


def test_smoothed_rows_of_what_is_followed_by_waiting_time():
    found = rows_by_predictor(ageing(), "A")
    assert {name: [r["estimate"] for r in rows] for name, rows in found.items()} == {
        "importance_gnn": pytest.approx([-0.2, -0.3, -0.4]),
        "potential_energy": pytest.approx([0.3, 0.3, 0.3]),
    }


def test_the_sentence_tells_from_where_to_where():
    [sentence] = verdict({"ageing": ageing()})
    assert "from 10 to 300" in sentence
    # Half of the particles are censored in the end.
    assert "goes from 20.0 to at least 60.0" in sentence
    assert "GNN importance from −0.20 [−0.25, −0.15] to −0.40 [−0.45, −0.35]" in sentence


def test_bounds_are_not_told_as_relaxation_times():
    old_from_the_start = ageing()
    for entry in old_from_the_start["summary"]:
        entry |= {
            "tau_overlap": 90.0,
            "tau_overlap_censored": entry["tau_overlap_censored"] / 2 + 0.5,
        }
    [sentence] = verdict({"ageing": old_from_the_start})
    assert "have not relaxed within 90.0 go from 50.0 % to 75.0 %" in sentence
    assert "median" not in sentence


def test_a_single_age_is_no_ageing():
    one = {
        name: [r for r in ageing()[name] if r["waiting_time"] == 10]
        for name in ("rows", "summary", "curves")
    }
    assert "ages" not in " ".join(verdict({"ageing": {**one, "phase": "glass"}}))


def test_the_figure_shows_each_age_and_each_predictor():
    left, right = ageing_figure(ageing()).axes
    assert [line.get_label() for line in left.get_lines()] == ["10", "60", "300"]
    named = [line for line in right.get_lines() if len(line.get_xdata()) == len(WAITED)]
    assert {line.get_label() for line in named} == {"GNN importance", "potential energy"}
    assert [label.get_text() for label in right.get_xticklabels()] == ["10", "60", "300"]
    [gnn] = (line for line in named if line.get_label() == "GNN importance")
    assert list(gnn.get_ydata()) == pytest.approx([-0.2, -0.3, -0.4])


def test_the_page_has_the_table():
    page = Report({"ageing": ageing()}).html()
    assert "As the glass ages" in page and page.count("data:image/png") == 1
    assert "60.0" in page and "50.0 %" in page
