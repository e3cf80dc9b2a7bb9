"""The result of a study in a few sentences, made from the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gnnglass.stats import LEVEL
from gnnglass.study._wording import (
    classifier_label,
    correlation_groups,
    field_label,
    interval,
    is_missing,
    is_random,
    listed,
    number,
    percent,
    plain,
    resemblances,
    signed,
)
from gnnglass.study.figures import TARGET, rows_by_predictor

Row = Mapping[str, Any]


def verdict(results: Mapping[str, Any]) -> list[str]:
    """Sentences on the classification, what maps resemble, their dynamics, and ageing."""
    sentences = [
        *_classification(results.get("levels") or {}, results.get("classes") or ()),
        *_structure(results.get("structure") or [], results.get("classes") or ()),
        *_correlation(results.get("correlations") or [], results.get("classes") or ()),
        *_ageing(results.get("ageing") or {}),
    ]
    return sentences or ["No classifier was evaluated and no fields were compared."]


def _classification(levels: Mapping[str, Any], classes: Sequence[str]) -> list[str]:
    level = "inherent" if levels.get("inherent") else next(iter(levels), "")
    judged = levels.get(level, {})
    judged = {name: row for name, row in judged.items() if not is_missing(_auc(row))}
    if not judged:
        return []
    other, explained = classes
    signs = {name: row.get("sign") for name, row in judged.items()}
    main = next((name for name in judged if name.lower() == "gnn"), next(iter(judged)))
    where = "inherent structures" if level == "inherent" else f"{level} configurations"
    sentence = (
        f"On {where} of runs it never saw, {_the(main, level)} tells {explained} from {other} with "
        f"AUC {_with_interval(judged[main]['auc'])}"
    )
    others = [
        f"{_the(name, level, signs[name])} reaches {_with_interval(row['auc'])}"
        for name, row in judged.items()
        if name != main
    ]
    best = max(judged, key=lambda name: _auc(judged[name]))
    sentences = [sentence + (f"; {listed(others)}." if others else ".")]
    if len(judged) > 1 and best != main:
        sentences.append(
            f"The largest AUC belongs to {_the(best, level, signs[best])}"
            + (
                ", but the intervals overlap."
                if _overlap(judged[best]["auc"], judged[main]["auc"])
                else f", beyond the interval of {_the(main, level)}."
            )
        )
    return sentences


def _structure(rows: Sequence[Row], classes: Sequence[str]) -> list[str]:
    """Which indicators each map resembles most, over the first species."""
    sentences = []
    for table in resemblances(rows)[:1]:
        where = f"held-out {classes[1] if classes else 'explained'} configurations"
        how = f"{table.species} particles, {table.method.capitalize()}, both smoothed over"
        for name in (one for one in table.maps if not is_random(one)):
            best = [line[name].best for line in table.lines.values()]
            usable = [row for row in best if row is not None and _usable(row)]
            usable.sort(key=lambda row: -abs(row["estimate"]))
            said = [
                (field_label(row["predictor"]), _signed_with_interval(row)) for row in usable[:3]
            ]
            if not said:
                continue
            (first, r), *others = said
            sentence = (
                f"On {where} the {field_label(name)} resembles {first} most (r = {r}; {how} "
                f"{number(table.length, 1)})"
            )
            then = [f"{label} {r}" for label, r in others]
            sentences.append(sentence + (f", then {listed(then)}." if then else "."))
    return sentences


def _correlation(rows: Sequence[Row], classes: Sequence[str]) -> list[str]:
    maps = [r for r in rows if r["predictor"].startswith("importance") and _usable(r)]
    if not maps:
        return []
    first = maps[0]
    same = [
        r
        for r in rows
        if all(r[key] == first[key] for key in ("target", "species", "method")) and _usable(r)
    ]
    group = correlation_groups(same, {})[0]
    best = {name: line.best for name, line in group.lines.items() if line.best is not None}
    strongest = max((r for r in best.values() if _is_map(r)), key=lambda r: abs(r["estimate"]))
    smoothed = "smoothed, " if strongest.get("smoothed") else ""
    sentence = (
        f"The {field_label(strongest['predictor'])}, found without any dynamics, correlates with "
        f"{field_label(first['target'])} at {_signed_with_interval(strongest)} "
        f"({smoothed}{first['species']} particles, {first['method'].capitalize()}, "
        f"{strongest['n_runs']} independent runs)"
    )
    others = sorted(
        (r for name, r in best.items() if name != strongest["predictor"]),
        key=lambda r: -abs(r["estimate"]),
    )
    beside = [
        f"{field_label(r['predictor'])} {_signed_with_interval(r)}"
        for r in others
        if not is_random(r["predictor"])
    ][:3]
    beside += [
        f"a random field {_signed_with_interval(r)}" for r in others if is_random(r["predictor"])
    ][:1]
    sentences = [sentence + (f"; beside it {listed(beside)}." if beside else ".")]
    if "shuffled_n" in strongest:
        sentences.append(
            "With labels shuffled over runs, maps of the same network correlate at "
            f"{_sizes(strongest, 'shuffled')} of {strongest['shuffled_n']} trainings; the true "
            f"one is above {_share(strongest)} of them{_verdict_of_null(strongest)}."
        )
    if "halves_n" in strongest:
        within = classes[1] if classes else "explained phase"
        sentences.append(
            f"With arbitrary labels within the {within} it is {_sizes(strongest, 'halves')}."
        )
    beyond = group.lines[strongest["predictor"]].beyond
    if beyond is not None:
        sentence = f"Given the {group.given}, its correlation is {_signed_with_interval(beyond)}"
        if "shuffled_n" in beyond:
            sentence += (
                f", above {_share(beyond)} of those with shuffled labels"
                f" ({_sizes(beyond, 'shuffled')}){_verdict_of_null(beyond)}"
            )
        sentences.append(sentence + ".")
    if not is_missing(strongest.get("ceiling")):
        sentences.append(
            f"The noise ceiling of the {field_label(first['target'])} is "
            f"{number(strongest['ceiling'], 2)}."
        )
    return sentences


def _sizes(row: Row, kind: str) -> str:
    """Median and 95 % quantile of the sizes of a null."""
    return (
        f"|r| = {number(row[f'{kind}_median'], 2)} in the median and "
        f"{number(row[f'{kind}_95'], 2)} at the 95 % quantile"
    )


def _share(row: Row) -> str:
    return f"{100 * row['shuffled_quantile']:.0f} %"


def _verdict_of_null(row: Row) -> str:
    """What follows if wrong labels give as much; with few trainings nothing follows if not."""
    return (
        ""
        if row["shuffled_quantile"] >= LEVEL
        else ", so its size does not tell that the labels matter"
    )


def _ageing(ageing: Row, species: str = "A") -> list[str]:
    summary = [row for row in ageing.get("summary") or [] if row["species"] == species]
    if len(summary) < 2:
        return []
    young, old = summary[0], summary[-1]
    times = f"from {plain(young['waiting_time'])} to {plain(old['waiting_time'])}"
    sentence = f"As the {ageing['phase']} ages {times}, "
    if _is_bound(young):
        shares = (percent(row["tau_overlap_censored"]) for row in (young, old))
        sentence += (
            f"the {species} particles that have not relaxed within "
            f"{number(young['tau_overlap'], 1)} go from {' to '.join(shares)}"
        )
    else:
        bound = "at least " if _is_bound(old) else ""
        sentence += (
            f"the median relaxation time of {species} goes from "
            f"{number(young['tau_overlap'], 1)} to {bound}{number(old['tau_overlap'], 1)}"
        )
    parts = [
        f"of the {field_label(name)} from {_signed_with_interval(rows[0])} to "
        f"{_signed_with_interval(rows[-1])}"
        for name, rows in rows_by_predictor(ageing, species).items()
        if _is_map(rows[0])
    ]
    if parts:
        sentence += f", and the correlation with the {field_label(TARGET)} {listed(parts)}"
    return [sentence + "."]


def _is_bound(row: Row) -> bool:
    """Whether a median relaxation time is only a lower bound."""
    return bool(row["tau_overlap_censored"] >= 0.5)


def _is_map(row: Row) -> bool:
    return row["predictor"].startswith("importance") and not is_random(row["predictor"])


def _usable(row: Row) -> bool:
    return not is_missing(row.get("estimate"))


def _auc(row: Row) -> Any:
    return (row.get("auc") or {}).get("estimate")


def _the(name: str, level: str, energy_sign: int | None = None) -> str:
    named = {"linear": "a linear model on radial counts", "gnn": "the GNN", "cnn": "the CNN"}
    return named.get(name.lower(), classifier_label(name, level, energy_sign))


def _with_interval(entry: Row) -> str:
    return f"{number(entry['estimate'])} {interval(entry)}".rstrip()


def _signed_with_interval(row: Row) -> str:
    return f"{signed(row['estimate'], 2)} {interval(row, sign=True, digits=2)}".rstrip()


def _overlap(a: Row, b: Row) -> bool:
    ends: list[Any] = [a.get("low"), a.get("high"), b.get("low"), b.get("high")]
    if any(is_missing(end) for end in ends):
        return True
    return bool(ends[0] <= ends[3] and ends[2] <= ends[1])
