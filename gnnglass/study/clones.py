"""The isoconfigurational ensembles of a study."""

from __future__ import annotations

from gnnglass.simulate import IsoconfigurationalProtocol
from gnnglass.study.definition import DynamicsSection
from gnnglass.study.runs import derived_seed, run_names
from gnnglass.study.workspace import Workspace
from gnnglass.trajectories import Snapshot


def plan_clones(workspace: Workspace, section: DynamicsSection) -> tuple[str, ...]:
    """Plan clones of the last frame of every followed run.

    Returns:
        Their names.
    """
    starts: dict[str, Snapshot] = {}
    protocols: dict[str, IsoconfigurationalProtocol] = {}
    runs = workspace.followed(section.phase)
    every = run_names(workspace.study, section.phase)
    for run in runs:
        trajectory = workspace.load(run, "thermal")
        starts[run] = trajectory[-1]
        made = trajectory.metadata["protocol"]
        protocols[run] = IsoconfigurationalProtocol(
            kT=section.kT or made["kT"],
            seed=derived_seed(workspace.study.simulate.seed, 2, every.index(run)),
            dt=made["dt"],
            friction=made["friction"],
            n_clones=section.n_clones,
            lag_steps=section.lag_steps,
        )
    planned = workspace.clones.plan_clones(
        workspace.system,
        starts,
        protocols,
        facts={run: {"phase": section.phase} for run in runs},
        engine=workspace.study.simulate.engine,
    )
    return tuple(name for members in planned.values() for name in members)
