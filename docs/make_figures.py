"""Write the figures of the shipped studies into their pages, and draw their pictures.

Run it from the repository after ``gnnglass demo`` or ``gnnglass run``::

    python docs/make_figures.py demo gnnglass-demo
    python docs/make_figures.py kam2d gnnglass-kam2d
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gnnglass.study._wording import classifier_label, correlation_groups, field_label
from gnnglass.study.figures import ageing_figure, map_figure
from gnnglass.study.report import small_png
from gnnglass.trajectories import read

DOCS = Path(__file__).parent
#: Study -> its page, and how it is run.
STUDIES = {
    "demo": (DOCS.parent / "README.md", "gnnglass demo"),
    "kam2d": (DOCS / "kam2d.md", "gnnglass run gnnglass/studies/kam2d.toml"),
}
TARGETS = ("propensity_cage_relative", "tau_overlap", "tau_bond")


def main(study: str, folder: Path) -> None:
    """Rewrite the figures of the page from a finished study."""
    page, command = STUDIES[study]
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    compared = read(next(iter(sorted((folder / "compared").glob("*.gsd")))))
    fields = ["importance_gnn", "importance_cnn", "tau_overlap", "potential_energy"]
    (DOCS / f"{study}_maps.png").write_bytes(small_png(map_figure(compared[-1], fields)))
    if results["ageing"]:
        (DOCS / f"{study}_ageing.png").write_bytes(small_png(ageing_figure(results["ageing"])))
    parts = [caption(command, results), classification(results), correlation(results)]
    text = "\n\n".join(parts)
    changed = re.sub(
        rf"(<!-- {study} figures -->\n).*(<!-- end of {study} figures -->)",
        lambda match: f"{match[1]}{text}\n{match[2]}",
        page.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    page.write_text(changed, encoding="utf-8")


def caption(command: str, results: dict[str, Any]) -> str:
    """What was run, on which machine, and for how long."""
    machine, made = results["provenance"]["machine"], results["provenance"]["versions"]
    total = sum(results["timings"]["stages"].values())
    return (
        f"`{command}` on {machine['cores']} cores ({machine['processor']}, no GPU), torch "
        f"{made['torch']}, LAMMPS {made['lammps']}: {total / 60:.1f} minutes. Estimates with 95 % "
        "intervals over held-out runs."
    )


def classification(results: dict[str, Any]) -> str:
    """AUC and accuracy per level and classifier, as a Markdown table."""
    lines = ["| level | classifier | AUC | accuracy |", "|---|---|---|---|"]
    for level, members in results["levels"].items():
        for name, figures in members.items():
            cells = [interval(figures["auc"]), interval(figures["accuracy"])]
            label = classifier_label(name, level, figures.get("sign"))
            lines.append(f"| {level} | {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def correlation(results: dict[str, Any]) -> str:
    """Spearman of every smoothed predictor with the dynamics of A, as a Markdown table."""
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
    head = ["smoothed predictor, species A", *columns]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name in first.lines:
        cells = [interval(column[name], sign=True) for column in columns.values()]
        lines.append(f"| {field_label(name)} | {' | '.join(cells)} |")
    ceilings = [first.ceiling, None, *(group.ceiling for group in others)]
    cells = ["–" if value is None else f"{value:.2f}" for value in ceilings]
    return "\n".join([*lines, f"| *noise ceiling* | {' | '.join(cells)} |"])


def interval(figures: Mapping[str, Any] | None, *, sign: bool = False) -> str:
    """An estimate and its interval; a dash where there is none."""
    if figures is None or figures["estimate"] is None:
        return "–"
    style = "+.2f" if sign else ".2f"
    low, high = (format(figures[end], style) for end in ("low", "high"))
    return f"{figures['estimate']:{style}} [{low}, {high}]"


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
