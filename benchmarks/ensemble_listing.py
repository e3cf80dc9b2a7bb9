"""What planning and listing an ensemble cost over a bare signac project of the same jobs.

Run ``python benchmarks/ensemble_listing.py``. The bare side opens and initialises one job per run,
then reads state point and document of each; ours is ``Ensemble.plan`` and ``Ensemble.status``.
Both sides are timed in turn, each time in a folder of its own.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import signac

from gnnglass.simulate import Ensemble, Protocol


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000, help="planned runs")
    parser.add_argument("--repeats", type=int, default=3, help="timings of each side")
    options = parser.parse_args()
    protocols = {
        f"run-{k:05d}": Protocol(
            n_particles=1024, kT=0.5, n_frames=8, frame_interval=2000, hold_steps=10_000, seed=k
        )
        for k in range(options.runs)
    }
    seconds: dict[str, list[tuple[float, float]]] = {"planning": [], "listing": []}
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory(prefix="gnnglass-benchmark-") as folder:
            ours, bare = Path(folder) / "ours", Path(folder) / "bare"
            bare.mkdir()
            seconds["planning"].append(
                (timed(plan, ours, protocols), timed(plan_bare, bare, protocols))
            )
            seconds["listing"].append((timed(list_runs, ours), timed(list_bare, bare)))
    print(f"{options.runs} planned runs, medians of {options.repeats}")
    for what, pairs in seconds.items():
        mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        print(f"{what}: {mine:.2f} s; bare signac {theirs:.2f} s; ratio {mine / theirs:.2f}")


def plan(folder: Path, protocols: dict[str, Protocol]) -> None:
    Ensemble(folder).plan("kam2d", protocols)


def list_runs(folder: Path) -> None:
    Ensemble(folder).status()


def plan_bare(folder: Path, protocols: dict[str, Protocol]) -> None:
    """One job per run, by signac's own calls."""
    project = signac.init_project(str(folder))
    for name, protocol in protocols.items():
        parameters = protocol.model_dump(mode="json")
        point = {"run": name, "system": "kam2d", "engine": "lammps", "protocol": parameters}
        project.open_job(point).init()


def list_bare(folder: Path) -> None:
    """State point and document of every job, by signac's own calls."""
    for job in signac.get_project(str(folder)):
        job.statepoint()
        job.document()


def timed(work: Callable[..., object], *arguments: object) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
