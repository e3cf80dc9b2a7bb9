"""How a particle's surroundings are built: structural indicators and radial descriptors."""

from gnnglass.structure.coordination_number import CoordinationNumber
from gnnglass.structure.hexatic_order import HexaticOrder
from gnnglass.structure.indicator import (
    INDICATORS,
    Indicator,
    annotate,
    indicator_field,
    indicator_for,
    indicators_for,
)
from gnnglass.structure.local_density import LocalDensity
from gnnglass.structure.potential_energy import PotentialEnergy
from gnnglass.structure.radial_counts import mean_radial_counts, radial_counts
from gnnglass.structure.softness import Softness
from gnnglass.structure.steinhardt import Steinhardt
from gnnglass.structure.symmetry_functions import Angular, symmetry_functions
from gnnglass.structure.tong_tanaka import TongTanaka
from gnnglass.structure.two_body_entropy import TwoBodyEntropy
from gnnglass.structure.voronoi import VoronoiDensity, VoronoiVolume

__all__ = [
    "INDICATORS",
    "Angular",
    "CoordinationNumber",
    "HexaticOrder",
    "Indicator",
    "LocalDensity",
    "PotentialEnergy",
    "Softness",
    "Steinhardt",
    "TongTanaka",
    "TwoBodyEntropy",
    "VoronoiDensity",
    "VoronoiVolume",
    "annotate",
    "indicator_field",
    "indicator_for",
    "indicators_for",
    "mean_radial_counts",
    "radial_counts",
    "symmetry_functions",
]
