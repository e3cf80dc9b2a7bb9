"""Relaxation by leaving the place: the self-overlap."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gnnglass.dynamics.cage import CAGE, relative_to_cage
from gnnglass.dynamics.clone_mean import Local
from gnnglass.dynamics.relaxation import LocalRelaxation
from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


@dataclass(eq=False)
class SelfOverlap(LocalRelaxation):
    """``C_i(t) = ⟨Θ(a − |Δr_i(t)|)⟩``: the share of clones in which i is still where it was.

    The overlap function is that of Lačević, Starr, Schrøder & Glotzer, J. Chem. Phys. 119, 7372
    (2003), for one particle, from cage-relative displacements unless asked otherwise.

    Args:
        a: How far counts as away, in units of length.
        threshold: The particle has relaxed once C_i ≤ threshold.
        cage_relative: Subtract the mean displacement of the neighbours at t = 0.
        neighbors: Who is a neighbour, ``{"r_max": …}`` in units of length.
    """

    a: float = 0.3
    threshold: float = 1 / math.e
    cage_relative: bool = True
    neighbors: Mapping[str, float] = field(default_factory=lambda: dict(CAGE))

    def local(self, initial: Snapshot) -> Local:
        """1 where ``|Δr_i| < a``, else 0.

        Raises:
            InputError: If `a` is not positive, or `neighbors` is not a cutoff that fits the box.
        """
        if not self.a > 0:
            raise InputError(f"overlap distance a is {self.a:g}; expected a positive length.")
        relative = relative_to_cage(initial, self.neighbors if self.cage_relative else None)

        def stayed(displacements: FloatArray) -> FloatArray:
            return (np.linalg.norm(relative(displacements), axis=-1) < self.a).astype(np.float64)

        return stayed
