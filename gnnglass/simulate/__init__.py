"""Engines and protocols: melt, cool, hold, quench, isoconfigurational; ensembles in parallel."""

from gnnglass.simulate.engine import ENGINES, Engine, Progress, lattice_start
from gnnglass.simulate.ensemble import inherent_path, simulate_ensemble
from gnnglass.simulate.inherent import inherent_structures
from gnnglass.simulate.isoconfigurational import isoconfigurational_ensembles
from gnnglass.simulate.parallel import Task, run_parallel, usable_cores
from gnnglass.simulate.protocol import IsoconfigurationalProtocol, Protocol, StatePoint

__all__ = [
    "ENGINES",
    "Engine",
    "IsoconfigurationalProtocol",
    "Progress",
    "Protocol",
    "StatePoint",
    "Task",
    "inherent_path",
    "inherent_structures",
    "isoconfigurational_ensembles",
    "lattice_start",
    "run_parallel",
    "simulate_ensemble",
    "usable_cores",
]
