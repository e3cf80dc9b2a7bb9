"""Of which species the neighbourhood of a particle is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gnnglass.structure._neighbors import fading
from gnnglass.structure.indicator import INDICATORS, Indicator
from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray


@INDICATORS.register("local-composition")
@dataclass(eq=False)
class LocalComposition(Indicator):
    """The share of the first species around each particle, itself included; a pure number.

    c_i = Σ_j w(r_ij) δ_{s_j, 1} / Σ_j w(r_ij) over all particles j including i, with the weight
    of `LocalDensity` (the cutoff function of Behler & Parrinello, Phys. Rev. Lett. 98, 146401
    (2007)), so that particles enter and leave smoothly. The first species is the first of the
    snapshot's ``type_names``, whether or not it is the more frequent one; with three species the
    other two are not told apart. In a system of one species it is 1 (or 0) everywhere.

    It is a control. Energies smoothed over neighbours of every species are mostly the local
    composition, so a map that only knows which species are around looks like one that knows the
    energy.

    Args:
        r_max: Distance at which the weight vanishes, in units of length.
    """

    label = "local composition"
    unit = "1"
    formula = (
        r"c_i = \sum_j w(r_{ij})\, \delta_{s_j 1} \Big/ \sum_j w(r_{ij}),\quad "
        r"w(r) = \tfrac12 \Big[\cos\frac{\pi r}{r_\text{max}} + 1\Big]"
    )

    r_max: float = 2.0

    @property
    def reach(self) -> float:
        """`r_max`."""
        return self.r_max

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """Share of the first species at each particle, shape [n].

        Raises:
            InputError: If `r_max` is not positive or beyond half the box.
        """
        pairs, n = neighbor_pairs(snapshot, self.r_max), len(snapshot)
        weights = fading(pairs.distances, self.r_max)
        first = (snapshot.types == 0).astype(np.float64)
        of_first = first + np.bincount(pairs.i, weights=weights * first[pairs.j], minlength=n)
        return np.asarray(of_first / (1 + np.bincount(pairs.i, weights=weights, minlength=n)))
