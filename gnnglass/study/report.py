"""The results of a study: ``results.json`` and an HTML report that opens offline."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from gnnglass._files import written_whole
from gnnglass._records import Record
from gnnglass.errors import FileError, InputError
from gnnglass.simulate import IsoconfigurationalProtocol
from gnnglass.study import _wording as words
from gnnglass.study._wording import correlation_groups, resemblances
from gnnglass.study.definition import Study
from gnnglass.study.figures import (
    ageing_figure,
    correlation_figure,
    history_figure,
    map_figure,
    roc_figure,
    scatter_figure,
)
from gnnglass.study.particles import MOST_PARTICLES, frames_within_limit, packed, within_limit
from gnnglass.study.provenance import provenance
from gnnglass.study.stages import Stages
from gnnglass.study.verdict import summary, verdict
from gnnglass.study.workspace import Workspace, temperature_of_clones
from gnnglass.trajectories import Snapshot, Trajectory, read

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.figure import Figure

DPI = 140
PARTS: dict[str, type] = {
    "study": Mapping,
    "classes": Sequence,
    "levels": Mapping,
    "structure": Sequence,
    "correlations": Sequence,
    "ceilings": Mapping,
    "censored": Mapping,
    "ageing": Mapping,
    "timings": Mapping,
    "provenance": Mapping,
    "conditions": Mapping,
}
ROW_KEYS = ("predictor", "target", "species", "method", "estimate", "n_runs")
TARGETS = ("tau_bond", "tau_overlap", "propensity_cage_relative", "propensity")


@dataclass(frozen=True)
class FigureData:
    """The data of the figures; figures without data are left out.

    Attributes:
        maps: Held-out configurations to draw, annotated with `map_fields`.
        map_fields: Names of the fields to draw side by side.
        map_titles: One caption per map (system, kT, N, level, run); numbers by default.
        explored: Title of a run -> configurations of the interactive figure; `maps` by default. A
            page has room for `gnnglass.study.particles.MOST_PARTICLES` particles.
        radii: Disc radius of species by name.
        scatter: Configurations for importance against relaxation time; `maps` by default.
        roc: Classifier -> (labels, scores) of the held-out configurations.
        roc_level: The level of the configurations in `roc`.
        history: Classifier -> one dict per epoch: epoch, train_loss, val_loss, val_auc.
    """

    maps: Sequence[Snapshot] = ()
    map_fields: Sequence[str] = ()
    map_titles: Sequence[str] = ()
    explored: Mapping[str, Sequence[Snapshot]] = field(default_factory=dict)
    radii: Mapping[str, float] = field(default_factory=dict)
    scatter: Sequence[Snapshot] = ()
    roc: Mapping[str, tuple[ArrayLike, ArrayLike]] = field(default_factory=dict)
    roc_level: str = "inherent"
    history: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """A study's results as a page that opens offline.

    Attributes:
        results: The content of ``results.json``: title, study, classes (the two phases, the
            explained one last), levels, structure, correlations, ceilings, censored, timings,
            provenance; and ``conditions``, sentences on how the maps (``maps``) and the dynamics
            (``dynamics``) were measured, and on dynamics at another temperature (``elsewhere``).
            Absent parts are left out of the page. The levels need the classes.
        figures: The data of the figures.
    """

    results: Mapping[str, Any]
    figures: FigureData = field(default_factory=FigureData)

    def html(self) -> str:
        """The page.

        Raises:
            InputError: If the results or the figures' data are not as described.
        """
        page = _templates().get_template("report.html.jinja")
        return page.render(_context(self.results, self.figures))

    def write(self, out: str | Path, *, overwrite: bool = False) -> Path:
        """Write the page; it appears whole or not at all.

        Args:
            out: The file; an existing file is replaced if it is such a page.
            overwrite: Replace an existing file of any kind.

        Raises:
            FileError: If `out` cannot be written, or exists and must not be replaced.
            InputError: Like `html`.
        """
        page = self.html()
        with written_whole(out, ours=_is_report, overwrite=overwrite) as aside:
            aside.write_text(page, encoding="utf-8")
        return Path(out)

    def _repr_html_(self) -> str:
        return self.html()


def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("gnnglass.study", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals["words"] = words
    return environment


def _is_report(path: Path) -> bool:
    """Whether a file is a page that `Report.write` made."""
    content = path.read_bytes()
    return content.startswith(b"<!DOCTYPE html>") and b"gnnglass" in content


def _context(results: Mapping[str, Any], data: FigureData) -> dict[str, Any]:
    for key, kind in PARTS.items():
        part = results.get(key)
        if part is not None and not isinstance(part, kind):
            raise InputError(
                f"{key!r} in the results is a {type(part).__name__}; expected a "
                f"{kind.__name__.lower()}."
            )
    levels, classes = results.get("levels") or {}, results.get("classes") or ()
    if (levels or data.roc) and len(classes) != 2:
        raise InputError(
            f"'classes' in the results is {list(classes)}; expected the names of the two phases "
            "that were told apart, the explained one last."
        )
    rows, of_structure = (list(results.get(part) or []) for part in ("correlations", "structure"))
    for row in (*rows, *of_structure):
        lacking = [key for key in ROW_KEYS if key not in row]
        if lacking:
            raise InputError(
                f"a row of the correlations lacks {', '.join(lacking)}; expected the columns of "
                "gnnglass.compare.compare_fields."
            )
    ageing = results.get("ageing") or {}
    sign = (levels.get(data.roc_level) or {}).get("energy", {}).get("sign")
    groups, alike = correlation_groups(rows, results), resemblances(of_structure)
    tables = [*(group for group in groups if not group.is_undefined), *alike, levels]
    return {
        "results": results,
        "ageing": ageing,
        "summary": summary(results),
        "verdict": verdict(results),
        "conditions": {"maps": "", "dynamics": "", **(results.get("conditions") or {})},
        "levels": levels,
        "classes": classes,
        "blue_is_slow": _blue_is_slow(sign),
        "groups": groups,
        # The one table that is not folded.
        "opened": tables[0],
        "same_species": ((results.get("study") or {}).get("compare") or {}).get(
            "same_species", False
        ),
        "resemblances": alike,
        "fields": _compared_fields([*rows, *of_structure]),
        "study": words.flatten(results.get("study") or {}),
        "provenance": words.flatten(results.get("provenance") or {}),
        "timings": results.get("timings") or {},
        "pictures": _pictures(rows, ageing, data, classes, sign),
        "data": data,
        "most_particles": MOST_PARTICLES,
        "roc_names": [words.classifier_label(name, data.roc_level, sign) for name in data.roc],
    }


def _compared_fields(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Targets and predictors of the rows that have an estimate, each once."""
    estimated = [row for row in rows if not words.is_missing(row["estimate"])]
    return list(dict.fromkeys(row[key] for key in ("target", "predictor") for row in estimated))


def _blue_is_slow(energy_sign: int | None) -> bool:
    """Whether the explained phase is the one of low energy; assumed if unknown."""
    return energy_sign != 1


def _pictures(
    rows: Sequence[Mapping[str, Any]],
    ageing: Mapping[str, Any],
    data: FigureData,
    classes: Sequence[str],
    energy_sign: int | None,
) -> dict[str, Any]:
    """Base64 PNGs of the figures that have data."""
    parts = ("roc", "history", "correlations", "scatter", "ageing", "particles")
    pictures: dict[str, Any] = {"maps": [], **dict.fromkeys(parts)}
    untitled = [f"configuration {k}, step {one.step}" for k, one in enumerate(data.maps, 1)]
    titles = [*data.map_titles, *untitled[len(data.map_titles) :]][: len(data.maps)]
    slow = _blue_is_slow(energy_sign)
    explored = within_limit(
        data.explored or {title: [one] for title, one in zip(titles, data.maps, strict=True)}
    )
    among = [*data.maps, *(one for members in explored.values() for one in members)]
    for title, snapshot in zip(titles, data.maps if data.map_fields else (), strict=False):
        maps = map_figure(
            snapshot, data.map_fields, among=among, blue_is_slow=slow, radii=data.radii, title=title
        )
        pictures["maps"].append((title, _image(maps), _target(list(snapshot.fields)) is not None))
    if explored and data.map_fields:
        target = _target(data.map_fields)
        pictures["particles"] = packed(
            explored, blue_is_slow=slow, radii=data.radii, first=data.map_fields, target=target
        )
        pictures["n_explored"] = sum(map(len, explored.values()))
    if data.roc:
        pictures["roc"] = _image(roc_figure(data.roc, classes, data.roc_level, energy_sign))
    if data.history:
        pictures["history"] = _image(history_figure(data.history))
    methods = list(dict.fromkeys(r["method"] for r in rows if not words.is_missing(r["estimate"])))
    if methods:
        # Partial correlations are only in the table: four points per predictor would be too many.
        drawn = [row for row in rows if row["method"] == methods[0] and not row.get("given")]
        pictures["correlations"] = _image(correlation_figure(drawn))
    if ageing:
        pictures["ageing"] = _image(ageing_figure(ageing))
    importance = [name for name in data.map_fields if name.startswith("importance")]
    target = _target(data.map_fields)
    points = data.scatter or data.maps
    if points and importance and target is not None:
        pictures["scatter"] = _image(scatter_figure(points, importance, target))
        pictures["scatter_target"] = words.field_label(target)
    return pictures


def _target(fields: Sequence[str]) -> str | None:
    return next((name for name in TARGETS if name in fields), None)


def _image(figure: Figure) -> str:
    return base64.b64encode(small_png(figure)).decode()


def small_png(figure: Figure) -> bytes:
    """A figure as a PNG with 256 colours: a third of the size, with no visible difference."""
    # Matplotlib depends on Pillow, so it is always installed.
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI)
    picture = Image.open(drawn).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()


def _with_nulls(
    study: Study, outcomes: Mapping[str, Record], compared: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """The rows of the comparison, and its ageing, with the columns of the nulls of all maps."""
    rows, ageing = compared.get("rows", []), compared.get("ageing")
    for name in study.classifiers:
        if f"null-{name}" in outcomes:
            placed = outcomes[f"null-{name}"].result
            rows = [{**row, **more} for row, more in zip(rows, placed["rows"], strict=True)]
            if ageing is not None:
                aged = zip(ageing["rows"], placed["ageing"], strict=True)
                ageing = {**ageing, "rows": [{**row, **more} for row, more in aged]}
    return rows, ageing


def write_results(workspace: Workspace, stages: Stages) -> dict[str, Any]:
    """Collect the results of all stages in ``results.json``.

    Everything that depends on the speed of the machine is under ``timings``; the rest is the same
    whenever the same study is run.
    """
    study, outcomes = workspace.study, stages.outcomes
    judged = {level: outcomes[f"judge-{level}"].result for level in study.levels}
    compared = outcomes["compare"].result if "compare" in outcomes else {}
    rows, ageing = _with_nulls(study, outcomes, compared)
    results = {
        "title": study.title,
        "classes": study.labels,
        "levels": {
            level: {
                name: {
                    **_figures(one),
                    **({"sign": result["energy_sign"]} if name == "energy" else {}),
                }
                for name, one in result["figures"].items()
            }
            for level, result in judged.items()
        },
        "matched_energy": judged.get("inherent", {}).get("matched"),
        "structure": outcomes["structure"].result,
        "correlations": rows,
        "not_given": compared.get("not_given", []),
        "censored": compared.get("censored", {}),
        "ageing": ageing,
        "split": workspace.parts,
        "study": study.model_dump(mode="json"),
        "provenance": provenance(),
        "timings": {
            "stages": {name: outcome.seconds for name, outcome in outcomes.items()},
            "inference_seconds": {
                level: result["inference_seconds"] for level, result in judged.items()
            },
        },
    }
    with written_whole(workspace.results) as aside:
        aside.write_text(json.dumps(results, indent=1, allow_nan=False), encoding="utf-8")
    return results


def write_report(workspace: Workspace, stages: Stages, results: dict[str, Any]) -> None:
    """Write the report from the results and the annotated configurations."""
    study, outcomes = workspace.study, stages.outcomes
    level = study.explain_level
    timings = results["timings"]
    levels = {
        name: {
            classifier: {
                **figures,
                "training_seconds": timings["stages"].get(f"train-{classifier}-{name}"),
                "inference_seconds": timings["inference_seconds"][name].get(classifier),
            }
            for classifier, figures in members.items()
        }
        for name, members in results["levels"].items()
    }
    judged = outcomes[f"judge-{level}"].result
    followed = workspace.with_dynamics(outcomes)
    runs = {run: _held_out(workspace, run, followed) for run in _in_turn(workspace)}
    titles = {run: f"{_state(workspace, one)}, {run}" for run, one in runs.items()}
    # One of either phase, the explained one first.
    maps = list(runs)[:2]
    made = Report(
        {
            **results,
            "levels": levels,
            "timings": timings["stages"],
            "conditions": _conditions(workspace, runs, followed),
        },
        FigureData(
            maps=[runs[run][-1] for run in maps],
            map_titles=[f"{titles[run]}, step {runs[run][-1].step}" for run in maps],
            map_fields=[*study.maps, "potential_energy", *_shown_target(results)],
            explored={titles[run]: frames for run, frames in runs.items()},
            radii=workspace.radii,
            scatter=[runs[run][-1] for run in followed or workspace.followed(study.explain)],
            roc={name: (judged["targets"], p) for name, p in judged["probabilities"].items()},
            roc_level=level,
            history={
                name: outcomes[f"train-{name}-{level}"].result["history"]
                for name in study.classifiers
            },
        ),
    )
    # Whatever is there is the study's own, even if it is damaged.
    made.write(workspace.report, overwrite=True)


def write_ovito_recipe(workspace: Workspace) -> None:
    """Write a script beside the annotated runs that colours them by importance in OVITO."""
    recipe = _templates().get_template("view_in_ovito.py.jinja")
    script = recipe.render(field=workspace.study.maps[0], radii=workspace.radii)
    with written_whole(workspace.ovito_recipe, overwrite=True) as aside:
        aside.write_text(script, encoding="utf-8")


def _figures(one: dict[str, Any]) -> dict[str, Any]:
    told = ("auc", "accuracy", "lead", "n_runs", "n_snapshots")
    kept = {key: one[key] for key in told if key in one}
    return {**kept, "ece": one["calibration_error"]}


def rebuild_report(folder: str | Path) -> Path:
    """Write the report of a finished study again, from the files in its folder.

    Raises:
        FileError: If the folder holds no finished study, or a file has changed since it was made.
    """
    folder = Path(folder)
    unfinished = f"{folder} holds no finished study; run the study to its end first."
    files = {path.stem: path for path in (folder / "stages").glob("*.json")}
    try:
        results: dict[str, Any] = json.loads((folder / "results.json").read_text("utf-8"))
        records = {name: Record.read(path) for name, path in files.items()}
    except (OSError, ValueError) as error:
        raise FileError(unfinished) from error
    if "report" not in records or not {"study", "split"} <= results.keys():
        raise FileError(unfinished)
    for name, path in files.items():
        left = [path.parent / product for product in records[name].products]
        # The report itself is about to be replaced.
        odd = [one for one in left if one.suffix != ".html" and not records[name].holds(path, one)]
        if odd:
            raise FileError(
                f"{odd[0].resolve()} is not as the study left it; run the study again, which makes "
                "it anew."
            )
    study = Study.from_dict(results["study"], source=str(folder))
    workspace = Workspace(study, folder, results["split"])
    write_report(workspace, Stages(folder, records), results)
    return workspace.report


def _in_turn(workspace: Workspace) -> list[str]:
    """The held-out runs, of the explained and of the other phase in turn."""
    other, explained = map(workspace.followed, workspace.study.labels)
    pairs = zip_longest(explained, other)
    return [run for pair in pairs for run in pair if run is not None]


def _held_out(workspace: Workspace, run: str, followed: Sequence[str]) -> Trajectory:
    """The last configurations of a run, as many as a page may hold, with all that is known."""
    annotated = read(workspace.annotated(run))
    latest = annotated[-frames_within_limit(annotated[-1]) :]
    if run not in followed:
        return latest
    compared = list(read(workspace.compared(run)))[-len(latest) :]
    before = list(latest)[: len(latest) - len(compared)]
    return Trajectory([*before, *compared], latest.metadata)


def _state(workspace: Workspace, run: Trajectory) -> str:
    return words.state(run.metadata, workspace.system.name, len(run[-1]))


def _conditions(
    workspace: Workspace, runs: Mapping[str, Trajectory], followed: Sequence[str]
) -> dict[str, str]:
    """How maps and dynamics were measured, in sentences."""
    section = workspace.study.dynamics
    told = {"maps": _state(workspace, next(iter(runs.values())))}
    facts = runs[followed[0]].metadata if followed else {}
    if section is not None:
        # As `plan_clones` has it: clones of a run from a file have a time step of their own.
        usual = IsoconfigurationalProtocol.model_fields["dt"].default
        dt = facts.get("protocol", {}).get("dt", usual)
        kT = temperature_of_clones(section, facts)
        at = "" if kT is None else f", at kT = {kT:g}"
        lag = f"t = {section.propensity_lag * dt:g}"
        longest = f"t = {section.lag_steps[-1] * dt:g}"
        told["dynamics"] = (
            f"{section.n_clones} clones of each of {len(followed)} held-out {section.phase} runs, "
            f"started from thermal configurations{at}; propensities after {lag}, "
            f"relaxation times up to {longest}"
        )
        if kT != facts.get("kT", kT):
            told["elsewhere"] = (
                f"Dynamics was measured at kT = {kT:g}, but the {section.phase} was made at "
                f"kT = {facts['kT']:g}: it is that of a {section.phase} brought to another "
                "temperature."
            )
    elif followed:
        kT, after = facts.get("kT"), facts.get("propensity_time")
        told["dynamics"] = (
            f"read from the files of {len(followed)} held-out runs"
            + (f", at kT = {kT:g}" if kT is not None else "")
            + (f"; propensities after t = {after:g}" if after is not None else "")
        )
    return told


def _shown_target(results: Mapping[str, Any]) -> list[str]:
    """The target to draw: the relaxation time with the fewest censored particles, or else any."""
    censored = results["censored"]
    targets = dict.fromkeys(row["target"] for row in results["correlations"])
    return [*sorted(censored, key=lambda name: censored[name]), *targets][:1]
