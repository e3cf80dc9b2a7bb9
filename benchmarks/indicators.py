"""What the structural indicators of one large snapshot cost, in time and in memory.

Run ``python benchmarks/indicators.py``. Each indicator is measured in a process of its own, because
memory at its peak is a property of a process, and then all of them together, as ``annotate`` does.
Where freud has the same quantity it is timed in the same process, in turn; it computes in single
precision, and the largest difference is printed. ``--threads 2`` lets freud use two cores, for its
own quantities and for the neighbours that ours take from it; all else uses one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
from _common import in_own_process, machine, median, peak_memory, run_script, side_by_side, timed

from gnnglass.structure import indicators_for, symmetry_functions
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot, Trajectory

SYSTEMS = {2: "kam2d", 3: "ka3d"}
Values = np.ndarray[Any, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=3, choices=(2, 3))
    parser.add_argument("--indicators", nargs="+", help="by their names; all by default")
    parser.add_argument("--repeats", type=int, default=3, help="timings of each side")
    parser.add_argument("--threads", type=int, default=1, help="threads of freud")
    options = parser.parse_args()
    setting = (options.dimension, options.particles, options.threads)
    print(
        f"{machine()}; {options.particles} particles in {options.dimension}D, {options.threads} "
        f"thread(s), medians of {options.repeats}: s by the clock, s of CPU, peak memory of the "
        "process; and CPU time against freud"
    )
    known = indicators_for(Trajectory([example_snapshot(options.dimension)], metadata(setting[0])))
    every = [*known, "symmetry functions", "all"]
    unknown = [name for name in options.indicators or () if name not in every]
    if unknown:
        parser.error(
            f"there is no {unknown[0]!r} in {options.dimension}D; known: {', '.join(every)}"
        )
    for name in options.indicators or every:
        print(in_own_process(measure, name, setting, options.repeats), flush=True)


def metadata(dimension: int) -> dict[str, str]:
    return {"system": SYSTEMS[dimension]}


def measure(name: str, setting: tuple[int, int, int], repeats: int) -> str:
    """One line on one indicator, or on all; runs in a process of its own."""
    import freud

    dimension, n, threads = setting
    freud.parallel.set_num_threads(threads)
    snapshot = example_snapshot(dimension, n)
    known = indicators_for(Trajectory([snapshot], metadata(dimension)))
    against_freud = ""
    if name == "all":
        timings = [timed(lambda: [one.compute(snapshot) for one in known.values()])]
    elif name == "symmetry functions":
        timings = [timed(lambda: symmetry_functions(snapshot))]
    elif name in FREUD:
        mine = known[name].compute(snapshot.replace()).values
        difference = np.abs(mine - FREUD[name](snapshot)).max()
        found = side_by_side(
            known[name].compute,
            FREUD[name],
            repeats,
            # A copy, because the triangulation of the last snapshot is kept.
            fresh=lambda: nullcontext(snapshot.replace()),
            warm_up=False,
        )
        timings = list(found.ours)
        against_freud = f"; {found.text('freud', 'cpu')}; differ by {difference:.1g}"
    else:
        timings = []
        for _ in range(repeats):
            copy = snapshot.replace()
            timings.append(timed(partial(known[name].compute, copy)))
    middle = median(timings)
    # The peak counts freud's memory, too, where it is timed.
    return (
        f"  {name:24s} {middle.wall:8.2f} s {middle.cpu:8.2f} s CPU "
        f"{peak_memory() / 1e9:6.2f} GB{against_freud}"
    )


def freud_system(snapshot: Snapshot) -> tuple[Any, Values]:
    import freud

    points = np.zeros((len(snapshot), 3), dtype=np.float32)
    points[:, : snapshot.dimension] = snapshot.positions
    return freud.box.Box(*snapshot.box, is2D=snapshot.dimension == 2), points


def freud_voronoi(snapshot: Snapshot) -> Values:
    import freud

    return freud.locality.Voronoi().compute(freud_system(snapshot)).volumes


def freud_coordination(snapshot: Snapshot) -> Values:
    import freud

    box, points = freud_system(snapshot)
    query = freud.locality.AABBQuery(box, points).query(points, {"r_max": 1.5, "exclude_ii": True})
    return query.toNeighborList().neighbor_counts


def freud_hexatic(snapshot: Snapshot) -> Values:
    import freud

    found = freud.order.Hexatic(k=6).compute(freud_system(snapshot), {"num_neighbors": 6})
    return np.abs(found.particle_order)


def freud_steinhardt(degree: int, average: bool = False) -> Callable[[Snapshot], Values]:
    def order(snapshot: Snapshot) -> Values:
        import freud

        found = freud.order.Steinhardt(l=degree, average=average)
        return found.compute(freud_system(snapshot), {"num_neighbors": 12}).particle_order

    return order


FREUD: dict[str, Callable[[Snapshot], Values]] = {
    "coordination-number": freud_coordination,
    "hexatic-order": freud_hexatic,
    "steinhardt-q4": freud_steinhardt(4),
    "steinhardt-q6": freud_steinhardt(6),
    "steinhardt-q6-averaged": freud_steinhardt(6, average=True),
    "voronoi-density": lambda snapshot: 1 / freud_voronoi(snapshot),
    "voronoi-volume": freud_voronoi,
}


if __name__ == "__main__":
    run_script(main)
