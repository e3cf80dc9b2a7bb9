"""Ensembles: many runs in one folder, in parallel, on this machine or on a cluster."""

from gnnglass.ensembles.clones import clone_name
from gnnglass.ensembles.ensemble import Ensemble
from gnnglass.ensembles.parallel import run_parallel, usable_cores
from gnnglass.ensembles.run import Run
from gnnglass.ensembles.task import Task

__all__ = ["Ensemble", "Run", "Task", "clone_name", "run_parallel", "usable_cores"]
