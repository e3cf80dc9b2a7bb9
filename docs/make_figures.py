"""Write the figures of the shipped studies into their pages, and draw their pictures.

Run it from the repository after ``gnnglass demo`` or ``gnnglass run``::

    python docs/make_figures.py demo gnnglass-demo
    python docs/make_figures.py kam2d gnnglass-kam2d
    python docs/make_figures.py abm2d gnnglass-abm2d --beside gnnglass-kam2d
    python docs/make_figures.py ka3d gnnglass-ka3d
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from gnnglass.study._wording import (
    CorrelationGroup,
    classifier_label,
    correlation_groups,
    field_label,
)
from gnnglass.study.figures import ageing_figure, map_figure
from gnnglass.study.report import small_png
from gnnglass.trajectories import read

DOCS = Path(__file__).parent
# What scripts share is kept with most of them.
sys.path.append(str(DOCS.parent / "benchmarks"))
from _common import (  # noqa: E402
    finished_study,
    machine,
    markdown_table,
    number,
    rewrite_part,
    run_script,
    with_interval,
)

#: Study -> its page.
PAGES = {study: DOCS / f"{study}.md" for study in ("demo", "kam2d", "abm2d", "ka3d")}


def main() -> None:
    """Rewrite the figures of a page from a finished study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", choices=list(PAGES))
    parser.add_argument("folder", type=Path, help="folder of the finished study")
    parser.add_argument("--beside", type=Path, help="folder of a study to tell differences from")
    options = parser.parse_args()
    study, folder = options.study, options.folder
    results = results_in(folder)
    compared = read(next(iter(sorted((folder / "compared").glob("*.gsd")))))
    target = results["correlations"][0]["target"]
    maps = [f"importance_{name}" for name in results["study"]["classifiers"]][:2]
    radii = finished_study(folder).radii
    picture = map_figure(compared[-1], [*maps, target, "potential_energy"], radii=radii)
    (DOCS / f"{study}_maps.png").write_bytes(small_png(picture))
    tables = [classification(results), correlation(results)]
    if results["ageing"]:
        (DOCS / f"{study}_ageing.png").write_bytes(small_png(ageing_figure(results["ageing"])))
        tables.append(ageing(results))
    command = "gnnglass demo" if study == "demo" else f"gnnglass run {study}.toml"
    parts = [caption(command, results), *map(markdown_table, tables)]
    rewrite_part(PAGES[study], f"{study} figures", "\n\n".join(parts))
    if options.beside is not None:
        beside = differences(results, results_in(options.beside))
        rewrite_part(PAGES[study], f"{study} differences", beside)


def results_in(folder: Path) -> dict[str, Any]:
    """The figures of a finished study."""
    return dict(json.loads((folder / "results.json").read_text(encoding="utf-8")))


def caption(command: str, results: dict[str, Any]) -> str:
    """What was run, on which machine, and for how long."""
    versions = results["provenance"]["versions"]
    total = sum(results["timings"]["stages"].values())
    return (
        f"`{command}` on {machine(results['provenance'])}, torch {versions['torch']}, LAMMPS "
        f"{versions['lammps']}: {total / 60:.1f} minutes. "
        f"{results['study']['compare']['methods'][0].capitalize()} coefficients, averaged over "
        f"held-out runs, with 95 % intervals over these.{null_of(results)}"
    )


def null_of(results: dict[str, Any]) -> str:
    """What "null" means in the tables, if there is one."""
    rows = [row for row in results["correlations"] if "shuffled_n" in row]
    trained = {row["predictor"]: row["shuffled_n"] for row in rows}
    if not trained:
        return ""
    told = ", ".join(f"{n} of {field_label(name)}" for name, n in trained.items())
    return (
        " Null: the 95 % quantile of the sizes of coefficients of maps trained on labels that were "
        f"shuffled over runs ({told})."
    )


def classification(results: dict[str, Any]) -> pd.DataFrame:
    """AUC and accuracy per level and classifier, and what is left of it at equal energy."""
    equal = results["matched_energy"] or {"auc": {}, "n_pairs": 0}
    return pd.DataFrame(
        {
            "level": level,
            "classifier": classifier_label(name, level, figures.get("sign")),
            "AUC": with_interval(figures["auc"], digits=2),
            "less than the first by": with_interval(figures.get("lead"), digits=2, sign=True),
            "accuracy": with_interval(figures["accuracy"], digits=2),
            f"AUC of {equal['n_pairs']} pairs of equal energy": number(
                equal["auc"].get(name) if level == "inherent" else None, 2
            ),
        }
        for level, members in results["levels"].items()
        for name, figures in members.items()
    )


#: Of each dynamics, the species that is shown.
SPECIES = "A"


def correlation(results: dict[str, Any]) -> pd.DataFrame:
    """Every smoothed predictor with the dynamics, with controls of the first of its measures."""
    groups = _groups(results["correlations"], results)
    first, *others = groups
    names = list(first.lines)
    table = {
        f"smoothed predictor, species {SPECIES}": [*map(field_label, names), "*noise ceiling*"],
        field_label(first.target): [
            *(_with_null(first.lines[name].best) for name in names),
            number(first.ceiling, 2),
        ],
        f"beyond {first.given}": [*(_with_null(first.lines[name].beyond) for name in names), None],
    }
    for group in others:
        table[field_label(group.target)] = [
            *(with_interval(group.lines[name].best, digits=2, sign=True) for name in names),
            number(group.ceiling, 2),
        ]
    return pd.DataFrame(table)


def ageing(results: dict[str, Any]) -> pd.DataFrame:
    """Every smoothed predictor with the propensity, at every waiting time, and with controls."""
    rows = results["ageing"]["rows"]
    times = sorted({row["waiting_time"] for row in rows})
    of_time = {
        time: _groups([row for row in rows if row["waiting_time"] == time], results)[0]
        for time in times
    }
    names = list(of_time[times[0]].lines)
    table: dict[str, list[str | None]] = {
        f"smoothed predictor, species {SPECIES}": [*map(field_label, names), "*noise ceiling*"]
    }
    for time, group in of_time.items():
        table[f"{time:g} after the quench"] = [
            *(_with_null(group.lines[name].best) for name in names),
            number(group.ceiling, 2),
        ]
        table[f"{time:g}, beyond {group.given}"] = [
            *(_with_null(group.lines[name].beyond) for name in names),
            None,
        ]
    return pd.DataFrame(table)


def differences(results: dict[str, Any], others: dict[str, Any]) -> pd.DataFrame:
    """How every smoothed predictor's correlation with the propensity differs between two studies.

    Intervals are combined from those of the two, whose runs are independent (Newcombe, Stat. Med.
    17, 873 (1998), method 10).
    """
    mine, other = (_groups(found["correlations"], found)[0] for found in (results, others))
    titles = [found["study"]["system"]["name"] for found in (results, others)]
    rows = []
    for name, line in mine.lines.items():
        pair = [line.best, other.lines[name].best if name in other.lines else None]
        if any(row is None or row["low"] is None for row in pair):
            continue
        (a, low_a, high_a), (b, low_b, high_b) = (
            (row["estimate"], row["low"], row["high"]) for row in pair if row is not None
        )
        difference = {
            "estimate": a - b,
            "low": a - b - math.hypot(a - low_a, high_b - b),
            "high": a - b + math.hypot(high_a - a, b - low_b),
        }
        cells = [with_interval(row, digits=2, sign=True) for row in (*pair, difference)]
        rows.append([field_label(name), *cells])
    head = f"smoothed predictor, species {SPECIES}, with {field_label(mine.target)}"
    return pd.DataFrame(rows, columns=[head, *titles, "difference"])


def _groups(rows: list[dict[str, Any]], results: dict[str, Any]) -> list[CorrelationGroup]:
    """One group per target, by the study's first coefficient."""
    method = results["study"]["compare"]["methods"][0]
    return [
        group
        for group in correlation_groups(rows, results)
        if (group.method, group.species) == (method, SPECIES) and not group.is_undefined
    ]


def _with_null(row: Mapping[str, Any] | None) -> str:
    """An estimate, its interval, and the 95 % quantile of what shuffled labels give."""
    text = with_interval(row, digits=2, sign=True)
    if row is None or "shuffled_95" not in row:
        return text
    return f"{text}; null {number(row['shuffled_95'], 2)}"


if __name__ == "__main__":
    run_script(main)
