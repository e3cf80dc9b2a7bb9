"""Names, numbers and sentences of the report, made from the figures and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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


def classifier_label(name: str, level: str = "", energy_sign: int | None = None) -> str:
    """A classifier's name in a table: known ones written out, others as they are.

    Args:
        name: Its name in the study.
        level: Level of the configurations.
        energy_sign: With which sign the energy speaks for the explained phase at that level.
    """
    if name.lower() == "energy":
        sign = {-1: "−", 1: "+"}.get(energy_sign or 0, "")
        return f"{sign}E_IS" if level.startswith("inherent") else f"{sign}E"
    return CLASSIFIERS.get(name.lower(), name)


def field_label(name: str) -> str:
    """A field's name in prose; an unknown one loses its underscores."""
    return FIELDS.get(name, name.replace("_", " "))


def level_label(name: str) -> str:
    """A level's name as a heading."""
    return LEVELS.get(name, name.replace("_", " ").capitalize())


def capital(text: str) -> str:
    """The text with its first letter large, the others as they are."""
    return text[:1].upper() + text[1:]


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


Row = Mapping[str, Any]


@dataclass(frozen=True)
class CorrelationLine:
    """One predictor; what was not measured is None.

    Attributes:
        bare: Row of the bare field.
        smoothed: Row of the smoothed field.
        beyond: Row of the partial correlation, smoothed if anything is.
    """

    bare: Row | None = None
    smoothed: Row | None = None
    beyond: Row | None = None

    @property
    def best(self) -> Row | None:
        """The row to quote: the smoothed one is the fair one, for a map is smooth by itself."""
        return self.smoothed or self.bare


@dataclass(frozen=True)
class CorrelationGroup:
    """Everything compared with one target over one species.

    Attributes:
        target: Name of the target field.
        species: Which particles.
        method: Which coefficient.
        ceiling: Noise ceiling; None if it was not measured.
        reliability: Reliability of the target; None if it was not measured.
        censored_share: Share of censored particles; None if none can be.
        given: In words, the fields that the partial correlations hold fixed; empty without any.
        lines: Predictor -> its rows.
        notes: What the rows say beside their numbers, each once.
    """

    target: str
    species: str
    method: str
    ceiling: float | None
    reliability: float | None
    censored_share: float | None
    given: str
    lines: dict[str, CorrelationLine]
    notes: tuple[str, ...]

    @property
    def is_undefined(self) -> bool:
        """Whether no coefficient exists, as where all particles are censored."""
        rows = [row for line in self.lines.values() for row in (line.bare, line.smoothed)]
        return all(row is None or is_missing(row.get("estimate")) for row in rows)


def correlation_groups(rows: Sequence[Row], results: Row) -> list[CorrelationGroup]:
    """One group per target, species and method, in order of appearance.

    A ceiling or censored share that the rows lack is looked for in ``results["ceilings"][target]
    [species]["ceiling"]`` and ``results["censored"][target]``.
    """
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["target"], row["species"], row["method"]), []).append(row)
    return [
        _group(target, species, method, members, results)
        for (target, species, method), members in groups.items()
    ]


def _group(
    target: str, species: str, method: str, rows: Sequence[Row], results: Row
) -> CorrelationGroup:
    lines: dict[str, CorrelationLine] = {}
    for row in rows:
        line = lines.get(row["predictor"], CorrelationLine())
        if not row.get("given"):
            line = replace(line, **{"smoothed" if row.get("smoothed") else "bare": row})
        elif line.beyond is None or row.get("smoothed"):
            line = replace(line, beyond=row)
        lines[row["predictor"]] = line
    measured = ((results.get("ceilings") or {}).get(target) or {}).get(species) or {}
    share = (results.get("censored") or {}).get(target)
    given = next((row["given"] for row in rows if row.get("given")), None)
    return CorrelationGroup(
        target=target,
        species=species,
        method=method,
        ceiling=_first([row.get("ceiling") for row in rows], measured.get("ceiling")),
        reliability=measured.get("reliability"),
        censored_share=_first([row.get("censored_share") for row in rows], share),
        given=", ".join(map(field_label, given.split(", "))) if given else "",
        lines=lines,
        notes=tuple(dict.fromkeys(row["note"] for row in rows if row.get("note"))),
    )


def _first(values: Sequence[Any], otherwise: Any) -> Any:
    return next((value for value in values if not is_missing(value)), otherwise)
