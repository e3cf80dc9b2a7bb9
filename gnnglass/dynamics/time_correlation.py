"""Time correlation functions over time origins or clones: MSD, F_s, overlap, χ₄."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_whole
from gnnglass._show import Shown, axes_or_new
from gnnglass.dynamics._means import CAGE, relative_to_cage
from gnnglass.dynamics.ensemble import (
    displacement,
    require_one_path,
    steps_in_order,
    time_step,
)
from gnnglass.errors import InputError, NotComputedError
from gnnglass.trajectories import Snapshot, Trajectory, TrajectoryLike, as_trajectory
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Curve = Literal["msd", "self_scattering", "overlap", "chi4"]
LABELS: Mapping[Curve, str] = {
    "msd": "mean squared displacement",
    "self_scattering": r"$F_s(q, t)$",
    "overlap": r"$Q(t)$",
    "chi4": r"$\chi_4(t)$",
}


class Windows(Protocol):
    """Configurations and later displacements: clones of one, or time origins in a trajectory."""

    @property
    def times(self) -> FloatArray:
        """The lags, shape [n_lags], in units of time."""

    def windows(self) -> Iterator[tuple[Snapshot, FloatArray]]:
        """Each configuration of n particles, and later displacements, shape [n_lags, n, d]."""


def axes_of_curve(curve: Curve, ax: Axes | None) -> Axes:
    """Axes to draw one of the curves on, against the logarithm of time; new ones if None.

    Raises:
        InputError: If there is no such curve.
    """
    if curve not in LABELS:
        raise InputError(f"no curve {curve!r}; expected one of {', '.join(LABELS)}.")
    ax = axes_or_new(ax)
    ax.set_xscale("log")
    if curve == "msd":
        ax.set_yscale("log")
    ax.set_xlabel("time")
    return ax


@checks_arguments
@dataclass(eq=False)
class TimeCorrelations(Shown):
    """Mean squared displacement, F_s(q, t), overlap Q(t) and χ₄(t), for each species separately.

    With the displacements Δr_i(t) of the N particles of a species, ``Q = (1/N) Σ_i Θ(a − |Δr_i|)``
    of one window and averages ⟨·⟩ over windows::

        MSD(t)    = ⟨(1/N) Σ_i |Δr_i|²⟩
        F_s(q, t) = ⟨(1/N) Σ_i w(q |Δr_i|)⟩,  w(x) = J₀(x) in 2D and sin(x)/x in 3D
        Q(t)      = ⟨Q⟩
        χ₄(t)     = N (⟨Q²⟩ − ⟨Q⟩²)

    w is the mean of cos(q·Δr) over all directions of q. Q is the self part of the overlap, and χ₄
    its susceptibility (Lačević, Starr, Schrøder & Glotzer, J. Chem. Phys. 119, 7372 (2003)), with
    the unbiased variance over windows. Memory does not grow with the number of windows.

    Args:
        q: Wave number, in units of inverse length; the default is the peak of S_AA(q) of the 3D
            Kob–Andersen mixture (Kob & Andersen, Phys. Rev. E 52, 4134 (1995)).
        a: Overlap distance, in units of length.
        cage_relative: Subtract the mean displacement of the neighbours at t = 0.
        neighbors: Cutoff for neighbours, ``{"r_max": …}`` in units of length.
    """

    q: float = 7.25
    a: float = 0.3
    cage_relative: bool = False
    neighbors: Mapping[str, float] = field(default_factory=lambda: dict(CAGE))

    def __post_init__(self) -> None:
        self._frame: pd.DataFrame | None = None

    @checks_arguments
    def compute(self, *sources: Windows) -> Self:
        """Average over the windows of all sources; returns self.

        Args:
            *sources: `IsoconfigurationalEnsemble` or `TimeOrigins`, of one system at the same
                lags. χ₄ from clones of one configuration is only the part of the fluctuations
                that does not come from the configuration (Berthier & Jack, Phys. Rev. E 76, 041509
                (2007)); the other part needs many configurations.

        Raises:
            InputError: If `q`, `a` or `neighbors` are invalid, or the sources do not match.
        """
        for name, value in (("q", self.q), ("a", self.a)):
            if not 0 < value < np.inf:
                raise InputError(f"{name} is {value:g}; expected a positive number.")
        if not sources:
            raise InputError("there is nothing to correlate; expected at least one source.")
        times = sources[0].times
        if not all(np.array_equal(source.times, times) for source in sources):
            raise InputError("the sources have different lags; expected the same for all.")
        sums: dict[str, FloatArray] = {}
        sizes: dict[str, int] = {}
        n_windows = 0
        for one, members in self._curves(sources):
            now = {name: int(mask.sum()) for name, mask in members.items()}
            if n_windows and now != sizes:
                raise InputError(
                    f"the sources hold different mixtures, {sizes} and {now} particles; expected "
                    "windows of one system."
                )
            sizes = now
            for name, mask in members.items():
                mean = one[:, :, mask].mean(axis=2)
                # The last curve, the overlap, is also summed as a square for its variance.
                sums[name] = sums.get(name, 0.0) + np.concatenate([mean, mean[-1:] ** 2])
            n_windows += 1
        self._frame = _table(times, sums, sizes, n_windows)
        return self

    def to_frame(self) -> pd.DataFrame:
        """One row per species and lag.

        The columns are ``species``, ``time``, ``msd``, ``self_scattering``, ``overlap``, ``chi4``
        (NaN with a single window) and ``n_windows``.

        Raises:
            NotComputedError: Before `compute`.
        """
        if self._frame is None:
            raise NotComputedError("TimeCorrelations holds no result yet; call compute first.")
        return self._frame.copy()

    def plot(self, ax: Axes | None = None, *, curve: Curve = "self_scattering") -> Axes:
        """Draw one of the curves against the logarithm of time, a line per species.

        Args:
            ax: Axes to draw on; by default those of a new figure.
            curve: ``"msd"``, ``"self_scattering"``, ``"overlap"`` or ``"chi4"``.

        Raises:
            NotComputedError: Before `compute`.
            InputError: If there is no such curve.
        """
        frame = self.to_frame()
        ax = axes_of_curve(curve, ax)
        for species, rows in frame.groupby("species", sort=False):
            ax.plot(rows["time"], rows[curve], marker=".", label=species)
        ax.set_ylabel(f"{LABELS[curve]}{', cage-relative' if self.cage_relative else ''}")
        ax.legend(frameon=False)
        return ax

    def sentence(self) -> str:
        """F_s at the first and at the last lag, in one sentence.

        Raises:
            NotComputedError: Before `compute`.
        """
        told = [
            f"{name} from {rows['self_scattering'].iloc[0]:.3f} to "
            f"{rows['self_scattering'].iloc[-1]:.3f}"
            for name, rows in self.to_frame().groupby("species", sort=False)
        ]
        times, n = self.to_frame()["time"], self.to_frame()["n_windows"].iloc[0]
        return (
            f"F_s(q = {self.q:g}, t) between t = {times.min():g} and {times.max():g}: "
            f"{', '.join(told)}; {n} windows."
        )

    def _curves(
        self, sources: tuple[Windows, ...]
    ) -> Iterator[tuple[FloatArray, dict[str, NDArray[np.bool_]]]]:
        """For each window: |Δr|², w and Θ, shape [3, n_lags, n], and the mask of each species."""
        known = None
        for source in sources:
            for initial, displacements in source.windows():
                if initial is not known:
                    known = initial
                    neighbors = self.neighbors if self.cage_relative else None
                    relative = relative_to_cage(initial, neighbors)
                    masks = {name: initial.of_type(name) for name in initial.type_names}
                    members = {name: mask for name, mask in masks.items() if mask.any()}
                r = np.linalg.norm(relative(displacements), axis=-1)
                wave = isotropic_wave(self.q * r, initial.dimension)
                yield np.stack([r**2, wave, r < self.a]), members


def isotropic_wave(x: FloatArray, dimension: int) -> FloatArray:
    """The mean of cos(q·r) over all directions of q, for x = q r: J₀(x) in 2D, sin(x)/x in 3D."""
    if dimension == 3:
        return np.sinc(x / np.pi)
    from scipy.special import j0

    return np.asarray(j0(x))


def _table(
    times: FloatArray, sums: Mapping[str, FloatArray], sizes: Mapping[str, int], n_windows: int
) -> pd.DataFrame:
    import pandas as pd

    tables = []
    for name, total in sums.items():
        msd, wave, overlap, square = total / n_windows
        unbiased = n_windows / (n_windows - 1) if n_windows > 1 else np.nan
        # Rounding may make a zero variance slightly negative.
        chi4 = sizes[name] * unbiased * np.maximum(square - overlap**2, 0.0)
        columns = {"msd": msd, "self_scattering": wave, "overlap": overlap, "chi4": chi4}
        tables.append(
            pd.DataFrame({"species": name, "time": times, **columns, "n_windows": n_windows})
        )
    return pd.concat(tables, ignore_index=True)


@checks_arguments
def lags_within(
    trajectory: TrajectoryLike, n_lags: int = 24, last: int | None = None
) -> tuple[int, ...]:
    """Lags at which frames of a run follow its first one, in steps, spaced about logarithmically.

    Args:
        trajectory: Frames of one run in the order of their steps, or their file.
        n_lags: How many at most; of a short run there are fewer.
        last: The longest, in steps; half the run by default, so that half of evenly spaced frames
            are time origins.

    Raises:
        InputError: If there is no second frame, frames are out of order, `n_lags` or `last` is not
            positive, or no frame is as close to the first as `last`, or the last of all closer.
    """
    require_whole(1, n_lags=n_lags, **({} if last is None else {"last": last}))
    steps = steps_in_order(as_trajectory(trajectory), "the trajectory")
    if len(steps) == 1:
        raise InputError("the trajectory has a single frame; expected a run that can be followed.")
    lags = steps[1:] - steps[0]
    if last is not None and not lags[0] <= last <= lags[-1]:
        raise InputError(
            f"the last lag is {last}; frames follow the first one after {lags[0]} to {lags[-1]} "
            "steps, so expected a number of steps between these."
        )
    most = max(lags[0], lags[-1] // 2) if last is None else last
    within = lags[lags <= most]
    if len(within) <= n_lags:
        return tuple(within.tolist())
    logs = np.log(within)
    wanted = np.geomspace(within[0], within[-1], n_lags) if n_lags > 1 else within[-1:]
    nearest = np.searchsorted((logs[1:] + logs[:-1]) / 2, np.log(wanted))
    return tuple(within[np.unique(nearest)].tolist())


@checks_arguments
@dataclass(frozen=True, eq=False)
class TimeOrigins:
    """Displacements in one trajectory from every frame that is followed by frames at all lags.

    All lags use the same origins, so curves at different lags are averages over the same windows.
    Frames are read on demand, one window at a time.

    Args:
        trajectory: Frames of one run with image flags, in the order of their steps, or their
            file.
        lag_steps: Lags in steps, increasing.
        every: Use only every n-th of the possible origins; origins close to each other cost time
            and add little.

    Raises:
        InputError: If frames are out of order or of different particles, image flags are reset
            within the trajectory, lags do not increase, a lag is beyond the data or no frame is
            followed by frames at all lags, or the metadata hold no ``dt``.
    """

    trajectory: TrajectoryLike
    lag_steps: Sequence[int]
    every: int = 1
    _frames: Trajectory = field(init=False, repr=False)
    _windows: list[tuple[int, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_frames", as_trajectory(self.trajectory))
        lags = np.array(self.lag_steps)
        if lags.ndim != 1 or lags.size == 0 or lags.dtype.kind not in "iu":
            raise InputError(f"lag_steps are {self.lag_steps!r}; expected whole numbers of steps.")
        if np.any(np.diff(lags, prepend=0) <= 0):
            raise InputError(
                f"lag_steps are {lags.tolist()}; expected positive steps in increasing order."
            )
        if self.every < 1:
            raise InputError(f"every is {self.every}; expected 1 or more.")
        time_step([self._frames])
        whole = require_one_path(self._frames, "the trajectory")
        steps = steps_in_order(whole, "the trajectory")
        if lags[-1] > steps[-1] - steps[0]:
            raise InputError(
                f"the lag of {lags[-1]} steps is beyond the data: the trajectory spans "
                f"{steps[-1] - steps[0]} steps; give shorter lags or a longer run."
            )
        place = {int(step): index for index, step in enumerate(steps)}
        windows = [
            (index, *(place[step + int(lag)] for lag in lags))
            for step, index in place.items()
            if all(step + int(lag) in place for lag in lags)
        ]
        if not windows:
            raise InputError(
                f"no frame is followed by frames at all the lags {lags.tolist()}; frames are "
                f"{np.diff(steps).min()} to {np.diff(steps).max()} steps apart: give lags at "
                "which frames were kept."
            )
        object.__setattr__(self, "_windows", windows[:: self.every])

    @property
    def times(self) -> FloatArray:
        """The lags, shape [n_lags], in units of time."""
        return np.asarray(np.array(self.lag_steps) * time_step([self._frames]))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Those of the trajectory."""
        return self._frames.metadata

    @property
    def n_origins(self) -> int:
        """Number of windows."""
        return len(self._windows)

    def thinned(self, n_origins: int) -> TimeOrigins:
        """At most so many of these origins, evenly spread over them.

        Raises:
            InputError: If `n_origins` is not positive.
        """
        require_whole(1, n_origins=n_origins)
        each = -(-len(self._windows) // n_origins)
        fewer = copy.copy(self)
        object.__setattr__(fewer, "every", each * self.every)
        object.__setattr__(fewer, "_windows", self._windows[::each])
        return fewer

    def windows(self) -> Iterator[tuple[Snapshot, FloatArray]]:
        """The frame at each origin, and later displacements, shape [n_lags, n, d].

        Raises:
            InputError: If frames are of different particles, or images are unknown or were lost.
        """
        frames = self._frames.frames
        for origin, *ends in self._windows:
            start = frames[origin]
            yield (
                start,
                np.stack([displacement(start, frames[end], f"frame {end}") for end in ends]),
            )
