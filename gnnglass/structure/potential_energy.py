"""Potential energy of each particle."""

from __future__ import annotations

from dataclasses import dataclass

from gnnglass.structure.indicator import INDICATORS, Indicator
from gnnglass.systems import GlassFormer, SystemLike, glass_former
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


@INDICATORS.register("potential-energy")
@dataclass(eq=False)
class PotentialEnergy(Indicator):
    """E_i = ½ Σ_j U(r_ij) with the pair potentials of the glass former, in units of energy.

    For a minimised snapshot this is the inherent energy (Stillinger & Weber, Phys. Rev. A 25, 978
    (1982)), otherwise the thermal one; the indicator does not minimise.

    Args:
        system: A glass former, its registered name, its TOML file or its definition.
    """

    label = "potential energy"
    unit = "energy"
    formula = r"E_i = \tfrac12 \sum_j U(r_{ij})"
    low_is_glassy = True

    system: SystemLike

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The number of dimensions of the glass former."""
        return (self.made_for.dimension,)

    @property
    def made_for(self) -> GlassFormer:
        """The glass former whose potentials are used."""
        return glass_former(self.system)

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """Energy of each particle, shape [n].

        Raises:
            InputError: If the snapshot holds a species that the glass former lacks.
            UnknownNameError: If no glass former has that name.
        """
        return self.made_for.energies(snapshot)
