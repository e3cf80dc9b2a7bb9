"""The benchmark from end to end: simulate, plant, train, explain, measure, print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnnglass.parallel import run_parallel
from gnnglass.study.stages import Stages
from planted_truth.definition import AttributionBenchmark, check_benchmark
from planted_truth.measuring import NO_NETWORK, Controls, Indicators, Measuring
from planted_truth.planting import Planting
from planted_truth.tasks import BenchmarkTask, best_candidate, candidate_trainings


@dataclass(frozen=True)
class Results:
    """Everything that was measured.

    Attributes:
        benchmark: What was done.
        measured: One row per scenario, seed, network, attribution and held-out configuration.
        tried: One row per scenario, network and candidate, of the first seed.
        trained: One row per scenario, seed and network, of its best candidate.
        controls: One row per controlled scenario and kind of control.
        device: Where networks run.
    """

    benchmark: AttributionBenchmark
    measured: list[dict[str, Any]]
    tried: list[dict[str, Any]]
    trained: list[dict[str, Any]]
    controls: list[dict[str, Any]]
    device: str = "auto"


def run_benchmark(
    benchmark: AttributionBenchmark,
    folder: str | Path,
    *,
    workers: int | None = None,
    device: str = "auto",
) -> Results:
    """Do all of a benchmark that is not done yet.

    Runs, epochs, trainings and measurements that are finished are not done again.

    Args:
        benchmark: What to do.
        folder: Where its files go.
        workers: Processes at the same time, each of one thread; one per usable core by default.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.

    Raises:
        InputError: If its parameters do not fit together.
        UnknownNameError: If it names something that is not registered.
        MissingExtraError: If LAMMPS is not installed.
        SimulationError: If some of the work failed; the rest is done.
        FileError: If files cannot be written.
    """
    check_benchmark(benchmark, device)
    stages = Stages(Path(folder))
    with stages.alone():
        plantings = [
            Planting(benchmark, stages.folder, scenario, seed)
            for scenario in benchmark.scenarios
            for seed in range(benchmark.seeds)
        ]
        first = [planting for planting in plantings if planting.seed == 0]
        for planting in {planting.section.base: planting for planting in first}.values():
            planting.base_runs(workers)

        def work(tasks: Sequence[BenchmarkTask], description: str) -> None:
            left = [task for task in tasks if not task.done]
            run_parallel(
                left,
                workers=workers,
                description=description,
                n_done=len(tasks) - len(left),
            )

        tried = [
            training
            for planting in first
            for network in planting.networks
            for training in candidate_trainings(planting, network, device)
        ]
        work(tried, "candidates trained")
        trained = [
            best_candidate(planting, network, device)
            for planting in plantings
            for network in planting.networks
        ]
        work(trained, "networks trained")
        judged = benchmark.judged
        controls = [
            Controls(planting, judged.network, device)
            for planting in first
            if planting.scenario in judged.controlled
        ]
        measuring: list[BenchmarkTask] = [
            Measuring(planting, network, device)
            for planting in plantings
            for network in planting.networks
        ]
        measuring += [Indicators(planting, NO_NETWORK, device) for planting in plantings]
        # Controls take longest, so that they begin first.
        work([*controls, *measuring], "attributions measured")
    return Results(
        benchmark,
        measured=[{**_identity(task), **row} for task in measuring for row in task.record],
        tried=[{**_identity(task), **task.record} for task in tried],
        trained=[{**_identity(task), **task.record} for task in trained],
        controls=[
            {"scenario": task.planting.scenario, "control": kind, **figures}
            for task in controls
            for kind, figures in task.record.items()
        ],
        device=device,
    )


def _identity(task: BenchmarkTask) -> dict[str, Any]:
    return {
        "scenario": task.planting.scenario,
        "seed": task.planting.seed,
        "network": task.network,
    }
