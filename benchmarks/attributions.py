"""Write the figures of the attribution benchmark into docs/attribution_benchmark.md.

Run it from the repository after ``gnnglass benchmark-attributions``::

    python docs/attribution_figures.py gnnglass-attributions
"""

from __future__ import annotations

import re
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
from planted_truth import AttributionBenchmark, Results, classes, run_benchmark, table
from planted_truth.page import localisation_figure, maps_figure
from planted_truth.tables import sentences

from gnnglass.study._wording import interval, number, signed
from gnnglass.study.provenance import provenance
from gnnglass.study.report import small_png

DOCS = Path(__file__).parent
PAGE = DOCS / "attribution_benchmark.md"
#: Of the columns of `table`, those that are shown, with the way they are written.
COLUMNS = {
    "worst_seed": number,
    "length": lambda value: number(value, 1),
    "bare": number,
    "precision": number,
    "deletion": signed,
    "resampling": signed,
    "agreement": signed,
}


def main(folder: Path) -> None:
    """Rewrite the figures of the page from a finished benchmark."""
    with resources.as_file(resources.files("gnnglass.studies") / "attributions.toml") as path:
        benchmark = AttributionBenchmark.from_file(path)
    results = run_benchmark(benchmark, folder)
    scenarios = list(benchmark.scenarios)
    (DOCS / "attribution_maps.png").write_bytes(small_png(maps_figure(results, folder, scenarios)))
    (DOCS / "attribution_localisation.png").write_bytes(small_png(localisation_figure(results)))
    parts = {
        "verdict": verdict(results),
        "table": every_attribution(table(results)),
        "classes": every_network(classes(results)),
    }
    text = PAGE.read_text(encoding="utf-8")
    for name, part in parts.items():
        text = re.sub(
            rf"(<!-- {name} -->\n).*(<!-- end of {name} -->)",
            lambda match, part=part: f"{match[1]}{part}\n{match[2]}",
            text,
            flags=re.DOTALL,
        )
    PAGE.write_text(text, encoding="utf-8")


def verdict(results: Results) -> str:
    """Which machine, for how long, and the verdict on each scenario."""
    machine, made = provenance()["machine"], provenance()["versions"]
    hours = sum(row["seconds"] for row in results.trained) / 3600
    caption = (
        f"On {machine['cores']} cores ({machine['processor']}, no GPU), torch {made['torch']}: "
        f"{hours:.1f} core hours of training. Brackets are 95 % intervals over runs.\n\n"
    )
    # What is said further of a scenario is indented.
    lines = [one.replace(one.lstrip(), f"- {one.lstrip()}") for one in sentences(results)]
    return caption + "\n".join(lines)


def every_attribution(frame: pd.DataFrame) -> str:
    """The whole table, scenario by scenario."""
    lines = []
    for scenario, rows in frame.groupby("scenario", sort=False):
        head = ["network", "attribution", "localisation", *COLUMNS, "cost"]
        lines += [f"\n**{scenario}**\n", line(head), "|" + "---|" * len(head)]
        for row in rows.to_dict("records"):
            name = f"*{row['attribution']}*" if row["chosen"] else row["attribution"]
            area = f"{number(row['localisation'])} {interval(row)}"
            cells = [write(row[column]) for column, write in COLUMNS.items()]
            lines.append(line([row["network"], name, area, *cells, number(row["cost"], 1)]))
    return "\n".join(lines)


def every_network(frame: pd.DataFrame) -> str:
    """How well each network classifies, and what was chosen."""
    head = ["scenario", "network", "AUC", "of seeds", "chosen on the validation runs", "minutes"]
    lines = [line(head), "|" + "---|" * len(head)]
    for row in frame.to_dict("records"):
        seeds = f"{number(row['lowest'])} to {number(row['highest'])}"
        cells = [row["scenario"], row["network"], number(row["auc"]), seeds, row["chosen"]]
        lines.append(line([*cells, number(row["minutes"], 1)]))
    return "\n".join(lines)


def line(cells: list[Any]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
