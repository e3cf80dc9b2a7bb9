"""The files a benchmark leaves: all figures as CSV, and a page to look at."""

from __future__ import annotations

import base64
from pathlib import Path

import pandas as pd

from gnnglass.benchmark.figures import localisation_figure, maps_figure
from gnnglass.benchmark.pipeline import Results
from gnnglass.benchmark.table import classes, margins, sentences, shown, table
from gnnglass.report import words
from gnnglass.report.html import small_png
from gnnglass.study.provenance import provenance
from gnnglass.trajectories.files import written_whole


def write_results(results: Results, folder: str | Path) -> str:
    """Write ``measured.csv``, ``table.csv``, ``classes.csv``, ``margins.csv`` and ``report.html``.

    Args:
        results: What `run_benchmark` gave.
        folder: The benchmark's folder.

    Returns:
        All tables and the verdict, as text.

    Raises:
        FileError: If a file cannot be written.
    """
    folder = Path(folder)
    tables = {
        "classes": classes(results),
        "table": table(results),
        "margins": margins(results),
        "measured": pd.DataFrame(results.measured),
    }
    for name, frame in tables.items():
        with written_whole(folder / f"{name}.csv") as aside:
            frame.to_csv(aside, index=False)
    said = list(sentences(results))
    page = _page(results, folder, tables, said)
    with written_whole(folder / "report.html") as aside:
        aside.write_text(page, encoding="utf-8")
    texts = [shown(tables[name]) for name in ("classes", "table", "margins")]
    return "\n\n".join([*texts, "\n".join(said), f"report: {folder / 'report.html'}"])


def _page(results: Results, folder: Path, tables: dict[str, pd.DataFrame], said: list[str]) -> str:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loaders = [PackageLoader(f"gnnglass.{name}", ".") for name in ("benchmark", "report")]
    environment = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals["words"] = words
    pictures = {
        "maps": maps_figure(results, folder, list(results.benchmark.scenarios)),
        "localisation": localisation_figure(results),
    }
    return environment.get_template("page.html.jinja").render(
        title=results.benchmark.title,
        said=said,
        tables={name: frame.to_dict("records") for name, frame in tables.items()},
        scenarios=list(results.benchmark.scenarios),
        pictures={
            name: base64.b64encode(small_png(figure)).decode() for name, figure in pictures.items()
        },
        provenance=words.flatten(provenance()),
    )
