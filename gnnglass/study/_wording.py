"""Labels, number formats and table rows of the report."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gnnglass.dynamics.ageing import FIELDS
from gnnglass.registry import Description
from gnnglass.structure import INDICATORS, indicator_field

NOTHING = "–"
#: Prefix of the field with the importance map of a classifier.
IMPORTANCE = "importance_"
SUPERSCRIPTS = str.maketrans("-0123456789d", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹ᵈ")
POWER = re.compile(r"\^(-?(?:d|\d+))")

CLASSIFIERS = {"gnn": "GNN", "cnn": "CNN", "linear": "linear on radial counts"}

LEVELS = {"thermal": "Thermal configurations", "inherent": "Inherent structures"}
ONE_OF_LEVEL = {"thermal": "thermal configuration", "inherent": "inherent structure"}


def classifier_label(name: str, level: str = "", energy_sign: int | None = None) -> str:
    """A classifier's name in a table: known ones written out, others unchanged.

    Args:
        name: Its name in the study.
        level: Level of the configurations.
        energy_sign: The sign with which the energy is a score for the explained phase.
    """
    if name.lower() == "energy":
        sign = {-1: "−", 1: "+"}.get(energy_sign or 0, "")
        return f"{sign}E_IS" if level.startswith("inherent") else f"{sign}E"
    return CLASSIFIERS.get(name.lower(), name)


def describe_field(name: str) -> Description:
    """The description of a per-particle field, from where the field is defined.

    An unknown field has only a label, its name without underscores.
    """
    if name in FIELDS:
        return FIELDS[name]
    known = {indicator_field(indicator): indicator for indicator in INDICATORS}
    if name in known:
        return INDICATORS.describe(known[name])
    if is_random(name):
        return Description("random field", summary="Random numbers, which any predictor must beat.")
    if name.startswith(IMPORTANCE):
        network = classifier_label(name.removeprefix(IMPORTANCE)).replace("_", " ")
        return Description(
            f"{network} importance",
            summary=f"Weight of a particle in the decision of the {network}, by an attribution.",
        )
    return Description(name.replace("_", " "))


def field_label(name: str) -> str:
    """A field's name in prose."""
    return describe_field(name).label


def field_unit(name: str, dimension: int | None = None) -> str:
    """A field's unit in words, such as ``length⁻²``; empty for a pure number or if not known.

    Args:
        name: The field.
        dimension: Number of dimensions; if None, the unit is written with d.
    """
    unit = describe_field(name).unit
    if unit == "1":
        return ""

    def raised(power: re.Match[str]) -> str:
        known = power[1] if dimension is None else power[1].replace("d", str(dimension))
        return known.translate(SUPERSCRIPTS)

    return POWER.sub(raised, unit)


def with_unit(name: str, dimension: int | None = None) -> str:
    """A field's name in prose, with its unit in brackets."""
    unit = field_unit(name, dimension)
    return f"{field_label(name)} [{unit}]" if unit else field_label(name)


def level_label(name: str) -> str:
    """A level's name as a heading."""
    return LEVELS.get(name, name.replace("_", " ").capitalize())


def state(facts: Mapping[str, Any], system: str, n_particles: int) -> str:
    """What a configuration is: system, phase, kT, N and level, from the metadata of its run."""
    kT = facts.get("kT")
    return ", ".join(
        [
            f"{system} {facts.get('phase', '')}".rstrip(),
            "kT not stated" if kT is None else f"kT = {plain(kT)}",
            f"N = {n_particles}",
            ONE_OF_LEVEL.get(facts.get("level", ""), "level not stated"),
        ]
    )


def capital(text: str) -> str:
    """The text with its first letter in upper case, the others unchanged."""
    return text[:1].upper() + text[1:]


def is_random(field: str) -> bool:
    """Whether a predictor is the null baseline."""
    return "random" in field


def is_missing(value: Any) -> bool:
    """Whether a value from JSON is missing: absent, null or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def number(value: Any, digits: int = 3) -> str:
    """A number with a fixed number of decimals and a typographic minus sign."""
    return NOTHING if is_missing(value) else f"{value:.{digits}f}".replace("-", "−")


def signed(value: Any, digits: int = 3) -> str:
    """A correlation, always with its sign."""
    return NOTHING if is_missing(value) else f"{value:+.{digits}f}".replace("-", "−")


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence: one, one and another, or one, another and a third."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def percent(value: Any) -> str:
    """A share as a percentage."""
    return NOTHING if is_missing(value) else f"{100 * value:.1f} %"


def interval(entry: Mapping[str, Any], *, sign: bool = False, digits: int = 3) -> str:
    """The ends of an interval, ``[low, high]``, or in brackets why there is none."""
    if is_missing(entry.get("low")) or is_missing(entry.get("high")):
        note = entry.get("note") if not is_missing(entry.get("estimate")) else None
        return f"({note})" if note else ""
    show = signed if sign else number
    return f"[{show(entry['low'], digits)}, {show(entry['high'], digits)}]"


def duration(seconds: Any) -> str:
    """A time span in a convenient unit."""
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
    """Text for a parameter of a study or an entry of the provenance."""
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
#: The nulls of a map, as the columns of its rows begin.
NULLS = ("shuffled", "halves")


@dataclass(frozen=True)
class CorrelationLine:
    """The rows of one predictor; None for those that were not measured.

    Attributes:
        bare: Row of the bare field.
        smoothed: Row of the smoothed field.
        beyond: Row of the partial correlation; the smoothed one if there is one.
    """

    bare: Row | None = None
    smoothed: Row | None = None
    beyond: Row | None = None

    @property
    def best(self) -> Row | None:
        """The row to quote: the smoothed one if possible, because maps are smooth by themselves."""
        return self.smoothed or self.bare


@dataclass(frozen=True)
class CorrelationGroup:
    """Everything compared with one target over one species.

    Attributes:
        target: Name of the target field.
        species: Name of the species.
        method: Which coefficient.
        ceiling: Noise ceiling; None if it was not measured.
        reliability: Reliability of the target; None if it was not measured.
        censored_share: Share of censored particles; None if the target cannot be censored.
        undefined_share: Share of particles that have no value of the target and are left out.
        given: Labels of the fields that the partial correlations hold fixed, as part of a
            sentence; may be empty.
        lines: Predictor -> its rows.
        notes: The reasons why rows have no coefficient, each once.
    """

    target: str
    species: str
    method: str
    ceiling: float | None
    reliability: float | None
    censored_share: float | None
    undefined_share: float
    given: str
    lines: dict[str, CorrelationLine]
    notes: tuple[str, ...]

    @property
    def nulls(self) -> list[tuple[str, str, Row]]:
        """Of each row that has a null: its predictor, which of the rows it is, and the row."""
        return [
            (name, which, row)
            for name, line in self.lines.items()
            for which, row in (
                ("bare", line.bare),
                ("smoothed", line.smoothed),
                (f"beyond {self.given}", line.beyond),
            )
            if row is not None and any(f"{kind}_n" in row for kind in NULLS)
        ]

    @property
    def is_undefined(self) -> bool:
        """Whether no coefficient exists, for example because all particles are censored."""
        rows = [row for line in self.lines.values() for row in (line.bare, line.smoothed)]
        return all(row is None or is_missing(row.get("estimate")) for row in rows)


def correlation_groups(rows: Sequence[Row], results: Row) -> list[CorrelationGroup]:
    """One group per target, species and method, in order of appearance.

    If the rows have no ceiling or censored share, they are taken from ``results["ceilings"][target]
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
        undefined_share=_first([row.get("undefined_share") for row in rows], 0.0),
        given=listed([field_label(name) for name in given.split(", ")]) if given else "",
        lines=lines,
        notes=tuple(
            dict.fromkeys(
                row["note"] for row in rows if row.get("note") and is_missing(row.get("estimate"))
            )
        ),
    )


def _first(values: Sequence[Any], otherwise: Any) -> Any:
    return next((value for value in values if not is_missing(value)), otherwise)


@dataclass(frozen=True)
class Resemblance:
    """How alike maps and indicators are, over one species.

    Attributes:
        species: Name of the species.
        method: Which coefficient.
        length: The length over which both are smoothed.
        maps: Names of the fields of the maps.
        lines: Indicator -> map -> the rows of the two, bare and smoothed.
    """

    species: str
    method: str
    length: float
    maps: tuple[str, ...]
    lines: dict[str, dict[str, CorrelationLine]]


def resemblances(rows: Sequence[Row]) -> list[Resemblance]:
    """One table per species and method, in order of appearance, of a study's ``structure``."""
    groups = correlation_groups(rows, {})
    found = []
    for species, method in dict.fromkeys((group.species, group.method) for group in groups):
        mine = [group for group in groups if (group.species, group.method) == (species, method)]
        found.append(
            Resemblance(
                species=species,
                method=method,
                length=max(row.get("length") or 0.0 for row in rows),
                maps=tuple(group.target for group in mine),
                lines={
                    name: {group.target: group.lines[name] for group in mine}
                    for name in mine[0].lines
                },
            )
        )
    return found
