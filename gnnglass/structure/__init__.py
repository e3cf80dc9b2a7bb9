"""How a particle's surroundings are built: structural indicators and radial descriptors."""

from gnnglass.structure.hexatic_order import HexaticOrder
from gnnglass.structure.indicator import (
    INDICATORS,
    Indicator,
    annotate,
    indicator_for,
    indicators_for,
)
from gnnglass.structure.local_density import LocalDensity
from gnnglass.structure.potential_energy import PotentialEnergy
from gnnglass.structure.radial_counts import mean_radial_counts, radial_counts

__all__ = [
    "INDICATORS",
    "HexaticOrder",
    "Indicator",
    "LocalDensity",
    "PotentialEnergy",
    "annotate",
    "indicator_for",
    "indicators_for",
    "mean_radial_counts",
    "radial_counts",
]
