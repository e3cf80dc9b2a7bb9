"""The command that benchmarks attributions on planted truth."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from gnnglass.cli.shared import Device, Workers


def benchmark_attributions(
    file: Annotated[
        Path | None, typer.Argument(help="Benchmark file (TOML); the one shipped without.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to work in.")] = Path(
        "gnnglass-attributions"
    ),
    workers: Workers = None,
    device: Device = "auto",
) -> None:
    """Plant what a network has to find, and see which attributions find it."""
    from gnnglass.benchmark import AttributionBenchmark, run_benchmark
    from gnnglass.benchmark.page import write_results

    shipped = resources.files("gnnglass.studies") / "attributions.toml"
    with resources.as_file(shipped) as path:
        benchmark = AttributionBenchmark.from_file(file or path)
    results = run_benchmark(benchmark, out, workers=workers, device=device)
    typer.echo(write_results(results, out))
