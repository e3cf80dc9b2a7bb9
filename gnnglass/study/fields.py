"""Everything a study says about single particles, as fields of held-out configurations."""

from __future__ import annotations

from typing import Any

import numpy as np
from tqdm import tqdm

from gnnglass import dynamics, explain, structure
from gnnglass.compare import compare_fields
from gnnglass.explain import ATTRIBUTIONS
from gnnglass.study.definition import DynamicsSection
from gnnglass.study.workspace import Workspace
from gnnglass.training import TrainedClassifier
from gnnglass.trajectories import Snapshot, Trajectory, read, write

#: Targets of the comparison, and where each says which of its values are only bounds.
TARGETS = ("propensity_cage_relative", "tau_bond", "tau_overlap")
CENSORED = {"tau_bond": "tau_bond_censored", "tau_overlap": "tau_overlap_censored"}
HALVES = {target: (f"{target}_half_1", f"{target}_half_2") for target in TARGETS}


def annotate_held_out(workspace: Workspace) -> None:
    """Write every held-out run with importance maps and structural indicators on its frames."""
    study = workspace.study
    level = study.explain_level
    explained = study.phases_in_order[1]
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
                classifier, trajectory, attribution, field, target=explained
            )
        write(workspace.annotated(run), _with_structure(trajectory))


def _with_structure(trajectory: Trajectory) -> Trajectory:
    indicators = structure.indicators_for(trajectory)
    return structure.annotate(
        trajectory, {name.replace("-", "_"): one for name, one in indicators.items()}
    )


def compare_with_dynamics(workspace: Workspace, section: DynamicsSection) -> dict[str, Any]:
    """Write the followed configurations with all fields, and correlate them.

    Returns:
        ``rows`` (the table of `gnnglass.compare.compare_fields`, NaN as None) and ``censored``
        shares.
    """
    runs = workspace.followed(section.phase)
    snapshots = [_with_dynamics(workspace, section, run) for run in runs]
    options = workspace.study.compare
    maps = [f"importance_{name}" for name in workspace.study.classifiers]
    annotated = read(workspace.annotated(runs[0]))[-1].fields
    indicators = [name for name in annotated if not name.startswith("importance_")]
    table = compare_fields(
        snapshots,
        [*maps, *indicators, "importance_random"],
        TARGETS,
        runs=runs,
        methods=options.methods,
        lengths=options.lengths if len(runs) > 1 else None,
        censored=CENSORED,
        halves=HALVES,
        seed=options.seed,
    )
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return {
        "rows": rows,
        "censored": {
            field: float(np.mean([s.field(flag).mean() for s in snapshots]))
            for field, flag in CENSORED.items()
        },
    }


def _with_dynamics(workspace: Workspace, section: DynamicsSection, run: str) -> Snapshot:
    clones = workspace.load_clones(run)
    ensemble = dynamics.IsoconfigurationalEnsemble.from_clones(clones)
    time = section.propensity_lag * clones[0].metadata["dt"]
    moved = dynamics.annotate(ensemble, time=time, halves=True).fields
    annotated = read(workspace.annotated(run))
    joined = annotated[-1].with_fields(**moved)
    write(workspace.compared(run), Trajectory([joined], annotated.metadata))
    return joined
