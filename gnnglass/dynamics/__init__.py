"""How particles move: isoconfigurational ensembles, propensity and local relaxation times."""

from gnnglass.dynamics.annotate import annotate
from gnnglass.dynamics.bond_breaking import BondBreaking
from gnnglass.dynamics.debye_waller import DebyeWaller
from gnnglass.dynamics.ensemble import IsoconfigurationalEnsemble
from gnnglass.dynamics.propensity import Propensity
from gnnglass.dynamics.relaxation import LocalRelaxation, first_crossing
from gnnglass.dynamics.self_overlap import SelfOverlap

__all__ = [
    "BondBreaking",
    "DebyeWaller",
    "IsoconfigurationalEnsemble",
    "LocalRelaxation",
    "Propensity",
    "SelfOverlap",
    "annotate",
    "first_crossing",
]
