"""The per-particle results of a study, as fields of held-out configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from gnnglass import dynamics, explain, structure
from gnnglass.compare import compare_fields
from gnnglass.dynamics.ensemble import FEWEST_FOR_HALVES
from gnnglass.explain import ATTRIBUTIONS
from gnnglass.published import censoring_marks, halves_in, predictors_in, targets_in
from gnnglass.study.definition import DynamicsSection
from gnnglass.study.workspace import Workspace, followed_frames, start_name
from gnnglass.training import TrainedClassifier
from gnnglass.trajectories import Snapshot, Trajectory, read, write

if TYPE_CHECKING:
    import pandas as pd

#: Targets of the comparison, and the fields that mark censored and missing values.
TARGETS = ("propensity_cage_relative", "tau_bond", "tau_overlap")
CENSORED = {"tau_bond": "tau_bond_censored", "tau_overlap": "tau_overlap_censored"}
HALVES = {target: (f"{target}_half_1", f"{target}_half_2") for target in TARGETS}


def annotate_held_out(workspace: Workspace) -> None:
    """Write every held-out run with importance maps and structural indicators on its frames."""
    study = workspace.study
    level = study.explain_level
    maps = {
        f"importance_{name}": (
            TrainedClassifier.load(workspace.classifier(name, level), workspace.device),
            ATTRIBUTIONS.create(section.attribution, **section.attribution_options),
        )
        for name, section in study.classifiers.items()
    }
    some_classifier = next(iter(maps.values()))[0]
    maps["importance_random"] = (
        some_classifier,
        ATTRIBUTIONS.create("random", seed=study.compare.seed),
    )
    for run in tqdm(workspace.parts["test"], desc="importance and structure"):
        trajectory = workspace.load(run, level)
        for field, (classifier, attribution) in maps.items():
            trajectory = explain.annotate(
                classifier, trajectory, attribution, field, target=study.explain
            )
        write(workspace.annotated(run), _with_structure(trajectory), overwrite=True)


def _with_structure(trajectory: Trajectory) -> Trajectory:
    indicators = structure.indicators_for(trajectory)
    return structure.annotate(
        trajectory, {structure.indicator_field(name): one for name, one in indicators.items()}
    )


def compare_with_dynamics(
    workspace: Workspace, section: DynamicsSection | None, runs: Sequence[str]
) -> dict[str, Any]:
    """Write the followed configurations with all fields, and correlate them.

    Args:
        workspace: The study.
        section: What was followed; None if the dynamics is what files tell.
        runs: Held-out runs whose dynamics is known.

    Returns:
        ``rows`` (the table of `gnnglass.compare.compare_fields` for the last frames, NaN as
        None), ``censored`` shares of these among particles with a value, and, of a study of ageing,
        ``ageing``: ``rows`` for all frames and ``summary`` and ``curves`` of
        `gnnglass.dynamics.Ageing`, each with ``waiting_time``, and the ``phase``.
    """
    if section is None:
        return _compare_with_stored(workspace, runs)
    followed = [_with_dynamics(workspace, section, run) for run in tqdm(runs, desc="dynamics")]
    ageing = [measured for measured, _ in followed]
    by_time = {waited: [one[waited] for _, one in followed] for waited in followed[0][1]}
    halves = HALVES if section.n_clones >= FEWEST_FOR_HALVES else {}
    rows = {
        waited: _compared(workspace, runs, members, TARGETS, CENSORED, halves)
        for waited, members in by_time.items()
    }
    last = max(by_time)
    found: dict[str, Any] = {
        "rows": rows[last],
        "censored": _censored(by_time[last], CENSORED),
    }
    if section.ageing:
        found["ageing"] = {
            "phase": section.phase,
            "rows": [
                {"waiting_time": waited, **row}
                for waited, members in rows.items()
                for row in members
            ],
            "summary": _mean_over_runs([one.summary() for one in ageing], ["species"]),
            "curves": _mean_over_runs(
                [one.to_frame() for one in ageing], ["species", "cage_relative", "time"]
            ),
        }
    return found


def _compare_with_stored(workspace: Workspace, runs: Sequence[str]) -> dict[str, Any]:
    """`compare_with_dynamics` for configurations whose files tell their dynamics."""
    snapshots = []
    for run in runs:
        annotated = read(workspace.annotated(run))
        snapshots.append(annotated[-1])
        write(workspace.compared(run), annotated, overwrite=True)
    first = snapshots[0]
    targets = targets_in(first)
    marks = censoring_marks(first, targets)
    rows = _compared(workspace, runs, snapshots, targets, marks, halves_in(first, targets))
    return {"rows": rows, "censored": _censored(snapshots, marks)}


def _censored(snapshots: Sequence[Snapshot], fields: Mapping[str, str]) -> dict[str, float]:
    """Of each target that has values, the share of these that are bounds."""
    marks = {name: np.concatenate([s.field(m) for s in snapshots]) for name, m in fields.items()}
    known = {name: mark[~np.isnan(mark)] for name, mark in marks.items()}
    return {name: float(mark.mean()) for name, mark in known.items() if len(mark)}


def _compared(
    workspace: Workspace,
    runs: Sequence[str],
    snapshots: Sequence[Snapshot],
    targets: Sequence[str],
    censored: Mapping[str, str],
    halves: Mapping[str, tuple[str, str]],
) -> list[dict[str, Any]]:
    options = workspace.study.compare
    maps = [f"importance_{name}" for name in workspace.study.classifiers]
    indicators = [
        name
        for name in predictors_in(read(workspace.annotated(runs[0]))[-1])
        if not name.startswith("importance_")
    ]
    table = compare_fields(
        snapshots,
        [*maps, *indicators, "importance_random"],
        targets,
        runs=runs,
        methods=options.methods,
        given=options.given,
        lengths=options.lengths if len(runs) > 1 else None,
        censored=censored,
        halves=halves,
        seed=options.seed,
    )
    return _records(table)


def _mean_over_runs(tables: Sequence[pd.DataFrame], keys: Sequence[str]) -> list[dict[str, Any]]:
    import pandas as pd

    groups = pd.concat(tables).groupby(["waiting_time", *keys], sort=False)
    return _records(groups.mean(numeric_only=True).reset_index())


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of JSON-like values, with None for NaN."""
    return [dict(row) for row in table.astype(object).where(table.notna(), None).to_dict("records")]


def _with_dynamics(
    workspace: Workspace, section: DynamicsSection, run: str
) -> tuple[dynamics.Ageing, dict[float, Snapshot]]:
    """Write the followed frames of a run; returns its dynamics, and all fields by waiting time."""
    thermal, annotated = workspace.load(run, "thermal"), read(workspace.annotated(run))
    # Without ageing there is only one frame, whose waiting time has no meaning.
    times = list(dynamics.waiting_configurations(thermal)) if section.ageing else [0.0]
    frames = dict(zip(times, followed_frames(workspace.study, section), strict=True))
    clones = {w: workspace.load_clones(start_name(run, frame)) for w, frame in frames.items()}
    dt = clones[times[0]][0].metadata["dt"]
    bonds = dynamics.BondBreaking(section.r_bond, section.r_break, system=workspace.system)
    ageing = dynamics.Ageing(bonds=bonds, time=section.propensity_lag * dt).compute(
        {
            waited: dynamics.IsoconfigurationalEnsemble.from_clones(members)
            for waited, members in clones.items()
        }
    )
    joined = {
        waited: annotated[frame].with_fields(**ageing.snapshots[waited].fields)
        for waited, frame in frames.items()
    }
    made = Trajectory(list(joined.values()), annotated.metadata)
    write(workspace.compared(run), made, overwrite=True)
    return ageing, joined
