"""How far correlation lengths are off, in fields made with a known one.

Gaussian random fields with the correlation exp(−r / ξ) in periodic boxes, read at random places of
particles, eight runs to a set. Printed is, for several shares of the box edge L: by how much the
fitted length is off in the mean over sets (of its logarithm), how much it varies between sets, in
which share of the sets the length is given and not refused, and in which share of these its
interval holds the true one::

    python benchmarks/correlation_length.py --sets 40
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np
import pandas as pd
from _common import run_script
from numpy.typing import NDArray
from tqdm import tqdm

from gnnglass.compare import CorrelationLength, SpatialCorrelation
from gnnglass.compare.spatial import fit_length
from gnnglass.trajectories import Snapshot, neighbor_pairs

RUNS = 8
#: L / ξ.
RATIOS = (32, 16, 12, 8, 6, 4)
WIDTH = 0.25
#: Edge of the box, places of the grid along it, and particles, in two and three dimensions.
BOXES = {2: (32.0, 256, 1500), 3: (16.0, 64, 1500)}


def spectrum(edge: float, side: int, dimension: int, xi: float) -> NDArray[np.float64]:
    """Fourier transform of exp(−r / ξ) summed over images, on the grid."""
    axis = np.arange(side) * edge / side
    total = np.zeros((side,) * dimension)
    for image in product((-2, -1, 0, 1), repeat=dimension):
        parts = np.meshgrid(*(axis + k * edge for k in image), indexing="ij")
        total += np.exp(-np.sqrt(sum(part**2 for part in parts)) / xi)
    return np.fft.fftn(total).real.clip(0)


class Places:
    """Random places of particles on the grid, whose pairs are looked for once for all fields."""

    def __init__(self, rng: np.random.Generator, dimension: int) -> None:
        edge, side, self.n = BOXES[dimension]
        self.box = np.full(dimension, edge)
        self.n_bins = round(edge / 4 / WIDTH)
        self.taken = rng.choice(side**dimension, self.n, replace=False)
        cells = np.stack(np.unravel_index(self.taken, (side,) * dimension), axis=-1)
        types = np.zeros(self.n, dtype=np.int32)
        snapshot = Snapshot(self.box, (cells / side - 0.5) * edge, types)
        pairs = neighbor_pairs(snapshot, self.n_bins * WIDTH)
        once = pairs.i < pairs.j
        self.pairs = np.stack([pairs.i[once], pairs.j[once]])
        self.bins = np.minimum((pairs.distances[once] / WIDTH).astype(int), self.n_bins)
        half = 2 * cells // side @ 2 ** np.arange(dimension)
        self.groups = {1: np.zeros_like(half), 2: half}

    def measured(
        self, field: NDArray[np.float64], blocks: int
    ) -> tuple[NDArray[np.float64], float]:
        """Mean product of fluctuations in each bin, and their variance."""
        values, group = field.ravel()[self.taken], self.groups[blocks]
        delta = values - (np.bincount(group, values) / np.bincount(group))[group]
        i, j = self.pairs
        within = group[i] == group[j]
        bins = self.bins[within]
        total = np.bincount(bins, (delta[i] * delta[j])[within], self.n_bins + 1)
        count = np.bincount(bins, minlength=self.n_bins + 1)
        return (total / np.maximum(count, 1))[: self.n_bins], float((delta**2).mean())

    def correlation(self, fields: list[NDArray[np.float64]], blocks: int) -> SpatialCorrelation:
        """The spatial correlation of one field per run."""
        products, sizes = zip(*(self.measured(field, blocks) for field in fields), strict=True)
        return SpatialCorrelation(
            field="f",
            species="A",
            r=np.asarray((np.arange(self.n_bins) + 0.5) * WIDTH),
            per_run=np.stack(products) / np.array(sizes)[:, None],
            variances=np.array(sizes) / np.mean(sizes),
            edges=self.box / blocks,
            n_particles=self.n / blocks ** len(self.box),
            blocks=blocks,
            seed=0,
        )


def row(dimension: int, ratio: float, sets: int) -> dict[str, str]:
    """The figures of one length."""
    edge, side, _ = BOXES[dimension]
    truth = edge / ratio
    rng = np.random.default_rng([dimension, int(ratio)])
    amplitude = np.sqrt(spectrum(edge, side, dimension, truth))
    places = [Places(rng, dimension) for _ in range(4)]
    found: list[CorrelationLength] = []
    for k in range(sets):
        noise = (np.fft.fftn(rng.standard_normal(amplitude.shape)) for _ in range(RUNS))
        fields = [np.fft.ifftn(amplitude * each).real for each in noise]
        whole, halved = (places[k % 4].correlation(fields, blocks) for blocks in (1, 2))
        found.append(fit_length(whole, halved, 1.0))
    fitted = np.array([one.decay.length for one in found]) / truth
    given = [one.interval for one in found if np.isfinite(one.estimate)]
    error = np.nanstd(np.log(fitted)) / np.sqrt(sets)
    return {
        "dimension": str(dimension),
        "ξ / L": f"1/{ratio}",
        "bias of the fit": f"{np.exp(np.nanmean(np.log(fitted))) - 1:+.3f} ± {error:.3f}",
        "spread": f"{np.nanstd(np.log(fitted)):.2f}",
        "given": f"{len(given) / sets:.2f}",
        "covered": f"{np.mean([one.holds(truth) for one in given]):.2f}" if given else "–",
    }


def table(sets: int) -> pd.DataFrame:
    """One row per dimension and length."""
    todo = [(dimension, ratio) for dimension in BOXES for ratio in RATIOS]
    return pd.DataFrame([row(d, ratio, sets) for d, ratio in tqdm(todo, desc="lengths")])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sets", type=int, default=40, help="sets of eight runs per length")
    arguments = parser.parse_args()
    print(table(arguments.sets).to_string(index=False))


if __name__ == "__main__":
    run_script(main)
