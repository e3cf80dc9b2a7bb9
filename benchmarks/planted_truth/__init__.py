"""Which attribution finds what was planted: scenarios, networks and methods in one table."""

from planted_truth.definition import AttributionBenchmark
from planted_truth.pipeline import Results, run_benchmark
from planted_truth.tables import classes, margins, table

__all__ = ["AttributionBenchmark", "Results", "classes", "margins", "run_benchmark", "table"]
