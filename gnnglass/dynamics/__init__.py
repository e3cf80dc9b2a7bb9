"""How particles move: clones, propensity, relaxation times, time correlations, ageing."""

from gnnglass.dynamics.ageing import Ageing, waiting_configurations
from gnnglass.dynamics.annotate import annotate
from gnnglass.dynamics.bond_breaking import BondBreaking
from gnnglass.dynamics.clone_mean import compute_together
from gnnglass.dynamics.debye_waller import DebyeWaller
from gnnglass.dynamics.ensemble import IsoconfigurationalEnsemble
from gnnglass.dynamics.propensity import Propensity
from gnnglass.dynamics.relaxation import LocalRelaxation, first_crossing
from gnnglass.dynamics.self_overlap import SelfOverlap
from gnnglass.dynamics.time_correlation import TimeCorrelations
from gnnglass.dynamics.time_origins import TimeOrigins

__all__ = [
    "Ageing",
    "BondBreaking",
    "DebyeWaller",
    "IsoconfigurationalEnsemble",
    "LocalRelaxation",
    "Propensity",
    "SelfOverlap",
    "TimeCorrelations",
    "TimeOrigins",
    "annotate",
    "compute_together",
    "first_crossing",
    "waiting_configurations",
]
