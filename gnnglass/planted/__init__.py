"""Planted motifs: labelled sets in which the responsible particles are known."""

from gnnglass.planted.disturbances import CompressedRegion, SwappedSpecies
from gnnglass.planted.motif import MOTIFS, PLANTED, Ball, Motif
from gnnglass.planted.patches import HexagonalPatch, IcosahedralPatch
from gnnglass.planted.sets import base_configurations, planted_set

__all__ = [
    "MOTIFS",
    "PLANTED",
    "Ball",
    "CompressedRegion",
    "HexagonalPatch",
    "IcosahedralPatch",
    "Motif",
    "SwappedSpecies",
    "base_configurations",
    "planted_set",
]
