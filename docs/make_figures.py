"""Write the demo's figures into README.md and draw docs/demo_maps.png.

Run it from the repository after ``gnnglass demo``::

    python docs/make_figures.py gnnglass-demo
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from gnnglass.report.html import small_png
from gnnglass.report.maps import map_figure
from gnnglass.report.words import classifier_label, field_label
from gnnglass.trajectories import read

ROOT = Path(__file__).parents[1]
TARGETS = ("propensity_cage_relative", "tau_overlap", "tau_bond")


def main(folder: Path) -> None:
    """Rewrite the figures of the README from a finished demo."""
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    compared = read(next(iter(sorted((folder / "compared").glob("*.gsd")))))
    fields = ["importance_gnn", "importance_cnn", "tau_overlap", "potential_energy"]
    (ROOT / "docs" / "demo_maps.png").write_bytes(small_png(map_figure(compared[-1], fields)))
    text = "\n\n".join([caption(results), classification(results), correlation(results)])
    readme = ROOT / "README.md"
    changed = re.sub(
        r"(<!-- demo figures -->\n).*(<!-- end of demo figures -->)",
        lambda match: f"{match[1]}{text}\n{match[2]}",
        readme.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    readme.write_text(changed, encoding="utf-8")


def caption(results: dict[str, Any]) -> str:
    """What was run, on which machine, and for how long."""
    machine, made = results["provenance"]["machine"], results["provenance"]["versions"]
    total = sum(results["timings"]["stages"].values())
    return (
        f"`gnnglass demo` on {machine['cores']} cores ({machine['processor']}, no GPU), torch "
        f"{made['torch']}, LAMMPS {made['lammps']}: {total / 60:.1f} minutes. Estimates with 95 % "
        "intervals over held-out runs."
    )


def classification(results: dict[str, Any]) -> str:
    """AUC and accuracy per level and classifier, as a Markdown table."""
    lines = ["| level | classifier | AUC | accuracy |", "|---|---|---|---|"]
    for level, members in results["levels"].items():
        for name, figures in members.items():
            cells = [interval(figures["auc"]), interval(figures["accuracy"])]
            lines.append(f"| {level} | {classifier_label(name, level)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def correlation(results: dict[str, Any]) -> str:
    """Spearman of every smoothed predictor with the dynamics of A, as a Markdown table."""
    chosen = {
        (row["predictor"], row["target"]): row
        for row in results["correlations"]
        if (row["method"], row["species"], row["smoothed"], row["given"])
        == ("spearman", "A", True, "")
    }
    predictors = dict.fromkeys(predictor for predictor, _ in chosen)
    head = ["smoothed predictor, species A", *(field_label(target) for target in TARGETS)]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name in predictors:
        cells = [interval(chosen[name, target], sign=True) for target in TARGETS]
        lines.append(f"| {field_label(name)} | {' | '.join(cells)} |")
    ceilings = [chosen[next(iter(predictors)), target]["ceiling"] for target in TARGETS]
    cells = ["–" if value is None else f"{value:.2f}" for value in ceilings]
    return "\n".join([*lines, f"| *noise ceiling* | {' | '.join(cells)} |"])


def interval(figures: dict[str, Any], *, sign: bool = False) -> str:
    """An estimate and its interval; a dash where there is none."""
    if figures["estimate"] is None:
        return "–"
    style = "+.2f" if sign else ".2f"
    low, high = (format(figures[end], style) for end in ("low", "high"))
    return f"{figures['estimate']:{style}} [{low}, {high}]"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
