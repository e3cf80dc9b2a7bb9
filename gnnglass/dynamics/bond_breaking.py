"""Relaxation by losing neighbours: the bond-breaking correlation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gnnglass.dynamics.clone_mean import Local
from gnnglass.dynamics.relaxation import LocalRelaxation
from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray

Cutoff = float | Mapping[tuple[str, str], float]

FIRST_SHELL: Mapping[tuple[str, str], float] = {
    ("A", "A"): 1.45,
    ("A", "B"): 1.25,
    ("B", "B"): 1.15,
}
"""First minima of g(r) of the 2D Kob–Andersen mixture at density 1.2, kT from 0.3 to 1."""

BROKEN: Mapping[tuple[str, str], float] = {("A", "A"): 1.6, ("A", "B"): 1.5, ("B", "B"): 1.3}
"""Halfway from those minima to the next maxima: rattling across the edge of the shell breaks no
bond, a step into the next shell does."""


@dataclass(eq=False)
class BondBreaking(LocalRelaxation):
    """C_i(t): the share of the first-shell neighbours at t = 0 that i still has at t.

    A bond joins two particles closer than `r_bond` at t = 0 and is broken while they are `r_break`
    or more apart (two cutoffs: Yamamoto & Onuki, Phys. Rev. E 58, 3515 (1998); as the local
    correlation C_B averaged over isoconfigurational runs: Jung, Biroli & Berthier, Phys. Rev.
    Lett. 130, 238202 (2023)). Relative positions are followed without wrapping, so a partner that
    has gone round the box has not come back. A particle without bonds at t = 0 has nothing that
    holds it, and its C_i is 0 at every lag.

    Args:
        r_bond: First-shell cutoff, one for all pairs or one per pair of species keyed
            ``("A", "B")``, in units of length.
        r_break: Wider cutoff, likewise.
        threshold: The particle has relaxed once C_i ≤ threshold.
    """

    r_bond: Cutoff = field(default_factory=lambda: dict(FIRST_SHELL))
    r_break: Cutoff = field(default_factory=lambda: dict(BROKEN))
    threshold: float = 0.5

    def local(self, initial: Snapshot) -> Local:
        """Share of the bonds of each particle that are unbroken.

        Raises:
            InputError: If a cutoff is missing for a pair of species, not positive or beyond half
                the box, or if a bond would be broken from the start.
        """
        r_bond = _cutoff_matrix(self.r_bond, initial, "r_bond")
        r_break = _cutoff_matrix(self.r_break, initial, "r_break")
        if np.any(r_break < r_bond):
            raise InputError(
                f"r_break {self.r_break!r} is shorter than r_bond {self.r_bond!r} for some pair; "
                "a bond would be broken from the start: give a wider r_break."
            )
        pairs = neighbor_pairs(initial, float(np.nanmax(r_bond)))
        first, second = initial.types[pairs.i], initial.types[pairs.j]
        bonded = (pairs.i < pairs.j) & (pairs.distances < r_bond[first, second])
        i, j, vectors = pairs.i[bonded], pairs.j[bonded], pairs.vectors[bonded]
        reach = r_break[first, second][bonded]

        n = len(initial)
        bonds = np.maximum(np.bincount(i, minlength=n) + np.bincount(j, minlength=n), 1)

        def unbroken(moved: FloatArray) -> FloatArray:
            whole = np.linalg.norm(vectors + moved[j] - moved[i], axis=1) < reach
            return (np.bincount(i[whole], minlength=n) + np.bincount(j[whole], minlength=n)) / bonds

        return lambda displacements: np.stack([unbroken(moved) for moved in displacements])


def _cutoff_matrix(cutoff: Cutoff, snapshot: Snapshot, name: str) -> NDArray[np.float64]:
    """Cutoff of each pair of species present, NaN for others, shape [n_species, n_species]."""
    names = snapshot.type_names
    matrix = np.full((len(names), len(names)), np.nan)
    present = np.unique(snapshot.types)
    for a in present:
        for b in present:
            if isinstance(cutoff, Mapping):
                pair = (names[a], names[b])
                value = cutoff.get(pair, cutoff.get(pair[::-1]))
            else:
                value = cutoff
            if value is None:
                known = ", ".join(map(str, cutoff)) if isinstance(cutoff, Mapping) else ""
                raise InputError(
                    f"{name} has no cutoff for the pair {pair}; it has {known or 'none'}."
                )
            if not value > 0:
                raise InputError(f"{name} is {value:g}; expected a positive length.")
            matrix[a, b] = value
    return matrix
