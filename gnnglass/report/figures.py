"""Curves and points: how well, how trained, how correlated. Each function returns a Figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.compare import Curve
from gnnglass.errors import InputError
from gnnglass.report.style import classifier_colors, predictor_color, typography
from gnnglass.report.words import classifier_label, field_label, is_missing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, Any]
N_BINS = 8
DECADE = 10


def roc_figure(roc: Mapping[str, tuple[ArrayLike, ArrayLike]], level: str = "inherent") -> Figure:
    """ROC curves of all classifiers, and beside them the calibration of those with probabilities.

    Args:
        roc: Classifier -> (labels, scores): 1 for the class that large scores mean, 0 for the
            other; scores within [0, 1] are taken for probabilities.
        level: Level of the configurations, which says what the energy is called.

    Raises:
        InputError: If labels and scores do not match or only one class is present.
    """
    from matplotlib.figure import Figure
    from sklearn.metrics import roc_curve

    data = {name: _checked(name, *pair) for name, pair in roc.items()}
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
            left.plot(
                false, true, color=colors[name], label=classifier_label(name, level), linewidth=1.6
            )
        left.set(xlabel="liquids called glass", ylabel="glasses called glass", title="ROC")
        left.legend(loc="lower right")
        _unit_square(left)
        if probable:
            right = figure.add_subplot(1, 2, 2)
            right.plot([0, 1], [0, 1], color="0.75", linewidth=0.8, linestyle=":")
            for name, (labels, scores) in probable.items():
                said, seen, count = _calibration(labels, scores)
                right.plot(said, seen, color=colors[name], linewidth=1.0, alpha=0.7)
                right.scatter(
                    said,
                    seen,
                    s=12 + 140 * count / len(labels),
                    color=colors[name],
                    linewidth=0,
                    label=classifier_label(name, level),
                    clip_on=False,
                    zorder=3,
                )
            right.set(
                xlabel="predicted probability of glass",
                ylabel="share that is glass",
                title="Calibration (area of a dot: share of snapshots)",
            )
            _unit_square(right)
    return figure


def history_figure(history: Mapping[str, Sequence[Row]]) -> Figure:
    """Loss and validation AUC against epoch, all classifiers together.

    Args:
        history: Classifier -> rows with epoch, train_loss, val_loss and, if known, val_auc.
    """
    from matplotlib.figure import Figure

    colors = classifier_colors(list(history))
    judged = any(not is_missing(row.get("val_auc")) for rows in history.values() for row in rows)
    with typography():
        figure = Figure(figsize=(8.2 if judged else 4.5, 3.0), layout="constrained")
        loss = figure.add_subplot(1, 2 if judged else 1, 1)
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
        if judged:
            auc = figure.add_subplot(1, 2, 2)
            for name, rows in history.items():
                epochs, values = _series(rows, "val_auc")
                auc.plot(epochs, values, color=colors[name], label=classifier_label(name))
            auc.axhline(1, color="0.75", linewidth=0.8, linestyle=":")
            auc.set(xlabel="epoch", ylabel="AUC", title="Validation AUC", ylim=(None, 1.01))
            auc.legend(loc="lower right")
    return figure


def correlation_figure(rows: Sequence[Row]) -> Figure:
    """Every predictor's correlation with its interval, one panel per target and species.

    Args:
        rows: Rows of `gnnglass.compare.compare_fields`, as dicts, of one method. Partial
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
    """Curves of several fields together, with their intervals.

    Args:
        curves: Name of the field -> correlations along the lag, or correlation lengths along
            temperature; all along the same.
        quantity: What the vertical axis says, such as ``"Spearman correlation"`` or ``"ξ"``.

    Raises:
        InputError: If there is no curve, or they are along different things.
    """
    from matplotlib.figure import Figure

    along = {curve.along for curve in curves.values()}
    if len(along) != 1:
        raise InputError(
            f"{len(curves)} curves along {', '.join(sorted(along)) or 'nothing'} were given; "
            "expected at least one, all along the same."
        )
    at = [value for curve in curves.values() for value in curve.points]
    with typography():
        figure = Figure(figsize=(5.2, 3.4), layout="constrained")
        ax = figure.add_subplot()
        for name, curve in curves.items():
            curve.plot(ax, color=predictor_color(name), label=field_label(name))
        ax.axhline(0, color="0.7", linewidth=0.8, zorder=0)
        # Lags are spread over decades, temperatures are not.
        if min(at) > 0 and max(at) / min(at) > DECADE:
            ax.set_xscale("log")
        ax.set(ylabel=quantity, title="")
        ax.legend()
    return figure


def _forest(ax: Axes, rows: Sequence[Row], reach: float) -> None:
    names = list(dict.fromkeys(row["predictor"] for row in rows))
    for row in rows:
        smoothed = bool(row.get("smoothed"))
        color = predictor_color(row["predictor"])
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
    said = np.bincount(bins, scores, N_BINS)[filled] / count[filled]
    seen = np.bincount(bins, labels, N_BINS)[filled] / count[filled]
    return said, seen, count[filled]


def _series(rows: Sequence[Row], key: str) -> tuple[list[float], list[float]]:
    known = [row for row in rows if not is_missing(row.get(key))]
    return [row["epoch"] for row in known], [row[key] for row in known]


def _unit_square(ax: Axes) -> None:
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
