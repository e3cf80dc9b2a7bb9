"""Correlation of two fields: per species, per configuration, then over runs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from gnnglass.compare.bootstrap import bootstrap_interval
from gnnglass.compare.choice import candidates_of, choose_lengths
from gnnglass.compare.comparison import Comparison
from gnnglass.compare.over_runs import run_means
from gnnglass.compare.partial import partial_correlation
from gnnglass.compare.scores import (
    CORRELATIONS,
    SHARES,
    FieldSet,
    Method,
    scores_of_predictor,
    standard_scores,
)
from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot


def correlate(
    snapshots: Sequence[Snapshot],
    x: str,
    y: str,
    *,
    runs: Sequence[Hashable],
    species: Sequence[str] | None = None,
    method: Method = "spearman",
    given: Sequence[str] = (),
    lengths: Sequence[float] | None = None,
    same_species: bool = False,
    censored: str | None = None,
    seed: int = 0,
) -> dict[str, Comparison]:
    """Correlate field `x` with field `y`, each species by itself.

    One coefficient per configuration; the estimate is their mean within each run, then over
    runs; the interval resamples runs. With `lengths`, `x` alone is smoothed (a map that comes
    from a network is already smoothed by its receptive field, so every predictor is granted its
    best length), and the length used for a run is the one whose mean coefficient is largest in
    size on the *other* runs, so that no run's own target takes part in the choice.

    With `given`, the coefficient is the partial one: does `x` know something of `y` that the
    given fields do not? Each of these is smoothed over the length that makes it the best
    predictor by itself, chosen like that of `x`, so that `x` does not win by smoothness alone.

    The shares of deciles ask for the extremes only: of the tenth of the particles with the
    largest `x`, how many are in the tenth with the largest (``"top-decile"``) or smallest
    (``"bottom-decile"``) `y`? Chance is 0.1, tied particles are in a random order, and the
    value is the mean over these.

    Args:
        snapshots: Configurations holding both fields.
        x: Name of the predictor.
        y: Name of the target.
        runs: Independent run of each configuration.
        species: Names of the species to treat; all that are present by default.
        method: ``"spearman"`` (ties get average ranks), ``"pearson"``, ``"top-decile"`` or
            ``"bottom-decile"``.
        given: Names of the fields to be held fixed.
        lengths: Candidate smoothing lengths; the bare field without. A single candidate is used
            as it is, several need at least two runs.
        same_species: Smooth over particles of the same species only.
        censored: Name of a field that is 1 where `y` is only a lower bound. Those particles are
            tied at the top of their configuration, and their share is reported.
        seed: Seed of the bootstrap.

    Returns:
        One `Comparison` per species.

    Raises:
        InputError: If a field is missing or not finite somewhere, if the runs do not match the
            configurations, if lengths cannot be chosen or do not fit the box, or if `x` or `y` is
            among the given fields.
        UndefinedCorrelationError: If a field is constant in some configuration or a linear
            function of the given ones, or a species has too few particles there.
    """
    marks = {y: censored} if censored is not None else None
    fields = FieldSet(snapshots, runs, marks, same_species=same_species)
    chosen = fields.species if species is None else tuple(species)
    return {
        name: compare_species(
            fields, x, y, name, method=method, given=given, lengths=lengths, seed=seed
        )
        for name in chosen
    }


def compare_species(
    fields: FieldSet,
    x: str,
    y: str,
    species: str,
    *,
    method: Method = "spearman",
    given: Sequence[str] = (),
    lengths: Sequence[float] | None = None,
    seed: int = 0,
) -> Comparison:
    """`correlate` for one species, on fields that may already be smoothed; raises like it."""
    check_question(x, y, method, given)
    candidates = candidates_of(lengths, len(fields.run_names))
    fields.prepare([x, *given], candidates)
    held = {
        name: choose_lengths(fields, name, y, species, method, candidates, {}).lengths
        for name in given
    }
    chosen = choose_lengths(fields, x, y, species, method, candidates, held)
    estimates = run_means(chosen.coefficients, fields.runs)
    return Comparison(
        x=x,
        y=y,
        species=species,
        method=method,
        given=held,
        per_configuration=chosen.coefficients,
        runs=fields.runs,
        estimate=float(estimates.mean()),
        interval=bootstrap_interval(estimates.tolist(), seed=seed),
        lengths=chosen.lengths,
        smoothed=lengths is not None,
        pooled=_pooled(fields, x, y, species, method, chosen.lengths, held),
        censored_share=fields.censored_share(y, species),
    )


def check_question(x: str, y: str, method: Method, given: Sequence[str]) -> None:
    """Refuse what cannot be asked of any data.

    Raises:
        InputError: If the method is unknown or cannot be partial, or a compared field is given.
    """
    known = (*CORRELATIONS, *SHARES)
    if method not in known:
        raise InputError(f"unknown correlation method {method!r}; known: {', '.join(known)}.")
    if given and method in SHARES:
        raise InputError(
            f"{method!r} was asked for given other fields, but only a correlation can be partial; "
            f"use one of {', '.join(CORRELATIONS)}."
        )
    for name in (x, y):
        if name in given:
            raise InputError(
                f"field {name!r} is to be compared and also held fixed; leave it out of the given "
                "fields."
            )


def _pooled(
    fields: FieldSet,
    x: str,
    y: str,
    species: str,
    method: Method,
    lengths: Mapping[str, float],
    given: Mapping[str, Mapping[str, float]],
) -> float:
    """One coefficient over all configurations together, each field at the lengths of the runs."""
    bare = dict.fromkeys(fields.run_names, 0.0)
    kinds = [scores_of_predictor(method), *[method] * (1 + len(given))]
    named = [(x, lengths), (y, bare), *given.items()]
    scores = [
        standard_scores(fields.pooled(name, at, species), kind)
        for (name, at), kind in zip(named, kinds, strict=True)
    ]
    # None is constant: every single configuration has already been found to vary.
    a, b, *controls = [each for each in scores if each is not None]
    return partial_correlation(a, b, np.stack(controls, axis=1)) if controls else float(a @ b)
