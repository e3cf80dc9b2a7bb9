"""What a field adds to others: regressions with and without it, fitted on other runs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gnnglass._arguments import checks_arguments
from gnnglass._show import Told, axes_or_new
from gnnglass.compare.correlation import Comparison, compare_species
from gnnglass.compare.fields import FieldSet, Method, UndefinedCorrelationError, scores_for
from gnnglass.errors import InputError
from gnnglass.stats import Interval, mean_over_runs, run_means
from gnnglass.trajectories import RunsLike, by_run
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class Gain(Told):
    """What a predictor adds to other fields in predicting a target.

    Attributes:
        partial: Correlation of predictor and target given the other fields; it also holds names,
            runs and smoothing lengths.
        without: Correlation of the target with what a regression on the given fields predicts,
            for each configuration, shape [n_configurations].
        with_it: The same with the predictor added.
        interval: Mean of `with_it` − `without` over each run's configurations, then over runs,
            with its 95 % interval over runs.
    """

    partial: Comparison
    without: FloatArray
    with_it: FloatArray
    interval: Interval

    @property
    def estimate(self) -> float:
        """The gain, mean over runs."""
        return self.interval.estimate

    @property
    def quantity(self) -> str:
        """The quantity in words."""
        p = self.partial
        return (
            f"Gain in {p.method.capitalize()} correlation with {p.y} when {p.x} is added to "
            f"{', '.join(p.given)}, {p.species} particles"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row: correlation without and with the predictor, and the gain."""
        import pandas as pd

        without, with_it = self._means()
        p = self.partial
        return pd.DataFrame(
            [
                {
                    "predictor": p.x,
                    "target": p.y,
                    "species": p.species,
                    "method": p.method,
                    "given": ", ".join(p.given),
                    "smoothed": p.smoothed,
                    "without": without.mean(),
                    "with": with_it.mean(),
                    "estimate": self.estimate,
                    "low": self.interval.low,
                    "high": self.interval.high,
                    "partial": p.estimate,
                    "n_runs": p.n_runs,
                    "n_configurations": p.n_configurations,
                    "note": self.interval.note,
                }
            ]
        )

    def sentence(self) -> str:
        """The result in one sentence, with everything needed to quote it."""
        without, with_it = self._means()
        p = self.partial
        return (
            f"{self.quantity}: {self.interval.sentence('+.3f')}, from "
            f"{without.mean():.3f} to {with_it.mean():.3f}; regressions fitted on the other runs; "
            f"partial correlation {p.interval.sentence('+.3f')}{p.left_out}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each run's correlation without the predictor and with it, joined by a line.

        Args:
            ax: Axes to draw on; by default those of a new figure.
        """
        ax = axes_or_new(ax)
        for pair in np.stack(self._means(), axis=1):
            ax.plot([0, 1], pair, "o-", color="0.45", alpha=0.6, markersize=4, linewidth=0.8)
        ax.plot([0, 1], [each.mean() for each in self._means()], "o-", color="C0")
        ax.set_xticks([0, 1], [", ".join(self.partial.given), f"+ {self.partial.x}"])
        ax.set_xlim(-0.3, 1.3)
        ax.set_ylabel(f"{self.partial.method} r with {self.partial.y}")
        ax.set_title(f"gain {self.estimate:+.3f}, {self.partial.species}", fontsize="medium")
        return ax

    def _means(self) -> tuple[FloatArray, FloatArray]:
        runs = self.partial.runs
        return run_means(self.without, runs), run_means(self.with_it, runs)


@checks_arguments
def gain(
    snapshots: RunsLike,
    x: str,
    y: str,
    *,
    runs: Sequence[Hashable] | None = None,
    given: Sequence[str],
    species: Sequence[str] | None = None,
    method: Method = "spearman",
    lengths: Sequence[float] | None = None,
    same_species: bool = False,
    censored: str | None = None,
    seed: int = 0,
) -> dict[str, Gain]:
    """How much better `y` is predicted when `x` is added to the given fields.

    ŷ = Σ_k b_k z_k over the given fields, and over these and `x`, where z_k are standardised
    values (ranks for Spearman) of one species in one configuration. The b_k are fitted by least
    squares on all runs but one, each run with the same weight; the result is the correlation of ŷ
    with `y` in the configurations of the run left out, the cross-validated multiple correlation
    (Stone, J. R. Stat. Soc. B 36, 111 (1974)). A predictor that only adds noise makes it smaller,
    whereas a fit evaluated on its own data can only improve.

    Lengths are chosen as for the partial correlation, for each field on the other runs.

    Args:
        snapshots: Configurations holding all fields: one trajectory or file per independent
            run, or snapshots whose runs are given by `runs`.
        x: Name of the predictor to add.
        y: Name of the target.
        runs: Independent run of each snapshot, at least two; left out with trajectories or files.
        given: Names of the fields to add it to.
        species: Names of the species to treat; all that are present by default.
        method: ``"spearman"`` or ``"pearson"``.
        lengths: Candidate smoothing lengths; None for the bare fields.
        same_species: Smooth over particles of the same species only.
        censored: Name of the field of marks of `y`, as in `correlate`.
        seed: Seed of the interval.

    Returns:
        One `Gain` per species.

    Raises:
        InputError: Like `correlate`, or if no field is given or there is only one run.
        UndefinedCorrelationError: Like `correlate`.
    """
    if not given:
        raise InputError("no field was given for x to be added to; expected at least one.")
    snapshots, runs = by_run(snapshots, runs)
    x, y, *given = map(snapshots[0].spelling, [x, y, *given])
    marks = {y: censored} if censored is not None else None
    fields = FieldSet(snapshots, runs, marks, same_species=same_species)
    if len(fields.run_names) < 2:
        raise InputError(
            "all configurations are of one run, but a gain is evaluated on a run that the "
            "regression has not seen; give at least two runs."
        )
    found = {}
    for name in fields.species if species is None else tuple(species):
        partial = compare_species(
            fields, x, y, name, method=method, given=given, lengths=lengths, seed=seed
        )
        without = _predicted(fields, partial, partial.given)
        with_it = _predicted(fields, partial, {**partial.given, x: partial.lengths})
        found[name] = Gain(
            partial=partial,
            without=without,
            with_it=with_it,
            interval=mean_over_runs(with_it - without, fields.runs, seed=seed),
        )
    return found


def _predicted(
    fields: FieldSet, partial: Comparison, predictors: Mapping[str, Mapping[str, float]]
) -> FloatArray:
    """Correlation of each configuration's target with its prediction, shape [n_configurations]."""
    species, method = partial.species, partial.method
    targets = fields.scores(partial.y, 0.0, species, method, partial.y)
    found = np.empty(len(targets))
    for run in fields.run_names:
        columns = [
            fields.scores(name, at[run], species, method, partial.y)
            for name, at in predictors.items()
        ]
        features = [np.stack(each, axis=1) for each in zip(*columns, strict=True)]
        weights = _fit_on_others(features, targets, fields.runs, run)
        for k in np.flatnonzero(np.array(fields.runs) == run):
            predicted = scores_for(features[k] @ weights, method)
            if predicted is None:
                raise UndefinedCorrelationError(
                    f"{', '.join(predictors)} predict nothing in {fields.describe(int(k))}: the "
                    "regression on the other runs gave them no weight; leave them out."
                )
            found[k] = predicted @ targets[k]
    return found


def _fit_on_others(
    features: Sequence[FloatArray], targets: Sequence[FloatArray], runs: Sequence[str], run: str
) -> FloatArray:
    """Least-squares weights [n_features] over all runs but one, each run with the same weight."""
    # Scores have unit length, so all configurations have the same weight already.
    others = [k for k, name in enumerate(runs) if name != run]
    weights = [1 / np.sqrt(runs.count(runs[k])) for k in others]
    a = np.concatenate([w * features[k] for w, k in zip(weights, others, strict=True)])
    b = np.concatenate([w * targets[k] for w, k in zip(weights, others, strict=True)])
    return np.asarray(np.linalg.lstsq(a, b)[0])
