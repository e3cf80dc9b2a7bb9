"""A study file (TOML) becomes the whole pipeline, resumable."""

from gnnglass.study.definition import EnsembleFile, Study, read_ensemble_file
from gnnglass.study.pipeline import run_study
from gnnglass.study.report import FigureData, Report
from gnnglass.study.workspace import plan_runs

__all__ = [
    "EnsembleFile",
    "FigureData",
    "Report",
    "Study",
    "plan_runs",
    "read_ensemble_file",
    "run_study",
]
