"""The files a benchmark leaves: all figures as CSV, pictures, and a page to look at."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from _common import interval, number

from gnnglass.planted import PLANTED
from gnnglass.study.figures import CLASSIFIER_COLORS, SPARE_COLORS, typography
from gnnglass.study.provenance import provenance
from gnnglass.study.report import small_png
from gnnglass.trajectories import Snapshot, written_whole
from planted_truth.measuring import NO_NETWORK
from planted_truth.pipeline import Results
from planted_truth.planting import TARGET, Planting
from planted_truth.tables import as_text, best_on_validation, classes, margins, sentences, table
from planted_truth.tasks import best_candidate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def maps_figure(results: Results, folder: Path, scenarios: Sequence[str]) -> Figure:
    """One test configuration of each scenario: particles, judged map, and the best one against it.

    Planted particles have a black rim, and are in the middle. Colours are those of the field over
    the whole configuration, blue for the planted class.
    """
    from matplotlib.figure import Figure

    judged = results.benchmark.judged
    measured = pd.DataFrame(results.measured)
    with typography(axes__spines__top=True, axes__spines__right=True):
        figure = Figure(figsize=(8.1, 2.75 * len(scenarios)), layout="constrained")
        axes = figure.subplots(len(scenarios), 3, squeeze=False)
        for row, scenario in zip(axes, scenarios, strict=True):
            planting = Planting(results.benchmark, folder, scenario, 0)
            snapshot = _centred(planting.explained("test").snapshots[0])
            truth = snapshot.field(PLANTED) == 1
            style: dict[str, Any] = {
                "edgecolors": np.where(truth, "black", "white"),
                "linewidths": np.where(truth, 1.1, 0.2),
            }
            if snapshot.dimension == 3:
                order = np.argsort(snapshot.positions[:, 2])
                seen = order[np.abs(snapshot.positions[order, 2]) < 0.5]
                style = {key: values[seen] for key, values in style.items()}
            snapshot.plot(row[0], **style)
            against = best_on_validation(measured, scenario, judged.against)
            maps = [(judged.network, judged.attribution), (judged.against, against)]
            for ax, (network, label) in zip(row[1:], maps, strict=True):
                section = results.benchmark.networks[network].attributions[label]
                classifier = best_candidate(planting, network, results.device).load()
                [scores] = section.create().compute(classifier, [snapshot], TARGET)
                reach = float(np.quantile(np.abs(scores), 0.995))
                drawn = snapshot.with_fields(score=scores)
                drawn.plot(ax, color="score", cmap="RdBu", clim=(-reach, reach), **style)
                ax.set_title(f"{network}, {label}")
            row[0].set_title("planted: black rims")
            row[0].set_ylabel(scenario)
            for ax in row:
                ax.set(xticks=[], yticks=[])
    return figure


def _centred(snapshot: Snapshot) -> Snapshot:
    """The configuration, moved through the box until what was planted is in the middle."""
    places = snapshot.positions[snapshot.field(PLANTED) == 1]
    offsets = snapshot.minimum_image(places - places[0])
    middle = places[0] + offsets.mean(axis=0)
    return snapshot.replace(positions=snapshot.positions - middle)


def localisation_figure(results: Results) -> Figure:
    """Localisation of every attribution with its interval, one panel per scenario."""
    from matplotlib.figure import Figure

    found = table(results)
    scenarios = list(results.benchmark.scenarios)
    networks = list(dict.fromkeys(found["network"]))
    spare = iter(SPARE_COLORS * len(networks))
    colors = {name: CLASSIFIER_COLORS.get(name) or next(spare) for name in networks}
    n_columns = min(3, len(scenarios))
    lines = [scenarios[k : k + n_columns] for k in range(0, len(scenarios), n_columns)]
    # Panels side by side share their attributions, and name none that all of them lack.
    shared = [found[found["scenario"].isin(line)] for line in lines]
    labels = [
        list(dict.fromkeys(zip(rows["network"], rows["attribution"], strict=True)))
        for rows in shared
    ]
    heights = [0.8 + 0.19 * len(one) for one in labels]
    with typography():
        figure = Figure(figsize=(3.2 + 2.2 * n_columns, sum(heights)), layout="constrained")
        axes = figure.subplots(
            len(lines), n_columns, squeeze=False, sharey="row", height_ratios=heights
        )
        for ax in axes.flat[len(scenarios) :]:
            ax.set_axis_off()
        for ax, scenario in zip(axes.flat, scenarios, strict=False):
            names = labels[scenarios.index(scenario) // n_columns]
            ax.axvline(0.5, color="0.75", linewidth=0.8, linestyle=":")
            for _, row in found[found["scenario"] == scenario].iterrows():
                at = names.index((row["network"], row["attribution"]))
                color = colors[row["network"]]
                ax.plot([row["low"], row["high"]], [at, at], color=color, linewidth=1.2)
                ax.plot(row["localisation"], at, "o", color=color, markersize=4)
            ax.set_title(scenario, loc="left")
            ax.set(xlim=(0, 1.02), ylim=(len(names) - 0.5, -0.5))
            ax.set_yticks(range(len(names)), [_label(*pair) for pair in names])
            ax.tick_params(axis="y", length=0)
        for ax in axes[-1]:
            ax.set_xlabel("localisation, area under ROC curve")
    return figure


def _label(network: str, attribution: str) -> str:
    if network == NO_NETWORK:
        return attribution.replace("-", " ")
    return f"{network}: {attribution}"


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
    texts = [as_text(tables[name]) for name in ("classes", "table", "margins")]
    return "\n\n".join([*texts, "\n".join(said), f"report: {folder / 'report.html'}"])


def _page(results: Results, folder: Path, tables: dict[str, pd.DataFrame], said: list[str]) -> str:
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

    # The page is kept here; the style is that of the report of a study.
    here, study = FileSystemLoader(Path(__file__).parent), PackageLoader("gnnglass.study", ".")
    environment = Environment(
        loader=ChoiceLoader([here, study]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals |= {"number": number, "interval": interval}
    made = provenance()
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
        provenance={
            "python": made["python"],
            **made["versions"],
            **made["machine"],
            "revision": made["git"],
        },
    )
