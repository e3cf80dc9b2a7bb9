"""What the structural indicators of one large snapshot cost, in time and in memory.

Run ``python benchmarks/indicators.py``. Each indicator is measured in a process of its own, because
memory at its peak is a property of a process, and then all of them together, as ``annotate`` does.
Where freud has the same quantity it is timed in the same process, in turn; it computes in single
precision, and the largest difference is printed. ``--threads 2`` lets freud use two cores, for its
own quantities and for the neighbours that ours take from it; all else uses one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from gnnglass.structure import indicators_for, symmetry_functions
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot, Trajectory

SYSTEMS = {2: "kam2d", 3: "ka3d"}
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
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
        f"{options.particles} particles in {options.dimension}D, {options.threads} thread(s), "
        f"medians of {options.repeats}; s by the clock, s of CPU, peak memory of the process"
    )
    known = indicators_for(Trajectory([example_snapshot(options.dimension)], metadata(setting[0])))
    for name in options.indicators or [*known, "symmetry functions", "all"]:
        # A fresh process, since Linux counts what a child inherits; its start is not timed.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            print(pool.submit(measure, name, setting, options.repeats).result(), flush=True)


def metadata(dimension: int) -> dict[str, str]:
    return {"system": SYSTEMS[dimension]}


def measure(name: str, setting: tuple[int, int, int], repeats: int) -> str:
    """One line on one indicator, or on all; runs in a process of its own."""
    import freud

    dimension, n, threads = setting
    freud.parallel.set_num_threads(threads)
    snapshot = example_snapshot(dimension, n)
    known = indicators_for(Trajectory([snapshot], metadata(dimension)))
    theirs = FREUD.get(name) if name in known else None
    ours: list[tuple[float, float]] = []
    reference: list[tuple[float, float]] = []
    for _ in range(1 if name in ("all", "symmetry functions") else repeats):
        # A copy, because the triangulation of the last snapshot is kept.
        fresh = snapshot.replace()
        if name == "all":
            ours.append(timed(lambda fresh=fresh: [o.compute(fresh) for o in known.values()])[1])
        elif name == "symmetry functions":
            ours.append(timed(lambda fresh=fresh: symmetry_functions(fresh))[1])
        else:
            mine, seconds = timed(lambda fresh=fresh: known[name].compute(fresh).values)
            ours.append(seconds)
        if theirs is not None:
            other, seconds = timed(lambda fresh=fresh: theirs(fresh))
            reference.append(seconds)
    # The peak counts freud's memory, too, where it is timed.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / 1e9
    wall, cpu = (statistics.median(side) for side in zip(*ours, strict=True))
    line = f"  {name:24s} {wall:8.2f} s {cpu:8.2f} s CPU {peak:6.2f} GB"
    if theirs is not None:
        wall, freud_cpu = (statistics.median(side) for side in zip(*reference, strict=True))
        line += (
            f"; freud {wall:8.2f} s {freud_cpu:8.2f} s CPU; ratio {cpu / freud_cpu:.2f}; "
            f"differ by {np.abs(mine - other).max():.1g}"
        )
    return line


def timed(work: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """What comes of it, and the seconds by the clock and of CPU that it takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    return done, (time.perf_counter() - wall, time.process_time() - cpu)


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
    main()
