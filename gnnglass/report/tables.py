"""Rows of the comparison, arranged as a reader scans them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gnnglass.report.words import is_missing

Row = Mapping[str, Any]


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
        lines: Predictor -> its bare and its smoothed row, either may be None.
        notes: What the rows say beside their numbers, each once.
    """

    target: str
    species: str
    method: str
    ceiling: float | None
    reliability: float | None
    censored_share: float | None
    lines: dict[str, tuple[Row | None, Row | None]]
    notes: tuple[str, ...]


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
    lines: dict[str, tuple[Row | None, Row | None]] = {}
    for row in rows:
        bare, smoothed = lines.get(row["predictor"], (None, None))
        lines[row["predictor"]] = (bare, row) if row.get("smoothed") else (row, smoothed)
    measured = ((results.get("ceilings") or {}).get(target) or {}).get(species) or {}
    share = (results.get("censored") or {}).get(target)
    return CorrelationGroup(
        target=target,
        species=species,
        method=method,
        ceiling=_first([row.get("ceiling") for row in rows], measured.get("ceiling")),
        reliability=measured.get("reliability"),
        censored_share=_first([row.get("censored_share") for row in rows], share),
        lines=lines,
        notes=tuple(dict.fromkeys(row["note"] for row in rows if row.get("note"))),
    )


def _first(values: Sequence[Any], otherwise: Any) -> Any:
    return next((value for value in values if not is_missing(value)), otherwise)
