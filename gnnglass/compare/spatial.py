"""How far a field is correlated in space, its correlation length, and whether the box suffices."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_memory, require_whole
from gnnglass._show import Told, axes_or_new
from gnnglass.compare.fields import FieldSet, UndefinedCorrelationError
from gnnglass.errors import InputError
from gnnglass.stats import Interval, Scale, mean_over_runs, run_means, statistic_over_runs
from gnnglass.trajectories import RunsLike, Snapshot, by_run, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

ALL = "all"
"""Stands for the particles of all species together, each relative to the mean of its species."""


@dataclass(frozen=True, eq=False, repr=False)
class SpatialCorrelation(Told):
    """Spatial correlation function of a field.

    Attributes:
        field: Name of the field.
        species: Which particles; ``"all"`` for those of every species.
        r: Middle of each bin of distances, shape [n_bins].
        per_run: C(r) of each run, shape [n_runs, n_bins]; NaN where some configuration has no
            pair in the bin.
        variances: Variance of the field in each run relative to that over all runs, shape
            [n_runs]; the weights of the runs.
        edges: Edges of the box (of a block, if it was cut in blocks), shape [d].
        n_particles: Particles in it, on average.
        blocks: Into how many parts each edge of the box was cut; 1 is the periodic box itself.
        seed: Seed of the interval.
    """

    field: str
    species: str
    r: FloatArray
    per_run: FloatArray
    variances: FloatArray
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
        """C(r) of all runs, shape [n_bins]."""
        return np.average(self.per_run, axis=0, weights=self.variances)

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """C(r) in each bin with its 95 % interval over runs."""
        # A ratio of means, to first order in what each run is off by.
        off = self.variances[:, None] * (self.per_run - self.estimate)
        return tuple(mean_over_runs(each, seed=self.seed) for each in (self.estimate + off).T)

    def to_frame(self) -> pd.DataFrame:
        """One row per bin that has pairs."""
        import pandas as pd

        bins = self.intervals
        table = pd.DataFrame(
            {
                "field": self.field,
                "species": self.species,
                "r": self.r,
                "estimate": [each.estimate for each in bins],
                "low": [each.low for each in bins],
                "high": [each.high for each in bins],
                "n_runs": self.n_runs,
            }
        )
        return table.dropna(subset="estimate", ignore_index=True)

    def sentence(self) -> str:
        """Where C(r) begins and where it ends, in one sentence."""
        bins = [
            (r, each)
            for r, each in zip(self.r, self.intervals, strict=True)
            if np.isfinite(each.estimate)
        ]
        if not bins:
            return f"Spatial correlation of {self.field}, {self.species} particles: no pair."
        ends = [f"{each.sentence('+.3f')} at r = {r:.3g}" for r, each in (bins[0], bins[-1])]
        return (
            f"Spatial correlation of {self.field}, {self.species} particles: {' and '.join(ends)}; "
            "the mean of each configuration is removed, so that without any correlation it is "
            f"{-1 / (self.n_particles - 1):.4f}."
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


@checks_arguments
def spatial_correlation(
    snapshots: RunsLike,
    field: str,
    *,
    runs: Sequence[Hashable] | None = None,
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
    displacements). Numerator and denominator are both averaged over configurations, then over
    runs, before one is divided by the other: a ratio of each configuration would be too small
    where it holds few correlated regions, because those that are larger by chance raise both.

    As Σ_i δ_i = 0, the mean of C over all pairs is −1 / (N − 1) whatever the field: what is
    correlated nearby appears anticorrelated far away. `correlation_length` accounts for that.

    Args:
        snapshots: Configurations holding the field: one trajectory or file per independent
            run, or snapshots, of which `runs` says the run.
        field: Name of the field.
        runs: Independent run of each snapshot; left out with trajectories or files.
        species: Names of the species to treat, each by itself, and ``"all"`` for the particles
            of all species together; all that are present, each by itself, by default.
        bin_width: Width of the bins of distances.
        r_max: Largest distance; by default a quarter of the shortest edge of the box.
        blocks: Cut each edge of the box into so many parts and take pairs and means within each
            block only: what a smaller system, without periodic images, would look like.
        seed: Seed of the interval.

    Returns:
        One `SpatialCorrelation` per species.

    Raises:
        InputError: If the field is missing or not finite somewhere, the runs do not match the
            configurations, the boxes differ, or a length does not fit them.
        UndefinedCorrelationError: If the field is constant over the species in a configuration.
    """
    snapshots, runs = by_run(snapshots, runs)
    field = snapshots[0].spelling(field)
    fields = FieldSet(snapshots, runs)
    box = _common_box(fields)
    reach = float(box.min()) / 4 if r_max is None else r_max
    if not 0 < bin_width <= reach < np.inf:
        raise InputError(
            f"bins of width {bin_width:g} were asked for up to r = {reach:.4g}; expected a "
            "positive width below that."
        )
    # One is the whole box.
    require_whole(1, blocks=blocks)
    require_memory(8 * float(blocks) ** len(box), f"cutting each edge into {blocks:.3g} parts")
    require_memory(8 * reach / bin_width, f"{reach / bin_width:.3g} bins of distances")
    n_bins = int(reach / bin_width + 1e-9)
    values = fields.values(field)
    names = fields.species if species is None else tuple(species)
    found: dict[str, list[FloatArray]] = {name: [] for name in names}
    sizes: dict[str, list[float]] = {name: [] for name in names}
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
            found[name].append(np.where(count > 0, total / np.maximum(count, 1), np.nan))
            sizes[name].append(float(size))
    variances = {name: run_means(sizes[name], fields.runs) for name in names}
    return {
        name: SpatialCorrelation(
            field=field,
            species=name,
            r=np.asarray((np.arange(n_bins) + 0.5) * bin_width),
            per_run=run_means(np.stack(curves), fields.runs) / variances[name][:, None],
            variances=variances[name] / variances[name].mean(),
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


N_NODES = {2: 24, 3: 10}
"""Nodes per edge of the means over a block, an even number."""

N_DIRECTIONS = 48
"""Directions over which what depends on that of a distance is averaged."""


@dataclass(frozen=True)
class Decay:
    """An exponential A exp(−r / ξ).

    Attributes:
        length: ξ, in units of length.
        amplitude: A, its value at r = 0.
    """

    length: float
    amplitude: float


def expected_shapes(
    correlation: SpatialCorrelation, r: ArrayLike, lengths: ArrayLike
) -> FloatArray:
    """What exp(−r / ξ) looks like once the mean of each configuration has been removed.

    The mean φ̄ is made of the same values, and ⟨(φ_i − φ̄)(φ_j − φ̄)⟩ = C(r_ij) − ⟨φ̄²⟩, where
    ⟨φ̄²⟩ is the mean of C over all pairs, that of a particle with itself included. A field that
    varies like A exp(−r / ξ) over distances, and by itself from one particle to the next, is
    therefore expected at A [E(r) − ⟨E⟩] − 1/N, with ⟨…⟩ over two places in the box. (That ⟨δ²⟩
    lacks ⟨φ̄²⟩, too, is taken up by A.)

    A periodic box has the waves that fit it, with the spectrum of exp(−r / ξ): E is the sum of
    exp(−r / ξ) over all images (Poisson's summation formula), here averaged over the directions of
    r, and ⟨E⟩ its integral over all space by the volume. In a block E(r) = exp(−r / ξ), and places
    near its faces have less to do with its mean than others: ⟨φ_i φ̄⟩ + ⟨φ_j φ̄⟩ − ⟨φ̄²⟩ over pairs at
    that distance stands for ⟨E⟩.

    Args:
        correlation: Tells of the box, periodic if it was not cut in blocks.
        r: Distances, shape [n_bins].
        lengths: Values of ξ, up to half the shortest edge, shape [n_lengths].

    Returns:
        E(r) − ⟨E⟩, shape [n_bins, n_lengths].
    """
    at, tried = np.asarray(r, dtype=np.float64), np.asarray(lengths, dtype=np.float64)
    if correlation.blocks == 1:
        return _in_periodic_box(at, tried, correlation.edges)
    return _in_block(at, tried, correlation.edges)


def _in_periodic_box(r: FloatArray, lengths: FloatArray, edges: FloatArray) -> FloatArray:
    d = len(edges)
    images = np.array([image for image in product(range(-2, 3), repeat=d) if any(image)]) * edges
    places = r[:, None, None, None] * _directions(d)[:, None] + images
    distance = np.linalg.norm(places, axis=-1).reshape(len(r), -1)
    total = np.exp(-r[:, None] / lengths)
    for column, length in enumerate(lengths):
        total[:, column] += np.exp(-distance / length).sum(axis=1) / N_DIRECTIONS
    space = {2: 2 * np.pi, 3: 8 * np.pi}[d] * lengths**d
    return np.asarray(total - space / np.prod(edges))


def _in_block(r: FloatArray, lengths: FloatArray, edges: FloatArray) -> FloatArray:
    d = len(edges)
    n = N_NODES[d]
    cells = np.indices((n,) * d).reshape(d, -1).T
    nodes = (cells + 0.5) / n * edges
    # How much a place has to do with the mean, for those in one corner: a block is symmetric.
    corner = nodes[(cells < n // 2).all(axis=1)]
    distance = np.linalg.norm(corner[:, None] - nodes, axis=-1)
    shares = np.stack([np.exp(-distance / length).mean(axis=1) for length in lengths], axis=1)
    folded = np.minimum(cells, n - 1 - cells) @ (n // 2) ** np.arange(d)[::-1]
    # Which places are one end of a pair at a distance.
    ends = nodes[:, None, None] + r[:, None, None] * np.abs(_directions(d))
    pairs = (ends < edges).all(axis=-1).sum(axis=-1)
    of_corner = np.stack([np.bincount(folded, each, len(corner)) for each in pairs.T])
    with_mean = of_corner @ shares / of_corner.sum(axis=1, keepdims=True)
    return np.asarray(np.exp(-r[:, None] / lengths) - 2 * with_mean + shares.mean(axis=0))


def _directions(dimension: int) -> FloatArray:
    """Unit vectors in all directions but for mirror images, shape [N_DIRECTIONS, d]."""
    k = (np.arange(N_DIRECTIONS) + 0.5) / N_DIRECTIONS
    if dimension == 2:
        return np.stack([np.cos(np.pi * k), np.sin(np.pi * k)], axis=1)
    # Along a spiral from pole to pole.
    height, turn = 1 - 2 * k, np.pi * (1 + np.sqrt(5)) * N_DIRECTIONS * k
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)


def fit_decay(excess: FloatArray, lengths: FloatArray, shapes: FloatArray) -> Decay:
    """Least squares over A and the lengths to choose from.

    For each ξ the best A is linear algebra, so that one search over ξ finds the global minimum.

    Args:
        excess: C(r) + 1/N, shape [n_bins].
        lengths: Values of ξ to choose from, shape [n_lengths].
        shapes: What each of them is expected to look like, shape [n_bins, n_lengths].

    Returns:
        The best; its amplitude is negative if nearby particles differ more than distant ones.
    """
    sizes = np.linalg.norm(shapes, axis=0)
    projections = excess @ shapes / sizes
    best = int(np.argmax(np.abs(projections)))
    return Decay(float(lengths[best]), float(projections[best] / sizes[best]))


LARGEST_SHARE = 1 / 8
"""A length beyond this share of the shortest edge cannot be told from the box."""

STEP = 0.01
"""Relative step between the lengths that are tried."""

FEWEST_BINS = 4


@dataclass(frozen=True, eq=False, repr=False)
class CorrelationLength(Told):
    """Length ξ of the decay of a field's spatial correlation, C(r) = A exp(−r / ξ).

    Attributes:
        correlation: The correlation function that was fitted.
        decay: ξ and A of the best fit; NaN if there is no decay to be fitted.
        interval: ξ with its 95 % interval over runs; NaN if ξ has no value, or is beyond what a
            box of that size can tell, with the reason in the note.
        fit_range: Distances between which it was fitted.
        ratio: ξ of the blocks of half the edge divided by ξ of the box, with its 95 % interval
            over runs.
    """

    correlation: SpatialCorrelation
    decay: Decay
    interval: Interval
    fit_range: tuple[float, float]
    ratio: Interval

    @property
    def estimate(self) -> float:
        """ξ, in units of length; NaN if it has no value."""
        return self.interval.estimate

    @property
    def quantity(self) -> str:
        """What the figure is, in words."""
        return (
            f"Correlation length of {self.correlation.field}, {self.correlation.species} particles"
        )

    @property
    def warning(self) -> str:
        """Why the box may be too small for ξ; empty if nothing speaks for that."""
        if np.isnan(self.estimate) or self.ratio.holds(1):
            return ""
        return "limited by the box: blocks of half the edge give another length"

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        import pandas as pd

        notes = [note for note in (self.interval.note, self.warning) if note]
        return pd.DataFrame(
            [
                {
                    "field": self.correlation.field,
                    "species": self.correlation.species,
                    "estimate": self.estimate,
                    "low": self.interval.low,
                    "high": self.interval.high,
                    "amplitude": self.decay.amplitude,
                    "fit_from": self.fit_range[0],
                    "fit_to": self.fit_range[1],
                    "edge": float(self.correlation.edges.min()),
                    "ratio": self.ratio.estimate,
                    "ratio_low": self.ratio.low,
                    "ratio_high": self.ratio.high,
                    "n_runs": self.correlation.n_runs,
                    "note": "; ".join(notes),
                }
            ]
        )

    def sentence(self) -> str:
        """The result in one sentence, with everything needed to quote it."""
        fitted = f"fitted at r = {self.fit_range[0]:g} … {self.fit_range[1]:.4g}"
        if np.isnan(self.estimate):
            return f"{self.quantity}: none, {fitted}: {self.interval.note}."
        ratio = f"{self.ratio.estimate:.2f}"
        if self.ratio.exists:
            ratio += f" [{self.ratio.low:.2f}, {self.ratio.high:.2f}]"
        warning = f"; {self.warning}" if self.warning else ""
        return (
            f"{self.quantity}: {self.interval.sentence('.2f')}, A exp(−r/ξ) with "
            f"A = {self.decay.amplitude:.2f} {fitted} in a box of edge "
            f"{self.correlation.edges.min():.4g}; blocks of half the edge give {ratio} times as "
            f"much{warning}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw C(r) with its intervals and the fit.

        Args:
            ax: Axes to draw on; a new figure is made without.
        """
        ax = self.correlation.plot(ax)
        if np.isfinite(self.decay.length):
            r = np.linspace(*self.fit_range, 100)
            shape = expected_shapes(self.correlation, r, [self.decay.length])[:, 0]
            curve = self.decay.amplitude * shape - 1 / self.correlation.n_particles
            ax.plot(r, curve, color="C1", label=f"ξ = {self.decay.length:.3g}")
            ax.legend(frameon=False)
        return ax


@checks_arguments
def correlation_length(
    snapshots: RunsLike,
    field: str,
    *,
    runs: Sequence[Hashable] | None = None,
    species: Sequence[str] | None = None,
    bin_width: float = 0.25,
    fit_range: tuple[float, float | None] = (1.0, None),
    seed: int = 0,
) -> dict[str, CorrelationLength]:
    """Length over which a field is correlated, and a check against the size of the box.

    C(r), averaged over runs, is fitted by A exp(−r / ξ) as it looks in a periodic box and less the
    mean that was removed (`expected_shapes`), by unweighted least squares over equal bins. An
    exponential is what correlations of particle motion in glassy samples were found to decay like
    (Weeks, Crocker & Weitz, J. Phys.: Condens. Matter 19, 205131 (2007)); A is free because a part
    of any per-particle field is independent from one particle to the next, and so is left out of ξ.
    The fit begins beyond the particles' diameter, where neighbours have the same surroundings for a
    reason that has nothing to do with ξ, and ends at a quarter of the box.

    The check: the same is done within blocks of half the edge. If ξ depends on that, it depends
    on the size of the box, too. A box holds few regions as large as an eighth of its edge: up to
    there ξ was measured to be unbiased and its intervals to cover
    (``benchmarks/correlation_length.py``). A ξ whose interval reaches beyond is not given; `decay`
    holds what was fitted.

    Args:
        snapshots: Configurations holding the field, all in boxes of one size: one trajectory
            or file per independent run, or snapshots, of which `runs` says the run.
        field: Name of the field, best one that was not smoothed, because smoothing alone already
            correlates it over the smoothing length.
        runs: Independent run of each snapshot; left out with trajectories or files.
        species: As in `spatial_correlation`.
        bin_width: Width of the bins of distances.
        fit_range: Distances between which C(r) is fitted; to a quarter of the shortest edge if
            the second is None.
        seed: Seed of the interval.

    Returns:
        One `CorrelationLength` per species.

    Raises:
        InputError: Like `spatial_correlation`, or if fewer than four bins are to be fitted.
        UndefinedCorrelationError: Like `spatial_correlation`.
    """
    start, end = fit_range
    snapshots, runs = by_run(snapshots, runs)
    whole, halved = (
        spatial_correlation(
            snapshots,
            field,
            runs=runs,
            species=species,
            bin_width=bin_width,
            r_max=end,
            blocks=blocks,
            seed=seed,
        )
        for blocks in (1, 2)
    )
    return {name: fit_length(whole[name], halved[name], start) for name in whole}


def fit_length(
    whole: SpatialCorrelation, halved: SpatialCorrelation, start: float
) -> CorrelationLength:
    """`correlation_length` from the correlation in the box and in blocks of half its edge."""
    use = (whole.r >= start) & np.isfinite(whole.estimate) & np.isfinite(halved.estimate)
    if use.sum() < FEWEST_BINS:
        raise InputError(
            f"the fit of a correlation length from r = {start:g} on has {use.sum()} bins with "
            f"pairs; expected at least {FEWEST_BINS}: use narrower bins, begin the fit earlier or "
            "simulate a larger system."
        )
    r, width = whole.r[use], float(whole.r[1] - whole.r[0])
    fit_range = (float(r[0] - width / 2), float(r[-1] + width / 2))
    edge = float(whole.edges.min())
    lengths = np.exp(np.arange(np.log(width), np.log(edge / 2), STEP))
    in_box, in_blocks = (
        _Fitter(
            each.per_run[:, use] + 1 / each.n_particles,
            each.variances,
            lengths,
            expected_shapes(each, r, lengths),
        )
        for each in (whole, halved)
    )
    everyone = range(whole.n_runs)

    def over_runs(statistic: Callable[[Sequence[int]], float], scale: Scale = "log") -> Interval:
        return statistic_over_runs(everyone, statistic, scale=scale, seed=whole.seed)

    decay = in_box(everyone)
    amplitude = over_runs(lambda picked: in_box(picked).amplitude, "linear")
    nothing = ""
    if decay.amplitude <= 0 or (amplitude.exists and amplitude.holds(0)):
        nothing = "the correlation there is not told apart from none"
    elif decay.length == lengths[0]:
        nothing = f"the decay is faster than bins of {width:g} can tell"
    elif decay.length == lengths[-1]:
        nothing = "there is no decay within the box"
    if nothing:
        none = Interval(np.nan, np.nan, np.nan, whole.n_runs, nothing)
        return CorrelationLength(whole, Decay(np.nan, np.nan), none, fit_range, none)
    interval = over_runs(lambda picked: in_box(picked).length)
    largest = LARGEST_SHARE * edge
    reach = max(decay.length, min(interval.high, edge / 2)) if interval.exists else decay.length
    if reach > largest:
        beyond = (
            f"the box is too small: the best fit has ξ = {interval.sentence('.3g')}, and nothing "
            f"beyond an eighth of the edge {edge:.4g} can be told, so that no more than "
            f"ξ ≳ {min(decay.length, largest):.3g} is known; simulate a box of edge at least "
            f"{reach / LARGEST_SHARE:.3g}"
        )
        none = Interval(np.nan, np.nan, np.nan, whole.n_runs, beyond)
        return CorrelationLength(whole, decay, none, fit_range, none)
    return CorrelationLength(
        correlation=whole,
        decay=decay,
        interval=interval,
        fit_range=fit_range,
        ratio=over_runs(lambda picked: in_blocks(picked).length / in_box(picked).length),
    )


@dataclass(frozen=True, eq=False)
class _Fitter:
    """Fits of the mean over some runs.

    Attributes:
        excess: C(r) + 1/N of each run, shape [n_runs, n_bins].
        weights: Weights of the runs, shape [n_runs].
        lengths: Values of ξ to choose from, shape [n_lengths].
        shapes: What each of them is expected to look like, shape [n_bins, n_lengths].
    """

    excess: FloatArray
    weights: FloatArray
    lengths: FloatArray
    shapes: FloatArray

    def __call__(self, picked: Sequence[int]) -> Decay:
        members = list(picked)
        mean = np.average(self.excess[members], axis=0, weights=self.weights[members])
        return fit_decay(mean, self.lengths, self.shapes)
