"""How a glass ages, and what is known of its dynamics beforehand as it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gnnglass.report.style import predictor_color, typography
from gnnglass.report.tables import correlation_groups
from gnnglass.report.words import field_label, is_missing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Of the targets of the comparison, the one that is followed: the non-equilibrium propensity.
TARGET = "propensity_cage_relative"
MARKERS = "os^Dv<>phX"


def ageing_figure(ageing: Mapping[str, Any], species: str = "A") -> Figure:
    """Overlap against time for each waiting time; correlation of each predictor against it.

    Args:
        ageing: ``curves`` and ``rows`` of a study's results.
        species: Whose.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    curves = [row for row in ageing["curves"] if row["species"] == species and row["cage_relative"]]
    waiting = sorted({row["waiting_time"] for row in curves})
    with typography():
        figure = Figure(figsize=(8.2, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        for k, waited in enumerate(waiting):
            mine = [row for row in curves if row["waiting_time"] == waited]
            left.plot(
                [row["time"] for row in mine],
                [row["overlap"] for row in mine],
                "o-",
                markersize=3,
                color=colormaps["viridis"](0.9 * k / max(len(waiting) - 1, 1)),
                label=f"{waited:g}",
            )
        left.set(
            xscale="log", xlabel="time after the waiting time", ylabel="overlap Q", ylim=(0, 1)
        )
        left.set_title(f"Dynamics, {species} particles, relative to the cage", loc="left")
        left.legend(title="waiting time", loc="lower left")
        for k, (name, rows) in enumerate(rows_by_predictor(ageing, species).items()):
            # Predictors of one waiting time stand beside each other.
            places = [row["waiting_time"] * 1.03**k for row in rows]
            color = predictor_color(name) if name.startswith("importance") else f"C{k % 10}"
            for place, row in zip(places, rows, strict=True):
                if not is_missing(row["low"]):
                    right.plot([place] * 2, [row["low"], row["high"]], color=color, linewidth=0.8)
            right.plot(
                places,
                [row["estimate"] for row in rows],
                marker=MARKERS[k % len(MARKERS)],
                markersize=4,
                linewidth=1,
                color=color,
                label=field_label(name),
            )
        right.axhline(0, color="0.7", linewidth=0.8, zorder=0)
        right.set(xscale="log", xlabel="waiting time", ylabel="Spearman correlation")
        right.set_xticks(waiting, [f"{waited:g}" for waited in waiting])
        right.minorticks_off()
        right.set_title(f"With the {field_label(TARGET)}", loc="left")
        figure.legend(
            *right.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=7.5
        )
    return figure


def rows_by_predictor(
    ageing: Mapping[str, Any], species: str
) -> dict[str, list[Mapping[str, Any]]]:
    """Predictor to its rows by waiting time, smoothed where they are."""
    usable = [row for row in ageing["rows"] if not is_missing(row["estimate"])]
    found: dict[str, list[Mapping[str, Any]]] = {}
    for waited in sorted({row["waiting_time"] for row in usable}):
        rows = [row for row in usable if row["waiting_time"] == waited]
        for group in correlation_groups(rows, {}):
            if (group.target, group.species, group.method) != (TARGET, species, "spearman"):
                continue
            for name, line in group.lines.items():
                if line.best is not None:
                    found.setdefault(name, []).append(line.best)
    return found
