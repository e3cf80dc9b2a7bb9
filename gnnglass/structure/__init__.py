"""The structure around each particle: structural indicators and radial descriptors."""

from gnnglass.structure.bond_order import (
    HexaticOrder,
    Steinhardt,
    SteinhardtQ4,
    SteinhardtQ6,
    SteinhardtQ6Averaged,
)
from gnnglass.structure.composition import LocalComposition
from gnnglass.structure.density import (
    CoordinationNumber,
    LocalDensity,
    VoronoiDensity,
    VoronoiVolume,
)
from gnnglass.structure.descriptors import (
    Angular,
    Softness,
    angular_spectrum,
    angular_spectrum_size,
    mean_radial_counts,
    radial_counts,
    symmetry_functions,
)
from gnnglass.structure.indicator import (
    INDICATORS,
    Indicator,
    annotate,
    annotate_all,
    indicator_field,
    indicator_for,
    indicators_for,
    needs_system,
)
from gnnglass.structure.potential_energy import PotentialEnergy
from gnnglass.structure.sums import EnergyAndOrder, EnergyOrderAndEntropy, standardised_sum
from gnnglass.structure.tong_tanaka import TongTanaka
from gnnglass.structure.two_body_entropy import TwoBodyEntropy

__all__ = [
    "INDICATORS",
    "Angular",
    "CoordinationNumber",
    "EnergyAndOrder",
    "EnergyOrderAndEntropy",
    "HexaticOrder",
    "Indicator",
    "LocalComposition",
    "LocalDensity",
    "PotentialEnergy",
    "Softness",
    "Steinhardt",
    "SteinhardtQ4",
    "SteinhardtQ6",
    "SteinhardtQ6Averaged",
    "TongTanaka",
    "TwoBodyEntropy",
    "VoronoiDensity",
    "VoronoiVolume",
    "angular_spectrum",
    "angular_spectrum_size",
    "annotate",
    "annotate_all",
    "indicator_field",
    "indicator_for",
    "indicators_for",
    "mean_radial_counts",
    "needs_system",
    "radial_counts",
    "standardised_sum",
    "symmetry_functions",
]
