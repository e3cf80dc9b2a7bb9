"""A study from end to end: simulate, train, judge, explain, follow, compare, report."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gnnglass.errors import InputError
from gnnglass.simulate import ENGINES, simulate_ensemble
from gnnglass.study.definition import DynamicsSection, Level, Study
from gnnglass.study.stage import Stages
from gnnglass.study.workspace import Workspace


def run_study(
    study: Study, folder: str | Path, *, workers: int | None = None, device: str = "auto"
) -> dict[str, Any]:
    """Do all stages of a study that are not done yet, down to ``report.html``.

    Runs, epochs and stages that are finished are not done again; a study killed at any moment
    and run again ends with the same figures as an undisturbed one.

    Args:
        study: What to do.
        folder: Where its files go.
        workers: Processes that simulate at the same time; one per usable core by default.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.

    Returns:
        The content of ``results.json``.

    Raises:
        InputError: If the study's parameters do not fit together.
        UnknownNameError: If it names an engine, model or other thing that is not registered.
        MissingExtraError: If its engine is not installed.
        SimulationError: If runs failed.
        FileError: If files cannot be written.
    """
    workspace = Workspace(study, Path(folder), workers, device)
    stages = Stages(workspace.folder)
    check_study(workspace)
    tqdm.write(plan(workspace))
    _simulate(workspace, stages)
    # Before the networks: the simulations share the machine with nothing then.
    if study.dynamics is not None:
        _follow(workspace, stages, study.dynamics)
    for level in study.levels:
        _classify(workspace, stages, level)
    _annotate(workspace, stages)
    if study.dynamics is not None:
        _compare(workspace, stages, study.dynamics)
    return _report(workspace, stages)


def check_study(workspace: Workspace) -> None:
    """Refuse before any work is done what would fail after hours of it; raises as `run_study`."""
    study = workspace.study
    for phase in study.phases_in_order:
        workspace.protocols(phase)
    workspace.split()
    ENGINES.factory(study.simulate.engine)
    if study.explain_level not in study.levels:
        raise InputError(
            f"explain_level is {study.explain_level!r}, but the levels trained are "
            f"{', '.join(study.levels)}."
        )
    if study.dynamics is not None and study.dynamics.phase not in study.phases:
        raise InputError(
            f"dynamics.phase is {study.dynamics.phase!r}; the phases are {', '.join(study.phases)}."
        )
    from gnnglass.study.classification import check_classifier

    for name in study.classifiers:
        check_classifier(workspace, name)


def plan(workspace: Workspace) -> str:
    """One sentence on what the study will cost."""
    study = workspace.study
    protocols = [p for phase in study.phases for p in workspace.protocols(phase).values()]
    steps = sum(protocol.frame_steps[-1] for protocol in protocols)
    text = (
        f"{study.title}: {len(protocols)} runs of {study.system.n_particles} particles, "
        f"{steps / 1e6:.2f} million steps"
    )
    if study.dynamics is not None:
        clones = len(workspace.followed(study.dynamics.phase)) * study.dynamics.n_clones
        more = clones * study.dynamics.lag_steps[-1]
        text += f"; {clones} clones, {more / 1e6:.2f} million steps"
    trainings = len(study.levels) * len(study.classifiers)
    return f"{text}; {trainings} trainings. Files go to {workspace.folder}."


def _simulate(workspace: Workspace, stages: Stages) -> None:
    study = workspace.study
    phases = {run: phase for phase in study.phases_in_order for run in workspace.runs(phase)}
    protocols = {run: workspace.protocols(phase)[run] for run, phase in phases.items()}

    def work(_: str) -> None:
        simulate_ensemble(
            study.system.name,
            protocols,
            workspace.folder / "runs",
            metadata={run: {"phase": phase} for run, phase in phases.items()},
            engine=study.simulate.engine,
            workers=workspace.workers,
        )

    stages.run(
        "simulate",
        work,
        depends_on=[
            study.system.name,
            study.simulate.engine,
            {run: protocol.digest for run, protocol in protocols.items()},
        ],
        products=[
            workspace.trajectory(run, level) for run in phases for level in ("thermal", "inherent")
        ],
    )


def _follow(workspace: Workspace, stages: Stages, section: DynamicsSection) -> None:
    from gnnglass.study.clones import run_clones

    stages.run(
        "dynamics",
        lambda _: run_clones(workspace, section),
        depends_on=[section.model_dump(), workspace.study.split.model_dump()],
        after=["simulate"],
        products=[workspace.ensemble(run) for run in workspace.followed(section.phase)],
    )


def _classify(workspace: Workspace, stages: Stages, level: Level) -> None:
    from gnnglass.study import classification

    study = workspace.study
    for name, section in study.classifiers.items():
        stages.run(
            f"train-{name}-{level}",
            partial(classification.train_classifier, workspace, name, level),
            depends_on=[section.training_part(), study.split.model_dump(), level],
            after=["simulate"],
            products=[workspace.classifier(name, level)],
        )
    stages.run(
        f"judge-{level}",
        lambda _: classification.judge(workspace, level),
        depends_on=level,
        after=[f"train-{name}-{level}" for name in study.classifiers],
    )


def _annotate(workspace: Workspace, stages: Stages) -> None:
    from gnnglass.study import fields

    study = workspace.study
    stages.run(
        "annotate",
        lambda _: fields.annotate_held_out(workspace),
        depends_on=[
            {name: section.model_dump() for name, section in study.classifiers.items()},
            study.explain_level,
            study.compare.seed,
        ],
        after=[f"train-{name}-{study.explain_level}" for name in study.classifiers],
        products=[workspace.annotated(run) for run in workspace.split().test],
    )


def _compare(workspace: Workspace, stages: Stages, section: DynamicsSection) -> None:
    from gnnglass.study import fields

    stages.run(
        "compare",
        lambda _: fields.compare_with_dynamics(workspace, section),
        depends_on=workspace.study.compare.model_dump(),
        after=["annotate", "dynamics"],
        products=[workspace.compared(run) for run in workspace.followed(section.phase)],
    )


def _report(workspace: Workspace, stages: Stages) -> dict[str, Any]:
    from gnnglass.study import summary

    # Cheap, and a new title or a better report should not ask for anything to be done again.
    results = summary.write_results(workspace, stages)
    summary.write_report(workspace, stages, results)
    tqdm.write(f"figures: {workspace.results}\nreport:  {workspace.report}")
    return results
