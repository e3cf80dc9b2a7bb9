"""Particles coloured by their fields, side by side, and field against field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gnnglass.errors import InputError
from gnnglass.report.style import typography
from gnnglass.report.words import field_label
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

GLASSY_WHEN_LOW = ("propensity", "propensity_cage_relative", "potential_energy")
"""Fields whose large values belong to the liquid; of all others large values are glass-like."""


def map_figure(
    snapshot: Snapshot, fields: Sequence[str], *, among: Sequence[Snapshot] = ()
) -> Figure:
    """The same particles once per field: values above, ranks within the species below.

    Colours follow one convention, so that maps can be laid beside each other: blue is the
    glass-like end (importance for glass, slow, low energy), red the liquid-like one. Importance is
    signed and white at zero. The ranks remove the offset between species and are what Spearman's
    coefficient compares.

    Args:
        snapshot: Configuration that holds the fields; in 3D a slice is drawn.
        fields: Names of the fields, left to right.
        among: Snapshots that share the colour scales, so that figures can be compared.

    Raises:
        InputError: If no field is named or the snapshot lacks one.
    """
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.figure import Figure
    from matplotlib.ticker import FormatStrFormatter, LogLocator

    if not fields:
        raise InputError("no field to draw was named; expected at least one.")
    n = len(fields)
    with typography(axes__spines__top=True, axes__spines__right=True):
        width = max(2.7 * n, 5)
        figure = Figure(figsize=(width, 6.3 * 2.7 * n / width), layout="constrained")
        axes = figure.subplots(2, n, squeeze=False)
        for column, name in enumerate(fields):
            norm = _norm(name, [s.field(name) for s in among or [snapshot]])
            drawings = (
                (snapshot.with_fields(shown=snapshot.field(name)), norm),
                (snapshot.with_fields(shown=rank_within_species(snapshot, name)), Normalize(0, 1)),
            )
            for ax, (annotated, scale) in zip(axes[:, column], drawings, strict=True):
                annotated.plot(
                    ax,
                    color="shown",
                    cmap=_cmap(name),
                    norm=scale,
                    clim=(scale.vmin, scale.vmax),
                    linewidths=0.1,
                )
                ax.set(xticks=[], yticks=[], xlabel="", ylabel="", title="")
                bar = figure.colorbar(
                    ax.collections[-1],
                    ax=ax,
                    location="bottom",
                    shrink=0.85,
                    aspect=28,
                    pad=0.02,
                    extend="neither" if scale is not norm else "both",
                )
                if isinstance(scale, LogNorm):
                    # One decade or two: 1, 2, 5 in plain figures, instead of crowded powers.
                    bar.ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                    bar.ax.xaxis.set_major_formatter(FormatStrFormatter("%g"))
                    bar.minorticks_off()
            axes[0, column].set_title(field_label(name))
        axes[0, 0].set_ylabel("value")
        axes[1, 0].set_ylabel("rank within species")
    return figure


def scatter_figure(snapshots: Sequence[Snapshot], predictors: Sequence[str], target: str) -> Figure:
    """Each predictor against the target, one panel per species, with the median in tenths.

    Censored targets (marked by the field ``<target>_censored``) are drawn as triangles at their
    bound.

    Args:
        snapshots: Configurations that hold the fields.
        predictors: Names of the fields on the horizontal axes.
        target: Name of the field on the vertical axis; logarithmic if it is a relaxation time.

    Raises:
        InputError: If a field is missing.
    """
    from matplotlib.figure import Figure

    first = snapshots[0]
    species = [name for name in first.type_names if first.of_type(name).any()]
    mark = f"{target}_censored"
    with typography():
        figure = Figure(figsize=(4.1 * len(predictors), 2.9 * len(species)), layout="constrained")
        axes = figure.subplots(len(species), len(predictors), squeeze=False, sharey="row")
        for row, name in zip(axes, species, strict=True):
            y = _gather(snapshots, target, name)
            late = (
                _gather(snapshots, mark, name) > 0
                if mark in first.fields
                else np.zeros(len(y), bool)
            )
            for ax, predictor in zip(row, predictors, strict=True):
                x = _gather(snapshots, predictor, name)
                style: dict[str, Any] = {"alpha": 0.35, "linewidth": 0, "rasterized": True}
                ax.scatter(x[~late], y[~late], s=6, color="0.45", **style)
                ax.scatter(
                    x[late], y[late], s=9, marker="^", color="#CC79A7", label="censored", **style
                )
                middle, median, low, high = _in_tenths(x, y)
                ax.fill_between(middle, low, high, color="#0072B2", alpha=0.18, linewidth=0)
                ax.plot(
                    middle, median, "o-", color="#0072B2", markersize=3.5, label="median, quartiles"
                )
                if target.startswith("tau"):
                    ax.set_yscale("log")
                ax.set_title(f"{name} particles", loc="left")
                # A few far particles would squeeze all others into a corner.
                ax.set_xlim(*np.quantile(x, [0.002, 0.998]))
                if ax is row[0]:
                    ax.set_ylabel(field_label(target))
        for ax, predictor in zip(axes[-1], predictors, strict=True):
            ax.set_xlabel(field_label(predictor))
        axes[0, 0].legend(loc="best", markerscale=1.5)
    return figure


def rank_within_species(snapshot: Snapshot, name: str) -> FloatArray:
    """Average rank of each particle's value among its own species, scaled to [0, 1], shape [n]."""
    from scipy.stats import rankdata

    values = snapshot.field(name)
    ranks = np.zeros(len(snapshot))
    for kind in np.unique(snapshot.types):
        members = snapshot.types == kind
        ranks[members] = (rankdata(values[members]) - 1) / max(members.sum() - 1, 1)
    return ranks


def _cmap(name: str) -> str:
    return "RdBu_r" if name in GLASSY_WHEN_LOW else "RdBu"


def _norm(name: str, values: Sequence[FloatArray]) -> Normalize:
    from matplotlib.colors import LogNorm, Normalize

    together = np.concatenate(values)
    low, high = np.quantile(together, [0.02, 0.98])
    if name.startswith("importance"):
        reach = max(abs(low), abs(high)) or 1.0
        return Normalize(-reach, reach)
    if name.startswith("tau") and low > 0 and high > low:
        return LogNorm(low, high)
    return Normalize(low, high if high > low else low + 1)


def _gather(snapshots: Sequence[Snapshot], name: str, species: str) -> FloatArray:
    return np.concatenate([s.field(name)[s.of_type(species)] for s in snapshots])


def _in_tenths(x: FloatArray, y: FloatArray) -> FloatArray:
    """Median x, and median and quartiles of y, in tenths of the particles by x; shape [4, 10]."""
    parts = np.array_split(np.argsort(x, kind="stable"), min(10, len(x)))
    return np.array([[np.median(x[p]), *np.quantile(y[p], [0.5, 0.25, 0.75])] for p in parts]).T
