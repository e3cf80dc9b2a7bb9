"""A study from end to end: simulate, train, judge, explain, follow, compare, doubt, report.

Work is imported where it is done, so that a finished study run again is answered at once.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_disk
from gnnglass._records import code_digest, digest_of, file_digest
from gnnglass.registry import packages_elsewhere
from gnnglass.study.definition import LEVELS, DynamicsSection, Level, Study
from gnnglass.study.stages import Stages
from gnnglass.study.workspace import (
    Parts,
    Workspace,
    every_protocol,
    followed_frames,
    plan_runs,
)

#: What reads a study's files, knows its glass former, and does statistics.
COMMON = ("gnnglass.trajectories", "gnnglass.systems", "gnnglass.stats", "gnnglass.study.workspace")
#: Functions that train a classifier, on whatever labels.
FITTING = (
    "gnnglass.study.classification:fitted",
    "gnnglass.study.check:recipe_of",
)
#: Entry-point groups of what a study's potential energies come from.
ENERGIES = ("gnnglass.systems", "gnnglass.potentials")
#: Entry-point groups of everything that a study names.
GROUPS = (
    *ENERGIES,
    "gnnglass.simulate",
    "gnnglass.models",
    "gnnglass.explain",
    "gnnglass.structure",
)


@checks_arguments
def run_study(
    study: Study,
    folder: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Do all stages of a study that are not done yet, down to ``report.html``.

    Runs, epochs and stages that are finished are not done again; a study killed at any moment
    and run again ends with the same figures as an undisturbed one. A stage is done again, and all
    that follows from it, if its part of the study file or the code that makes its figures has
    changed: indicators, attributions and models by others included, comments and docstrings not.
    Simulated runs are the exception: they are kept by their state points, and no change of code
    makes them stale. After a change of an engine give another folder, or remove the runs.

    Args:
        study: What to do.
        folder: Where its files go.
        workers: Processes that simulate at the same time; one per usable core by default.
        scheduler: Address of a dask.distributed scheduler whose workers simulate instead.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.

    Returns:
        The content of ``results.json``.

    Raises:
        InputError: If the study's parameters do not fit together.
        UnknownNameError: If it names an engine, model or other thing that is not registered.
        MissingExtraError: If its engine, or what a scheduler needs, is not installed.
        SimulationError: If runs failed, or the scheduler does not answer.
        FileError: If files cannot be written.
    """
    stages = Stages(Path(folder))
    parts = _check(study, stages, device)
    workspace = Workspace(study, stages.folder, parts, workers, scheduler, device)
    tqdm.write(plan(workspace))
    if not workspace.results.exists():
        require_disk(stages.folder, bytes_of(workspace))
    with stages.alone():
        _simulate(workspace, stages)
        _read(workspace, stages)
        # Before the networks: the simulations share the machine with nothing then.
        if study.dynamics is not None:
            _follow(workspace, stages, study.dynamics)
        for level in study.levels:
            _classify(workspace, stages, level)
        _annotate(workspace, stages)
        _structure(workspace, stages)
        _compare(workspace, stages)
        _nulls(workspace, stages)
        _report(workspace, stages)
    tqdm.write(f"figures: {workspace.results}\nreport:  {workspace.report}")
    return dict(json.loads(workspace.results.read_text(encoding="utf-8")))


def _check(study: Study, stages: Stages, device: str) -> Parts:
    def work(_: str) -> Parts:
        from gnnglass.study.check import check_study

        return check_study(study, device)

    return dict(
        stages.run(
            "check",
            work,
            depends_on=[study.model_dump(mode="json"), device],
            # Whatever has changed may refuse what it took before; it takes seconds to know.
            code=["gnnglass", *_elsewhere(*GROUPS)],
        )
    )


def _elsewhere(*groups: str) -> list[str]:
    """Packages by others that add entries to any of some groups."""
    return [package for group in groups for package in packages_elsewhere(group)]


#: A position and an image flag in single precision, per dimension, in a GSD file.
BYTES = 8


def bytes_of(workspace: Workspace) -> int:
    """What the runs of a study and their inherent structures take at least, and its clones."""
    study, system = workspace.study, workspace.system
    frames = 2 * sum(len(protocol.frame_steps) for protocol in every_protocol(study))
    if study.dynamics is not None:
        frames += n_clones(workspace, study.dynamics) * (1 + len(study.dynamics.lag_steps))
    return frames * study.system.n_particles * system.dimension * BYTES


def n_clones(workspace: Workspace, section: DynamicsSection) -> int:
    """How many clones are run, of all frames that are followed."""
    starts = len(workspace.followed(section.phase)) * len(followed_frames(workspace.study, section))
    return starts * section.n_clones


def plan(workspace: Workspace) -> str:
    """One sentence on what the study will cost."""
    study = workspace.study
    runs = every_protocol(study)
    steps = sum(protocol.frame_steps[-1] for protocol in runs)
    text = (
        f"{study.title}: {len(runs)} runs of {study.system.n_particles} particles, "
        f"{steps / 1e6:.2f} million steps"
    )
    if workspace.given:
        text += f"; {len(workspace.given)} files"
    if study.dynamics is not None:
        clones = n_clones(workspace, study.dynamics)
        more = clones * study.dynamics.lag_steps[-1]
        text += f"; {clones} clones, {more / 1e6:.2f} million steps"
    trainings = len(study.levels) * len(study.classifiers)
    text += f"; {trainings} trainings"
    wrong = 2 * sum(map(study.shuffles, study.classifiers))
    if (study.dynamics is not None or workspace.given) and wrong:
        text += f" and up to {wrong} on wrong labels"
    return f"{text}. Files go to {workspace.folder}."


def _simulate(workspace: Workspace, stages: Stages) -> None:
    study = workspace.study
    if not study.simulated:
        return
    runs = plan_runs(study, workspace.runs)

    def work(_: str) -> None:
        workspace.runs.run(runs, workers=workspace.workers, scheduler=workspace.scheduler)

    stages.run(
        "simulate",
        work,
        depends_on=[
            workspace.system.identity,
            study.simulate.engine,
            {run: workspace.runs[run].protocol.digest for run in runs},
        ],
        products=[workspace.trajectory(run, level) for run in runs for level in LEVELS],
    )


def _read(workspace: Workspace, stages: Stages) -> None:
    """Read the configurations that exist, and find their inherent structures."""
    study, given = workspace.study, workspace.given

    def work(_: str) -> list[str]:
        from gnnglass.study.given import read_given

        return read_given(workspace)

    if not given:
        return
    stages.run(
        "read",
        work,
        depends_on=[
            workspace.system.identity,
            study.simulate.engine,
            {run: file_digest(file) for run, file in given.items()},
            {phase: study.phases[phase].get("time") for phase in study.phases},
            study.levels,
        ],
        code=[*COMMON, "gnnglass.published", "gnnglass.dynamics", "gnnglass.study.given"],
        products=[workspace.trajectory(run, level) for run in given for level in study.levels],
    )


def _configurations(workspace: Workspace) -> list[str]:
    """The stages that make the configurations of all phases."""
    made = {"simulate": workspace.study.simulated, "read": workspace.given}
    return [stage for stage, runs in made.items() if runs]


def _follow(workspace: Workspace, stages: Stages, section: DynamicsSection) -> None:
    from gnnglass.study.workspace import plan_clones

    clones = plan_clones(workspace, section)

    def work(_: str) -> None:
        workspace.clones.run(
            clones, workers=workspace.workers, scheduler=workspace.scheduler, description="clones"
        )

    stages.run(
        "dynamics",
        work,
        depends_on=[section.model_dump(), workspace.followed(section.phase)],
        after=_configurations(workspace),
        products=[workspace.clones[name].thermal for name in clones],
    )


def _classify(workspace: Workspace, stages: Stages, level: Level) -> None:
    def train(name: str, digest: str) -> dict[str, Any]:
        from gnnglass.study.classification import train_classifier

        return train_classifier(workspace, name, level, digest)

    def judge(_: str) -> dict[str, Any]:
        from gnnglass.study import classification

        return classification.judge(workspace, level)

    study = workspace.study
    for name, section in study.classifiers.items():
        stages.run(
            f"train-{name}-{level}",
            partial(train, name),
            depends_on=[section.training_part(), workspace.parts, study.labels, level],
            code=[
                *COMMON,
                "gnnglass.models",
                "gnnglass.training",
                "gnnglass.study.classification:train_classifier",
                *FITTING,
                # Angular spectra are input of any network, indicators of those that say so.
                "gnnglass.structure.bond_order",
                "gnnglass.structure.descriptors",
                *(
                    ("gnnglass.structure", *_elsewhere("gnnglass.structure", *ENERGIES))
                    if section.recipe.get("indicators")
                    else ()
                ),
                *packages_elsewhere("gnnglass.models", [section.model]),
            ],
            after=_configurations(workspace),
            products=[workspace.classifier(name, level)],
        )
    stages.run(
        f"judge-{level}",
        judge,
        depends_on=level,
        code=[
            *COMMON,
            "gnnglass.training",
            "gnnglass.structure.descriptors",
            "gnnglass.study.classification",
            *_elsewhere(*ENERGIES),
        ],
        after=[f"train-{name}-{level}" for name in study.classifiers],
    )


def _annotate(workspace: Workspace, stages: Stages) -> None:
    def work(_: str) -> None:
        from gnnglass.study.fields import annotate_held_out

        annotate_held_out(workspace)

    study = workspace.study
    stages.run(
        "annotate",
        work,
        depends_on=[
            {name: section.explaining_part() for name, section in study.classifiers.items()},
            study.explain,
            study.explain_level,
            study.compare.seed,
            workspace.parts["test"],
        ],
        code=[
            *COMMON,
            "gnnglass.explain",
            "gnnglass.structure",
            "gnnglass.study.fields:annotate_held_out",
            "gnnglass.study.fields:_with_structure",
            *packages_elsewhere(
                "gnnglass.explain", [one.attribution for one in study.classifiers.values()]
            ),
            *_elsewhere("gnnglass.structure", *ENERGIES),
        ],
        after=[f"train-{name}-{study.explain_level}" for name in study.classifiers],
        products=[workspace.annotated(run) for run in workspace.parts["test"]],
    )


def _structure(workspace: Workspace, stages: Stages) -> None:
    def work(_: str) -> list[dict[str, Any]]:
        from gnnglass.study.fields import compare_with_structure

        return compare_with_structure(workspace)

    stages.run(
        "structure",
        work,
        depends_on=workspace.study.compare.model_dump(),
        code=[
            *COMMON,
            "gnnglass.compare",
            "gnnglass.dynamics",
            "gnnglass.published",
            "gnnglass.study.fields",
        ],
        after=["annotate"],
    )


def _compare(workspace: Workspace, stages: Stages) -> None:
    section = workspace.study.dynamics
    runs = workspace.with_dynamics(stages.outcomes)

    def work(_: str) -> dict[str, Any]:
        from gnnglass.study.fields import compare_with_dynamics

        return compare_with_dynamics(workspace, section, runs)

    if not runs:
        return
    stages.run(
        "compare",
        work,
        depends_on=workspace.study.compare.model_dump(),
        code=[
            *COMMON,
            "gnnglass.dynamics",
            "gnnglass.compare",
            "gnnglass.published",
            "gnnglass.study.fields",
        ],
        after=["annotate"] if section is None else ["annotate", "dynamics"],
        products=[workspace.compared(run) for run in runs],
    )


def _nulls(workspace: Workspace, stages: Stages) -> None:
    study, runs = workspace.study, workspace.with_dynamics(stages.outcomes)
    if not runs:
        return

    def work(name: str, _: str) -> dict[str, list[dict[str, Any]]]:
        from gnnglass.study import null

        section, trained = study.classifiers[name], f"train-{name}-{study.explain_level}"
        # Neither how many there are nor how they are compared, so that what is trained stays so.
        depends_on = [section.explaining_part(), study.explain, runs, workspace.parts]
        code = code_digest(
            "gnnglass.explain",
            *FITTING,
            "gnnglass.study.null:Retraining",
            *packages_elsewhere("gnnglass.explain", [section.attribution]),
        )
        digest = digest_of(depends_on, code, stages.outcomes[trained].identity)
        tasks = null.retrainings(workspace, name, runs, digest)
        null.train_on_wrong_labels(tasks, workspace.workers)
        return null.place_in_null(workspace, runs, stages.outcomes["compare"].result, tasks)

    for name in filter(study.shuffles, study.classifiers):
        stages.run(
            f"null-{name}",
            partial(work, name),
            depends_on=[study.shuffles(name), study.null.seed],
            code=[*FITTING, "gnnglass.study.null"],
            after=["compare", f"train-{name}-{study.explain_level}"],
        )


def _report(workspace: Workspace, stages: Stages) -> None:
    def work(_: str) -> None:
        from gnnglass.study import report

        results = report.write_results(workspace, stages)
        report.write_report(workspace, stages, results)
        report.write_ovito_recipe(workspace)

    stages.run(
        "report",
        work,
        depends_on=workspace.study.model_dump(mode="json"),
        code=["gnnglass.study"],
        after=[name for name in stages.outcomes if name != "check"],
        products=[workspace.results, workspace.report, workspace.ovito_recipe],
    )
