"""The one HTML file: plain data in, everything inline, nothing to load."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from gnnglass.errors import InputError
from gnnglass.report import words
from gnnglass.report.ageing import ageing_figure
from gnnglass.report.figures import correlation_figure, history_figure, roc_figure
from gnnglass.report.maps import map_figure, scatter_figure
from gnnglass.report.tables import correlation_groups
from gnnglass.report.verdict import verdict
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.files import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 140
PARTS: dict[str, type] = {
    "study": Mapping,
    "levels": Mapping,
    "correlations": Sequence,
    "ceilings": Mapping,
    "censored": Mapping,
    "ageing": Mapping,
    "timings": Mapping,
    "provenance": Mapping,
}
ROW_KEYS = ("predictor", "target", "species", "method", "estimate", "n_runs")
TARGETS = ("tau_bond", "tau_overlap", "propensity_cage_relative", "propensity")


@dataclass(frozen=True)
class FigureData:
    """What the figures are drawn from; anything left out leaves its figure out.

    Attributes:
        maps: Held-out configurations to draw, annotated with `map_fields`.
        map_fields: Names of the fields to lay side by side.
        map_titles: One caption per map (run, phase, time); numbered without.
        scatter: Configurations for importance against relaxation time; `maps` without.
        roc: Classifier -> (labels, scores) of the held-out configurations.
        roc_level: The level `roc` was measured at.
        history: Classifier -> one dict per epoch: epoch, train_loss, val_loss, val_auc.
    """

    maps: Sequence[Snapshot] = ()
    map_fields: Sequence[str] = ()
    map_titles: Sequence[str] = ()
    scatter: Sequence[Snapshot] = ()
    roc: Mapping[str, tuple[ArrayLike, ArrayLike]] = field(default_factory=dict)
    roc_level: str = "inherent"
    history: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """A study's results as a page that opens offline.

    Attributes:
        results: What ``results.json`` holds: title, study, levels, correlations, ceilings,
            censored, timings, provenance; parts that are absent are left out of the page.
        figures: What the figures are drawn from.
    """

    results: Mapping[str, Any]
    figures: FigureData = field(default_factory=FigureData)

    def html(self) -> str:
        """The page.

        Raises:
            InputError: If the results or the figures' data are not as described.
        """
        from jinja2 import Environment, PackageLoader, StrictUndefined

        environment = Environment(
            loader=PackageLoader("gnnglass.report", "."),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )
        environment.globals["words"] = words
        page = environment.get_template("report.html.jinja")
        return page.render(_context(self.results, self.figures))

    def write(self, out: str | Path) -> Path:
        """Write the page; it appears whole or not at all.

        Raises:
            FileError: If `out` cannot be written.
            InputError: Like `html`.
        """
        page = self.html()
        with written_whole(out) as aside:
            aside.write_text(page, encoding="utf-8")
        return Path(out)

    def _repr_html_(self) -> str:
        return self.html()


def build_report(results: Mapping[str, Any], figures: FigureData, out: str | Path) -> Path:
    """Write the HTML report of `results` to `out`; arguments and errors are those of `Report`."""
    return Report(results, figures).write(out)


def _context(results: Mapping[str, Any], data: FigureData) -> dict[str, Any]:
    for key, kind in PARTS.items():
        part = results.get(key)
        if part is not None and not isinstance(part, kind):
            raise InputError(
                f"{key!r} in the results is a {type(part).__name__}; expected a "
                f"{kind.__name__.lower()}."
            )
    rows = list(results.get("correlations") or [])
    for row in rows:
        lacking = [key for key in ROW_KEYS if key not in row]
        if lacking:
            raise InputError(
                f"a row of the correlations lacks {', '.join(lacking)}; expected the columns of "
                "gnnglass.compare.compare_fields."
            )
    ageing = results.get("ageing") or {}
    return {
        "results": results,
        "ageing": ageing,
        "verdict": verdict(results),
        "levels": results.get("levels") or {},
        "groups": correlation_groups(rows, results),
        "study": words.flatten(results.get("study") or {}),
        "provenance": words.flatten(results.get("provenance") or {}),
        "timings": results.get("timings") or {},
        "pictures": _pictures(rows, ageing, data),
        "data": data,
        "roc_names": [words.classifier_label(name, data.roc_level) for name in data.roc],
    }


def _pictures(
    rows: Sequence[Mapping[str, Any]], ageing: Mapping[str, Any], data: FigureData
) -> dict[str, Any]:
    """Base64 PNGs of the figures that have data."""
    parts = ("roc", "history", "correlations", "scatter", "ageing")
    pictures: dict[str, Any] = {"maps": [], **dict.fromkeys(parts)}
    for k, snapshot in enumerate(data.maps if data.map_fields else ()):
        default = f"configuration {k + 1}, step {snapshot.step}"
        caption = data.map_titles[k] if k < len(data.map_titles) else default
        maps = map_figure(snapshot, data.map_fields, among=data.maps)
        pictures["maps"].append((caption, _image(maps)))
    if data.roc:
        pictures["roc"] = _image(roc_figure(data.roc, data.roc_level))
    if data.history:
        pictures["history"] = _image(history_figure(data.history))
    methods = list(dict.fromkeys(r["method"] for r in rows if not words.is_missing(r["estimate"])))
    if methods:
        # Partial correlations stand in the table alone: four points per predictor are too many.
        drawn = [row for row in rows if row["method"] == methods[0] and not row.get("given")]
        pictures["correlations"] = _image(correlation_figure(drawn))
    if ageing:
        pictures["ageing"] = _image(ageing_figure(ageing))
    importance = [name for name in data.map_fields if name.startswith("importance")]
    target = next((name for name in TARGETS if name in data.map_fields), None)
    points = data.scatter or data.maps
    if points and importance and target is not None:
        pictures["scatter"] = _image(scatter_figure(points, importance, target))
        pictures["scatter_target"] = words.field_label(target)
    return pictures


def _image(figure: Figure) -> str:
    return base64.b64encode(small_png(figure)).decode()


def small_png(figure: Figure) -> bytes:
    """A figure as a PNG of 256 colours: a third of the size, and the eye sees no difference."""
    # Pillow always comes with matplotlib, which writes its PNGs with it.
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI)
    picture = Image.open(drawn).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()
