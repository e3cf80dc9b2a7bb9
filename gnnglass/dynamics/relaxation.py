"""Local relaxation times: broken bonds and self-overlap, with censoring and errors."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnnglass._arguments import checks_arguments
from gnnglass._show import by_species
from gnnglass.dynamics._means import CAGE, CloneMean, CloneSums, Local, relative_to_cage
from gnnglass.dynamics.ensemble import IsoconfigurationalEnsemble
from gnnglass.errors import InputError, NotComputedError
from gnnglass.systems import GlassFormer, SystemLike, glass_former
from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BoolArray = NDArray[np.bool_]


@checks_arguments
def first_crossing(
    times: ArrayLike, correlation: ArrayLike, threshold: float
) -> tuple[FloatArray, BoolArray]:
    """The first time at which each correlation falls to a threshold.

    Between two lags C is interpolated linearly in ln t. Before the first lag, where ln 0 is no
    number, it is interpolated linearly in t from C(0) = 1. A particle whose C stays above the
    threshold at every lag is censored: its time is unknown, and the last lag is given as the
    lower bound of it. No other time exceeds that bound, so censored particles rank tied at the
    top.

    Args:
        times: Lags, positive and increasing, shape [n_lags], in units of time.
        correlation: C_i(t), shape [n_lags, n].
        threshold: Between 0 and 1.

    Returns:
        Times τ_i, shape [n], in units of time, and which of them are censored, shape [n].

    Raises:
        InputError: If the threshold is not between 0 and 1, the shapes do not fit, or a
            correlation is NaN.
    """
    times = np.asarray(times, dtype=np.float64)
    correlation = np.asarray(correlation, dtype=np.float64)
    if not 0 < threshold < 1:
        raise InputError(f"threshold is {threshold:g}; expected a number between 0 and 1.")
    if correlation.ndim != 2 or times.shape != correlation.shape[:1] or times.size == 0:
        raise InputError(
            f"correlation has shape {correlation.shape} and times {times.shape}; expected "
            "[n_lags, n] and [n_lags] with at least one lag."
        )
    unknown = np.isnan(correlation).any(axis=0)
    if unknown.any():
        # NaN is never below a threshold, and would pass for a particle that does not relax.
        raise InputError(
            f"the correlation of {unknown.sum()} of {unknown.size} particles (first: "
            f"{int(np.argmax(unknown))}) is NaN; expected a number at every lag."
        )
    below = correlation <= threshold
    censored = np.asarray(~below.any(axis=0))
    after = np.argmax(below, axis=0)
    before = np.maximum(after - 1, 0)
    particles = np.arange(correlation.shape[1])
    at_first = after == 0
    high = np.where(at_first, 1.0, correlation[before, particles])
    low = correlation[after, particles]
    # A censored particle has no crossing to interpolate; it is overwritten below.
    fraction = (high - threshold) / np.where(censored, 1.0, high - low)
    ratio = times[after] / times[before]
    tau = np.where(at_first, times[0] * fraction, times[before] * ratio**fraction)
    # Rounding of the power must not lift a time above the lag at which C was below already.
    tau = np.where(censored, times[-1], np.minimum(tau, times[after]))
    return tau, censored


class Start(Protocol):
    """A configuration that a local correlation begins with."""

    @property
    def initial(self) -> Snapshot:
        """The configuration, n particles."""

    @property
    def system(self) -> SystemLike | None:
        """The mixture, for the diameters of its particles; None if it is unknown."""


class _Result(NamedTuple):
    ensemble: IsoconfigurationalEnsemble
    correlation: FloatArray
    tau: FloatArray
    censored: BoolArray
    tau_error: FloatArray


class LocalRelaxation(CloneMean):
    """A local correlation function C_i(t), and the time at which it falls to a threshold.

    Subclasses are dataclasses of their parameters and say what C_i(t) is in one clone; C_i(0) = 1
    is understood.

    Attributes:
        threshold: Where a particle counts as relaxed, between 0 and 1.
    """

    threshold: float

    def __post_init__(self) -> None:
        self._result: _Result | None = None

    @abstractmethod
    def local(self, ensemble: Start) -> Local:
        """C_i(t) in one clone, as `CloneMean.local`, of a particle without one NaN at all lags."""

    def settle(self, ensemble: IsoconfigurationalEnsemble, sums: CloneSums) -> None:
        """Find the crossings of C_i, and those of C_i one standard error up and down."""
        mean, error = sums.mean, sums.standard_error
        # NaN at the first lag: a particle of which there is nothing to correlate.
        known = ~np.isnan(mean[0])
        tau, tau_error = np.full((2, len(known)), np.nan)
        censored = np.zeros(len(known), dtype=np.bool_)
        (tau[known], censored[known]), (early, _), (late, _) = (
            first_crossing(ensemble.times, (mean + shift)[:, known], self.threshold)
            for shift in (0.0, -error, error)
        )
        tau_error[known] = tau[known] * np.log(late / early) / 2
        tau_error[censored] = np.nan
        self._result = _Result(ensemble, mean, tau, censored, tau_error)

    @property
    def correlation(self) -> FloatArray:
        """C_i(t), shape [n_lags, n]; raises `NotComputedError` before `compute`."""
        return self._computed().correlation

    @property
    def times(self) -> FloatArray:
        """The lags, shape [n_lags], in units of time; raises like `correlation`."""
        return self._computed().ensemble.times

    @property
    def tau(self) -> FloatArray:
        """Relaxation times, or the last lag where censored, shape [n]; raises likewise.

        NaN of a particle that has no such time, as without bonds.
        """
        return self._computed().tau

    @property
    def censored(self) -> BoolArray:
        """Which particles had not relaxed at the last lag, shape [n]; raises likewise."""
        return self._computed().censored

    @property
    def tau_error(self) -> FloatArray:
        """Standard error of τ_i from the clones, shape [n], in units of time; raises likewise.

        C_i raised and lowered by its own standard error crosses the threshold later and earlier;
        half the distance of both in ln t is the error of ln τ_i (Woodruff, J. Am. Stat. Assoc. 47,
        635 (1952)), and τ_i times that is given. The jackknife would overestimate it by a third:
        a crossing of steps is a quantile, for which it is not consistent (Efron, Ann. Stat. 7, 1
        (1979)).

        It is NaN where τ_i is censored: of a bound there is no error. Where the raised C_i does
        not cross within the data, its crossing is put at the last lag and the error is too small.
        """
        return self._computed().tau_error

    @property
    def censored_fraction(self) -> float:
        """Share of the particles with a time that had not relaxed by then; raises likewise."""
        return float(self.censored[~np.isnan(self.tau)].mean())

    @property
    def ranks(self) -> FloatArray:
        """Ranks of `tau` from 1 (fastest), censored particles tied at the top, shape [n].

        Tied particles share the mean of their ranks, as in Spearman's correlation; those without
        a time have none, but NaN. Raises like `correlation`.
        """
        from scipy.stats import rankdata

        return np.asarray(rankdata(self.tau, method="average", nan_policy="omit"))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the initial configuration coloured by log₁₀ τ_i; raises like `correlation`.

        Args:
            ax: Axes to draw on; a new figure is made without.
        """
        result = self._computed()
        snapshot = result.ensemble.initial.with_fields(log10_tau=np.log10(result.tau))
        return snapshot.plot(ax, color="log10_tau")

    def sentence(self) -> str:
        """The median of each species and the share that had not relaxed; raises likewise."""
        result = self._computed()
        initial = result.ensemble.initial
        return (
            f"Relaxation times of {len(initial)} particles from {result.ensemble.n_clones} clones: "
            f"{by_species(result.tau, initial.species, of='median')}; "
            f"{self.censored_fraction:.1%} had not relaxed by t = {self.times[-1]:g}."
        )

    def _computed(self) -> _Result:
        if self._result is None:
            raise NotComputedError(
                f"{type(self).__name__} holds no result yet; call compute first."
            )
        return self._result


Cutoff = float | Mapping[tuple[str, str], float] | Mapping[str, float]
"""One length for all pairs, or one per pair of species, keyed ``("A", "B")`` or ``"A-B"``."""

BOND, BREAK = 1.4, 1.8
"""Where bonds are and where they are broken, in units of σ_ab: the values of the public code of
Jung, Biroli & Berthier (StructDynGlass)."""


@checks_arguments
@dataclass(eq=False)
class BondBreaking(LocalRelaxation):
    """C_i(t): the share of the first-shell neighbours at t = 0 that i still has at t.

    A bond joins two particles closer than `r_bond` at t = 0 and is broken while they are `r_break`
    or more apart (two cutoffs: Yamamoto & Onuki, Phys. Rev. E 58, 3515 (1998); as the local
    correlation C_B averaged over isoconfigurational runs: Jung, Biroli & Berthier, Phys. Rev.
    Lett. 130, 238202 (2023)). Relative positions are followed without wrapping, so a partner that
    has gone round the box has not come back. A particle without bonds at t = 0 has no time at
    which they break: its C_i and τ_i are NaN, it is not censored, and `unbonded` tells it.

    Args:
        r_bond: First-shell cutoff, one for all pairs or one per pair of species keyed
            ``("A", "B")`` or ``"A-B"``, in units of length; by default 1.4 σ_ab.
        r_break: Wider cutoff, likewise; by default 1.8 σ_ab.
        threshold: The particle has relaxed once C_i ≤ threshold.
        system: The mixture whose diameters σ_ab are meant; by default the ensemble's own.
    """

    r_bond: Cutoff | None = None
    r_break: Cutoff | None = None
    threshold: float = 0.5
    system: SystemLike | None = None

    @property
    def unbonded(self) -> BoolArray:
        """Which particles had no bonds at t = 0, shape [n]; raises like `correlation`."""
        return np.isnan(self.correlation[0])

    def cutoffs(
        self, initial: Snapshot, system: SystemLike | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Where bonds are and where they are broken, for each pair of species.

        Args:
            initial: A configuration; its `type_names` give the order.
            system: The mixture, if this has none of its own.

        Returns:
            `r_bond` and `r_break`, shape [n_species, n_species], NaN for species of which there
            are no particles.

        Raises:
            InputError: If the mixture is needed and unknown, if a cutoff is missing for a pair of
                species or not positive, or if a bond would be broken from the start.
        """
        source = system if self.system is None else self.system
        needed = None in (self.r_bond, self.r_break)
        former = glass_former(source) if needed and source is not None else None
        r_bond = _cutoff_matrix(self.r_bond, BOND, former, initial, "r_bond")
        r_break = _cutoff_matrix(self.r_break, BREAK, former, initial, "r_break")
        if np.any(r_break < r_bond):
            raise InputError(
                f"r_break {_shown(self.r_break, BREAK)} is shorter than r_bond "
                f"{_shown(self.r_bond, BOND)} for some pair; a bond would be broken from the "
                "start: give a wider r_break."
            )
        return r_bond, r_break

    def local(self, ensemble: Start) -> Local:
        """Share of the bonds of each particle that are unbroken, NaN without bonds.

        Raises:
            InputError: As `cutoffs`, or if a cutoff is beyond half the box.
        """
        initial = ensemble.initial
        r_bond, r_break = self.cutoffs(initial, ensemble.system)
        pairs = neighbor_pairs(initial, float(np.nanmax(r_bond)))
        first, second = initial.types[pairs.i], initial.types[pairs.j]
        bonded = (pairs.i < pairs.j) & (pairs.distances < r_bond[first, second])
        i, j, vectors = pairs.i[bonded], pairs.j[bonded], pairs.vectors[bonded]
        reach = r_break[first, second][bonded]

        n = len(initial)
        bonds = np.bincount(i, minlength=n) + np.bincount(j, minlength=n)
        each = np.where(bonds > 0, bonds, np.nan)

        def unbroken(moved: FloatArray) -> FloatArray:
            whole = np.linalg.norm(vectors + moved[j] - moved[i], axis=1) < reach
            return (np.bincount(i[whole], minlength=n) + np.bincount(j[whole], minlength=n)) / each

        return lambda displacements: np.stack([unbroken(moved) for moved in displacements])


def _shown(cutoff: Cutoff | None, factor: float) -> str:
    return f"{factor:g} σ" if cutoff is None else repr(cutoff)


def _cutoff_matrix(
    cutoff: Cutoff | None,
    factor: float,
    system: GlassFormer | None,
    snapshot: Snapshot,
    name: str,
) -> FloatArray:
    """Cutoff of each pair of species present, NaN for others, shape [n_species, n_species]."""
    if cutoff is None and system is None:
        raise InputError(
            f"{name} follows from the diameters of the mixture, and the trajectory does not name "
            "its glass former; give the system, such as 'kam2d', or r_bond and r_break."
        )
    names = snapshot.type_names
    matrix = np.full((len(names), len(names)), np.nan)
    present = np.unique(snapshot.types)
    for a in present:
        for b in present:
            if cutoff is None:
                assert system is not None
                value = factor * system.contact(names[a], names[b])
            elif isinstance(cutoff, Mapping):
                value = _of_pair(cutoff, names[a], names[b], name)
            else:
                value = cutoff
            if not 0 < value < math.inf:
                raise InputError(f"{name} is {value:g}; expected a positive length.")
            matrix[a, b] = value
    return matrix


def _of_pair(cutoffs: Mapping[Any, float], first: str, second: str, name: str) -> float:
    keys = ((first, second), (second, first), f"{first}-{second}", f"{second}-{first}")
    for key in keys:
        if key in cutoffs:
            return cutoffs[key]
    known = ", ".join(map(str, cutoffs)) or "none"
    raise InputError(f"{name} has no cutoff for the pair {first}-{second}; it has {known}.")


@checks_arguments
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

    def local(self, ensemble: Start) -> Local:
        """1 where ``|Δr_i| < a``, else 0.

        Raises:
            InputError: If `a` is not positive, or `neighbors` is not a cutoff that fits the box.
        """
        if not 0 < self.a < math.inf:
            raise InputError(f"overlap distance a is {self.a:g}; expected a positive length.")
        relative = relative_to_cage(
            ensemble.initial, self.neighbors if self.cage_relative else None
        )

        def stayed(displacements: FloatArray) -> FloatArray:
            return (np.linalg.norm(relative(displacements), axis=-1) < self.a).astype(np.float64)

        return stayed
