"""How far a field is correlated in space."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gnnglass.compare.axes import axes_or_new
from gnnglass.compare.bootstrap import Interval, bootstrap_interval
from gnnglass.compare.over_runs import run_means
from gnnglass.compare.scores import FieldSet, UndefinedCorrelationError
from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

ALL = "all"
"""Stands for the particles of all species together, each relative to the mean of its species."""


@dataclass(frozen=True, eq=False)
class SpatialCorrelation:
    """Spatial correlation function of a field.

    Attributes:
        field: Name of the field.
        species: Which particles; ``"all"`` for those of every species.
        r: Middle of each bin of distances, shape [n_bins].
        per_run: C(r) of each run, shape [n_runs, n_bins]; NaN where some configuration has no
            pair in the bin.
        edges: Edges of the box (of a block, if it was cut in blocks), shape [d].
        n_particles: Particles in it, on average.
        blocks: Into how many parts each edge of the box was cut; 1 is the periodic box itself.
        seed: Seed of the bootstrap.
    """

    field: str
    species: str
    r: FloatArray
    per_run: FloatArray
    edges: FloatArray
    n_particles: float
    blocks: int
    seed: int

    @property
    def n_runs(self) -> int:
        """Number of independent runs."""
        return len(self.per_run)

    @property
    def estimate(self) -> FloatArray:
        """C(r), mean over runs, shape [n_bins]."""
        return np.asarray(self.per_run.mean(axis=0))

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """95 % bootstrap interval over runs of each bin."""
        return tuple(bootstrap_interval(each.tolist(), seed=self.seed) for each in self.per_run.T)

    def to_frame(self) -> pd.DataFrame:
        """One row per bin that has pairs."""
        import pandas as pd

        table = pd.DataFrame(
            {
                "field": self.field,
                "species": self.species,
                "r": self.r,
                "estimate": self.estimate,
                "low": [each.low for each in self.intervals],
                "high": [each.high for each in self.intervals],
                "n_runs": self.n_runs,
            }
        )
        return table.dropna(subset="estimate", ignore_index=True)

    def sentence(self) -> str:
        """Where C(r) begins and where it ends, in one sentence."""
        table = self.to_frame()
        ends = [
            f"{row.estimate:+.3f} [{row.low:+.3f}, {row.high:+.3f}] at r = {row.r:.3g}"
            for row in (table.iloc[0], table.iloc[-1])
        ]
        return (
            f"Spatial correlation of {self.field}, {self.species} particles: {' and '.join(ends)} "
            f"(95 % bootstrap over {self.n_runs} runs); the mean of each configuration is "
            f"removed, so that without any correlation it is {-1 / (self.n_particles - 1):.4f}."
        )

    def plot(self, ax: Axes | None = None, *, color: str = "C0", label: str = "") -> Axes:
        """Draw C(r) with its intervals.

        Args:
            ax: Axes to draw on; a new figure is made without.
            color: Colour of the curve.
            label: What a legend shall say.
        """
        ax = axes_or_new(ax)
        table = self.to_frame()
        ax.plot(table["r"], table["estimate"], "o-", color=color, label=label, markersize=3)
        ax.fill_between(table["r"], table["low"], table["high"], color=color, alpha=0.2)
        ax.axhline(0, color="0.7", linewidth=0.8, zorder=0)
        ax.set_xlabel("r")
        ax.set_ylabel("C(r)")
        ax.set_title(f"{self.field}, {self.species} particles", fontsize="medium")
        return ax


def spatial_correlation(
    snapshots: Sequence[Snapshot],
    field: str,
    *,
    runs: Sequence[Hashable],
    species: Sequence[str] | None = None,
    bin_width: float = 0.25,
    r_max: float | None = None,
    blocks: int = 1,
    seed: int = 0,
) -> dict[str, SpatialCorrelation]:
    """Correlation of the fluctuations of a field at two particles a distance r apart.

    C(r) = ⟨δ_i δ_j⟩_{r_ij ≈ r} / ⟨δ_i²⟩ with δ_i = φ_i − ⟨φ⟩, the mean being that of the species
    in the configuration: it is one at r = 0 and, as a correlation per pair, free of the
    oscillations of g(r) (Donati, Glotzer & Poole, Phys. Rev. Lett. 82, 5064 (1999), for
    displacements). Each configuration by itself, then its run, then over runs.

    As Σ_i δ_i = 0, the mean of C over all pairs is −1 / (N − 1) whatever the field: what is
    correlated nearby appears anticorrelated far away. `correlation_length` accounts for that.

    Args:
        snapshots: Configurations holding the field.
        field: Name of the field.
        runs: Independent run of each configuration.
        species: Names of the species to treat, each by itself, and ``"all"`` for the particles
            of all species together; all that are present, each by itself, by default.
        bin_width: Width of the bins of distances.
        r_max: Largest distance; by default a quarter of the shortest edge of the box.
        blocks: Cut each edge of the box into so many parts and take pairs and means within each
            block only: what a smaller system, without periodic images, would look like.
        seed: Seed of the bootstrap.

    Returns:
        One `SpatialCorrelation` per species.

    Raises:
        InputError: If the field is missing or not finite somewhere, the runs do not match the
            configurations, the boxes differ, or a length does not fit them.
        UndefinedCorrelationError: If the field is constant over the species in a configuration.
    """
    fields = FieldSet(snapshots, runs)
    box = _common_box(fields)
    reach = float(box.min()) / 4 if r_max is None else r_max
    if not 0 < bin_width <= reach:
        raise InputError(
            f"bins of width {bin_width:g} were asked for up to r = {reach:.4g}; expected a "
            "positive width below that."
        )
    if blocks < 1:
        raise InputError(f"blocks is {blocks}; expected 1 for the whole box, or more.")
    n_bins = int(reach / bin_width + 1e-9)
    values = fields.values(field)
    names = fields.species if species is None else tuple(species)
    found: dict[str, list[FloatArray]] = {name: [] for name in names}
    for k, snapshot in enumerate(fields.snapshots):
        pairs = neighbor_pairs(snapshot, n_bins * bin_width)
        block = _block_of(snapshot, blocks)
        within = block[pairs.i] == block[pairs.j]
        i, j = pairs.i[within], pairs.j[within]
        bins = (pairs.distances[within] / bin_width).astype(np.int64)
        for name in names:
            member = np.full(len(snapshot), True) if name == ALL else snapshot.of_type(name)
            delta = _fluctuation(snapshot, values[k], block, member)
            size = np.mean(delta[member] ** 2) if member.any() else 0.0
            if size == 0:
                raise UndefinedCorrelationError(
                    f"field {field!r} is constant over the {int(member.sum())} {name} particles "
                    f"of {fields.describe(k)}, so it has no fluctuations to correlate; leave that "
                    "configuration out."
                )
            both = member[i] & member[j]
            count = np.bincount(bins[both], minlength=n_bins)[:n_bins]
            product = delta[i[both]] * delta[j[both]]
            total = np.bincount(bins[both], product, minlength=n_bins)[:n_bins]
            found[name].append(np.where(count > 0, total / np.maximum(count, 1) / size, np.nan))
    return {
        name: SpatialCorrelation(
            field=field,
            species=name,
            r=np.asarray((np.arange(n_bins) + 0.5) * bin_width),
            per_run=run_means(np.stack(curves), fields.runs),
            edges=box / blocks,
            n_particles=_mean_count(fields, name) / blocks ** len(box),
            blocks=blocks,
            seed=seed,
        )
        for name, curves in found.items()
    }


def _common_box(fields: FieldSet) -> FloatArray:
    box = fields.snapshots[0].box
    for k, snapshot in enumerate(fields.snapshots):
        if snapshot.box.shape != box.shape or not np.allclose(snapshot.box, box, rtol=1e-4):
            edges = [" × ".join(f"{edge:.4g}" for edge in each) for each in (snapshot.box, box)]
            raise InputError(
                f"{fields.describe(k)} has the box {edges[0]}, others {edges[1]}; a spatial "
                "correlation is of boxes of one size: treat each size by itself."
            )
    return box


def _block_of(snapshot: Snapshot, blocks: int) -> NDArray[np.int64]:
    """Number of the block each particle is in, shape [n]."""
    cell = np.floor((snapshot.positions / snapshot.box + 0.5) * blocks).astype(np.int64)
    return np.asarray(np.minimum(cell, blocks - 1) @ blocks ** np.arange(snapshot.dimension))


def _fluctuation(
    snapshot: Snapshot,
    values: FloatArray,
    block: NDArray[np.int64],
    member: NDArray[np.bool_],
) -> FloatArray:
    """Each member's value less the mean over its species in its block, shape [n]; others 0."""
    group = block * len(snapshot.type_names) + snapshot.types
    total = np.bincount(group, np.where(member, values, 0.0))
    count = np.bincount(group, member)
    means = total / np.maximum(count, 1)
    return np.where(member, values - means[group], 0.0)


def _mean_count(fields: FieldSet, species: str) -> float:
    return float(
        np.mean([len(s) if species == ALL else s.of_type(species).sum() for s in fields.snapshots])
    )
