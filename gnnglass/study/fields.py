"""The per-particle results of a study, as fields of held-out configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gnnglass import dynamics, explain, structure
from gnnglass._progress import progress_bar
from gnnglass.compare import compare_fields, smooth
from gnnglass.explain import ATTRIBUTIONS
from gnnglass.published import censoring_marks, halves_in, targets_in
from gnnglass.study.definition import DynamicsSection, Study
from gnnglass.study.workspace import Workspace, followed_frames, start_name
from gnnglass.training import TrainedClassifier
from gnnglass.trajectories import Snapshot, Trajectory, read, write

if TYPE_CHECKING:
    import pandas as pd

#: Targets of the comparison where clones were run.
TARGETS = ("propensity_cage_relative", "tau_bond", "tau_overlap")


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
    for run in progress_bar(workspace.parts["test"], desc="importance and structure"):
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
        section: How they were followed; None if their files tell their dynamics.
        runs: The held-out runs whose dynamics is known.

    Returns:
        ``rows`` (the table of `gnnglass.compare.compare_fields` for the last frames, NaN as
        None), ``not_given``, the fields that should be held fixed but are constant, ``censored``
        shares of these among particles with a value, and, of a study of ageing,
        ``ageing``: ``rows`` for all frames and ``summary`` and ``curves`` of
        `gnnglass.dynamics.Ageing`, each with ``waiting_time``, and the ``phase``.
    """
    if section is None:
        return _compared(workspace, runs, [_with_stored(workspace, run) for run in runs])
    followed = [
        _with_dynamics(workspace, section, run) for run in progress_bar(runs, desc="dynamics")
    ]
    ageing = [measured for measured, _ in followed]
    by_time = {
        waited: _compared(workspace, runs, [one[waited] for _, one in followed])
        for waited in followed[0][1]
    }
    found = by_time[max(by_time)]
    if section.ageing:
        found["ageing"] = {
            "phase": section.phase,
            "rows": [
                {"waiting_time": waited, **row}
                for waited, compared in by_time.items()
                for row in compared["rows"]
            ],
            "summary": _mean_over_runs([one.summary() for one in ageing], ["species"]),
            "curves": _mean_over_runs(
                [one.to_frame() for one in ageing], ["species", "cage_relative", "time"]
            ),
        }
    return found


def _compared(
    workspace: Workspace, runs: Sequence[str], snapshots: Sequence[Snapshot]
) -> dict[str, Any]:
    """``rows``, ``not_given`` and ``censored`` of one configuration of each run."""
    study, first = workspace.study, snapshots[0]
    predictors = [*study.maps, *structural(first), "importance_random"]
    varying = varying_fields(snapshots, study.compare.given)
    marks = censoring_marks(first, targets_of(study, first))
    return {
        "rows": correlated(study, runs, snapshots, predictors),
        "not_given": [name for name in study.compare.given if name not in varying],
        "censored": _censored(snapshots, marks),
    }


def _censored(snapshots: Sequence[Snapshot], fields: Mapping[str, str]) -> dict[str, float]:
    """Of each target that has values, the share of these that are bounds."""
    marks = {name: np.concatenate([s.field(m) for s in snapshots]) for name, m in fields.items()}
    known = {name: mark[~np.isnan(mark)] for name, mark in marks.items()}
    return {name: float(mark.mean()) for name, mark in known.items() if len(mark)}


def structural(snapshot: Snapshot) -> list[str]:
    """The fields of an annotated configuration that are of its structure.

    These are all but the maps and what its file tells of dynamics: targets, their marks and halves.
    """
    others = ("importance_", *targets_in(snapshot))
    return [name for name in snapshot.fields if not name.startswith(others)]


def targets_of(study: Study, snapshot: Snapshot) -> Sequence[str]:
    """What maps are compared with: what clones measure, or whatever dynamics files tell."""
    return TARGETS if study.dynamics is not None else targets_in(snapshot)


def varying_fields(snapshots: Sequence[Snapshot], names: Sequence[str]) -> list[str]:
    """Those of some fields that differ between particles of a species in any configuration."""

    def varies(name: str) -> bool:
        return any(
            np.ptp(snapshot.field(name)[snapshot.types == species]) > 0
            for snapshot in snapshots
            for species in np.unique(snapshot.types)
        )

    return [name for name in names if varies(name)]


def correlated(
    study: Study, runs: Sequence[str], snapshots: Sequence[Snapshot], predictors: Sequence[str]
) -> list[dict[str, Any]]:
    """The rows of `gnnglass.compare.compare_fields` of some predictors with all targets.

    Args:
        study: The study, which says how fields are compared.
        runs: The followed runs.
        snapshots: A configuration of each, with all fields.
        predictors: Names of fields.
    """
    options, targets = study.compare, targets_of(study, snapshots[0])
    table = compare_fields(
        snapshots,
        predictors,
        targets,
        runs=runs,
        methods=options.methods,
        given=varying_fields(snapshots, options.given),
        lengths=options.lengths if len(runs) > 1 else None,
        same_species=options.same_species,
        censored=censoring_marks(snapshots[0], targets),
        halves=halves_in(snapshots[0], targets),
        seed=options.seed,
    )
    return _records(table)


def compare_with_structure(workspace: Workspace) -> list[dict[str, Any]]:
    """Correlate every map with every indicator, on the held-out runs of the explained phase.

    Both are bare, or both smoothed over the same length, the middle one of those of the study: maps
    are smooth by themselves, and of a length that is chosen by the largest correlation the longest
    would win, because few independent patches are left.

    Returns:
        Rows of `gnnglass.compare.compare_fields`, with the indicator as predictor and the map as
        target, and NaN as None.
    """
    study, options = workspace.study, workspace.study.compare
    frames = {
        run: list(read(workspace.annotated(run))) for run in workspace.followed(study.explain)
    }
    runs = [run for run, members in frames.items() for _ in members]
    bare = [snapshot for members in frames.values() for snapshot in members]
    indicators = structural(bare[0])
    maps = [*study.maps, "importance_random"]
    length = sorted(options.lengths)[len(options.lengths) // 2]
    rows = []
    for smoothed in (False, True):
        table = compare_fields(
            [_smoothed(one, [*indicators, *maps], length, options.same_species) for one in bare]
            if smoothed
            else bare,
            indicators,
            maps,
            runs=runs,
            methods=options.methods,
            seed=options.seed,
        )
        rows += _records(table.assign(smoothed=smoothed, length=length if smoothed else 0.0))
    return rows


def _smoothed(
    snapshot: Snapshot, fields: Sequence[str], length: float, same_species: bool
) -> Snapshot:
    """The configuration with some of its fields smoothed."""
    values = np.stack([snapshot.field(name) for name in fields], axis=1)
    means = smooth(snapshot, values, length, same_species=same_species)
    return snapshot.with_fields(**dict(zip(fields, means.T, strict=True)))


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


def _with_stored(workspace: Workspace, run: str) -> Snapshot:
    """Write a run whose file tells its dynamics; returns its last configuration with all fields."""
    annotated = read(workspace.annotated(run))
    write(workspace.compared(run), annotated, overwrite=True)
    return annotated[-1]
