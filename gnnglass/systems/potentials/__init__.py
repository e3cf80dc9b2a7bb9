"""Pair potentials, one form in a file."""

from gnnglass.systems.potentials.force_shifted_lj import ForceShiftedLJ
from gnnglass.systems.potentials.harmonic_spheres import HarmonicSpheres
from gnnglass.systems.potentials.shifted_lj import ShiftedLJ
from gnnglass.systems.potentials.smoothed_inverse_power import SmoothedInversePower

__all__ = ["ForceShiftedLJ", "HarmonicSpheres", "ShiftedLJ", "SmoothedInversePower"]
