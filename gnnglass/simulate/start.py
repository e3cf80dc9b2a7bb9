"""Where runs begin: lattices, Maxwell velocities, boxes with enough room."""

from __future__ import annotations

import numpy as np

from gnnglass.errors import InputError
from gnnglass.simulate.protocol import CooledStatePoint
from gnnglass.systems import GlassFormer
from gnnglass.systems.potential import FloatArray
from gnnglass.trajectories import Snapshot


def lattice_start(system: GlassFormer, protocol: CooledStatePoint) -> Snapshot:
    """A square or simple cubic lattice with shuffled species, at the mixture's density.

    Where no such lattice has as many sites as there are particles, rows (and layers) hold as
    equal numbers as possible, evenly spaced. Vacancies instead would leave forces unbalanced that
    throw dense mixtures apart.

    Raises:
        InputError: If the box is too small for the potentials.
    """
    n, d = protocol.n_particles, system.dimension
    box = system.box(n)
    require_room(system, box)
    types = np.repeat(np.arange(len(system.species)), system.counts(n))
    return Snapshot(
        box=box,
        positions=(_even_rows(n, d) - 0.5) * box,
        types=protocol.generator("lattice start").permutation(types),
        type_names=system.species,
        images=np.zeros((n, d), dtype=np.int32),
    )


def _even_rows(n: int, d: int) -> FloatArray:
    """A nearly square or cubic lattice of n points in the unit box, shape [n, d]."""
    if d == 1:
        return ((np.arange(n) + 0.5) / n)[:, None]
    slices = np.array_split(np.arange(n), round(n ** (1 / d)))
    parts = [
        np.column_stack([np.full(len(part), (k + 0.5) / len(slices)), _even_rows(len(part), d - 1)])
        for k, part in enumerate(slices)
    ]
    return np.concatenate(parts)


def maxwell_velocities(
    generator: np.random.Generator, n: int, dimension: int, kT: float
) -> FloatArray:
    """Maxwell–Boltzmann velocities of unit masses without total momentum, shape [n, d]."""
    velocities = generator.normal(scale=np.sqrt(kT), size=(n, dimension))
    return np.asarray(velocities - velocities.mean(axis=0))


def require_room(system: GlassFormer, box: FloatArray) -> None:
    """Refuse a box in which a particle would interact with two images of another.

    Raises:
        InputError: If the longest cutoff reaches half the shortest edge.
    """
    half = float(box.min()) / 2
    if system.r_max >= half:
        raise InputError(
            f"the cutoff {system.r_max:g} of {system.name!r} does not fit the box: it must be less "
            f"than half the shortest edge ({half:.4g}); use more particles."
        )
