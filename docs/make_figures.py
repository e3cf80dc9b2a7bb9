"""Write the figures of the shipped studies into their pages, and draw their pictures.

Run it from the repository after ``gnnglass demo`` or ``gnnglass run``::

    python docs/make_figures.py demo gnnglass-demo
    python docs/make_figures.py kam2d gnnglass-kam2d
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from gnnglass.study._wording import classifier_label, correlation_groups, field_label
from gnnglass.study.figures import ageing_figure, map_figure
from gnnglass.study.report import small_png
from gnnglass.trajectories import read

DOCS = Path(__file__).parent
# What scripts share is kept with most of them.
sys.path.append(str(DOCS.parent / "benchmarks"))
from _common import (  # noqa: E402
    machine,
    markdown_table,
    number,
    rewrite_part,
    run_script,
    with_interval,
)

#: Study -> its page, and how it is run.
STUDIES = {
    "demo": (DOCS.parent / "README.md", "gnnglass demo"),
    "kam2d": (DOCS / "kam2d.md", "gnnglass run gnnglass/studies/kam2d.toml"),
}
TARGETS = ("propensity_cage_relative", "tau_overlap", "tau_bond")


def main() -> None:
    """Rewrite the figures of a page from a finished study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", choices=list(STUDIES))
    parser.add_argument("folder", type=Path, help="folder of the finished study")
    options = parser.parse_args()
    study, folder = options.study, options.folder
    page, command = STUDIES[study]
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    compared = read(next(iter(sorted((folder / "compared").glob("*.gsd")))))
    fields = ["importance_gnn", "importance_cnn", "tau_overlap", "potential_energy"]
    (DOCS / f"{study}_maps.png").write_bytes(small_png(map_figure(compared[-1], fields)))
    if results["ageing"]:
        (DOCS / f"{study}_ageing.png").write_bytes(small_png(ageing_figure(results["ageing"])))
    tables = [markdown_table(classification(results)), markdown_table(correlation(results))]
    rewrite_part(page, f"{study} figures", "\n\n".join([caption(command, results), *tables]))


def caption(command: str, results: dict[str, Any]) -> str:
    """What was run, on which machine, and for how long."""
    versions = results["provenance"]["versions"]
    total = sum(results["timings"]["stages"].values())
    return (
        f"`{command}` on {machine(results['provenance'])}, torch {versions['torch']}, LAMMPS "
        f"{versions['lammps']}: {total / 60:.1f} minutes. Estimates with 95 % intervals over "
        "held-out runs."
    )


def classification(results: dict[str, Any]) -> pd.DataFrame:
    """AUC and accuracy per level and classifier."""
    return pd.DataFrame(
        {
            "level": level,
            "classifier": classifier_label(name, level, figures.get("sign")),
            "AUC": with_interval(figures["auc"], digits=2),
            "accuracy": with_interval(figures["accuracy"], digits=2),
        }
        for level, members in results["levels"].items()
        for name, figures in members.items()
    )


def correlation(results: dict[str, Any]) -> pd.DataFrame:
    """Spearman of every smoothed predictor with the dynamics of A."""
    groups = {
        group.target: group
        for group in correlation_groups(results["correlations"], results)
        if (group.method, group.species) == ("spearman", "A")
    }
    first, *others = (groups[target] for target in TARGETS)
    columns = {
        field_label(first.target): {name: line.best for name, line in first.lines.items()},
        f"beyond {first.given}": {name: line.beyond for name, line in first.lines.items()},
        **{
            field_label(group.target): {name: line.best for name, line in group.lines.items()}
            for group in others
        },
    }
    ceilings = [first.ceiling, None, *(group.ceiling for group in others)]
    names = list(first.lines)
    return pd.DataFrame(
        {
            "smoothed predictor, species A": [*map(field_label, names), "*noise ceiling*"],
            **{
                title: [
                    *(with_interval(column[name], digits=2, sign=True) for name in names),
                    number(ceiling, 2),
                ]
                for (title, column), ceiling in zip(columns.items(), ceilings, strict=True)
            },
        }
    )


if __name__ == "__main__":
    run_script(main)
