"""Correlation of two fields, also a partial one: per species and configuration, then over runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gnnglass._arguments import checks_arguments
from gnnglass._show import Told, axes_or_new
from gnnglass.compare.fields import (
    CORRELATIONS,
    SHARES,
    FieldSet,
    Method,
    UndefinedCorrelationError,
    scores_for,
    scores_of_predictor,
)
from gnnglass.errors import InputError, unknown
from gnnglass.stats import Interval, Scale, best_on_other_runs, mean_over_runs, run_means
from gnnglass.trajectories import RunsLike, by_run
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Told):
    """Correlation of field `x` with field `y` over the particles of one species.

    Attributes:
        x: Name of the predictor.
        y: Name of the target.
        species: Name of the species.
        method: ``"spearman"``, ``"pearson"``, or the share of the particles in the top decile of
            `x` that are in the ``"top-decile"`` or ``"bottom-decile"`` of `y`.
        given: Field held fixed -> run -> smoothing length; empty unless the correlation is a
            partial one.
        per_configuration: Coefficient of each configuration, shape [n_configurations].
        runs: Run of each configuration.
        interval: Mean over each run's configurations, then over runs, with its 95 % interval over
            runs.
        lengths: Smoothing length of `x` used for each run; 0 is the bare field.
        smoothed: Whether smoothing lengths were given.
        pooled: One coefficient over all particles of all configurations together. It mixes
            differences between configurations with those between particles, so it is reported
            separately.
        censored_share: Share of the particles with a value of `y` where that is censored; None if
            no marks were given.
        undefined_share: Share of the particles that were left out, because they have no `y`.
    """

    x: str
    y: str
    species: str
    method: Method
    given: dict[str, dict[str, float]]
    per_configuration: FloatArray
    runs: tuple[str, ...]
    interval: Interval
    lengths: dict[str, float]
    smoothed: bool
    pooled: float
    censored_share: float | None = None
    undefined_share: float = 0.0

    @property
    def estimate(self) -> float:
        """The coefficient, mean over each run's configurations, then over runs."""
        return self.interval.estimate

    @property
    def n_runs(self) -> int:
        """Number of independent runs."""
        return len(self.lengths)

    @property
    def n_configurations(self) -> int:
        """Number of configurations."""
        return len(self.per_configuration)

    @property
    def length(self) -> float:
        """The smoothing length used by most runs (the shorter one if two are equally common)."""
        counts = Counter(self.lengths.values())
        return min(counts, key=lambda length: (-counts[length], length))

    @property
    def per_run(self) -> dict[str, float]:
        """Mean coefficient of each run."""
        means = run_means(self.per_configuration, self.runs)
        return dict(zip(self.lengths, means.tolist(), strict=True))

    @property
    def quantity(self) -> str:
        """The quantity in words."""
        if self.method in SHARES:
            end = self.method.removesuffix("-decile")
            return (
                f"Share of the top decile of {self.x} that is in the {end} decile of {self.y}, "
                f"{self.species} particles"
            )
        partial = "Partial " if self.given else ""
        beyond = f" given {', '.join(self.given)}" if self.given else ""
        coefficient = f"{partial}{self.method.capitalize()} correlation"
        return f"{coefficient} of {self.x} with {self.y}{beyond}, {self.species} particles"

    def to_frame(self) -> pd.DataFrame:
        """One row, as `compare_fields` stacks them."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "predictor": self.x,
                    "target": self.y,
                    "species": self.species,
                    "method": self.method,
                    "given": ", ".join(self.given),
                    "smoothed": self.smoothed,
                    "estimate": self.estimate,
                    "low": self.interval.low,
                    "high": self.interval.high,
                    "n_runs": self.n_runs,
                    "n_configurations": self.n_configurations,
                    "length": self.length,
                    "pooled": self.pooled,
                    "censored_share": (
                        np.nan if self.censored_share is None else self.censored_share
                    ),
                    "undefined_share": self.undefined_share,
                    "note": self.interval.note,
                }
            ]
        )

    def sentence(self) -> str:
        """The result in one sentence, with everything needed to quote it."""
        used = {self.x: self.lengths, **self.given} if self.smoothed else {}
        smoothed = [
            f"{name} over {' or '.join(f'{length:g}' for length in sorted(set(at.values())))}"
            for name, at in used.items()
        ]
        how = f"; smoothed: {', '.join(smoothed)}" if smoothed else ""
        if smoothed and self.n_runs > 1:
            how += ", chosen on other runs"
        if self.censored_share is not None:
            how += f"; {self.censored_share:.1%} of {self.y} censored"
        how += self.left_out
        pooled = f"pooled {self.pooled:{self._style}}"
        if self.method in SHARES:
            pooled += ", chance 0.100"
        return (
            f"{self.quantity}: {self.interval.sentence(self._style)}, "
            f"{self.n_configurations} configurations; "
            f"{pooled}{how}."
        )

    @property
    def left_out(self) -> str:
        """Who was left out, to be added to a sentence; empty if nobody was."""
        if not self.undefined_share:
            return ""
        share = f"{100 * self.undefined_share:.3g}%"
        return f"; {share} of the particles have no {self.y} and are left out"

    @property
    def _style(self) -> str:
        """Number format: correlations with a sign, shares without."""
        return ".3f" if self.method in SHARES else "+.3f"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each configuration's coefficient by run, with the estimate and its interval.

        Args:
            ax: Axes to draw on; by default those of a new figure.
        """
        ax = axes_or_new(ax)
        names = list(self.lengths)
        ax.plot(
            [names.index(run) for run in self.runs],
            self.per_configuration,
            "o",
            color="0.45",
            alpha=0.6,
            markersize=4,
        )
        ax.axhline(self.estimate, color="C0")
        if self.interval.exists:
            ax.axhspan(self.interval.low, self.interval.high, color="C0", alpha=0.15, linewidth=0)
        chance = 0.1 if self.method in SHARES else 0.0
        ax.axhline(chance, color="0.7", linewidth=0.8, zorder=0)
        ax.set_xticks(range(len(names)), names, rotation=90 if len(names) > 6 else 0)
        ax.set_xlabel("run")
        ax.set_ylabel("share" if self.method in SHARES else f"{self.method} r")
        ax.set_title(self.quantity, fontsize="small", wrap=True)
        return ax


ROUNDING = 1e-10
"""Components of a unit vector below this are rounding errors."""


def coefficients(
    fields: FieldSet,
    x: tuple[str, float],
    y: str,
    species: str,
    method: Method,
    given: Sequence[tuple[str, float]] = (),
) -> FloatArray:
    """Coefficient of each configuration, partial if other fields are given.

    Args:
        fields: Configurations holding all fields.
        x: Predictor and its smoothing length.
        y: Target, which is never smoothed.
        species: Name of the species.
        method: Which coefficient.
        given: Fields to be held fixed and their smoothing lengths.

    Returns:
        Shape [n_configurations].

    Raises:
        InputError: Like `FieldSet.scores`.
        UndefinedCorrelationError: Like `FieldSet.scores` and `partial_correlation`.
    """
    targets = fields.scores(y, 0.0, species, method, y)
    predictors = fields.scores(*x, species, scores_of_predictor(method), y)
    controls = [fields.scores(*control, species, method, y) for control in given]
    found = np.empty(len(targets))
    for k, (a, b) in enumerate(zip(predictors, targets, strict=True)):
        if not given:
            found[k] = a @ b
            continue
        names = ", ".join(name for name, _ in given)
        try:
            found[k] = partial_correlation(a, b, np.stack([each[k] for each in controls], axis=1))
        except UndefinedCorrelationError as error:
            raise UndefinedCorrelationError(
                f"the correlation of {x[0]!r} with {y!r} given {names} is undefined for the "
                f"{species} particles of {fields.describe(k)}: {error}"
            ) from None
    return found


def partial_correlation(x: FloatArray, y: FloatArray, given: FloatArray) -> float:
    """Correlation of the residuals of x and y from linear regressions on the given fields.

    r = r_{e_x e_y} with e_x = x − P x, e_y = y − P y and P the projection on the given fields;
    for a single one this is (r_xy − r_xz r_yz) / √[(1 − r_xz²)(1 − r_yz²)] (Yule, Proc. R. Soc. A
    79, 182 (1907)). With ranks, it is Spearman's partial correlation.

    Args:
        x: Scores of zero mean and unit length, shape [n].
        y: Scores of zero mean and unit length, shape [n].
        given: Scores of m other fields, shape [n, m]; they may be linearly dependent.

    Raises:
        UndefinedCorrelationError: If x or y is a linear function of the given fields, or there
            are fewer than m + 3 particles.
    """
    n, m = given.shape
    if n < m + 3:
        raise UndefinedCorrelationError(
            f"{n} particles are too few with {m} given fields; expected at least {m + 3}."
        )
    directions, sizes, _ = np.linalg.svd(given, full_matrices=False)
    directions = directions[:, sizes > ROUNDING * sizes[0]]
    rest_x = x - directions @ (directions.T @ x)
    rest_y = y - directions @ (directions.T @ y)
    size_x, size_y = np.linalg.norm(rest_x), np.linalg.norm(rest_y)
    if min(size_x, size_y) < ROUNDING:
        raise UndefinedCorrelationError(
            "one of the two is a linear function of the given fields; give fewer of them."
        )
    return float(rest_x @ rest_y / (size_x * size_y))


def candidates_of(lengths: Sequence[float] | None, n_runs: int) -> list[float]:
    """The distinct lengths to choose from, shortest first; only 0, the bare field, if None.

    Raises:
        InputError: If the sequence is empty, or holds several lengths for a single run.
    """
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


@dataclass(frozen=True, eq=False)
class LengthsByRun:
    """The smoothing length chosen for each run, and the resulting coefficients.

    Attributes:
        lengths: Run -> the predictor's length.
        coefficients: Coefficient of each configuration at its run's lengths, shape
            [n_configurations].
    """

    lengths: dict[str, float]
    coefficients: FloatArray


def choose_lengths(
    fields: FieldSet,
    x: str,
    y: str,
    species: str,
    method: Method,
    candidates: Sequence[float],
    given: Mapping[str, Mapping[str, float]],
) -> LengthsByRun:
    """For each run, the length with the largest absolute mean coefficient over the other runs.

    The choice for a run does not use that run: the coefficients of the other runs are computed with
    the lengths of the given fields that were chosen for this run.

    Args:
        fields: Configurations holding all fields, already prepared at all lengths.
        x: Predictor.
        y: Target.
        species: Name of the species.
        method: Which coefficient.
        candidates: Lengths to choose from, shortest first; ties go to the shorter.
        given: Field held fixed -> run -> its length.
    """
    lengths: dict[str, float] = {}
    found = np.empty(len(fields.runs))
    tables: dict[tuple[tuple[str, float], ...], FloatArray] = {}
    for run in fields.run_names:
        controls = tuple((name, of_run[run]) for name, of_run in given.items())
        if controls not in tables:
            tables[controls] = np.stack(
                [coefficients(fields, (x, at), y, species, method, controls) for at in candidates],
                axis=1,
            )
        per_configuration = tables[controls]
        pick = best_on_other_runs(per_configuration, fields.runs, run)
        lengths[run] = candidates[pick]
        own = np.array(fields.runs) == run
        found[own] = per_configuration[own, pick]
    return LengthsByRun(lengths, found)


@checks_arguments
def correlate(
    snapshots: RunsLike,
    x: str,
    y: str,
    *,
    runs: Sequence[Hashable] | None = None,
    species: Sequence[str] | None = None,
    method: Method = "spearman",
    given: Sequence[str] = (),
    lengths: Sequence[float] | None = None,
    same_species: bool = False,
    censored: str | None = None,
    seed: int = 0,
) -> dict[str, Comparison]:
    """Correlate field `x` with field `y`, for each species separately.

    There is one coefficient per configuration; the estimate is their mean within each run, then
    over runs; the interval resamples runs. With `lengths`, only `x` is smoothed: the map of a
    network is already smoothed by its receptive field, so every predictor gets its best length. The
    length used for a run is the one with the largest absolute mean coefficient on the *other* runs,
    so the run's own target has no part in the choice.

    With `given`, the coefficient is the partial one: does `x` say something about `y` that the
    given fields do not? Each given field is smoothed over the length that makes it the best
    predictor by itself, chosen like that of `x`, so that `x` does not win by smoothness alone.

    The deciles compare only the extremes: of the tenth of the particles with the largest `x`, what
    share is in the tenth with the largest (``"top-decile"``) or smallest (``"bottom-decile"``) `y`?
    Chance is 0.1. Ties are averaged over all orders.

    Args:
        snapshots: Configurations holding both fields: one trajectory or file per independent
            run, or snapshots whose runs are given by `runs`.
        x: Name of the predictor.
        y: Name of the target.
        runs: Independent run of each snapshot; left out with trajectories or files.
        species: Names of the species to treat; all that are present by default.
        method: ``"spearman"`` (ties get average ranks), ``"pearson"``, ``"top-decile"`` or
            ``"bottom-decile"``.
        given: Names of the fields to be held fixed.
        lengths: Candidate smoothing lengths; None for the bare field. A single candidate is used
            as it is, several need at least two runs.
        same_species: Smooth over particles of the same species only.
        censored: Name of a field that is 1 where `y` is only a lower bound, NaN where there is no
            `y` (and that is NaN), else 0. Particles with a bound are tied at the top of their
            configuration, those without a value are left out, and the shares of both are reported.
        seed: Seed of the interval.

    Returns:
        One `Comparison` per species.

    Raises:
        InputError: If a field is missing, or not finite for a particle that has a `y` by its marks,
            if the runs do not match the configurations, if lengths cannot be chosen or do not fit
            the box, or if `x` or `y` is among the given fields.
        UndefinedCorrelationError: If a field is constant in some configuration or a linear
            function of the given ones, or a species has too few particles there.
    """
    snapshots, runs = by_run(snapshots, runs)
    x, y, *given = map(snapshots[0].spelling, [x, y, *given])
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
    check_comparable(x, y, method, given)
    candidates = candidates_of(lengths, len(fields.run_names))
    fields.prepare([x, *given], candidates)
    held = {
        name: choose_lengths(fields, name, y, species, method, candidates, {}).lengths
        for name in given
    }
    chosen = choose_lengths(fields, x, y, species, method, candidates, held)
    scale: Scale = "linear" if method in SHARES else "correlation"
    return Comparison(
        x=x,
        y=y,
        species=species,
        method=method,
        given=held,
        per_configuration=chosen.coefficients,
        runs=fields.runs,
        interval=mean_over_runs(chosen.coefficients, fields.runs, scale=scale, seed=seed),
        lengths=chosen.lengths,
        smoothed=lengths is not None,
        pooled=_pooled(fields, x, y, species, method, chosen.lengths, held),
        censored_share=fields.censored_share(y, species),
        undefined_share=fields.undefined_share(y, species),
    )


def check_comparable(x: str, y: str, method: Method, given: Sequence[str]) -> None:
    """Refuse combinations of arguments that are invalid for any data.

    Raises:
        InputError: If the method is unknown or cannot be partial, or a compared field is given.
    """
    known = (*CORRELATIONS, *SHARES)
    if method not in known:
        raise InputError(unknown("correlation method", method, known))
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
        scores_for(fields.pooled(name, at, species, y), kind)
        for (name, at), kind in zip(named, kinds, strict=True)
    ]
    # No field is constant here, because each varies within every configuration.
    a, b, *controls = [each for each in scores if each is not None]
    return partial_correlation(a, b, np.stack(controls, axis=1)) if controls else float(a @ b)
