"""Every predictor against every target, in one table."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from gnnglass._arguments import checks_arguments
from gnnglass.compare.ceiling import noise_ceiling
from gnnglass.compare.correlation import check_comparable, compare_species
from gnnglass.compare.fields import CORRELATIONS, FieldSet, Method, UndefinedCorrelationError
from gnnglass.errors import InputError
from gnnglass.trajectories import RunsLike, Snapshot, by_run

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "predictor",
    "target",
    "species",
    "method",
    "given",
    "smoothed",
    "estimate",
    "low",
    "high",
    "n_runs",
    "n_configurations",
    "length",
    "ceiling",
    "pooled",
    "censored_share",
    "undefined_share",
    "note",
)


@checks_arguments
def compare_fields(
    snapshots: RunsLike,
    predictors: Sequence[str],
    targets: Sequence[str],
    *,
    runs: Sequence[Hashable] | None = None,
    species: Sequence[str] | None = None,
    methods: Sequence[Method] = ("spearman",),
    given: Sequence[str] = (),
    lengths: Sequence[float] | None = None,
    same_species: bool = False,
    censored: Mapping[str, str] | None = None,
    halves: Mapping[str, tuple[str, str]] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Correlate every predictor with every target: bare, smoothed, and given other fields.

    Include a random field among the predictors to see the results for no information.

    Args:
        snapshots: Configurations holding all fields: one trajectory or file per independent
            run, or snapshots whose runs are given by `runs`.
        predictors: Names of the fields that predict (importance, energy, a random field).
        targets: Names of the fields to be predicted (propensity, relaxation time).
        runs: Independent run of each snapshot; left out with trajectories or files.
        species: Names of the species to treat; all that are present by default.
        methods: Some of ``"spearman"``, ``"pearson"``, ``"top-decile"``, ``"bottom-decile"``.
        given: Fields held fixed in additional rows with partial correlations. A predictor that is
            among them has no such row.
        lengths: Candidate smoothing lengths of the predictor, chosen for each run on the others; if
            None, only bare fields are compared.
        same_species: Smooth over particles of the same species only.
        censored: Target -> field of its marks: 1 where the target is only a lower bound, NaN where
            it has no value, else 0, as in `correlate`.
        halves: Target -> the two fields measured on either half of its clones; gives the
            noise ceiling.
        seed: Seed of the interval.

    Returns:
        One row per (target, species, method, predictor, given or not, bare or smoothed), with the
        columns given (names of the fields held fixed, or nothing), estimate, low, high (95 %
        over runs), n_runs, n_configurations, length (the one most runs used), ceiling, pooled,
        censored_share (of the particles with a value), undefined_share (of particles without one,
        which are left out) and note. A coefficient that is undefined, because a field is constant
        somewhere, has NaN there and the reason in `note`.

    Raises:
        InputError: If no field is named, a field is missing or not finite, the runs do not match
            the configurations, or several lengths are given with a single run.
    """
    import pandas as pd

    if not predictors or not targets:
        raise InputError(
            f"{len(predictors)} predictors and {len(targets)} targets were given; expected at "
            "least one of each."
        )
    snapshots, runs = by_run(snapshots, runs)
    stored = snapshots[0].spelling
    predictors, targets, given = (list(map(stored, one)) for one in (predictors, targets, given))
    censored = {stored(y): mark for y, mark in (censored or {}).items()}
    halves = {stored(y): pair for y, pair in (halves or {}).items()}
    for x, y, method in product(predictors, targets, methods):
        for held in _held_fixed(x, method, given):
            check_comparable(x, y, method, held)
    fields = FieldSet(snapshots, runs, censored, same_species=same_species)
    bare_or_smoothed = (None,) if lengths is None else (None, lengths)
    if lengths is not None:
        fields.prepare([*predictors, *given], sorted({0.0, *map(float, lengths)}))
    rows = []
    for target in targets:
        for name in fields.species if species is None else species:
            for method in methods:
                ceiling = _ceiling(
                    snapshots, runs, halves.get(target), name, method, censored.get(target)
                )  # fmt: skip
                rows += [
                    {
                        **_row(
                            fields, x, target, name,
                            method=method, given=held, lengths=chosen, seed=seed,
                        ),
                        "ceiling": ceiling if not held else np.nan,
                    }
                    for x in predictors
                    for held in _held_fixed(x, method, given)
                    for chosen in bare_or_smoothed
                ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _held_fixed(x: str, method: Method, given: Sequence[str]) -> tuple[Sequence[str], ...]:
    """The sets of fields to hold fixed: none, and the given ones where a partial one exists."""
    return ((), given) if given and x not in given and method in CORRELATIONS else ((),)


def _row(
    fields: FieldSet,
    x: str,
    y: str,
    species: str,
    *,
    method: Method,
    given: Sequence[str],
    lengths: Sequence[float] | None,
    seed: int,
) -> dict[str, object]:
    try:
        found = compare_species(
            fields, x, y, species, method=method, given=given, lengths=lengths, seed=seed
        )
    except UndefinedCorrelationError as error:
        return {
            "predictor": x,
            "target": y,
            "species": species,
            "method": method,
            "given": ", ".join(given),
            "smoothed": lengths is not None,
            "estimate": np.nan,
            "low": np.nan,
            "high": np.nan,
            "n_runs": len(fields.run_names),
            "n_configurations": len(fields.snapshots),
            "length": np.nan,
            "pooled": np.nan,
            "censored_share": fields.censored_share(y, species),
            "undefined_share": fields.undefined_share(y, species),
            "note": str(error),
        }
    return dict(found.to_frame().iloc[0])


def _ceiling(
    snapshots: Sequence[Snapshot],
    runs: Sequence[Hashable],
    halves: tuple[str, str] | None,
    species: str,
    method: Method,
    censored: str | None,
) -> float:
    if halves is None or method not in CORRELATIONS:
        return np.nan
    try:
        found = noise_ceiling(
            snapshots, *halves, runs=runs, species=[species], method=method, censored=censored
        )
    except UndefinedCorrelationError:
        return np.nan
    return found[species].ceiling
