"""Which fields of a configuration are targets and which predict, told by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gnnglass.structure import INDICATORS, indicator_field
from gnnglass.trajectories import Snapshot

PROPENSITIES = ("propensity", "propensity_cage_relative")
TIMES = ("tau_bond", "tau_overlap")
#: The propensities of GlassBench, one field for each lag.
MD_PROPENSITY = "md_prop"
#: What published models predicted for the configurations of GlassBench, likewise.
PREDICTIONS = ("BOTAN", "CAGE", "GlassMLP", "SE3")
#: What `gnnglass explain` and studies call their maps.
IMPORTANCE = "importance"
OF_A_LAG = re.compile(rf"({'|'.join((MD_PROPENSITY, *PREDICTIONS))})_(\d+)")


def targets_in(snapshot: Snapshot) -> list[str]:
    """Propensities and relaxation times among the fields of `snapshot`."""
    return [name for name in snapshot.fields if is_propensity(name) or name in TIMES]


def is_propensity(name: str) -> bool:
    """Whether a field is a propensity, ours or one that was published."""
    return name in PROPENSITIES or _stem(name) == MD_PROPENSITY


def predictors_in(snapshot: Snapshot) -> list[str]:
    """Structural indicators, importance maps and published predictions among the fields."""
    indicators = {indicator_field(name) for name in INDICATORS}
    return [
        name
        for name in snapshot.fields
        if name in indicators or name.startswith(IMPORTANCE) or _stem(name) in PREDICTIONS
    ]


def by_lag(predictors: Sequence[str], targets: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """Targets together with the predictors that speak of them.

    What a model predicted for one lag is not set against the propensity at another.

    Returns:
        Pairs of predictors and the targets that these are for; each target is in one of them.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for target in targets:
        fit = tuple(x for x in predictors if lag_of(x) in (None, lag_of(target)))
        groups.setdefault(fit, []).append(target)
    return [(list(fit), members) for fit, members in groups.items()]


def lag_of(name: str) -> int | None:
    """The number of the lag that a field of GlassBench is for; None if it is for none or all."""
    match = OF_A_LAG.fullmatch(name)
    return None if match is None else int(match[2])


def _stem(name: str) -> str:
    match = OF_A_LAG.fullmatch(name)
    return name if match is None else match[1]
