"""One predictor against a target that was measured at several lags."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from gnnglass.compare.correlation import compare_species
from gnnglass.compare.curve import Curve
from gnnglass.compare.scores import FieldSet, Method
from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot


def correlate_lags(
    snapshots: Sequence[Snapshot],
    x: str,
    targets: Mapping[float, str],
    *,
    runs: Sequence[Hashable],
    species: Sequence[str] | None = None,
    method: Method = "spearman",
    given: Sequence[str] = (),
    lengths: Sequence[float] | None = None,
    same_species: bool = False,
    seed: int = 0,
) -> dict[str, Curve]:
    """Correlate field `x` with a family of targets, such as the propensity at several lags.

    Every point is what `correlate` gives, with smoothing lengths chosen for that lag: structure
    that tells of vibrations within the cage need not be what tells of relaxation. All points are
    of the same runs, so they go up and down together, and intervals that overlap do not mean
    that two lags are alike.

    Args:
        snapshots: Configurations holding all fields.
        x: Name of the predictor.
        targets: Lag -> name of the target field at that lag.
        runs: Independent run of each configuration.
        species: Names of the species to treat; all that are present by default.
        method: Which coefficient, as in `correlate`.
        given: Names of the fields to be held fixed.
        lengths: Candidate smoothing lengths; the bare fields without.
        same_species: Smooth over particles of the same species only.
        seed: Seed of the bootstrap.

    Returns:
        One `Curve` along the lag per species; its points are `Comparison` objects.

    Raises:
        InputError: Like `correlate`, or if no target is named.
        UndefinedCorrelationError: Like `correlate`.
    """
    if not targets:
        raise InputError("no target was named; expected a field for at least one lag.")
    fields = FieldSet(snapshots, runs, same_species=same_species)
    return {
        name: Curve(
            "lag",
            {
                lag: compare_species(
                    fields, x, y, name, method=method, given=given, lengths=lengths, seed=seed
                )
                for lag, y in targets.items()
            },
        )
        for name in (fields.species if species is None else tuple(species))
    }
