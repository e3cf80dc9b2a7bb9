"""Local relaxation times: when a particle has forgotten where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnnglass.dynamics.clone_mean import CloneMean, CloneSums
from gnnglass.dynamics.ensemble import IsoconfigurationalEnsemble
from gnnglass.errors import InputError, NotComputedError
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BoolArray = NDArray[np.bool_]


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

    def settle(self, ensemble: IsoconfigurationalEnsemble, sums: CloneSums) -> None:
        """Find the crossings of C_i, and those of C_i one standard error up and down."""
        mean, error = sums.mean, sums.standard_error
        (tau, censored), (early, _), (late, _) = (
            first_crossing(ensemble.times, mean + shift, self.threshold)
            for shift in (0.0, -error, error)
        )
        tau_error = np.where(censored, np.nan, tau * np.log(late / early) / 2)
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
        """Relaxation times, or the last lag where censored, shape [n]; raises likewise."""
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
        """Share of particles that had not relaxed at the last lag; raises likewise."""
        return float(self.censored.mean())

    @property
    def ranks(self) -> FloatArray:
        """Ranks of `tau` from 1 (fastest), censored particles tied at the top, shape [n].

        Tied particles share the mean of their ranks, as in Spearman's correlation. Raises like
        `correlation`.
        """
        from scipy.stats import rankdata

        return np.asarray(rankdata(self.tau, method="average"))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the initial configuration coloured by log₁₀ τ_i; raises like `correlation`.

        Args:
            ax: Axes to draw on; a new figure is made without.
        """
        result = self._computed()
        snapshot = result.ensemble.initial.with_fields(log10_tau=np.log10(result.tau))
        return snapshot.plot(ax, color="log10_tau")

    def _computed(self) -> _Result:
        if self._result is None:
            raise NotComputedError(
                f"{type(self).__name__} holds no result yet; call compute first."
            )
        return self._result
