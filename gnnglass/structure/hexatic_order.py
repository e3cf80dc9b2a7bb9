"""Sixfold bond-orientational order around each particle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gnnglass.structure.bonds import bonds
from gnnglass.structure.indicator import INDICATORS, Indicator
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

N_FOLD = 6


@INDICATORS.register("hexatic-order")
@dataclass(eq=False)
class HexaticOrder(Indicator):
    """``|ψ₆|``, 1 where the neighbours form a regular hexagon, near 0 where they are disordered.

    ψ₆(i) = (1/N_i) Σ_j exp(6 i θ_ij), with θ_ij the direction from i to its neighbour j (Nelson &
    Halperin, Phys. Rev. B 19, 2457 (1979)). Not by freud, which computes in single precision.

    Args:
        neighbors: Who is a neighbour, as freud takes it: ``{"num_neighbors": 6}`` for the
            nearest six, or ``{"r_max": …}``; a particle without neighbours has ``|ψ₆| = 0``.
    """

    neighbors: Mapping[str, float] = field(default_factory=lambda: {"num_neighbors": N_FOLD})

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Two: in 3D the order of directions is Steinhardt's, another quantity."""
        return (2,)

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """``|ψ₆|`` of each particle, shape [n].

        Raises:
            InputError: As `gnnglass.structure.bonds.bonds`.
        """
        pairs, n = bonds(snapshot, self.neighbors), len(snapshot)
        turned = ((pairs.vectors @ (1, 1j)) / pairs.distances) ** N_FOLD
        real, imaginary = (
            np.bincount(pairs.i, weights=part, minlength=n) for part in (turned.real, turned.imag)
        )
        return np.hypot(real, imaginary) / np.maximum(np.bincount(pairs.i, minlength=n), 1)
