"""What planning and listing an ensemble cost over a bare signac project of the same jobs.

Run ``python benchmarks/ensemble_listing.py``. The bare side opens and initialises one job per run,
then reads state point and document of each; ours is ``Ensemble.plan`` and ``Ensemble.status``.
Both sides are timed in turn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import signac
from _common import fresh_folder, machine, run_script, side_by_side

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
    print(f"{machine()}; {options.runs} planned runs; {options.repeats} repeats")
    planning = side_by_side(
        lambda folder: plan(folder, protocols),
        lambda folder: plan_bare(folder, protocols),
        options.repeats,
        fresh=fresh_folder,
        warm_up=False,
    )
    print(f"planning: {planning.text('bare signac')}")
    with fresh_folder() as ours, fresh_folder() as bare:
        plan(ours, protocols)
        plan_bare(bare, protocols)
        listing = side_by_side(
            lambda _: list_runs(ours), lambda _: list_bare(bare), options.repeats
        )
    print(f"listing: {listing.text('bare signac')}")


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


if __name__ == "__main__":
    run_script(main)
