"""A study file (TOML) becomes the whole pipeline, resumable."""

from gnnglass.study.definition import Study, read_ensemble_file
from gnnglass.study.ensemble_file import EnsembleFile
from gnnglass.study.pipeline import run_study
from gnnglass.study.runs import plan_runs

__all__ = ["EnsembleFile", "Study", "plan_runs", "read_ensemble_file", "run_study"]
