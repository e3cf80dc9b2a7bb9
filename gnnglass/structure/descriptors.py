"""Radial and angular descriptors of a particle's neighbourhood, and softness fitted to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_positive, require_whole
from gnnglass.errors import InputError, NotComputedError
from gnnglass.structure._neighbors import fading
from gnnglass.structure.bond_order import harmonics, sums
from gnnglass.structure.indicator import Indicator
from gnnglass.trajectories import (
    Snapshot,
    SnapshotLike,
    TrajectoryLike,
    as_snapshot,
    as_trajectory,
    neighbor_pairs,
)
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

CENTERS = np.linspace(0.7, 2.0, 20)
"""Distances up to the second shell of a dense mixture in reduced units."""
WIDTH = 0.07
"""About the spacing of the centres, so that adjacent functions overlap."""
CUT = 5.0
"""Pairs are dropped beyond this many widths from the last Gaussian, where it is below 4e−6."""
FAR = 7.0
"""No Gaussian is computed this many widths away, where it is below 3e−11."""


@checks_arguments
def radial_counts(snapshot: SnapshotLike, centers: ArrayLike, width: float) -> FloatArray:
    """Radial symmetry functions of each particle, one per neighbour species and distance.

    G_i(s, k) = Σ_j exp[−(r_ij − r_k)² / (2 width²)] over the neighbours j ≠ i of species s: the
    radial functions of Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007), called G² in
    Behler, J. Chem. Phys. 134, 074106 (2011), with η = 1 / (2 width²). There is no cutoff function;
    the sum ends where the last Gaussian has decayed.

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
    snapshot = as_snapshot(snapshot)
    at = np.atleast_1d(np.asarray(centers, dtype=np.float64))
    if at.ndim != 1 or at.size == 0 or not np.all(np.isfinite(at)) or np.any(at <= 0):
        raise InputError(f"centers are {centers!r}; expected a list of positive distances.")
    if not (np.isfinite(width) and width > 0):
        raise InputError(f"width is {width:g}; expected a positive length.")
    pairs = neighbor_pairs(snapshot, float(at.max() + CUT * width))
    n_species = len(snapshot.type_names)
    # Sort by distance, so that the pairs within reach of a Gaussian are one slice.
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


@checks_arguments
def mean_radial_counts(
    snapshot: SnapshotLike, centers: ArrayLike = CENTERS, width: float = WIDTH
) -> FloatArray:
    """Radial counts averaged over the particles of each species: one row per configuration.

    This is essentially the partial g(r), the input of the simplest classifier of configurations.

    Args:
        snapshot: Configuration of n particles, some of each species.
        centers: As for `radial_counts`.
        width: As for `radial_counts`.

    Returns:
        Shape [n_species × n_species × n_bins]; the first index is the species of the centre.

    Raises:
        InputError: As `radial_counts`, or if a species has no particle.
    """
    snapshot = as_snapshot(snapshot)
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


BLOCK = 2_000_000
"""Largest number of triplets in memory at once."""


@dataclass(frozen=True)
class Angular:
    """One angular function: range ξ in units of length, sign λ = ±1, and sharpness ζ ≥ 1."""

    xi: float
    sign: int
    zeta: float


ANGULAR = tuple(
    Angular(xi, sign, zeta) for xi in (0.7, 1.0, 1.6, 2.5) for sign in (-1, 1) for zeta in (1, 2, 4)
)
"""Ranges from contact to the second shell, angles near 180° and near 0°, broad and sharp."""


@checks_arguments
def symmetry_functions(
    snapshot: SnapshotLike,
    centers: ArrayLike = CENTERS,
    width: float = WIDTH,
    angular: Sequence[Angular] = ANGULAR,
    r_max: float = 2.0,
) -> FloatArray:
    """Radial and angular symmetry functions of each particle, one for each (pair of) species.

    Radial: G_i(b; μ) = Σ_j exp[−(r_ij − μ)²/L²] over the neighbours j of species b, with
    L² = 2 width². Angular: Ψ_i(bc; ξ, λ, ζ) = Σ_{j,k} exp[−(r_ij² + r_ik² + r_jk²)/ξ²]
    (1 + λ cos θ_jik)^ζ over the pairs of neighbours j of species b and k of species c within
    r_max, each pair once (Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007); in this form,
    without their cutoff function, Cubuk et al., Phys. Rev. Lett. 114, 108001 (2015)). The default
    parameters are similar to those of the latter, but not the values of their tables.

    Args:
        snapshot: Configuration of n particles.
        centers: The distances μ, shape [n_radial], in units of length.
        width: Standard deviation of the radial Gaussians, in units of length.
        angular: The angular functions.
        r_max: Cutoff of the angular sums, in units of length.

    Returns:
        Shape [n, n_species n_radial + n_pairs n_angular]: the radial functions in the order of
        `radial_counts`, then all angular functions for each of the n_species (n_species + 1)/2
        pairs of species, AA, AB, BB.

    Raises:
        InputError: As `radial_counts`, if an angular function has a ξ that is not positive, a
            sign other than ±1 or a ζ below 1, or if `r_max` does not fit the box.
    """
    for one in angular:
        # The square of ξ is to be a number too.
        fine = 0 < one.xi < 1e150 and one.sign in (-1, 1) and 1 <= one.zeta < np.inf
        if not fine:
            raise InputError(f"{one!r} is no angular function; expected xi > 0, sign ±1, zeta ≥ 1.")
    snapshot = as_snapshot(snapshot)
    radial = radial_counts(snapshot, centers, width)
    return np.concatenate([radial, _angular(snapshot, angular, r_max)], axis=1)


def _angular(snapshot: Snapshot, functions: Sequence[Angular], r_max: float) -> FloatArray:
    """Angular functions, shape [n, n_pairs n_angular], computed in blocks of particles."""
    pairs, n = neighbor_pairs(snapshot, r_max), len(snapshot)
    n_species = len(snapshot.type_names)
    first, second = np.triu_indices(n_species)
    pair_of = np.empty((n_species, n_species), dtype=np.int64)
    pair_of[first, second] = pair_of[second, first] = np.arange(len(first))
    features = np.zeros((n, len(first), len(functions)))
    starts = np.searchsorted(pairs.i, np.arange(n + 1))
    n_bonds = np.diff(starts)
    most = max(int(n_bonds.max()), 1)
    step = max(BLOCK // most**2, 1)
    for begin in range(0, n, step):
        rows = np.arange(begin, min(begin + step, n))
        # All pairs (j, k) of bonds, padded to the same count per particle; then only existing ones.
        j, k = np.triu_indices(int(n_bonds[rows].max()), 1)
        row, which = np.nonzero(k < n_bonds[rows, None])
        a, b = starts[rows[row]] + j[which], starts[rows[row]] + k[which]
        squares = pairs.distances[a] ** 2, pairs.distances[b] ** 2
        dot = (pairs.vectors[a] * pairs.vectors[b]).sum(axis=1)
        cosines = dot / (pairs.distances[a] * pairs.distances[b])
        extent = 2 * (squares[0] + squares[1] - dot)
        species = pair_of[snapshot.types[pairs.j[a]], snapshot.types[pairs.j[b]]]
        column = row * len(first) + species
        # Compute each factor once; several functions share it.
        near = {xi: np.exp(-extent / xi**2) for xi in {one.xi for one in functions}}
        kinds = {(one.sign, one.zeta) for one in functions}
        along = {(sign, zeta): (1 + sign * cosines) ** zeta for sign, zeta in kinds}
        for f, one in enumerate(functions):
            value = near[one.xi] * along[one.sign, one.zeta]
            summed = np.bincount(column, weights=value, minlength=len(rows) * len(first))
            features[rows, :, f] = summed.reshape(len(rows), -1)
    return features.reshape(n, -1)


N_SHELLS = 4
"""Radial functions of an angular spectrum: contact, first shell, its far side, second shell."""
CLOSEST = 0.6
"""Where the first of them begins; closer pairs do not occur in dense liquids."""
HIGHEST = 20
"""The largest number of orders of an angular spectrum."""


@checks_arguments
def angular_spectrum_size(n_species: int, n_orders: int) -> int:
    """How many values `angular_spectrum` gives for each particle."""
    return n_species * (n_species + 1) // 2 * N_SHELLS * n_orders


@checks_arguments
def angular_spectrum(snapshot: SnapshotLike, r_max: float, n_orders: int) -> FloatArray:
    """At which angles a particle sees its neighbours, one number per order, shell and species pair.

    p_i(bc; k, l) = Σ_{j of b} Σ_{j' of c} e_k(r_ij) e_k(r_ij') P_l(cos θ_jij'), in 2D with
    cos(l θ) in place of the Legendre polynomial, with the angle θ between the bonds to j and j':
    the rotational power spectrum of the density of neighbours (Bartók, Kondor & Csányi, Phys.
    Rev. B 87, 184115 (2013), section II.D), summed over neighbours rather than pairs of them by
    the addition theorem. The radial functions e_k(r) = exp[−(r − μ_k)²/2w²] ½[cos(π r/r_max) + 1]
    have the centres of `N_SHELLS` equal parts of the distances from `CLOSEST` to `r_max`, and
    their width; so p is smooth where a neighbour crosses the cutoff, and exactly invariant under
    rotation and reflection.

    Args:
        snapshot: Configuration of n particles.
        r_max: Cutoff, in units of length.
        n_orders: How many orders l, from 0 on.

    Returns:
        Shape [n, n_pairs × N_SHELLS × n_orders], for the n_species (n_species + 1)/2 pairs of
        species AA, AB, BB; of each pair all shells, of each shell all orders.

    Raises:
        InputError: If the number of orders makes no sense, or `r_max` does not fit the box or ends
            before the shells begin.
    """
    require_whole(1, most=HIGHEST, n_orders=n_orders)
    if r_max <= CLOSEST:
        raise InputError(f"r_max is {r_max:g}; expected more than {CLOSEST:g}, for angles.")
    snapshot = as_snapshot(snapshot)
    pairs, n, n_species = neighbor_pairs(snapshot, r_max), len(snapshot), len(snapshot.type_names)
    width = (r_max - CLOSEST) / N_SHELLS
    centers = CLOSEST + width * (np.arange(N_SHELLS) + 0.5)
    shells = np.exp(-0.5 * ((pairs.distances[:, None] - centers) / width) ** 2)
    shells *= fading(pairs.distances, r_max)[:, None]
    column = pairs.i * n_species + snapshot.types[pairs.j]
    first, second = np.triu_indices(n_species)
    spectrum = np.zeros((n, len(first), N_SHELLS, n_orders))
    for order in range(n_orders):
        for weight, harmonic in harmonics(pairs, order):
            for k, shell in enumerate(shells.T):
                density = sums(column, shell * harmonic, n * n_species).reshape(n, n_species)
                product = density[:, first] * density[:, second].conj()
                spectrum[:, :, k, order] += weight * product.real
    return spectrum.reshape(n, -1)


@dataclass(eq=False)
class Softness(Indicator):
    """Signed distance from the hyperplane between two groups of particles, positive for soft ones.

    The hyperplane is that of a linear support vector machine on the standardised
    `symmetry_functions`, fitted for each species of the centre separately to particles that were
    seen to move and others that were not (Cubuk et al., Phys. Rev. Lett. 114, 108001 (2015);
    Schoenholz et al., Nat. Phys. 12, 469 (2016)). The distance is in standard deviations of the
    features. Unlike the registered indicators it has to be fitted before `compute`, and it uses
    dynamics: do not fit it on the runs it is compared on.

    Args:
        C: Penalty of each training particle on the wrong side.

    Attributes:
        pipelines_: scikit-learn's scaler and classifier of each species, by its name.
    """

    C: float = 0.1

    def __post_init__(self) -> None:
        require_positive(C=self.C)

    def fit(self, snapshots: TrajectoryLike, labels: Sequence[ArrayLike]) -> Self:
        """Fit a hyperplane for each species; returns self.

        Args:
            snapshots: Configurations, thermal or inherent, of the same species: a trajectory, a
                file, or one or more snapshots.
            labels: For each configuration, +1 for the particles of the soft group, −1 for those of
                the hard group and 0 for the rest, which are not used; shape [n] each.

        Raises:
            InputError: If labels do not fit the snapshots, or a species lacks one of the groups.
        """
        snapshots = as_trajectory(snapshots)
        groups = [np.asarray(group) for group in labels]
        if len(groups) != len(snapshots):
            raise InputError(
                f"there are labels of {len(groups)} snapshots for {len(snapshots)}; expected one "
                "array for each."
            )
        names = snapshots[0].type_names
        for k, (snapshot, group) in enumerate(zip(snapshots, groups, strict=True)):
            if snapshot.type_names != names:
                raise InputError(
                    f"snapshot {k} has the species {', '.join(snapshot.type_names)}, the first "
                    f"{', '.join(names)}; expected the same, in the same order."
                )
            if group.shape != (len(snapshot),) or not np.isin(group, (-1, 0, 1)).all():
                raise InputError(
                    f"labels of snapshot {k} are not an array of {len(snapshot)} values; expected "
                    "+1 (soft), −1 (hard) or 0 (neither) for each particle."
                )
        labelled = list(zip(snapshots, groups, strict=True))
        features = np.concatenate([symmetry_functions(one)[group != 0] for one, group in labelled])
        types = np.concatenate([one.types[group != 0] for one, group in labelled])
        side = np.concatenate([group[group != 0] for group in groups])
        self.pipelines_ = {
            name: self._hyperplane(name, features[types == k], side[types == k])
            for k, name in enumerate(names)
        }
        return self

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """Softness of each particle, shape [n].

        Raises:
            NotComputedError: Before `fit`.
            InputError: If the snapshot has other species than those it was fitted on.
        """
        if not hasattr(self, "pipelines_"):
            raise NotComputedError("Softness has no hyperplane yet; call fit first.")
        names = tuple(self.pipelines_)
        if snapshot.type_names != names:
            raise InputError(
                f"softness was fitted on the species {', '.join(names)}, the snapshot has "
                f"{', '.join(snapshot.type_names)}; expected the same, in the same order."
            )
        features, values = symmetry_functions(snapshot), np.zeros(len(snapshot))
        for name in [name for name in names if snapshot.of_type(name).any()]:
            mine, pipeline = snapshot.of_type(name), self.pipelines_[name]
            normal = np.linalg.norm(pipeline[-1].coef_)
            values[mine] = pipeline.decision_function(features[mine]) / normal
        return values

    def _hyperplane(self, name: str, features: FloatArray, side: FloatArray) -> Pipeline:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import LinearSVC

        for group in (1, -1):
            if not (side == group).any():
                raise InputError(
                    f"no particle of species {name} has the label {group:+d}; expected some of "
                    "both groups, +1 and −1, for each species."
                )
        # Balanced, because the group sizes follow from the user's threshold and should not matter.
        machine = LinearSVC(C=self.C, class_weight="balanced", dual=False, max_iter=10_000)
        return make_pipeline(StandardScaler(), machine).fit(features, side)
