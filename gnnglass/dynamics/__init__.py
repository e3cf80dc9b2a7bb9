"""How particles move: clones, propensity, relaxation times, time correlations, ageing."""

from gnnglass.dynamics._means import compute_together
from gnnglass.dynamics.ageing import Ageing, annotate, waiting_configurations
from gnnglass.dynamics.ensemble import IsoconfigurationalEnsemble
from gnnglass.dynamics.one_run import RunRelaxation
from gnnglass.dynamics.propensity import DebyeWaller, Propensity
from gnnglass.dynamics.relaxation import BondBreaking, LocalRelaxation, SelfOverlap, first_crossing
from gnnglass.dynamics.time_correlation import TimeCorrelations, TimeOrigins, lags_within

__all__ = [
    "Ageing",
    "BondBreaking",
    "DebyeWaller",
    "IsoconfigurationalEnsemble",
    "LocalRelaxation",
    "Propensity",
    "RunRelaxation",
    "SelfOverlap",
    "TimeCorrelations",
    "TimeOrigins",
    "annotate",
    "compute_together",
    "first_crossing",
    "lags_within",
    "waiting_configurations",
]
