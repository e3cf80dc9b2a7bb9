"""The configurations of a study that exist as files: read, checked, kept, and minimised."""

from __future__ import annotations

from gnnglass._progress import progress_bar
from gnnglass.errors import InputError
from gnnglass.published import tells_dynamics, with_dynamics
from gnnglass.simulate import inherent_structures
from gnnglass.study.workspace import Workspace, files_of
from gnnglass.trajectories import Trajectory, read, write
from gnnglass.trajectories.material import restated


def read_given(workspace: Workspace) -> list[str]:
    """Write every run that comes from a file into the study's folder, at each of its levels.

    Of isoconfigurational runs the configuration that they start from is kept, with its propensities
    as fields; inherent structures carry the fields of the configurations that they lie below.

    Returns:
        The runs whose configurations carry propensities or relaxation times.

    Raises:
        InputError: If a file holds inherent structures where thermal configurations are wanted, if
            it states another phase, or does not fit the study's glass former.
        FileError: If a file cannot be read, or nothing can be written.
        SimulationError: If no minimum is reached from a configuration.
    """
    study = workspace.study
    runs = [(phase, run) for phase in study.phases for run in files_of(study, phase)]
    bar = progress_bar(runs, desc="reading and minimising")
    return [run for phase, run in bar if _read_run(workspace, phase, run)]


def _read_run(workspace: Workspace, phase: str, run: str) -> bool:
    study, system, file = workspace.study, workspace.system, workspace.given[run]
    section = study.of_files(phase)
    trajectory = read(file)
    stated = trajectory.metadata.get("phase", phase)
    if stated != phase:
        raise InputError(
            f"phases.{phase}: {file} says that it is {stated}; list it with that phase."
        )
    if trajectory.metadata.get("level") == "inherent" and "thermal" in study.levels:
        raise InputError(
            f'phases.{phase}: {file} holds inherent structures; set levels = ["inherent"].'
        )
    told = tells_dynamics(trajectory)
    if told:
        trajectory = with_dynamics(trajectory, section.time if section else None, system=system)
    named = restated(trajectory, system=system.identity).stating(run=run, phase=phase)
    for level in study.levels:
        out = workspace.trajectory(run, level)
        out.parent.mkdir(parents=True, exist_ok=True)
        kept = _minimised(workspace, named) if level == "inherent" else named
        # Whatever is there is the study's own, even if it is damaged.
        write(out, kept, overwrite=True)
    return told


def _minimised(workspace: Workspace, trajectory: Trajectory) -> Trajectory:
    found = inherent_structures(
        workspace.system,
        trajectory,
        workspace.study.simulate.engine,
        keep=workspace.folder / "given" / "minima",
    )
    frames = [
        minimum.with_fields(**{**thermal.fields, **minimum.fields})
        for thermal, minimum in zip(trajectory, found, strict=True)
    ]
    return Trajectory(frames, found.metadata)
