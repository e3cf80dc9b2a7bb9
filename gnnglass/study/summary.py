"""What a study found, gathered: ``results.json`` and the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gnnglass.errors import FileError
from gnnglass.report import FigureData, build_report
from gnnglass.study.definition import Study
from gnnglass.study.provenance import provenance
from gnnglass.study.stage import Outcome, Stages
from gnnglass.study.workspace import Workspace
from gnnglass.trajectories import read
from gnnglass.trajectories.files import written_whole

#: Held-out configurations drawn in the report.
N_MAPS = 2


def write_results(workspace: Workspace, stages: Stages) -> dict[str, Any]:
    """Gather the figures of all stages into ``results.json``.

    Everything that depends on how fast the machine was stands under ``timings`` alone, so that
    the rest is the same whenever the same study is run.
    """
    study, outcomes = workspace.study, stages.outcomes
    judged = {level: outcomes[f"judge-{level}"].result for level in study.levels}
    compared = outcomes["compare"].result if "compare" in outcomes else {}
    results = {
        "title": study.title,
        "levels": {
            level: {name: _figures(one) for name, one in result["figures"].items()}
            for level, result in judged.items()
        },
        "matched_energy": judged.get("inherent", {}).get("matched"),
        "correlations": compared.get("rows", []),
        "censored": compared.get("censored", {}),
        "ageing": compared.get("ageing"),
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
    """Draw the report from the results and the annotated configurations."""
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
    maps = [f"importance_{name}" for name in study.classifiers]
    followed = workspace.followed(study.dynamics.phase) if study.dynamics else ()
    drawn = {
        f"{run}, held out, {level}": (
            read(workspace.compared(run))[-1] if followed else read(workspace.annotated(run))[-1]
        )
        for run in followed or workspace.followed(study.phases_in_order[1])
    }
    build_report(
        {**results, "levels": levels, "timings": timings["stages"]},
        FigureData(
            maps=list(drawn.values())[:N_MAPS],
            map_titles=list(drawn)[:N_MAPS],
            map_fields=[*maps, *_best_resolved(results["censored"]), "potential_energy"],
            scatter=list(drawn.values()),
            roc={name: (judged["targets"], p) for name, p in judged["probabilities"].items()},
            roc_level=level,
            history={
                name: outcomes[f"train-{name}-{level}"].result["history"]
                for name in study.classifiers
            },
        ),
        workspace.report,
    )


def _figures(one: dict[str, Any]) -> dict[str, Any]:
    kept = {key: one[key] for key in ("auc", "accuracy", "n_runs", "n_snapshots")}
    return {**kept, "ece": one["calibration_error"]}


def rebuild_report(folder: str | Path) -> Path:
    """Draw the report of a finished study again, from the files in its folder.

    Raises:
        FileError: If the folder holds no finished study.
    """
    folder = Path(folder)
    try:
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        records = {
            path.stem: Outcome(**json.loads(path.read_text(encoding="utf-8")))
            for path in (folder / "stages").glob("*.json")
        }
        records["report"]
        study = Study.from_dict(results["study"], source=str(folder))
        workspace = Workspace(study, folder, results["split"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise FileError(
            f"{folder} holds no finished study; run the study to its end first."
        ) from error
    write_report(workspace, Stages(folder, records), results)
    return workspace.report


def _best_resolved(censored: dict[str, float]) -> list[str]:
    """The relaxation time of which most is known, if any was measured."""
    return sorted(censored, key=lambda field: censored[field])[:1]
