"""Names and numbers as a reader wants to see them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NOTHING = "–"

CLASSIFIERS = {"gnn": "GNN", "cnn": "CNN", "linear": "linear on radial counts"}

FIELDS = {
    "importance_gnn": "GNN importance",
    "importance_cnn": "CNN importance",
    "importance_random": "random field",
    "potential_energy": "potential energy",
    "local_density": "local density",
    "coordination_number": "coordination number",
    "voronoi_volume": "Voronoi volume",
    "voronoi_density": "Voronoi density",
    "hexatic_order": "hexatic order",
    "steinhardt_q4": "Steinhardt q₄",
    "steinhardt_q6": "Steinhardt q₆",
    "steinhardt_q6_averaged": "averaged Steinhardt q₆",
    "tong_tanaka": "Tong–Tanaka Θ",
    "two_body_entropy": "two-body entropy S₂",
    "softness": "softness",
    "debye_waller": "Debye–Waller factor",
    "propensity": "propensity",
    "propensity_cage_relative": "cage-relative propensity",
    "tau_bond": "relaxation time (bond breaking)",
    "tau_overlap": "relaxation time (overlap)",
}

LEVELS = {"thermal": "Thermal configurations", "inherent": "Inherent structures"}


def classifier_label(name: str, level: str = "") -> str:
    """A classifier's name in a table: known ones written out, others as they are."""
    if name.lower() == "energy":
        return "−E_IS" if level.startswith("inherent") else "−E"
    return CLASSIFIERS.get(name.lower(), name)


def field_label(name: str) -> str:
    """A field's name in prose; an unknown one loses its underscores."""
    return FIELDS.get(name, name.replace("_", " "))


def level_label(name: str) -> str:
    """A level's name as a heading."""
    return LEVELS.get(name, name.replace("_", " ").capitalize())


def is_random(field: str) -> bool:
    """Whether a predictor is the null baseline."""
    return "random" in field


def is_missing(value: Any) -> bool:
    """Whether a value from JSON stands for nothing: absent, null or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def number(value: Any, digits: int = 3) -> str:
    """A number with a fixed count of decimals and a true minus sign."""
    return NOTHING if is_missing(value) else f"{value:.{digits}f}".replace("-", "−")


def signed(value: Any, digits: int = 3) -> str:
    """A correlation, always with its sign."""
    return NOTHING if is_missing(value) else f"{value:+.{digits}f}".replace("-", "−")


def percent(value: Any) -> str:
    """A share as a percentage."""
    return NOTHING if is_missing(value) else f"{100 * value:.1f} %"


def interval(entry: Mapping[str, Any], *, sign: bool = False, digits: int = 3) -> str:
    """The ends of an interval, ``[low, high]``; empty if there is none."""
    if is_missing(entry.get("low")) or is_missing(entry.get("high")):
        return ""
    show = signed if sign else number
    return f"[{show(entry['low'], digits)}, {show(entry['high'], digits)}]"


def duration(seconds: Any) -> str:
    """A time span in the unit a person would use."""
    if is_missing(seconds):
        return NOTHING
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def plain(value: Any) -> str:
    """A parameter of a study or an entry of the provenance."""
    if is_missing(value):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(entry) for entry in value)
    return str(value)


def flatten(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Leaves of a nested mapping as (dotted name, text)."""
    rows: list[tuple[str, str]] = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            rows += flatten(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", plain(value)))
    return rows
