"""All that predicts against all that is to be predicted, found by the names of the fields."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from gnnglass.compare import compare_fields
from gnnglass.published.names import by_lag, predictors_in, targets_in
from gnnglass.trajectories import Snapshot

if TYPE_CHECKING:
    import pandas as pd

NOT_SMOOTHED = "not smoothed: the length is chosen on other runs, and there is one run only"


def compare_by_name(
    snapshots: Sequence[Snapshot],
    predictors: Sequence[str] = (),
    targets: Sequence[str] = (),
    *,
    runs: Sequence[Hashable],
    lengths: Sequence[float] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """`gnnglass.compare.compare_fields` with fields that need not be named.

    Fields ``…_censored`` of targets are their marks, and fields ``…_half_1`` and ``…_half_2`` give
    their noise ceilings.

    Args:
        snapshots: Annotated configurations.
        predictors: Names of fields; by default the structural indicators, importance maps and
            published predictions among those of the first snapshot, predictions of one lag with
            targets of that lag only.
        targets: Names of fields; by default propensities and relaxation times.
        runs: Independent run of each configuration.
        lengths: Candidate smoothing lengths of the predictors. With a single run no choice
            can be made: several are then left out, and the note says so.
        **options: As `compare_fields` takes them.

    Raises:
        InputError: As `compare_fields`.
    """
    import pandas as pd

    first = snapshots[0]
    sought = list(targets) or targets_in(first)
    # With nothing to choose from, `compare_fields` says what is missing.
    named = bool(predictors) or not sought
    groups = [(list(predictors), sought)] if named else by_lag(predictors_in(first), sought)
    undecided = lengths is not None and len(set(lengths)) > 1 and len(set(runs)) == 1
    table = pd.concat(
        [
            compare_fields(
                snapshots,
                x,
                y,
                runs=runs,
                lengths=None if undecided else lengths,
                censored=censoring_marks(first, y),
                halves=_halves(first, y),
                **options,
            )
            for x, y in groups
        ],
        ignore_index=True,
    )
    if undecided:
        table["note"] += f"; {NOT_SMOOTHED}"
    return table


def censoring_marks(snapshot: Snapshot, targets: Sequence[str]) -> dict[str, str]:
    """Of the targets that can be censored, the fields that say where they are."""
    flags = {name: f"{name}_censored" for name in targets}
    return {name: flag for name, flag in flags.items() if flag in snapshot.fields}


def _halves(snapshot: Snapshot, targets: Sequence[str]) -> dict[str, tuple[str, str]]:
    halves = {name: (f"{name}_half_1", f"{name}_half_2") for name in targets}
    return {
        name: pair for name, pair in halves.items() if all(one in snapshot.fields for one in pair)
    }
