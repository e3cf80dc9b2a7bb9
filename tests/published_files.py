"""Small files in the formats of published data sets, made up and yet periodic and dense enough."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnglass.systems import glass_former

FloatArray = NDArray[np.float64]
#: Cubes and squares of whole numbers, in boxes that all indicators fit into.
N = {2: 400, 3: 512}
DENSITY = {2: 1290 / 32.8962**2, 3: 1.2}


def lattice(d: int, seed: int) -> tuple[FloatArray, NDArray[np.int8], float]:
    """Positions in [0, edge) on a lattice that is badly shaken, types, and the edge."""
    rng = np.random.default_rng(seed)
    per_side = round(N[d] ** (1 / d))
    edge = (N[d] / DENSITY[d]) ** (1 / d)
    sites = np.stack(np.meshgrid(*[np.arange(per_side)] * d), axis=-1).reshape(-1, d)
    shaken = (sites + 0.5 + rng.normal(0, 0.12, sites.shape)) * edge / per_side
    counts = glass_former({2: "ka2d-ternary", 3: "ka3d"}[d]).counts(N[d])
    types = np.repeat(np.arange(len(counts)), counts).astype(np.int8)
    return shaken % edge, rng.permutation(types), edge


def displacements(d: int, seed: int, n_clones: int = 4, n_lags: int = 1) -> FloatArray:
    """How far particles of different mobility go, shape [n_clones, n_lags, n, d]."""
    rng = np.random.default_rng(seed + 1000)
    mobility = rng.uniform(0.1, 0.5, (N[d], 1)) * np.arange(1, n_lags + 1)[:, None, None]
    return np.asarray(mobility * rng.normal(size=(n_clones, n_lags, N[d], d)))


def botan(
    folder: Path, number: int = 1, *, kT: str = "0.44", code: str = "07", n_clones: int = 4
) -> Path:
    """One lag of a 3D Kob–Andersen mixture, under a published name."""
    start, types, _ = lattice(3, number)
    path = folder / f"isoconfig_N4096T{kT}_{number}_tc{code}.npz"
    moved = displacements(3, number, n_clones)[:, 0]
    np.savez(path, types=types, initial_positions=start, positions=start + moved)
    return path


def deepmind(folder: Path, number: int = 1, times: tuple[float, ...] = (1.0, 2.0, 3.0)) -> Path:
    """Several lags of a 3D mixture that the file does not name."""
    start, types, edge = lattice(3, number)
    moved = displacements(3, number, n_lags=len(times))
    data = {
        "positions": start,
        "types": types.astype(np.int32),
        "box": np.full(3, edge),
        "time": list(times),
        "time_indices": list(range(len(times))),
        "trajectory_target_positions": [
            [start + clone[lag] for clone in moved] for lag in range(len(times))
        ],
        "metadata": {"temperature": 0.44},
    }
    path = folder / f"deepmind-{number}.pickle"
    path.write_bytes(pickle.dumps(data, protocol=3))
    return path


def glassbench(folder: Path, d: int, number: int = 1) -> Path:
    """Propensities at two lags and predictions of two models, one of them exact."""
    start, types, edge = lattice(d, number)
    rng = np.random.default_rng(number)
    propensity = rng.uniform(size=(2, len(start)))
    arrays: dict[str, Any] = {
        "types": types + 1,
        "initial_positions": start - edge / 2,
        "md_prop": propensity,
        "bb_prop": rng.uniform(size=propensity.shape),
        "BOTAN": 2 * propensity + 1,
        "CAGE": rng.uniform(size=propensity.shape),
    }
    path = folder / {2: f"N1290T0.23_{number}.npz", 3: f"N4096T0.44_{number}.npz"}[d]
    np.savez(path, **arrays)
    return path
