"""A box of a million particles: how long a run takes, and how much memory its processes need.

Run ``python benchmarks/large_box.py``. Each engine runs ``gnnglass simulate`` as a user would, by
one process and then by two under ``mpiexec``; every file is read back and its energies are compared
with those of the NumPy oracle. An engine that is not installed, or was built without MPI, is left
out.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from _common import engines_here, fresh_folder, machine, run_script

from gnnglass.simulate import ENGINES
from gnnglass.systems import glass_former
from gnnglass.trajectories import read

#: Carries out a command and then tells the peak memory (kB) of the largest process below it.
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", nargs="+", default=ENGINES.names(), choices=ENGINES.names())
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--particles", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=100, help="steps of the melt, hold and frames")
    options = parser.parse_args()
    print(machine())
    for engine in engines_here(options.engines):
        for processes in options.processes:
            with fresh_folder() as folder:
                out = folder / "big.gsd"
                measure(engine, processes, options.particles, options.steps, out)


def measure(engine: str, processes: int, n: int, steps: int, out: Path) -> None:
    """Run once, and print seconds, memory and the error of the energies."""
    launcher: list[str] = []
    if processes > 1:
        beside = Path(sys.executable).with_name("mpiexec")
        found = str(beside) if beside.is_file() else shutil.which("mpiexec")
        if found is None:
            print(f"{engine}, {processes} processes: left out, there is no mpiexec")
            return
        launcher = [found, "-n", str(processes)]
    simulate = [sys.executable, "-m", "gnnglass", "simulate", "ka3d", f"--engine={engine}"]
    protocol = [f"--n-particles={n}", "--kT=1.0", "--kT-melt=2.0", "--n-frames=2"]
    lengths = [f"--{what}={steps}" for what in ("melt-steps", "hold-steps", "frame-interval")]
    command = [*launcher, *simulate, *protocol, *lengths, "-o", str(out)]
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - begun
    if done.returncode != 0:
        print(f"{engine}, {processes} processes: failed\n{done.stderr[-2000:]}")
        return
    peak = int(done.stderr.rpartition("peak ")[2])
    system, frames = glass_former("ka3d"), read(out)
    last = frames[-1]
    error = np.abs(last.field("potential_energy") - system.energies(last)).max()
    print(
        f"{engine}, {processes} process{'es' * (processes > 1)}: {len(frames)} frames of "
        f"{len(last)} particles in {seconds:.0f} s; peak memory of the largest process "
        f"{peak / 2**20:.2f} GiB; file {out.stat().st_size / 2**20:.0f} MiB; energies per "
        f"particle within {error:.1g} of the oracle's for the positions as written"
    )


if __name__ == "__main__":
    run_script(main)
