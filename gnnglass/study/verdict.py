"""The result of a study in a few sentences, made from the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gnnglass.stats import LEVEL
from gnnglass.study._wording import (
    CorrelationGroup,
    classifier_label,
    correlation_groups,
    describe_field,
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
#: Below this many held-out runs intervals are too wide to settle much.
FEW_RUNS = 20
#: Below this many pairs of equal energy their share settles nothing.
FEW_PAIRS = 100
#: Fewer trainings on wrong labels cannot all lie below a correlation by chance in 5 % of cases.
FEWEST_SHUFFLES = 19
#: A baseline that comes so near an AUC does as well.
AS_GOOD = 0.02
#: Smallest AUC that goes by each word.
HOW_OFTEN = ((0.95, "nearly always"), (0.8, "mostly"), (0.6, "more often than not"))
#: Smallest |r| that goes by each word; a map resembles nothing below the last.
HOW_ALIKE = ((0.7, "strongly"), (0.4, "moderately"), (0.2, "weakly"))


@dataclass(frozen=True)
class Summary:
    """What stands at the head of a report, in plain sentences.

    Attributes:
        found: What was found.
        doubts: How far it may be believed.
        maps: Of each map, which structural indicators it resembles.
    """

    found: list[str]
    doubts: list[str]
    maps: list[str]


def summary(results: Mapping[str, Any]) -> Summary:
    """What was found, how far it may be believed, and what the maps look like in structure."""
    levels, classes = results.get("levels") or {}, results.get("classes") or ()
    group, best = _main_comparison(results.get("correlations") or [])
    found = [*_told_apart(levels, classes), *_known_of_dynamics(group, best)]
    doubts = [
        *_doubts_of_classes(levels, classes, results.get("matched_energy")),
        *_doubts_of_dynamics(group, best, results),
    ]
    maps = _likeness_in_words(results.get("structure") or [])
    return Summary(
        found or ["No classifier was evaluated and no fields were compared."], doubts, maps
    )


def _told_apart(levels: Mapping[str, Any], classes: Sequence[str]) -> list[str]:
    level, judged, main = _judged(levels)
    if main is None:
        return []
    other, explained = classes
    area = _auc(judged[main])
    how = next((word for least, word in HOW_OFTEN if area >= least), "hardly ever")
    shape = "inherent structure" if level == "inherent" else f"{level} configuration"
    as_good = _baselines_as_good(judged, main)
    do = "does" if len(as_good) == 1 else "do"
    so_do = f"; {listed(as_good)} {do} as well" if as_good else ""
    who = _the(main, level)
    who = f"the classifier “{main}”" if who == main else who
    return [
        f"From one {shape} of a run it never saw, {who} {how} tells {explained} from "
        f"{other} (AUC {number(area, 2)}){so_do}."
    ]


def _judged(levels: Mapping[str, Any]) -> tuple[str, dict[str, Any], str | None]:
    """The level to speak of, its classifiers with an AUC, and the main one of these."""
    level = "inherent" if levels.get("inherent") else next(iter(levels), "")
    members = levels.get(level) or {}
    judged = {name: row for name, row in members.items() if not is_missing(_auc(row))}
    main = next((name for name in judged if name.lower() == "gnn"), next(iter(judged), None))
    return level, judged, main


def _baselines_as_good(judged: Mapping[str, Any], main: str) -> list[str]:
    """The baselines, in words, whose AUC is about that of the main classifier."""
    called = {"energy": "the potential energy alone", "linear": "a linear model on radial counts"}
    return [
        f"{what} ({number(_auc(judged[name]), 2)})"
        for name, what in called.items()
        if name in judged and name != main and _auc(judged[name]) >= _auc(judged[main]) - AS_GOOD
    ]


def _main_comparison(rows: Sequence[Row]) -> tuple[CorrelationGroup | None, dict[str, Row]]:
    """The first comparison of a map with dynamics, and the row to quote of each predictor."""
    first = next((r for r in rows if _is_map(r) and _usable(r)), None)
    if first is None:
        return None, {}
    keys = ("target", "species", "method")
    same = [r for r in rows if all(r[key] == first[key] for key in keys)]
    group = correlation_groups(same, {})[0]
    best = {name: line.best for name, line in group.lines.items()}
    return group, {name: row for name, row in best.items() if row is not None and _usable(row)}


def _strongest_map(best: Mapping[str, Row]) -> Row:
    return max((r for r in best.values() if _is_map(r)), key=lambda r: abs(r["estimate"]))


def _known_of_dynamics(group: CorrelationGroup | None, best: Mapping[str, Row]) -> list[str]:
    if group is None:
        return []
    row, target = _strongest_map(best), field_label(group.target)
    label, r = field_label(row["predictor"]), _signed_with_interval(row)
    if not _may_be_zero(row):
        slow = (row["estimate"] > 0) != describe_field(group.target).low_is_glassy
        known = group.target.startswith(("tau", "propensity"))
        how = f"are {'slower' if slow else 'faster'}" if known else "differ"
        sentence = (
            f"Where the {label} is high, {group.species} particles {how}: its correlation with "
            f"the {target} is {r}"
        )
    else:
        sentence = (
            f"Whether the {label} knows anything of the dynamics of {group.species} particles is "
            f"not settled: its correlation with the {target} is {r}"
        )
    others = [r for name, r in best.items() if not _is_map(r) and not is_random(name)]
    if others:
        top = max(others, key=lambda r: abs(r["estimate"]))
        sentence += (
            f"; the best structural indicator, {field_label(top['predictor'])}, has "
            f"{_signed_with_interval(top)}"
        )
    sentences = [sentence + "."]
    beyond = group.lines[row["predictor"]].beyond
    # What may be nothing has nothing to lose.
    if beyond is not None and _usable(beyond) and not _may_be_zero(row):
        left = ", nothing certain is left of it:" if _may_be_zero(beyond) else " it is"
        sentences.append(f"With {group.given} held fixed{left} {_signed_with_interval(beyond)}.")
    return sentences


def _doubts_of_classes(
    levels: Mapping[str, Any], classes: Sequence[str], matched: Row | None
) -> list[str]:
    _, judged, main = _judged(levels)
    if main is None:
        return []
    doubts = []
    area, n_runs = judged[main]["auc"], judged[main].get("n_runs")
    if n_runs is not None and n_runs < FEW_RUNS:
        chance = ""
        if not is_missing(area.get("low")):
            chance = f": the 95 % interval of its AUC is {interval(area, digits=2)}"
            chance += ", which contains chance" if area["low"] <= 0.5 <= area["high"] else ""
        doubts.append(f"Few runs: only {n_runs} were held out{chance}.")
    if _baselines_as_good(judged, main):
        doubts.append(
            f"Everything separates the two: to tell {classes[1]} from {classes[0]} no network is "
            "needed here, so its success does not show that it has found more than the baselines."
        )
    if matched is not None and matched["n_pairs"] < FEW_PAIRS:
        pairs = f"only {matched['n_pairs']}" if matched["n_pairs"] else "no"
        doubts.append(
            f"At equal energy there are {pairs} pairs of held-out configurations, so nothing is "
            "known of differences beyond the energy."
        )
    return doubts


def _doubts_of_dynamics(
    group: CorrelationGroup | None, best: Mapping[str, Row], results: Mapping[str, Any]
) -> list[str]:
    if group is None:
        return ["No dynamics is known, so the maps are compared with structure alone."]
    doubts, row = [], _strongest_map(best)
    target = field_label(group.target)
    if row["n_runs"] < FEW_RUNS:
        doubts.append(
            f"Few runs: dynamics is known of only {row['n_runs']} of them"
            + ("." if _has_interval(row) else ", too few for an interval; their values are given.")
        )
    if "shuffled_n" not in row:
        doubts.append(
            "No null was run: how much of the correlation maps of networks trained on shuffled "
            "labels would have is not known (its study sets shuffles to 0)."
        )
    elif row["shuffled_n"] < FEWEST_SHUFFLES:
        doubts.append(
            f"The null is too small: {row['shuffled_n']} trainings on shuffled labels cannot show "
            "that a correlation is beyond 95 % of theirs."
        )
    elif row["shuffled_quantile"] < LEVEL:
        doubts.append(
            "A control failed: trained on shuffled labels the same network gives a map that "
            f"correlates as much in {percent(1 - row['shuffled_quantile'])} of "
            f"{row['shuffled_n']} trainings."
        )
    else:
        doubts.append(
            f"The control held: the correlation exceeds those of {_share(row)} of "
            f"{row['shuffled_n']} maps from shuffled labels."
        )
    chance = max((abs(r["estimate"]) for n, r in best.items() if is_random(n)), default=0.0)
    if chance >= abs(row["estimate"]):
        doubts.append(f"A control failed: a random field has |r| = {number(chance, 2)}.")
    if (group.censored_share or 0.0) >= 0.5:
        doubts.append(f"Of the {target}, {percent(group.censored_share)} are lower bounds.")
    elsewhere = (results.get("conditions") or {}).get("elsewhere")
    return [*doubts, *([elsewhere] if elsewhere else [])]


def _likeness_in_words(rows: Sequence[Row]) -> list[str]:
    sentences = []
    for table in resemblances(rows)[:1]:
        for name in (one for one in table.maps if not is_random(one)):
            found = sorted(_likest(table.lines, name), key=lambda r: -abs(r["estimate"]))
            if not found:
                continue
            said = [
                f"{field_label(row['predictor'])} is {'high' if row['estimate'] > 0 else 'low'} "
                f"({how}: {signed(row['estimate'], 2)}"
                f"{', its interval contains zero' if _may_be_zero(row) else ''})"
                for row in found[:3]
                if (how := _how_alike(row)) is not None
            ]
            if said:
                sentences.append(f"Where the {field_label(name)} is high, {listed(said)}.")
            else:
                sentences.append(
                    f"The {field_label(name)} resembles no indicator: the largest correlation is "
                    f"{_signed_with_interval(found[0])}, with {field_label(found[0]['predictor'])}."
                )
    return sentences


def _how_alike(row: Row) -> str | None:
    return next((word for least, word in HOW_ALIKE if abs(row["estimate"]) >= least), None)


def _likest(lines: Mapping[str, Mapping[str, Any]], name: str) -> list[Row]:
    """The row to quote of each indicator with one map."""
    best = [line[name].best for line in lines.values()]
    return [row for row in best if row is not None and _usable(row)]


def _has_interval(row: Row) -> bool:
    return not is_missing(row.get("low"))


def _may_be_zero(row: Row) -> bool:
    """Whether a correlation has an interval, and zero is in it."""
    return _has_interval(row) and row["low"] <= 0 <= row["high"]


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
    level, judged, main = _judged(levels)
    if main is None:
        return []
    other, explained = classes
    signs = {name: row.get("sign") for name, row in judged.items()}
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
            usable = sorted(_likest(table.lines, name), key=lambda row: -abs(row["estimate"]))
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
    group, best = _main_comparison(rows)
    if group is None:
        return []
    strongest = _strongest_map(best)
    smoothed = "smoothed, " if strongest.get("smoothed") else ""
    sentence = (
        f"The {field_label(strongest['predictor'])}, found without any dynamics, correlates with "
        f"{field_label(group.target)} at {_signed_with_interval(strongest)} "
        f"({smoothed}{group.species} particles, {group.method.capitalize()}, "
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
            f"The noise ceiling of the {field_label(group.target)} is "
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
