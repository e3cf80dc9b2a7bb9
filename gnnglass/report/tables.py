"""Rows of the comparison, arranged as a reader scans them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gnnglass.report.words import field_label, is_missing

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
