"""Glass formers: pair potentials, composition, density, and the papers they are from."""

from gnnglass.systems.glass_former import (
    GLASS_FORMERS,
    GlassFormer,
    SystemLike,
    glass_former,
)
from gnnglass.systems.potentials import (
    POTENTIALS,
    ForceShiftedLJ,
    HarmonicSpheres,
    PairPotential,
    ShiftedLJ,
    SmoothedInversePower,
    SmoothedLJ,
)
from gnnglass.systems.tabulation import Table, inner_radius, linear_table, spline_table

__all__ = [
    "GLASS_FORMERS",
    "POTENTIALS",
    "ForceShiftedLJ",
    "GlassFormer",
    "HarmonicSpheres",
    "PairPotential",
    "ShiftedLJ",
    "SmoothedInversePower",
    "SmoothedLJ",
    "SystemLike",
    "Table",
    "glass_former",
    "inner_radius",
    "linear_table",
    "spline_table",
]
