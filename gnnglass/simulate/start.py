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

    The lattice is the smallest that has a site for each particle; sites that are left over are
    vacancies at random places.

    Raises:
        InputError: If the box is too small for the potentials.
    """
    n, d = protocol.n_particles, system.dimension
    box = system.box(n)
    require_room(system, box)
    # The cube root of a cube may come out a rounding error above it.
    edge = int(np.ceil(n ** (1 / d) - 1e-9))
    generator = protocol.generator("lattice start")
    sites = np.sort(generator.choice(edge**d, size=n, replace=False))
    cells = np.stack(np.unravel_index(sites, (edge,) * d), axis=1)
    types = np.repeat(np.arange(len(system.species)), system.counts(n))
    return Snapshot(
        box=box,
        positions=(cells + 0.5) * (box / edge) - box / 2,
        types=generator.permutation(types),
        type_names=system.species,
        images=np.zeros((n, d), dtype=np.int32),
    )


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
