"""A study file (TOML) becomes the whole pipeline, resumable."""

from gnnglass.study.definition import Study
from gnnglass.study.pipeline import run_study

__all__ = ["Study", "run_study"]
