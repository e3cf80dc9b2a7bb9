"""One run shared by two processes that ``mpiexec`` started."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gnnglass.systems import GLASS_FORMERS
from gnnglass.testing import example_of
from gnnglass.trajectories import Trajectory, read, write

SCRIPT = """
import sys
from pathlib import Path
from gnnglass.simulate import ENGINES, Protocol
from gnnglass.systems import GLASS_FORMERS
from gnnglass.trajectories import read, write, Trajectory

engine, system = ENGINES.create(sys.argv[1]), GLASS_FORMERS.create(sys.argv[2])
protocol = Protocol(n_particles=600, kT=1.5, seed=1, n_frames=2, frame_interval=50,
                    hold_steps=50, melt_steps=100, cooling_rate=None)
trajectory = engine.run(system, protocol, sys.argv[3])
assert len(trajectory) == 2
if engine.name == "lammps":
    minimum = engine.minimize(system, read(sys.argv[3] + ".near")[0])
    if engine.rank == 0:
        write(sys.argv[3] + ".minimum", Trajectory([minimum]))
Path(f"{sys.argv[3]}.rank-{engine.rank}").touch()
"""


@pytest.mark.parametrize("name", ["kam2d", "ka3d"])
def test_two_processes_share_a_run(engine, tmp_path, name):
    launcher = Path(sys.executable).with_name("mpiexec")
    if not launcher.is_file():
        pytest.skip("there is no mpiexec beside this Python (lammps[mpi] brings one)")
    if engine.name == "hoomd" and not engine._hoomd.version.mpi_enabled:
        pytest.skip("this HOOMD-blue was built without MPI")
    script, out = tmp_path / "script.py", tmp_path / "run.gsd"
    script.write_text(SCRIPT)
    system = GLASS_FORMERS.create(name)
    if engine.name == "lammps":
        # Near a minimum, because processes that wait for each other at every step are slow where
        # others want the cores, too.
        known = engine.minimize(system, example_of(system))
        noise = np.random.default_rng(0).normal(scale=0.01, size=known.positions.shape)
        write(f"{out}.near", Trajectory([known.replace(positions=known.positions + noise)]))
    command = [str(launcher), "-n", "2", sys.executable, str(script), engine.name, name, str(out)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # Files, because what two processes print may be interleaved in the middle of a word.
    assert sorted(path.suffix for path in tmp_path.glob("*.rank-*")) == [".rank-0", ".rank-1"]
    for snapshot in read(out):
        np.testing.assert_allclose(
            snapshot.field("potential_energy"), system.energies(snapshot), atol=2e-3
        )
    if engine.name != "lammps":
        return  # It minimises in one process only.
    [minimum] = read(f"{out}.minimum")
    np.testing.assert_allclose(
        minimum.field("potential_energy"), known.field("potential_energy"), atol=1e-4
    )
