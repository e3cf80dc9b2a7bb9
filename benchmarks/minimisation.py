"""Whether hot liquids are minimised without failure, and into the basin they lie in.

Frames of every glass former, one time unit apart, at the lowest of the temperatures 1, 2, 4, … at
which fewer than 1/e of the particles are within 0.3 of where they were one time unit before. The
first of them are also led downhill by LSODA (SciPy) with 1e-6 of tolerance: an independent
steepest descent, whose minimum should be the engine's::

    python benchmarks/minimisation.py --engine lammps --frames 500 --compared 20
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from _common import run_script
from numpy.typing import NDArray
from tqdm import tqdm

from gnnglass.errors import SimulationError
from gnnglass.simulate import ENGINES, Engine, Protocol
from gnnglass.simulate.inherent import separated
from gnnglass.simulate.lammps import LammpsEngine
from gnnglass.systems import GLASS_FORMERS, GlassFormer, glass_former
from gnnglass.trajectories import Snapshot

FloatArray = NDArray[np.float64]
PARTICLES = {2: 100, 3: 300}
#: Minima whose energies per particle differ by less, relatively, are the same.
SAME = 1e-6
#: Distance from the start at which a particle has forgotten it.
AWAY = 0.3


def liquid(system: GlassFormer, kT: float, n_frames: int, seed: int) -> list[Snapshot]:
    """Frames of a hot liquid, one time unit apart."""
    dt = 0.005 / max(1.0, math.sqrt(kT))
    unit = round(1 / dt)
    n = max(PARTICLES[system.dimension], math.ceil((2 * system.r_max + 1) ** system.dimension
                                                   * system.density))  # fmt: skip
    protocol = Protocol(
        n_particles=n, kT=kT, kT_melt=kT, dt=dt, seed=seed, melt_steps=5 * unit, hold_steps=unit,
        cooling_rate=1.0, n_frames=n_frames, frame_interval=unit,
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        return list(LammpsEngine().run(system, protocol, Path(folder) / "run.gsd"))


def overlap(frames: list[Snapshot]) -> float:
    """Share of the particles that are where they were one frame before."""
    steps = np.diff([frame.unwrapped for frame in frames], axis=0)
    return float((np.linalg.norm(steps, axis=-1) < AWAY).mean())


def hottest(system: GlassFormer) -> float:
    """The lowest temperature of 1, 2, 4, … at which a start is forgotten within a time unit."""
    kT = 1.0
    while overlap(liquid(system, kT, 6, seed=0)) > 1 / math.e:
        kT *= 2
    return kT


def curvatures(system: GlassFormer, snapshot: Snapshot) -> FloatArray:
    """Second derivatives of the energy, shape [n d, n d]."""
    n, d = snapshot.positions.shape
    pairs, groups = system._pairs(snapshot)
    r = pairs.distances
    slope, curvature = np.zeros(len(r)), np.zeros(len(r))
    for potential, members in groups:
        here, shift = r[members], 1e-6
        slope[members] = -potential.force(here)
        curvature[members] = (
            potential.force(here - shift) - potential.force(here + shift)
        ) / (2 * shift)  # fmt: skip
    along = pairs.vectors / r[:, None]
    along = along[:, :, None] * along[:, None, :]
    across = np.eye(d) - along
    blocks = np.zeros((n, n, d, d))
    blocks[pairs.i, pairs.j] = (
        -curvature[:, None, None] * along - (slope / r)[:, None, None] * across
    )
    blocks[np.arange(n), np.arange(n)] = -blocks.sum(axis=1)
    return blocks.transpose(0, 2, 1, 3).reshape(n * d, n * d)


def downhill(system: GlassFormer, snapshot: Snapshot, engine: LammpsEngine) -> float:
    """Energy per particle of the minimum at the end of the path of steepest descent."""
    from scipy.integrate import solve_ivp

    start = separated(system, snapshot)

    def at(flat: FloatArray) -> Snapshot:
        return start.replace(positions=flat.reshape(start.positions.shape))

    def settled(_: float, flat: FloatArray) -> float:
        return float(np.abs(system.forces(at(flat))).max()) - 1e-4

    settled.terminal = True  # type: ignore[attr-defined]
    path = solve_ivp(
        lambda _, flat: system.forces(at(flat)).ravel(),
        (0, 1e4), start.positions.ravel(), method="LSODA", rtol=1e-6, atol=1e-6, events=settled,
        jac=lambda _, flat: -curvatures(system, at(flat)),
    )  # fmt: skip
    return float(engine.minimize(system, at(path.y[:, -1])).field("potential_energy").mean())


def measured(name: str, engine: Engine, n_frames: int, n_compared: int, seed: int) -> pd.Series:
    """One row of the table."""
    system = glass_former(name)
    kT = hottest(system)
    frames = liquid(system, kT, n_frames, seed)
    found, failures = [], 0
    for frame in tqdm(frames, desc=name):
        try:
            found.append(float(engine.minimize(system, frame).field("potential_energy").mean()))
        except SimulationError as error:
            tqdm.write(f"{name}, step {frame.step}: {error}")
            found.append(math.nan)
            failures += 1
    oracle = LammpsEngine()
    paths = [downhill(system, frame, oracle) for frame in tqdm(frames[:n_compared], desc="LSODA")]
    scale = np.nanmean(np.abs(found))
    same = np.abs(np.subtract(paths, found[:n_compared])) < SAME * scale
    return pd.Series(
        {
            "system": name,
            "N": len(frames[0]),
            "kT": f"{kT:g}",
            "overlap": f"{overlap(frames):.2f}",
            "frames": n_frames,
            "failures": failures,
            "same basin": f"{same.sum()} of {len(same)}",
            "energy": f"{np.nanmean(found):.4f}",
        }
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="lammps", help="the engine that minimises")
    parser.add_argument("--systems", nargs="+", default=GLASS_FORMERS.names())
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--compared", type=int, default=20, help="frames also followed by LSODA")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    engine = ENGINES.create(options.engine)
    rows = [
        measured(name, engine, options.frames, options.compared, options.seed)
        for name in options.systems
    ]
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    run_script(main)
