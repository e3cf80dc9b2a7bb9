"""Planted truth: labelled sets of which it is known which particles are responsible."""

from gnnglass.planted.ball import Ball
from gnnglass.planted.base import base_configurations
from gnnglass.planted.compressed_region import CompressedRegion
from gnnglass.planted.hexagonal_patch import HexagonalPatch
from gnnglass.planted.icosahedral_patch import IcosahedralPatch
from gnnglass.planted.labelled_runs import planted_set
from gnnglass.planted.motif import MOTIFS, PLANTED, Motif
from gnnglass.planted.swapped_species import SwappedSpecies

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
