"""Draw docs/planted_motifs.png: each motif that can be planted in 2D, with its truth marked.

Run it from the repository; the configuration is simulated unless the folder holds it::

    python docs/planted_figures.py planted-base
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from gnnglass.planted import MOTIFS, Motif, base_configurations
from gnnglass.study.report import small_png
from gnnglass.trajectories import Snapshot

TARGET = Path(__file__).parent / "planted_motifs.png"
SHOWN = 6.0  # Of the box, this far from its middle.
STRONG = {"hexagonal-patch": 1.0, "swapped-species": 1.0, "compressed-region": 0.3}


def main(folder: Path) -> None:
    """Draw every motif at its default contrast, and below it at a strong one."""
    options = {"n_runs": 1, "frames_per_run": 6, "n_particles": 400, "seed": 1}
    [run] = base_configurations(folder, 2, **options)
    figure = Figure(figsize=(9, 6.4), layout="constrained")
    axes = figure.subplots(2, len(STRONG))
    for column, (name, contrast) in enumerate(STRONG.items()):
        motif = MOTIFS.create(name)
        for row, one in enumerate((motif, replace(motif, contrast=contrast))):
            draw(axes[row, column], run[0], one)
            axes[row, column].set_title(f"{name}, contrast {one.contrast:g}", fontsize=9)
    TARGET.write_bytes(small_png(figure))


def draw(ax, snapshot: Snapshot, motif: Motif) -> None:
    """Particles by species; what is planted around the one nearest the middle has a thick rim."""
    center = int(np.argmin(np.linalg.norm(snapshot.positions, axis=1)))
    planted = motif.plant(snapshot, np.random.default_rng(0), center=center)
    truth = planted.field("planted") == 1
    rims = {
        "edgecolors": np.where(truth, "black", "white"),
        "linewidths": np.where(truth, 1.5, 0.2),
    }
    planted.plot(ax, **rims).set(xlim=(-SHOWN, SHOWN), ylim=(-SHOWN, SHOWN))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
