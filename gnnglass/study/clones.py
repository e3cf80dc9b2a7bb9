"""The isoconfigurational ensembles of a study."""

from __future__ import annotations

from gnnglass.simulate import IsoconfigurationalProtocol, isoconfigurational_ensembles
from gnnglass.study.definition import DynamicsSection
from gnnglass.study.runs import derived_seed, run_names
from gnnglass.study.workspace import Workspace
from gnnglass.trajectories import Snapshot


def run_clones(workspace: Workspace, section: DynamicsSection) -> None:
    """Simulate clones of the last frame of every followed run."""
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
    isoconfigurational_ensembles(
        workspace.system.name,
        starts,
        protocols,
        workspace.folder / "dynamics",
        metadata={run: {"phase": section.phase} for run in runs},
        engine=workspace.study.simulate.engine,
        workers=workspace.workers,
    )
