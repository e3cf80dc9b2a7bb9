"""Engines and protocols: melt, cool, hold, quench, isoconfigurational; ensembles in parallel."""

from gnnglass.simulate.engine import ENGINES, Engine, Progress
from gnnglass.simulate.ensemble import Ensemble
from gnnglass.simulate.inherent import inherent_path, inherent_structures
from gnnglass.simulate.isoconfigurational import clone_name
from gnnglass.simulate.parallel import run_parallel, usable_cores
from gnnglass.simulate.protocol import (
    AgeingProtocol,
    IsoconfigurationalProtocol,
    Protocol,
    StatePoint,
    log_spaced_steps,
)
from gnnglass.simulate.run import Run
from gnnglass.simulate.task import Task

__all__ = [
    "ENGINES",
    "AgeingProtocol",
    "Engine",
    "Ensemble",
    "IsoconfigurationalProtocol",
    "Progress",
    "Protocol",
    "Run",
    "StatePoint",
    "Task",
    "clone_name",
    "inherent_path",
    "inherent_structures",
    "log_spaced_steps",
    "run_parallel",
    "usable_cores",
]
