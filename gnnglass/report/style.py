"""Colours and typography shared by all figures; nothing global is changed for good."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from gnnglass.report.words import is_random

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


# Okabe & Ito's palette: told apart by colour-blind readers and in grey print.
CLASSIFIER_COLORS = {"gnn": "#0072B2", "cnn": "#D55E00", "linear": "#009E73"}
SPARE_COLORS = ("#7a7a7a", "#CC79A7", "#B8860B", "#56B4E9")


def classifier_colors(names: list[str]) -> dict[str, str]:
    """One colour per classifier, the same in every figure that names the same ones."""
    spare = iter(SPARE_COLORS * len(names))
    return {name: CLASSIFIER_COLORS.get(name.lower()) or next(spare) for name in names}


def predictor_color(name: str) -> str:
    """Blue for the GNN's map, orange for the CNN's, light grey for random, dark for physics."""
    if is_random(name):
        return "#a0a0a0"
    for key, color in CLASSIFIER_COLORS.items():
        if name == f"importance_{key}":
            return color
    return "#333333"
