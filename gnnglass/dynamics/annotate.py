"""All that an ensemble tells about each particle, as fields of the initial configuration."""

from __future__ import annotations

import numpy as np

from gnnglass.dynamics.bond_breaking import BondBreaking
from gnnglass.dynamics.ensemble import IsoconfigurationalEnsemble
from gnnglass.dynamics.propensity import Propensity
from gnnglass.dynamics.self_overlap import SelfOverlap
from gnnglass.trajectories import Snapshot


def annotate(
    ensemble: IsoconfigurationalEnsemble,
    *,
    time: float | None = None,
    bonds: BondBreaking | None = None,
    overlap: SelfOverlap | None = None,
) -> Snapshot:
    """Add propensities and local relaxation times to the initial configuration.

    The fields are ``propensity``, ``propensity_cage_relative``, ``tau_bond``,
    ``tau_bond_censored``, ``tau_overlap`` and ``tau_overlap_censored``; a censored flag is 1
    where the particle had not relaxed at the last lag, and its time is then that lag.

    Args:
        ensemble: Runs from one configuration.
        time: Lag of the propensities; the last if None.
        bonds: How bonds are defined; `BondBreaking` with its defaults if None.
        overlap: How overlap is defined, and the cage of the cage-relative propensity;
            `SelfOverlap` with its defaults if None.

    Raises:
        InputError: If `time` is none of the lags, or a cutoff does not fit the configuration.
    """
    bonds = (bonds or BondBreaking()).compute(ensemble)
    overlap = (overlap or SelfOverlap()).compute(ensemble)
    lag = float(ensemble.times[-1]) if time is None else time
    plain = Propensity().compute(ensemble)
    relative = Propensity(cage_relative=True, neighbors=overlap.neighbors).compute(ensemble)
    return ensemble.initial.with_fields(
        propensity=plain.at(lag),
        propensity_cage_relative=relative.at(lag),
        tau_bond=bonds.tau,
        tau_bond_censored=bonds.censored.astype(np.float64),
        tau_overlap=overlap.tau,
        tau_overlap_censored=overlap.censored.astype(np.float64),
    )
