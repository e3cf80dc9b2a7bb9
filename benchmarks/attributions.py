"""Which attribution finds what was planted: every network, every method, in one table.

Run ``python benchmarks/attributions.py --out gnnglass-attributions``. Motifs are planted into
inherent structures, networks learn to tell planted configurations from plain ones, attributions
are asked which particles it was. Without a file the benchmark of docs/attribution_benchmark.md is
run, and with ``--write-docs`` that page and its pictures are rewritten. Killed at any moment, the
same command goes on where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from _common import (
    machine,
    markdown_table,
    number,
    rewrite_part,
    run_script,
    with_interval,
)
from planted_truth import AttributionBenchmark, Results, classes, run_benchmark, table
from planted_truth.page import localisation_figure, maps_figure, write_results
from planted_truth.tables import sentences

from gnnglass.study.provenance import provenance
from gnnglass.study.report import small_png
from gnnglass.training import choose_device

SHIPPED = Path(__file__).parent / "planted_truth" / "attributions.toml"
DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", help="benchmark file (TOML)")
    parser.add_argument("--out", "-o", type=Path, required=True, help="folder to work in")
    parser.add_argument("--workers", type=int, help="processes; default: one per usable core")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--write-docs", action="store_true", help="also rewrite the page in docs/")
    options = parser.parse_args()
    if options.write_docs and options.file is not None:
        parser.error("--write-docs is about the shipped benchmark: leave the file away")
    benchmark = AttributionBenchmark.from_file(options.file or SHIPPED)
    results = run_benchmark(benchmark, options.out, workers=options.workers, device=options.device)
    print(write_results(results, options.out))
    if options.write_docs:
        write_docs(results, options.out, DOCS)


def write_docs(results: Results, folder: Path, docs: Path) -> None:
    """Rewrite what ``attribution_benchmark.md`` says of a finished benchmark, and its pictures.

    Raises:
        FileError: If the page is missing, or a part of it.
    """
    page = docs / "attribution_benchmark.md"
    rewrite_part(page, "verdict", verdict(results))
    rewrite_part(page, "table", every_attribution(table(results)))
    rewrite_part(page, "classes", every_network(classes(results)))
    maps = maps_figure(results, folder, list(results.benchmark.scenarios))
    (docs / "attribution_maps.png").write_bytes(small_png(maps))
    (docs / "attribution_localisation.png").write_bytes(small_png(localisation_figure(results)))


def verdict(results: Results) -> str:
    """Which machine, for how long, and the verdict on each scenario."""
    made = provenance()
    device = choose_device(results.device).type
    hours = sum(row["seconds"] for row in results.trained) / 3600
    caption = (
        f"On {machine(made)}, networks on {device}, torch {made['versions']['torch']}: "
        f"{hours:.1f} hours of training, added up. Brackets are 95 % intervals over runs.\n\n"
    )
    # What is said further of a scenario is indented.
    lines = [one.replace(one.lstrip(), f"- {one.lstrip()}") for one in sentences(results)]
    return caption + "\n".join(lines)


def every_attribution(frame: pd.DataFrame) -> str:
    """The whole table, scenario by scenario; what validation runs prefer is in italics."""
    parts = []
    for scenario, rows in frame.groupby("scenario", sort=False):
        lines = [
            {
                "network": row["network"],
                "attribution": (
                    f"*{row['attribution']}*" if row["best_on_validation"] else row["attribution"]
                ),
                "localisation": with_interval(row, "localisation"),
                "worst seed": number(row["worst_seed"]),
                "length": number(row["length"], 1),
                "bare": number(row["bare"]),
                "precision": number(row["precision"]),
                "deletion": number(row["deletion"], sign=True),
                "resampling": number(row["resampling"], sign=True),
                "agreement": number(row["agreement"], sign=True),
                "cost": number(row["cost"], 1),
            }
            for row in rows.to_dict("records")
        ]
        parts.append(f"\n**{scenario}**\n\n{markdown_table(pd.DataFrame(lines))}")
    return "\n".join(parts)


def every_network(frame: pd.DataFrame) -> pd.DataFrame:
    """How well each network classifies, and which candidate the validation runs prefer."""
    return pd.DataFrame(
        {
            "scenario": row["scenario"],
            "network": row["network"],
            "AUC": number(row["auc"]),
            "of seeds": f"{number(row['lowest'])} to {number(row['highest'])}",
            "best candidate on the validation runs": row["candidate"],
            "minutes": number(row["minutes"], 1),
        }
        for row in frame.to_dict("records")
    )


if __name__ == "__main__":
    run_script(main, resumes=True)
