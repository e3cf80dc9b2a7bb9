"""The per-particle results of a study, as fields of held-out configurations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from gnnglass import dynamics, explain, structure
from gnnglass.compare import compare_fields, smooth
from gnnglass.dynamics.ensemble import FEWEST_FOR_HALVES
from gnnglass.explain import ATTRIBUTIONS
from gnnglass.study.definition import CompareSection, DynamicsSection, Study
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


def compare_with_dynamics(workspace: Workspace, section: DynamicsSection) -> dict[str, Any]:
    """Write the followed configurations with all fields, and correlate them.

    Returns:
        ``rows`` (the table of `gnnglass.compare.compare_fields` for the last frames, NaN as
        None), ``not_given``, the fields that should be held fixed but are constant, ``censored``
        shares of these among particles with a value, and, of a study of ageing,
        ``ageing``: ``rows`` for all frames and ``summary`` and ``curves`` of
        `gnnglass.dynamics.Ageing`, each with ``waiting_time``, and the ``phase``.
    """
    runs = workspace.followed(section.phase)
    followed = [_with_dynamics(workspace, section, run) for run in tqdm(runs, desc="dynamics")]
    ageing = [measured for measured, _ in followed]
    by_time = {waited: [one[waited] for _, one in followed] for waited in followed[0][1]}
    halves = HALVES if section.n_clones >= FEWEST_FOR_HALVES else None
    options = workspace.study.compare
    indicators = read(workspace.annotated(runs[0]))[-1].fields
    predictors = [*importance_maps(workspace.study), *structural(indicators), "importance_random"]
    rows = {
        waited: correlated(options, runs, members, predictors, halves)
        for waited, members in by_time.items()
    }
    last = max(by_time)
    varying = varying_fields(by_time[last], options.given)
    found: dict[str, Any] = {
        "rows": rows[last],
        "not_given": [name for name in options.given if name not in varying],
        "censored": _censored(by_time[last]),
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


def _censored(snapshots: Sequence[Snapshot]) -> dict[str, float]:
    """Of each target that has values, the share of these that are bounds."""
    marks = {name: np.concatenate([s.field(m) for s in snapshots]) for name, m in CENSORED.items()}
    known = {name: mark[~np.isnan(mark)] for name, mark in marks.items()}
    return {name: float(mark.mean()) for name, mark in known.items() if len(mark)}


def importance_maps(study: Study) -> list[str]:
    """The fields with the maps of a study's classifiers."""
    return [f"importance_{name}" for name in study.classifiers]


def structural(fields: Iterable[str]) -> list[str]:
    """Those of the fields of an annotated run that are of its structure: all but the maps."""
    return [name for name in fields if not name.startswith("importance_")]


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
    options: CompareSection,
    runs: Sequence[str],
    snapshots: Sequence[Snapshot],
    predictors: Sequence[str],
    halves: Mapping[str, tuple[str, str]] | None = None,
) -> list[dict[str, Any]]:
    """The rows of `gnnglass.compare.compare_fields` of some predictors with all targets.

    Args:
        options: How a study compares.
        runs: The followed runs.
        snapshots: A configuration of each, with all fields.
        predictors: Names of fields.
        halves: As `gnnglass.compare.compare_fields` takes it.
    """
    table = compare_fields(
        snapshots,
        predictors,
        TARGETS,
        runs=runs,
        methods=options.methods,
        given=varying_fields(snapshots, options.given),
        lengths=options.lengths if len(runs) > 1 else None,
        same_species=options.same_species,
        censored=CENSORED,
        halves=halves,
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
    indicators = structural(bare[0].fields)
    maps = [*importance_maps(study), "importance_random"]
    length = sorted(options.lengths)[len(options.lengths) // 2]
    rows = []
    for smoothed in (False, True):
        table = compare_fields(
            [_smoothed(one, length, options.same_species) for one in bare] if smoothed else bare,
            indicators,
            maps,
            runs=runs,
            methods=options.methods,
            seed=options.seed,
        )
        rows += _records(table.assign(smoothed=smoothed, length=length if smoothed else 0.0))
    return rows


def _smoothed(snapshot: Snapshot, length: float, same_species: bool) -> Snapshot:
    """The configuration with all its fields smoothed."""
    values = np.stack(list(snapshot.fields.values()), axis=1)
    means = smooth(snapshot, values, length, same_species=same_species)
    return snapshot.with_fields(**dict(zip(snapshot.fields, means.T, strict=True)))


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
    dt = thermal.metadata["dt"]
    # Without ageing there is only one frame, whose waiting time has no meaning.
    times = list(dynamics.waiting_configurations(thermal)) if section.ageing else [0.0]
    frames = dict(zip(times, followed_frames(workspace.study, section), strict=True))
    bonds = dynamics.BondBreaking(section.r_bond, section.r_break, system=workspace.system)
    ageing = dynamics.Ageing(bonds=bonds, time=section.propensity_lag * dt).compute(
        {
            waited: dynamics.IsoconfigurationalEnsemble.from_clones(
                workspace.load_clones(start_name(run, frame))
            )
            for waited, frame in frames.items()
        }
    )
    joined = {
        waited: annotated[frame].with_fields(**ageing.snapshots[waited].fields)
        for waited, frame in frames.items()
    }
    made = Trajectory(list(joined.values()), annotated.metadata)
    write(workspace.compared(run), made, overwrite=True)
    return ageing, joined
