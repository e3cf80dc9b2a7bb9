"""All that an ensemble tells about each particle, as fields of the initial configuration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gnnglass.dynamics.bond_breaking import BondBreaking
from gnnglass.dynamics.clone_mean import compute_together
from gnnglass.dynamics.ensemble import IsoconfigurationalEnsemble
from gnnglass.dynamics.propensity import Propensity
from gnnglass.dynamics.self_overlap import SelfOverlap
from gnnglass.trajectories import Snapshot

QUANTITIES = ("propensity", "propensity_cage_relative", "tau_bond", "tau_overlap")


def annotate(
    ensemble: IsoconfigurationalEnsemble,
    *,
    time: float | None = None,
    bonds: BondBreaking | None = None,
    overlap: SelfOverlap | None = None,
    halves: bool = False,
) -> Snapshot:
    """Add propensities and local relaxation times to the initial configuration.

    The fields are ``propensity``, ``propensity_cage_relative``, ``tau_bond`` and ``tau_overlap``;
    of both times there are also ``…_censored``, which is 1 where the particle had not relaxed at
    the last lag (its time is then that lag), and ``…_error``, the standard error, NaN where
    censored.

    Args:
        ensemble: Runs from one configuration; each clone is read once, and twice with `halves`.
        time: Lag of the propensities; the last if None.
        bonds: How bonds are defined; `BondBreaking` with its defaults if None.
        overlap: How overlap is defined, and the cage of the cage-relative propensity;
            `SelfOverlap` with its defaults if None.
        halves: Also add what the even and what the odd clones say alone, as ``…_half_1`` and
            ``…_half_2``: from their agreement follows how reliable a field is
            (`gnnglass.compare.noise_ceiling`).

    Raises:
        InputError: If `time` is none of the lags, a cutoff does not fit the configuration, a
            clone cannot be used, or there are fewer than four to be halved.
    """
    lag = len(ensemble.times) - 1 if time is None else ensemble.lag(time)
    parts = ensemble.halves() if halves else ()
    bonds, overlap = bonds or BondBreaking(), overlap or SelfOverlap()
    plain = Propensity()
    relative = Propensity(cage_relative=True, neighbors=overlap.neighbors)
    compute_together(ensemble, [bonds, overlap, plain, relative])
    fields = {
        "propensity": plain.values[lag],
        "propensity_cage_relative": relative.values[lag],
    }
    for name, relaxation in (("tau_bond", bonds), ("tau_overlap", overlap)):
        fields[name] = relaxation.tau
        fields[f"{name}_censored"] = relaxation.censored.astype(np.float64)
        fields[f"{name}_error"] = relaxation.tau_error
    for number, half in enumerate(parts, start=1):
        alone = annotate(half, time=time, bonds=replace(bonds), overlap=replace(overlap))
        fields |= {f"{name}_half_{number}": alone.field(name) for name in QUANTITIES}
    return ensemble.initial.with_fields(**fields)
