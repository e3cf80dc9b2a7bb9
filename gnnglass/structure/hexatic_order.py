"""Sixfold bond-orientational order around each particle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gnnglass.errors import InputError
from gnnglass.structure.indicator import INDICATORS, Indicator
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

N_FOLD = 6


@INDICATORS.register("hexatic-order")
@dataclass(eq=False)
class HexaticOrder(Indicator):
    """``|ψ₆|``, 1 where the neighbours form a regular hexagon, near 0 where they are disordered.

    ψ₆(i) = (1/N_i) Σ_j exp(6 i θ_ij), with θ_ij the direction from i to its neighbour j (Nelson &
    Halperin, Phys. Rev. B 19, 2457 (1979)). Computed by freud, in single precision.

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
            InputError: If `neighbors` is neither of the two, asks for more neighbours than there
                are, or reaches beyond half the box.
        """
        self._check(snapshot)
        import freud

        box = freud.box.Box(*snapshot.box, is2D=True)
        points = np.zeros((len(snapshot), 3), dtype=np.float32)
        points[:, :2] = snapshot.positions
        query = {**self.neighbors, "exclude_ii": True}
        found = freud.order.Hexatic(k=N_FOLD).compute((box, points), neighbors=query)
        return np.nan_to_num(np.abs(found.particle_order).astype(np.float64))

    def _check(self, snapshot: Snapshot) -> None:
        if set(self.neighbors) == {"num_neighbors"}:
            wanted = self.neighbors["num_neighbors"]
            if wanted != int(wanted) or not 0 < wanted < len(snapshot):
                raise InputError(
                    f"num_neighbors is {wanted}; expected a whole number from 1 to "
                    f"{len(snapshot) - 1}, the other particles there are."
                )
        elif set(self.neighbors) == {"r_max"}:
            half = float(snapshot.box.min()) / 2
            if not 0 < self.neighbors["r_max"] < half:
                raise InputError(
                    f"r_max is {self.neighbors['r_max']:g}; expected a positive cutoff below half "
                    f"the shortest box edge ({half:.4g})."
                )
        else:
            raise InputError(
                f"neighbors are {dict(self.neighbors)!r}; expected {{'num_neighbors': 6}} or "
                "{'r_max': …}."
            )
