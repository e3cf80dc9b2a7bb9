"""Which attribution finds what was planted: scenarios, networks and methods in one table."""

from gnnglass.benchmark.definition import AttributionBenchmark
from gnnglass.benchmark.pipeline import Results, run_benchmark
from gnnglass.benchmark.table import classes, margins, table

__all__ = ["AttributionBenchmark", "Results", "classes", "margins", "run_benchmark", "table"]
