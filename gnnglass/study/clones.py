"""The isoconfigurational ensembles of a study."""

from __future__ import annotations

from gnnglass.simulate import IsoconfigurationalProtocol
from gnnglass.study.definition import DynamicsSection, Study
from gnnglass.study.runs import derived_seed, run_names
from gnnglass.study.workspace import Workspace
from gnnglass.trajectories import Snapshot


def followed_frames(study: Study, section: DynamicsSection) -> list[int]:
    """Frames of each followed run that clones start from, counted from its end."""
    if not section.ageing:
        return [-1]
    waiting = study.phases[section.phase]["waiting_steps"]
    return list(range(-len(waiting), 0))


def start_name(run: str, frame: int) -> str:
    """What the ensemble of clones of a frame is called; the last one like its run."""
    return run if frame == -1 else f"{run}-frame-{-frame:02d}-from-last"


def plan_clones(workspace: Workspace, section: DynamicsSection) -> tuple[str, ...]:
    """Plan clones of the followed frames of every followed run.

    Returns:
        Their names.
    """
    starts: dict[str, Snapshot] = {}
    protocols: dict[str, IsoconfigurationalProtocol] = {}
    every = run_names(workspace.study, section.phase)
    for run in workspace.followed(section.phase):
        trajectory = workspace.load(run, "thermal")
        made = trajectory.metadata["protocol"]
        for frame in followed_frames(workspace.study, section):
            name = start_name(run, frame)
            # Those of the last frame have the seed they have without ageing.
            parts = (2, every.index(run), *([] if frame == -1 else [-frame]))
            starts[name] = trajectory[frame]
            protocols[name] = IsoconfigurationalProtocol(
                kT=section.kT or made["kT"],
                seed=derived_seed(workspace.study.simulate.seed, *parts),
                dt=made["dt"],
                friction=made["friction"],
                n_clones=section.n_clones,
                lag_steps=section.lag_steps,
            )
    planned = workspace.clones.plan_clones(
        workspace.system,
        starts,
        protocols,
        facts={name: {"phase": section.phase} for name in starts},
        engine=workspace.study.simulate.engine,
    )
    return tuple(name for members in planned.values() for name in members)
