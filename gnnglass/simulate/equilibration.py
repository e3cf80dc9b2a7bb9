"""Whether the frames of a run come from an equilibrated system: a verdict, never an error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from gnnglass._arguments import checks_arguments
from gnnglass.errors import InputError
from gnnglass.systems import SystemLike, glass_former
from gnnglass.systems.potentials import FloatArray
from gnnglass.trajectories import Snapshot, TrajectoryLike, as_trajectory
from gnnglass.trajectories.following import in_order_of, require_whole_paths
from gnnglass.trajectories.snapshot import periodic_tree

Verdict = Literal["equilibrated", "not equilibrated", "undecided"]

#: Significance level of the test for a drift of the energy, and of that for the self-overlap.
LEVEL = 0.01
#: The self-overlap at which the structure counts as relaxed.
RELAXED = 1 / math.e
#: Above this self-overlap particles only rattle in their cages, and there is no relaxation time.
RATTLING = 0.8
#: A trend needs this many consecutive windows, so the longest lag is the run divided by this
#: number.
MIN_WINDOWS = 6
#: With at least twice as many windows, frames are skipped: they cost time and add little.
ENOUGH_WINDOWS = 12
#: Degree of the polynomial fitted as a trend.
DEGREE = 2
#: More values than this are averaged in groups, which reduces their correlation.
MAX_GROUPS = 10
#: Radius of the cage in units of ρ^(−1/d); it is 1.5 in the 2D Kob–Andersen mixture.
CAGE = 1.64


@dataclass(frozen=True)
class Trend:
    """A change over the stored frames, from the ends of a parabola fitted to them.

    Attributes:
        first: Value of the parabola at the first frame.
        last: Value of the parabola at the last frame.
        error: Standard error of `last` − `first`.
        significance: p-value: the probability of so large a change, of either sign, in a stationary
            run.
    """

    first: float
    last: float
    error: float
    significance: float

    def __str__(self) -> str:
        return f"{self.change:+.2g} ± {self.error:.2g}"

    @property
    def change(self) -> float:
        """`last` − `first`."""
        return self.last - self.first

    @property
    def is_significant(self) -> bool:
        """Whether the p-value is below `LEVEL`."""
        return self.significance < LEVEL


@dataclass(frozen=True)
class Equilibration:
    """Whether a run at constant temperature was in equilibrium, judged from its stored frames.

    Attributes:
        verdict: ``"not equilibrated"`` if energy or self-overlap drift significantly;
            ``"equilibrated"`` if neither does and the structure was seen to relax within a sixth
            of the sampled time; ``"undecided"`` otherwise.
        reason: The reason for the verdict, as a clause.
        n_frames: Number of stored frames.
        energy: Trend of the potential energy per particle; None with too few frames.
        overlap: Trend of the self-overlap at `lag_steps`; None if it could not be measured.
        lag_steps: Lag, in steps, at which the self-overlap was measured.
        relaxation_steps: Steps in which the self-overlap falls to 1/e, from an exponential through
            the shortest lag at which it has fallen below, or else the longest lag; None if the
            particles only rattled, or it could not be measured.
    """

    verdict: Verdict
    reason: str
    n_frames: int
    energy: Trend | None = None
    overlap: Trend | None = None
    lag_steps: int | None = None
    relaxation_steps: float | None = None

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}."

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain values, for metadata."""
        return asdict(self)


@checks_arguments
def assess(system: SystemLike, frames: TrajectoryLike, *, a: float = 0.3) -> Equilibration:
    """Judge from two quantities whether a run was equilibrated when its frames were stored.

    In an ageing system the potential energy decreases, and the self-overlap Q(t_w, t_w + Δ) at a
    fixed lag Δ increases with the waiting time t_w; in equilibrium neither depends on t_w (Kob
    & Barrat, Phys. Rev. Lett. 78, 4581 (1997)). Q is the fraction of the particles of the most
    frequent species that moved less than `a`: relative to their cage in two dimensions, where
    long-wavelength fluctuations dominate the displacement (Vivek, Kelleher, Chaikin & Weeks, PNAS
    114, 1850 (2017)), relative to the centre of mass in three. Windows do not overlap, and Δ is
    the lag, up to a sixth of the sampled time, at which Q (1 − Q) times their number is greatest.

    A frozen system shows no drift either, so a run is called equilibrated only if Q fell below 1/e
    within the longest lag. Both trends are tested at the 1 % level, so at most about 2 % of
    stationary runs are called not equilibrated, provided that fluctuations decay within the
    relaxation time from Q. If particles only rattle, fluctuations may last longer than the run and
    look like a drift; but such a run is never called equilibrated anyway.

    Args:
        system: The mixture that was simulated: its name, a TOML file, a definition, or itself.
        frames: Frames of one run at constant temperature with increasing steps, or their file.
            Without image flags or with unequal steps between them, only the energy can be judged.
            Energies are computed from `system`, unless the frames have the field
            ``potential_energy``.
        a: Largest displacement at which a particle still counts as overlapping with its earlier
            position, in units of length.

    Raises:
        InputError: If steps do not increase, the particles change, image flags are reset within the
            run, `a` is not positive, or the frames do not fit the system.
    """
    former, frames = glass_former(system), as_trajectory(frames)
    steps, energies = _steps_and_energies(frames, a)
    n_frames = len(frames)
    if n_frames <= MIN_WINDOWS:
        reason = f"{n_frames} frames are too few to see a trend, which needs {MIN_WINDOWS + 1}"
        return Equilibration("undecided", reason, n_frames)
    stride = max(1, (n_frames - 1) // ENOUGH_WINDOWS)
    thinned = list(frames[::stride])
    overlap = lag_steps = memory = None
    unseen = _why_overlap_is_unknown(thinned)
    if not unseen:
        interval = thinned[1].step - thinned[0].step
        overlaps = {lag * interval: values for lag, values in _overlaps(thinned, a).items()}
        memory = _relaxation(overlaps)
        lag_steps = max(overlaps, key=lambda lag: _weight(overlaps[lag]))
        starts = lag_steps * np.arange(len(overlaps[lag_steps]), dtype=np.float64)
        overlap = _trend(overlaps[lag_steps], starts, memory)
        longest = max(overlaps)
        if memory is None or memory > longest:
            unseen = (
                f"the structure was not seen to relax: {overlaps[longest].mean():.2f} of the "
                f"particles are still in place after {longest} steps"
            )
    if np.isnan(energies).any():
        energies = np.array([former.energies(frame).mean() for frame in thinned])
        steps = steps[::stride]
    energy = _trend(energies, steps, memory)
    verdict, reason = _judge(energy, overlap, memory, unseen)
    return Equilibration(verdict, reason, n_frames, energy, overlap, lag_steps, memory)


def _judge(
    energy: Trend, overlap: Trend | None, memory: float | None, unseen: str
) -> tuple[Verdict, str]:
    signs = {"the potential energy per particle": energy, "the self-overlap": overlap}
    drifts = [
        f"{name} changes by {trend}"
        for name, trend in signs.items()
        if trend and trend.is_significant
    ]
    if drifts:
        return "not equilibrated", f"over the stored frames {' and '.join(drifts)}"
    if unseen:
        return (
            "undecided",
            f"the potential energy per particle does not drift ({energy}), but {unseen}",
        )
    return "equilibrated", (
        f"neither the potential energy per particle ({energy}) nor the self-overlap ({overlap}) "
        f"drifts over the stored frames, and the structure relaxes in about {memory:.2g} steps"
    )


def _steps_and_energies(frames: Sequence[Snapshot], a: float) -> tuple[FloatArray, FloatArray]:
    """Steps and energies per particle (NaN if unknown); checks that frames can be of one run."""
    if not a > 0:
        raise InputError(f"overlap distance a is {a:g}; expected a positive length.")
    unknown = np.array(np.nan)
    # Frames may be on disk, where access is slow, so access each only once.
    facts = [
        (frame.step, frame.fields.get("potential_energy", unknown).mean(), len(frame))
        for frame in frames
    ]
    steps, energies, sizes = np.array(facts, dtype=np.float64).reshape(-1, 3).T
    if np.any(np.diff(steps) <= 0):
        raise InputError(
            "the steps of the frames do not increase; expected the frames of one run in order."
        )
    if np.any(np.diff(sizes)):
        raise InputError(
            "the number of particles differs between frames; expected the frames of one run."
        )
    return steps, energies


def _why_overlap_is_unknown(frames: Sequence[Snapshot]) -> str:
    if any(frame.images is None for frame in frames):
        return "without image flags it is unknown whether the structure relaxes"
    if any(frame.is_anonymous for frame in frames):
        return "without ids it is unknown whether the structure relaxes"
    if len(set(np.diff([frame.step for frame in frames]))) > 1:
        return (
            "with unequal intervals no lag repeats, so it is unknown whether the structure relaxes"
        )
    return ""


def _overlaps(frames: Sequence[Snapshot], a: float) -> dict[int, FloatArray]:
    """Self-overlap in consecutive windows, for lags counted in frames."""
    longest = (len(frames) - 1) // MIN_WINDOWS
    lags = sorted({1, 2, longest} & set(range(1, longest + 1)))
    members = frames[0].types == np.bincount(frames[0].types).argmax()
    found: dict[int, list[float]] = {lag: [] for lag in lags}
    for i, start in enumerate(frames):
        if i > 0:
            frame = in_order_of(frames[i - 1], start, f"frame {i}")
            require_whole_paths(frames[i - 1], frame, f"frame {i}")
        ends = [lag for lag in lags if i % lag == 0 and i + lag < len(frames)]
        if not ends:
            continue
        later = [in_order_of(start, frames[i + lag], f"frame {i + lag}") for lag in ends]
        moved = np.stack([frame.unwrapped - start.unwrapped for frame in later])
        moved = _relative(start, moved)[:, members]
        for lag, stayed in zip(ends, np.linalg.norm(moved, axis=-1) < a, strict=True):
            found[lag].append(float(stayed.mean()))
    return {lag: np.array(values) for lag, values in found.items()}


def _relative(start: Snapshot, moved: FloatArray) -> FloatArray:
    """Displacements [n_lags, n, d] relative to the cage in 2D, to the centre of mass in 3D."""
    if start.dimension == 3:
        return np.asarray(moved - moved.mean(axis=1, keepdims=True))
    from scipy.sparse import csr_array

    n = len(start)
    # Only indices are needed; finding these takes a fifth of the time of `neighbor_pairs`.
    found = periodic_tree(start).query_pairs(CAGE * start.density**-0.5, output_type="ndarray")
    i, j = found.T
    i, j = np.concatenate([i, j]), np.concatenate([j, i])
    mean_of_cage = csr_array((1.0 / np.bincount(i, minlength=n)[i], (i, j)), shape=(n, n))
    return np.stack([one - mean_of_cage @ one for one in moved])


def _relaxation(overlaps: Mapping[int, FloatArray]) -> float | None:
    """Time in which the self-overlap falls to 1/e if it is an exponential, in units of the lags."""
    lag = next((lag for lag, q in overlaps.items() if q.mean() <= RELAXED), max(overlaps))
    share = float(overlaps[lag].mean())
    if share > RATTLING:
        return None
    return lag / -math.log(share) if share > 0 else 0.0


def _weight(overlap: FloatArray) -> float:
    """Weight of a lag: small with few windows, or if nearly all particles stay or leave."""
    return float(len(overlap) * overlap.mean() * (1 - overlap.mean()))


def _trend(values: FloatArray, times: FloatArray, memory: float | None) -> Trend:
    """Trend of a series in the order of its values.

    A parabola is fitted to the means of at most ten groups by generalised least squares (Aitken,
    Proc. R. Soc. Edinburgh 55, 42 (1936)), and Student's t test compares its ends. (With a straight
    line, the curvature of a transient would count as noise.) The values are assumed to be
    correlated like exp(−|Δt| / memory). A correlation time estimated from ten residuals would be
    far too small; the structural relaxation time is an independent measurement of it.
    """
    from scipy.linalg import solve_triangular
    from scipy.special import stdtr

    order = np.arange(len(values), dtype=np.float64)
    groups = np.array_split(np.arange(len(values)), min(len(values), MAX_GROUPS))
    correlation = np.diag([1.0 / len(group) for group in groups])
    if memory:
        apart = [[np.abs(times[g][:, None] - times[h]) for h in groups] for g in groups]
        correlation = np.array([[np.exp(-t / memory).mean() for t in row] for row in apart])
    y = np.array([values[group].mean() for group in groups])
    centre = order.mean()
    design = np.vander([order[group].mean() - centre for group in groups], DEGREE + 1)
    ends = np.vander([-centre, centre], DEGREE + 1)
    # After multiplication by the inverse root of the correlation matrix, errors are independent.
    root = np.linalg.cholesky(correlation)
    white = solve_triangular(root, np.column_stack([design, y]), lower=True)
    fit = np.linalg.lstsq(white[:, :-1], white[:, -1], rcond=None)[0]
    residual = white[:, -1] - white[:, :-1] @ fit
    freedom = len(y) - DEGREE - 1
    inverse = np.linalg.inv(white[:, :-1].T @ white[:, :-1])
    first, last = ends @ fit
    reach = ends[1] - ends[0]
    error = math.sqrt(residual @ residual / freedom * (reach @ inverse @ reach))
    rounding = 1e-12 * float(np.abs(y).max())
    significance = 1.0
    if abs(last - first) > rounding:
        significance = float(2 * stdtr(freedom, -abs(last - first) / max(error, rounding)))
    return Trend(float(first), float(last), error, significance)
