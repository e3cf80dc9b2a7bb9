"""Glass formers: pair potentials, composition, density, and where they come from."""

from gnnglass.systems.glass_former import GLASS_FORMERS, GlassFormer
from gnnglass.systems.potential import ForceShiftedLJ, PairPotential

__all__ = ["GLASS_FORMERS", "ForceShiftedLJ", "GlassFormer", "PairPotential"]
