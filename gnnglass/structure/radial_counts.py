"""How many neighbours of each species at each distance: the plainest descriptor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray

CENTERS = np.linspace(0.7, 2.0, 20)
"""Distances up to the second shell of a dense mixture in reduced units."""
WIDTH = 0.07
"""About the spacing of these, so that neighbouring functions overlap."""
CUT = 5.0
"""Pairs are dropped beyond this many widths from the last Gaussian, where it is below 4e−6."""
FAR = 7.0
"""No Gaussian is computed this many widths away, where it is below 3e−11."""


def radial_counts(snapshot: Snapshot, centers: ArrayLike, width: float) -> FloatArray:
    """Radial symmetry functions of each particle, one per neighbour species and distance.

    G_i(s, k) = Σ_j exp[−(r_ij − r_k)² / (2 width²)] over the neighbours j ≠ i of species s: the
    radial functions of Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007), called G² in
    Behler, J. Chem. Phys. 134, 074106 (2011), with η = 1 / (2 width²). Instead of their cutoff
    function the sum simply ends where the last Gaussian has died away.

    Args:
        snapshot: Configuration of n particles.
        centers: The distances r_k, shape [n_bins], in units of length.
        width: Standard deviation of the Gaussians, in units of length.

    Returns:
        Shape [n, n_species × n_bins]; all distances for the first of the snapshot's
        `type_names`, then for the second, and so on.

    Raises:
        InputError: If distances or width are not positive, or the longest distance plus five
            widths reaches beyond half the box.
    """
    at = np.atleast_1d(np.asarray(centers, dtype=np.float64))
    if at.ndim != 1 or at.size == 0 or not np.all(np.isfinite(at)) or np.any(at <= 0):
        raise InputError(f"centers are {centers!r}; expected a list of positive distances.")
    if not (np.isfinite(width) and width > 0):
        raise InputError(f"width is {width:g}; expected a positive length.")
    pairs = neighbor_pairs(snapshot, float(at.max() + CUT * width))
    n_species = len(snapshot.type_names)
    # By distance, so that the pairs that matter to a Gaussian are one slice.
    order = np.argsort(pairs.distances, kind="stable")
    distances = pairs.distances[order]
    column = (pairs.i * n_species + snapshot.types[pairs.j])[order]
    counts = np.empty((len(snapshot), n_species, at.size))
    # One distance at a time: all at once would hold [n_pairs, n_bins] in memory.
    for k, r in enumerate(at):
        near = slice(*np.searchsorted(distances, (r - FAR * width, r + FAR * width)))
        weights = np.exp(-((distances[near] - r) ** 2) / (2 * width**2))
        summed = np.bincount(column[near], weights=weights, minlength=len(snapshot) * n_species)
        counts[:, :, k] = summed.reshape(-1, n_species)
    return counts.reshape(len(snapshot), -1)


def mean_radial_counts(
    snapshot: Snapshot, centers: ArrayLike = CENTERS, width: float = WIDTH
) -> FloatArray:
    """Radial counts averaged over the particles of each species: one row for a configuration.

    What the simplest classifier of configurations sees: the partial g(r), in other words.

    Args:
        snapshot: Configuration of n particles, some of each species.
        centers: As for `radial_counts`.
        width: As for `radial_counts`.

    Returns:
        Shape [n_species × n_species × n_bins]; species of the centre first.

    Raises:
        InputError: As `radial_counts`, or if a species has no particle.
    """
    counts = radial_counts(snapshot, centers, width)
    rows = []
    for name in snapshot.type_names:
        mine = snapshot.of_type(name)
        if not mine.any():
            raise InputError(
                f"there is no particle of species {name}, so its mean radial counts are undefined; "
                "name only species that are present."
            )
        rows.append(counts[mine].mean(axis=0))
    return np.concatenate(rows)
