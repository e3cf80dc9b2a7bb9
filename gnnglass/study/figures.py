"""Figures of the report: curves, scatter plots and maps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.compare import Curve
from gnnglass.errors import InputError
from gnnglass.study._wording import (
    IMPORTANCE,
    classifier_label,
    correlation_groups,
    describe_field,
    field_label,
    is_missing,
    is_random,
    with_unit,
)
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories._draw import SLICE_THICKNESS
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

RC: dict[str, Any] = {
    "font.size": 9,
    "font.family": "sans-serif",
    "axes.titlesize": 9.5,
    "axes.titleweight": "normal",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.edgecolor": "0.35",
    "xtick.color": "0.25",
    "ytick.color": "0.25",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def typography(**changes: Any) -> AbstractContextManager[None]:
    """Matplotlib settings of the report, with `changes` (dots as ``__``), inside a with block."""
    from matplotlib import rc_context

    parameters: Any = {**RC, **{key.replace("__", "."): value for key, value in changes.items()}}
    return rc_context(parameters)


# Okabe & Ito's palette, which works for colour-blind readers and in grey print.
CLASSIFIER_COLORS = {
    "gnn": "#0072B2",
    "cnn": "#D55E00",
    "linear": "#009E73",
    "energy": "#333333",
}
SPARE_COLORS = ("#CC79A7", "#B8860B", "#56B4E9", "#7a7a7a")


def classifier_colors(names: Sequence[str]) -> dict[str, str]:
    """One colour per classifier, the same in every figure with the same classifiers."""
    spare = iter(SPARE_COLORS * len(names))
    return {name: CLASSIFIER_COLORS.get(name.lower()) or next(spare) for name in names}


def predictor_colors(names: Iterable[str]) -> dict[str, str]:
    """The classifier's colour for its map, light grey for random fields, dark for physics."""
    names = list(dict.fromkeys(names))
    maps = [n for n in names if n.startswith(IMPORTANCE) and not is_random(n)]
    colors = classifier_colors([name.removeprefix(IMPORTANCE) for name in maps])
    return {
        name: "#a0a0a0" if is_random(name) else colors.get(name.removeprefix(IMPORTANCE), "#333333")
        for name in names
    }


Row = Mapping[str, Any]
N_BINS = 8
DECADE = 10


def roc_figure(
    roc: Mapping[str, tuple[ArrayLike, ArrayLike]],
    classes: Sequence[str],
    level: str = "inherent",
    energy_sign: int | None = None,
) -> Figure:
    """ROC curves of all classifiers, and the calibration of those with probabilities.

    Args:
        roc: Classifier -> (labels, scores): 1 for the class with large scores, 0 for the other;
            scores within [0, 1] are treated as probabilities.
        classes: Names of class 0 and of class 1, which is the explained one.
        level: Level of the configurations, for the label of the energy.
        energy_sign: The sign with which the energy is a score; see `classifier_label`.

    Raises:
        InputError: If labels and scores do not match or only one class is present.
    """
    from matplotlib.figure import Figure
    from sklearn.metrics import roc_curve

    other, explained = classes
    data = {name: _checked(name, *pair) for name, pair in roc.items()}
    labelled = {name: classifier_label(name, level, energy_sign) for name in data}
    colors = classifier_colors(list(data))
    probable = {
        name: pair for name, pair in data.items() if pair[1].min() >= 0 and pair[1].max() <= 1
    }
    with typography():
        figure = Figure(figsize=(8.2 if probable else 4.1, 4.0), layout="constrained")
        left = figure.add_subplot(1, 2 if probable else 1, 1)
        left.plot([0, 1], [0, 1], color="0.75", linewidth=0.8, linestyle=":")
        for name, (labels, scores) in data.items():
            false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
            left.plot(false, true, color=colors[name], label=labelled[name], linewidth=1.6)
        left.set(
            xlabel=f"share of {other} called {explained}",
            ylabel=f"share of {explained} called {explained}",
            title="ROC",
        )
        left.legend(loc="lower right")
        _unit_square(left)
        if probable:
            right = figure.add_subplot(1, 2, 2)
            right.plot([0, 1], [0, 1], color="0.75", linewidth=0.8, linestyle=":")
            for name, (labels, scores) in probable.items():
                predicted, observed, count = _calibration(labels, scores)
                right.plot(predicted, observed, color=colors[name], linewidth=1.0, alpha=0.7)
                right.scatter(
                    predicted,
                    observed,
                    s=12 + 140 * count / len(labels),
                    color=colors[name],
                    linewidth=0,
                    label=labelled[name],
                    clip_on=False,
                    zorder=3,
                )
            right.set(
                xlabel=f"predicted probability of {explained}",
                ylabel=f"share that is {explained}",
                title="Calibration (area of a dot: share of snapshots)",
            )
            _unit_square(right)
    return figure


def history_figure(history: Mapping[str, Sequence[Row]]) -> Figure:
    """Loss and validation AUC against epoch, for all classifiers.

    Args:
        history: Classifier -> rows with epoch, train_loss, val_loss and, if known, val_auc.
    """
    from matplotlib.figure import Figure

    colors = classifier_colors(list(history))
    has_auc = any(not is_missing(row.get("val_auc")) for rows in history.values() for row in rows)
    with typography():
        figure = Figure(figsize=(8.2 if has_auc else 4.5, 3.0), layout="constrained")
        loss = figure.add_subplot(1, 2 if has_auc else 1, 1)
        for name, rows in history.items():
            label = classifier_label(name)
            for key, style, what in (
                ("train_loss", "--", "training"),
                ("val_loss", "-", "validation"),
            ):
                epochs, values = _series(rows, key)
                loss.plot(epochs, values, style, color=colors[name], label=f"{label}, {what}")
        loss.set(xlabel="epoch", ylabel="loss", title="Loss", ylim=(0, None))
        loss.legend()
        if has_auc:
            auc = figure.add_subplot(1, 2, 2)
            for name, rows in history.items():
                epochs, values = _series(rows, "val_auc")
                auc.plot(epochs, values, color=colors[name], label=classifier_label(name))
            auc.axhline(1, color="0.75", linewidth=0.8, linestyle=":")
            auc.set(xlabel="epoch", ylabel="AUC", title="Validation AUC", ylim=(None, 1.01))
            auc.legend(loc="lower right")
    return figure


def correlation_figure(rows: Sequence[Row]) -> Figure:
    """The correlation of every predictor with its interval, one panel per target and species.

    Args:
        rows: Rows of `gnnglass.compare.compare_fields` for one method, as dicts. Partial
            correlations are drawn as diamonds.
    """
    from matplotlib.figure import Figure

    rows = [row for row in rows if not is_missing(row.get("estimate"))]
    targets = list(dict.fromkeys(row["target"] for row in rows))
    species = list(dict.fromkeys(row["species"] for row in rows))
    n_predictors = len({row["predictor"] for row in rows})
    reach = max(
        abs(row[key])
        for row in rows
        for key in ("estimate", "low", "high", "ceiling")
        if not is_missing(row.get(key))
    )
    with typography():
        figure = Figure(
            figsize=(8.2, len(targets) * (0.75 + 0.27 * n_predictors) + 0.3), layout="constrained"
        )
        axes = figure.subplots(len(targets), len(species), squeeze=False, sharex=True)
        for row_of_axes, target in zip(axes, targets, strict=True):
            for ax, name in zip(row_of_axes, species, strict=True):
                members = [r for r in rows if r["target"] == target and r["species"] == name]
                _forest(ax, members, reach)
                ax.set_title(f"{field_label(target)}, {name} particles", loc="left")
                if ax is not row_of_axes[0]:
                    ax.tick_params(labelleft=False)
        for ax in axes[-1]:
            ax.set_xlabel(f"{rows[0]['method'].capitalize()} correlation")
        known: dict[str, Any] = {}
        for ax in axes.flat:
            handles, labels = ax.get_legend_handles_labels()
            known.update(zip(labels, handles, strict=True))
        figure.legend(
            list(known.values()), list(known), loc="outside upper right", ncols=len(known)
        )
    return figure


def curve_figure(curves: Mapping[str, Curve], quantity: str) -> Figure:
    """Curves of several fields, with their intervals.

    Args:
        curves: Name of the field -> correlations against lag, or correlation lengths against
            temperature; all against the same parameter.
        quantity: Label of the vertical axis, such as ``"Spearman correlation"`` or ``"ξ"``.

    Raises:
        InputError: If there is no curve, or the curves are against different parameters.
    """
    from matplotlib.figure import Figure

    along = {curve.along for curve in curves.values()}
    if len(along) != 1:
        raise InputError(
            f"{len(curves)} curves along {', '.join(sorted(along)) or 'nothing'} were given; "
            "expected at least one, all against the same parameter."
        )
    at = [value for curve in curves.values() for value in curve.points]
    with typography():
        figure = Figure(figsize=(5.2, 3.4), layout="constrained")
        ax = figure.add_subplot()
        colors = predictor_colors(curves)
        for name, curve in curves.items():
            curve.plot(ax, color=colors[name], label=field_label(name))
        ax.axhline(0, color="0.7", linewidth=0.8, zorder=0)
        # Lags span decades, temperatures do not.
        if min(at) > 0 and max(at) / min(at) > DECADE:
            ax.set_xscale("log")
        ax.set(ylabel=quantity, title="")
        ax.legend()
    return figure


def _forest(ax: Axes, rows: Sequence[Row], reach: float) -> None:
    names = list(dict.fromkeys(row["predictor"] for row in rows))
    colors = predictor_colors(names)
    for row in rows:
        smoothed = bool(row.get("smoothed"))
        color = colors[row["predictor"]]
        given = row.get("given") or ""
        at = names.index(row["predictor"]) + (0.14 if smoothed else -0.14) + 0.1 * bool(given)
        if not is_missing(row.get("low")):
            ax.plot([row["low"], row["high"]], [at, at], color=color, linewidth=1.3)
        ax.plot(
            row["estimate"],
            at,
            "D" if given else "o",
            markersize=5,
            color=color,
            markerfacecolor=color if smoothed else "white",
            label=("smoothed" if smoothed else "bare") + (f", given {given}" if given else ""),
        )
    ceiling = next((r["ceiling"] for r in rows if not is_missing(r.get("ceiling"))), None)
    if ceiling is not None:
        for side in (-ceiling, ceiling):
            ax.axvline(side, color="0.5", linewidth=0.9, linestyle="--", label="noise ceiling")
    ax.axvline(0, color="0.7", linewidth=0.8, zorder=0)
    ax.set_yticks(range(len(names)), [field_label(name) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(-1.08 * reach, 1.08 * reach)
    ax.tick_params(axis="y", length=0)


def _checked(name: str, labels: ArrayLike, scores: ArrayLike) -> tuple[Any, Any]:
    y, s = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if y.ndim != 1 or y.shape != s.shape or not np.isfinite(s).all():
        raise InputError(
            f"labels and scores of {name!r} have shapes {y.shape} and {s.shape}; expected the same "
            "[n_snapshots], with finite scores."
        )
    if set(np.unique(y)) != {0.0, 1.0}:
        raise InputError(
            f"labels of {name!r} are {sorted(set(y.tolist()))}; a ROC curve needs both 0 and 1."
        )
    return y, s


def _calibration(labels: Any, scores: Any) -> tuple[Any, Any, Any]:
    bins = np.minimum((scores * N_BINS).astype(int), N_BINS - 1)
    count = np.bincount(bins, minlength=N_BINS)
    filled = count > 0
    predicted = np.bincount(bins, scores, N_BINS)[filled] / count[filled]
    observed = np.bincount(bins, labels, N_BINS)[filled] / count[filled]
    return predicted, observed, count[filled]


def _series(rows: Sequence[Row], key: str) -> tuple[list[float], list[float]]:
    known = [row for row in rows if not is_missing(row.get(key))]
    return [row["epoch"] for row in known], [row[key] for row in known]


def _unit_square(ax: Axes) -> None:
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")


def map_figure(
    snapshot: Snapshot,
    fields: Sequence[str],
    *,
    among: Sequence[Snapshot] = (),
    blue_is_slow: bool = True,
    radii: Mapping[str, float] | None = None,
    title: str = "",
) -> Figure:
    """One map per field of the same particles: values above, ranks within the species below.

    All maps use the same colours, so that they can be compared: blue for the explained phase, red
    for the other one. Large importance is evidence for the explained phase; it is signed, and white
    at zero. Ranks remove the offset between species; Spearman's coefficient compares the ranks.
    Particles are drawn to scale, with a bar whose σ is the unit of length.

    Args:
        snapshot: Configuration that holds the fields; in 3D a slice is drawn.
        fields: Names of the fields, left to right.
        among: Snapshots that share the colour scale, so that figures can be compared. A field that
            only some of them have is said to be not measured in the others.
        blue_is_slow: Whether the explained phase is the slow one, of low energy.
        radii: Disc radius of species by name.
        title: What the configuration is; in 3D the slice is named after it.

    Raises:
        InputError: If no field is named, or neither the snapshot nor the others have one.
    """
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.figure import Figure

    if not fields:
        raise InputError("no field to draw was named; expected at least one.")
    n = len(fields)
    with typography(axes__spines__top=True, axes__spines__right=True):
        # No wider than four of the usual columns, or the letters are too small on a page.
        edge = min(2.7, 10.8 / n)
        width = max(edge * n, 5)
        figure = Figure(figsize=(width, 2.33 * edge**2 * n / width), layout="constrained")
        axes = figure.subplots(2, n, squeeze=False)
        for column, name in enumerate(fields):
            known = [s.field(name) for s in among or [snapshot] if name in s.fields]
            if name not in snapshot.fields and known:
                for ax in axes[:, column]:
                    ax.set(xticks=[], yticks=[], box_aspect=snapshot.box[1] / snapshot.box[0])
                    ax.text(0.5, 0.5, "not measured", ha="center", transform=ax.transAxes)
                axes[0, column].set_title(with_unit(name, snapshot.dimension))
                continue
            norm = color_norm(name, known or [snapshot.field(name)])
            drawings = (
                (snapshot.with_fields(shown=snapshot.field(name)), norm),
                (snapshot.with_fields(shown=rank_within_species(snapshot, name)), Normalize(0, 1)),
            )
            for ax, (annotated, scale) in zip(axes[:, column], drawings, strict=True):
                annotated.plot(
                    ax,
                    color="shown",
                    radii=radii,
                    cmap=_cmap(name, blue_is_slow),
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
                _few_ticks(bar.ax.xaxis, logarithmic=isinstance(scale, LogNorm))
            axes[0, column].set_title(with_unit(name, snapshot.dimension))
        figure.suptitle(_with_slice(title, snapshot), fontsize=10)
        _scale_bar(axes[0, 0], snapshot)
        axes[0, 0].set_ylabel("value")
        axes[1, 0].set_ylabel("rank within species")
    return figure


def scatter_figure(snapshots: Sequence[Snapshot], predictors: Sequence[str], target: str) -> Figure:
    """The target against each predictor, one panel per species, with medians in tenths.

    Censored targets (marked by the field ``<target>_censored``) are drawn as triangles at the lower
    bound. Particles without a value of the target are left out.

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
        colors = predictor_colors(predictors)
        for row, name in zip(axes, species, strict=True):
            y = _gather(snapshots, target, name)
            late = (
                _gather(snapshots, mark, name) > 0
                if mark in first.fields
                else np.zeros(len(y), bool)
            )
            has_one = ~np.isnan(y)
            y, late = y[has_one], late[has_one]
            for ax, predictor in zip(row, predictors, strict=True):
                x = _gather(snapshots, predictor, name)[has_one]
                style: dict[str, Any] = {"alpha": 0.35, "linewidth": 0, "rasterized": True}
                ax.scatter(x[~late], y[~late], s=6, color="0.45", **style)
                late_label = "censored" if late.any() else None
                ax.scatter(
                    x[late], y[late], s=9, marker="^", color="0.1", label=late_label, **style
                )
                middle, median, low, high = _in_tenths(x, y)
                color = colors[predictor]
                ax.fill_between(middle, low, high, color=color, alpha=0.18, linewidth=0)
                ax.plot(
                    middle, median, "o-", color=color, markersize=3.5, label="median, quartiles"
                )
                if target.startswith("tau"):
                    ax.set_yscale("log")
                    _few_ticks(ax.yaxis, logarithmic=True)
                _few_ticks(ax.xaxis, logarithmic=False)
                ax.set_title(f"{name} particles", loc="left")
                # Cut off a few outliers, which would squeeze all other particles into a corner.
                ax.set_xlim(*np.quantile(x, [0.002, 0.998]))
                if ax is row[0]:
                    ax.set_ylabel(with_unit(target, first.dimension))
        for ax, predictor in zip(axes[-1], predictors, strict=True):
            ax.set_xlabel(with_unit(predictor, first.dimension))
        axes[0, 0].legend(loc="best", markerscale=1.5)
    return figure


def rank_within_species(snapshot: Snapshot, name: str) -> FloatArray:
    """Average rank of each particle's value among its own species, scaled to [0, 1], shape [n].

    It is NaN where there is no value.
    """
    from scipy.stats import rankdata

    values = snapshot.field(name)
    ranks = np.zeros(len(snapshot))
    for kind in np.unique(snapshot.types):
        members = snapshot.types == kind
        n = np.isfinite(values[members]).sum()
        ranks[members] = (rankdata(values[members], nan_policy="omit") - 1) / max(n - 1, 1)
    return ranks


def _few_ticks(axis: Axis, *, logarithmic: bool) -> None:
    """So few labels that they do not touch; for one or two decades 1, 2, 5, not powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)) if logarithmic else MaxNLocator(4))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    axis.set_minor_locator(NullLocator())


def bar_length(snapshot: Snapshot) -> float:
    """A round length near a fifth of the box, for a scale bar."""
    fifth = snapshot.box[0] / 5
    decade = 10.0 ** np.floor(np.log10(fifth))
    return float(max(step for step in (decade, 2 * decade, 5 * decade) if step <= fifth))


def _scale_bar(ax: Axes, snapshot: Snapshot) -> None:
    from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

    length = bar_length(snapshot)
    bar = AnchoredSizeBar(
        ax.transData, length, f"{length:g} σ", "lower left", pad=0.3, size_vertical=length / 12
    )
    bar.patch.set(linewidth=0, alpha=0.85)
    ax.add_artist(bar)


def _with_slice(title: str, snapshot: Snapshot) -> str:
    if snapshot.dimension == 2:
        return title
    seen = f"slice |z| < {SLICE_THICKNESS / 2:g} σ of {snapshot.box[2]:.3g} σ"
    return f"{title}; {seen}" if title else seen


def blue_is_high(name: str, blue_is_slow: bool) -> bool:
    """Whether high values of a field are the explained phase's end, which is drawn in blue."""
    return name.startswith("importance") or describe_field(name).low_is_glassy != blue_is_slow


def _cmap(name: str, blue_is_slow: bool) -> str:
    return "RdBu" if blue_is_high(name, blue_is_slow) else "RdBu_r"


def color_norm(name: str, values: Sequence[FloatArray]) -> Normalize:
    """The colour scale of a field from its values in all configurations that share it."""
    from matplotlib.colors import LogNorm, Normalize

    together = np.concatenate(values)
    together = together[np.isfinite(together)]
    low, high = np.quantile(together, [0.02, 0.98]) if together.size else (0.0, 1.0)
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


#: The target that is shown against the waiting time: the non-equilibrium propensity.
TARGET = "propensity_cage_relative"
MARKERS = "os^Dv<>phX"


def ageing_figure(ageing: Mapping[str, Any], species: str = "A") -> Figure:
    """Overlap against time at each waiting time, and correlations against the waiting time.

    Args:
        ageing: ``curves`` and ``rows`` of a study's results.
        species: Name of the species.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    curves = [row for row in ageing["curves"] if row["species"] == species and row["cage_relative"]]
    waiting = sorted({row["waiting_time"] for row in curves})
    with typography():
        figure = Figure(figsize=(8.2, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        for k, waited in enumerate(waiting):
            mine = [row for row in curves if row["waiting_time"] == waited]
            left.plot(
                [row["time"] for row in mine],
                [row["overlap"] for row in mine],
                "o-",
                markersize=3,
                color=colormaps["viridis"](0.9 * k / max(len(waiting) - 1, 1)),
                label=f"{waited:g}",
            )
        left.set(
            xscale="log", xlabel="time after the waiting time", ylabel="overlap Q", ylim=(0, 1)
        )
        left.set_title(f"Dynamics, {species} particles, relative to the cage", loc="left")
        left.legend(title="waiting time", loc="lower left")
        by_predictor = rows_by_predictor(ageing, species)
        colors = predictor_colors(by_predictor)
        for k, (name, rows) in enumerate(by_predictor.items()):
            # Shift the predictors slightly, so that their intervals do not overlap.
            places = [row["waiting_time"] * 1.03**k for row in rows]
            color = (
                colors[name]
                if name.startswith("importance")
                else SPARE_COLORS[k % len(SPARE_COLORS)]
            )
            for place, row in zip(places, rows, strict=True):
                if not is_missing(row["low"]):
                    right.plot([place] * 2, [row["low"], row["high"]], color=color, linewidth=0.8)
            right.plot(
                places,
                [row["estimate"] for row in rows],
                marker=MARKERS[k % len(MARKERS)],
                markersize=4,
                linewidth=1,
                color=color,
                label=field_label(name),
            )
        right.axhline(0, color="0.7", linewidth=0.8, zorder=0)
        right.set(xscale="log", xlabel="waiting time", ylabel="Spearman correlation")
        right.set_xticks(waiting, [f"{waited:g}" for waited in waiting])
        right.minorticks_off()
        right.set_title(f"With the {field_label(TARGET)}", loc="left")
        figure.legend(
            *right.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=7.5
        )
    return figure


def rows_by_predictor(
    ageing: Mapping[str, Any], species: str
) -> dict[str, list[Mapping[str, Any]]]:
    """Predictor -> its rows by waiting time; the smoothed ones if there are any."""
    usable = [row for row in ageing["rows"] if not is_missing(row["estimate"])]
    found: dict[str, list[Mapping[str, Any]]] = {}
    for waited in sorted({row["waiting_time"] for row in usable}):
        rows = [row for row in usable if row["waiting_time"] == waited]
        for group in correlation_groups(rows, {}):
            if (group.target, group.species, group.method) != (TARGET, species, "spearman"):
                continue
            for name, line in group.lines.items():
                if line.best is not None:
                    found.setdefault(name, []).append(line.best)
    return found
