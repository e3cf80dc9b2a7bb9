"""At which distance two particles touch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gnnglass.errors import InputError
from gnnglass.systems import GlassFormer
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


def contact_distances(snapshot: Snapshot, source: GlassFormer | Mapping[str, float]) -> FloatArray:
    """σ_ab for each pair of the snapshot's species, shape [n_species, n_species].

    Args:
        snapshot: A configuration; its `type_names` give the order.
        source: A glass former, for the diameter ``sigma`` of each of its pair potentials, or the
            diameter of each species by its name; then σ_ab = (σ_a + σ_b)/2.

    Raises:
        InputError: If a species of which there are particles has no diameter, a diameter is not
            positive, or a potential has none.
    """
    known = source.species if isinstance(source, GlassFormer) else tuple(source)
    present = [snapshot.type_names[k] for k in np.unique(snapshot.types)]
    missing = [name for name in present if name not in known]
    if missing:
        raise InputError(
            f"the diameter of {', '.join(missing)} is unknown; expected one for each species of "
            f"the snapshot, got those of {', '.join(known)}."
        )
    contact = np.full((len(snapshot.type_names),) * 2, np.nan)
    for first in present:
        for second in present:
            pair = snapshot.type_names.index(first), snapshot.type_names.index(second)
            contact[pair] = _contact(source, first, second)
    return contact


def _contact(source: GlassFormer | Mapping[str, float], first: str, second: str) -> float:
    if not isinstance(source, GlassFormer):
        sizes = source[first], source[second]
        if not all(np.isfinite(size) and size > 0 for size in sizes):
            raise InputError(
                f"the diameters of {first} and {second} are {sizes[0]:g} and {sizes[1]:g}; "
                "expected positive lengths."
            )
        return sum(sizes) / 2
    potentials = source.potentials
    potential = potentials[(first, second) if (first, second) in potentials else (second, first)]
    sigma: float | None = getattr(potential, "sigma", None)
    if sigma is None:
        raise InputError(
            f"{type(potential).__name__}, the potential of {first} and {second} in "
            f"{source.name!r}, has no diameter sigma; give it one, or give diameters instead."
        )
    return sigma
