"""Sums of standardised indicators: what structure says without anything being learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gnnglass._arguments import checks_arguments
from gnnglass.structure.indicator import INDICATORS, Indicator
from gnnglass.structure.potential_energy import PotentialEnergy
from gnnglass.structure.tong_tanaka import TongTanaka
from gnnglass.structure.two_body_entropy import TwoBodyEntropy
from gnnglass.systems import GlassFormer, SystemLike, glass_former
from gnnglass.trajectories import Snapshot, SnapshotLike, as_snapshot
from gnnglass.trajectories.snapshot import FloatArray

#: Differences below this share of the largest value are rounding errors, as in a crystal.
ROUNDING = 1e-10


@checks_arguments
def standardised_sum(snapshot: SnapshotLike, indicators: Sequence[Indicator]) -> FloatArray:
    """Σ_k ± z_k over indicators, with z_k standardised within each species of the configuration.

    z_k has zero mean and unit standard deviation over the particles of a species, so all
    indicators weigh the same, and species do not differ in the mean. Each has the sign that makes
    low values the glass-like ones: + if its own low values are (`Indicator.low_is_glassy`), else −.
    An indicator that is constant over a species, so that it tells its particles nothing, adds 0
    there.

    Args:
        snapshot: Configuration of n particles, or the file of one.
        indicators: What is added up.

    Returns:
        The sum for each particle, a pure number, shape [n].

    Raises:
        InputError: If one is not defined in the snapshot's dimension, or its parameters do not
            fit the snapshot.
    """
    snapshot = as_snapshot(snapshot)
    total = np.zeros(len(snapshot))
    for indicator in indicators:
        values = indicator._measured(snapshot).values
        for species in np.unique(snapshot.types):
            mine = snapshot.types == species
            apart = values[mine] - values[mine].mean()
            if np.ptp(apart) > ROUNDING * np.abs(values).max():
                total[mine] += (1 if indicator.low_is_glassy else -1) * apart / apart.std()
    return total


@INDICATORS.register("energy-and-order")
@dataclass(eq=False)
class EnergyAndOrder(Indicator):
    """z(E) + z(Θ): energy and misfit of the packing, standardised and added; nothing is learnt.

    z has zero mean and unit variance over the particles of a species in a configuration, see
    `standardised_sum`; low values are those of low energy (Stillinger & Weber, Phys. Rev. A 25, 978
    (1982)) and good packing (Tong & Tanaka, Phys. Rev. X 8, 011041 (2018)), the indicators
    `PotentialEnergy` and `TongTanaka`. A baseline: a map that was learnt should say more than a sum
    that was not.

    Args:
        system: A glass former, its registered name, its TOML file or its definition.
    """

    label = "E + Θ"
    unit = "1"
    formula = r"z(E_i) + z(\Theta_i)"
    low_is_glassy = True

    system: SystemLike

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The number of dimensions of the glass former."""
        return (self.made_for.dimension,)

    @property
    def made_for(self) -> GlassFormer:
        """The glass former whose potentials and diameters are used."""
        return glass_former(self.system)

    @property
    def parts(self) -> list[Indicator]:
        """What is added up."""
        return [PotentialEnergy(self.system), TongTanaka(self.system)]

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """The sum for each particle, shape [n].

        Raises:
            InputError: As those of which it is made.
            UnknownNameError: If no glass former has that name.
        """
        return standardised_sum(snapshot, self.parts)


@INDICATORS.register("energy-order-and-entropy")
@dataclass(eq=False)
class EnergyOrderAndEntropy(EnergyAndOrder):
    """z(E) + z(Θ) + z(S₂): `EnergyAndOrder` and the sharpness of the shells; nothing is learnt.

    S₂ is `TwoBodyEntropy` (Piaggi & Parrinello, J. Chem. Phys. 147, 114112 (2017)).

    Args:
        system: A glass former, its registered name, its TOML file or its definition.
    """

    label = "E + Θ + S₂"
    formula = r"z(E_i) + z(\Theta_i) + z(S_{2,i})"

    @property
    def reach(self) -> float | None:
        """That of `TwoBodyEntropy`."""
        return TwoBodyEntropy().reach

    @property
    def parts(self) -> list[Indicator]:
        """What is added up."""
        return [*super().parts, TwoBodyEntropy()]
