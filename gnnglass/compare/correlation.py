"""Correlation of two fields: per species, per configuration, then over runs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from gnnglass.compare.bootstrap import bootstrap_interval
from gnnglass.compare.comparison import Comparison
from gnnglass.compare.scores import FieldSet, Method, standard_scores
from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


def correlate(
    snapshots: Sequence[Snapshot],
    x: str,
    y: str,
    *,
    runs: Sequence[Hashable],
    species: Sequence[str] | None = None,
    method: Method = "spearman",
    lengths: Sequence[float] | None = None,
    censored: str | None = None,
    seed: int = 0,
) -> dict[str, Comparison]:
    """Correlate field `x` with field `y`, each species by itself.

    One coefficient per configuration; the estimate is their mean within each run, then over
    runs; the interval resamples runs. With `lengths`, `x` alone is smoothed (a map that comes
    from a network is already smoothed by its receptive field, so every predictor is granted its
    best length), and the length used for a run is the one whose mean coefficient is largest in
    size on the *other* runs, so that no run's own target takes part in the choice.

    Args:
        snapshots: Configurations holding both fields.
        x: Name of the predictor.
        y: Name of the target.
        runs: Independent run of each configuration.
        species: Names of the species to treat; all that are present by default.
        method: ``"spearman"`` (ties get average ranks) or ``"pearson"``.
        lengths: Candidate smoothing lengths; the bare field without. A single candidate is used
            as it is, several need at least two runs.
        censored: Name of a field that is 1 where `y` is only a lower bound. Those particles are
            tied at the top of their configuration, and their share is reported.
        seed: Seed of the bootstrap.

    Returns:
        One `Comparison` per species.

    Raises:
        InputError: If a field is missing or not finite somewhere, if the runs do not match the
            configurations, or if lengths cannot be chosen or do not fit the box.
        UndefinedCorrelationError: If a field is constant in some configuration, or a species
            has fewer than three particles there.
    """
    fields = FieldSet(snapshots, runs, {y: censored} if censored is not None else None)
    chosen = fields.species if species is None else tuple(species)
    return {
        name: compare_species(fields, x, y, name, method=method, lengths=lengths, seed=seed)
        for name in chosen
    }


def compare_species(
    fields: FieldSet,
    x: str,
    y: str,
    species: str,
    *,
    method: Method = "spearman",
    lengths: Sequence[float] | None = None,
    seed: int = 0,
) -> Comparison:
    """`correlate` for one species, on fields that may already be smoothed; raises like it."""
    if method not in ("spearman", "pearson"):
        raise InputError(f"unknown correlation method {method!r}; known: spearman, pearson.")
    candidates = _candidates(lengths, len(fields.run_names))
    fields.prepare([x], candidates)
    targets = fields.scores(y, 0.0, species, method)
    coefficients = np.array(
        [
            [a @ b for a, b in zip(fields.scores(x, at, species, method), targets, strict=True)]
            for at in candidates
        ]
    )
    runs = np.array(fields.runs)
    per_run = np.stack(
        [coefficients[:, runs == run].mean(axis=1) for run in fields.run_names], axis=1
    )
    picks = _picked_on_other_runs(per_run)
    pick_of_run = dict(zip(fields.run_names, picks, strict=True))
    estimates = np.array([per_run[pick, r] for r, pick in enumerate(picks)])
    pick_of_configuration = [pick_of_run[run] for run in fields.runs]
    return Comparison(
        x=x,
        y=y,
        species=species,
        method=method,
        per_configuration=coefficients[pick_of_configuration, np.arange(len(runs))],
        runs=fields.runs,
        estimate=float(estimates.mean()),
        interval=bootstrap_interval(estimates.tolist(), seed=seed),
        lengths={run: candidates[pick] for run, pick in pick_of_run.items()},
        smoothed=lengths is not None,
        pooled=_pooled(
            fields.pooled(x, [candidates[pick] for pick in pick_of_configuration], species),
            fields.pooled(y, [0.0] * len(runs), species),
            method,
        ),
        censored_share=fields.censored_share(y, species),
    )


def _candidates(lengths: Sequence[float] | None, n_runs: int) -> list[float]:
    if lengths is None:
        return [0.0]
    candidates = sorted({float(length) for length in lengths})
    if not candidates:
        raise InputError("no smoothing length was given; expected at least one, or lengths=None.")
    if len(candidates) > 1 and n_runs < 2:
        raise InputError(
            f"{len(candidates)} smoothing lengths were given for a single run, but the length is "
            "chosen on other runs; give one length or at least two runs."
        )
    return candidates


def _picked_on_other_runs(per_run: FloatArray) -> list[int]:
    """Index of each run's length, from coefficients of shape [n_lengths, n_runs]."""
    if len(per_run) == 1:
        return [0] * per_run.shape[1]
    n_runs = per_run.shape[1]
    return [
        int(np.argmax(np.abs(per_run[:, np.arange(n_runs) != r].mean(axis=1))))
        for r in range(n_runs)
    ]


def _pooled(x: FloatArray, y: FloatArray, method: Method) -> float:
    a, b = standard_scores(x, method), standard_scores(y, method)
    # Neither is constant: every single configuration has already been found to vary.
    return float(a @ b) if a is not None and b is not None else float("nan")
