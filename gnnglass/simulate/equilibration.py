"""Whether the frames of a run come from an equilibrated system: a label, never an error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from gnnglass.errors import InputError
from gnnglass.systems import SystemLike, glass_former
from gnnglass.systems.potentials import FloatArray
from gnnglass.trajectories import Snapshot, TrajectoryLike, as_trajectory

Verdict = Literal["equilibrated", "not equilibrated", "undecided"]

#: How often a stationary run may be called drifting by either sign.
LEVEL = 0.01
#: The self-overlap at which the structure counts as relaxed.
RELAXED = 1 / math.e
#: Particles that rattle in their cages overlap more than this, which tells no relaxation time.
RATTLING = 0.8
#: A trend needs this many windows one after another, so the longest lag is that part of the run.
MIN_WINDOWS = 6
#: With twice as many or more, frames are left out: they would cost time and tell little.
ENOUGH_WINDOWS = 12
#: Of the polynomial that a trend is.
DEGREE = 2
#: More values than this are averaged in groups, which leaves less of their correlation.
MAX_GROUPS = 10
#: The cage in units of the mean distance ρ^(−1/d); 1.5 in the 2D Kob–Andersen mixture.
CAGE = 1.64


@dataclass(frozen=True)
class Trend:
    """A change over the kept frames: where a parabola fitted to them begins and ends.

    Attributes:
        first: Its value at the first frame.
        last: Its value at the last frame.
        error: Standard error of `last` − `first`.
        significance: Probability of so large a change, of either sign, in a stationary run.
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
        """Whether a stationary run would show it less often than `LEVEL`."""
        return self.significance < LEVEL


@dataclass(frozen=True)
class Equilibration:
    """What the kept frames of a run at constant temperature say about equilibrium.

    Attributes:
        verdict: ``"not equilibrated"`` if energy or self-overlap drift significantly;
            ``"equilibrated"`` if neither does and the structure was seen to relax within a sixth
            of the kept time; ``"undecided"`` otherwise.
        reason: Why, in words.
        n_frames: Kept frames.
        energy: Trend of the potential energy per particle; None with too few frames.
        overlap: Trend of the self-overlap at `lag_steps`; None if it could not be measured.
        lag_steps: Lag, in steps, at which the self-overlap was followed.
        relaxation_steps: Steps in which the self-overlap falls to 1/e, read off an exponential
            through the shortest lag at which it has, or the longest lag there is; None if the
            particles did no more than rattle, or it could not be measured.
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
        """Everything as plain values, for metadata."""
        return asdict(self)


def assess(system: SystemLike, frames: TrajectoryLike, *, a: float = 0.3) -> Equilibration:
    """Judge from two signs whether a run was equilibrated when its frames were kept.

    The potential energy of a system that ages falls, and its self-overlap Q(t_w, t_w + Δ) at a
    fixed lag Δ rises with the waiting time t_w, while in equilibrium neither depends on t_w (Kob
    & Barrat, Phys. Rev. Lett. 78, 4581 (1997)). Q is the share of the particles of the most
    frequent species that moved less than `a`: against their cage in two dimensions, where
    long-wavelength fluctuations swamp the displacement (Vivek, Kelleher, Chaikin & Weeks, PNAS
    114, 1850 (2017)), against the centre of mass in three. Windows do not overlap, and Δ is the
    lag, up to a sixth of the kept time, at which Q (1 − Q) times their number is greatest.

    A system that does not move shows no drift either, so a run is called equilibrated only if Q
    fell below 1/e within the longest lag. Both trends are tested at 1 %, so at most about 2 % of
    stationary runs are called not equilibrated, as long as the relaxation time, read off Q, tells
    how long fluctuations last. It does not where particles only rattle: there a fluctuation that
    outlasts the run is called a drift, and whatever label such a run gets denies that it is known
    to be equilibrated.

    Args:
        system: The mixture that was simulated: its name, a TOML file, a definition, or itself.
        frames: Frames of one run at constant temperature with increasing steps, or their file.
            Without image flags or with unequal steps between them, only the energy can be judged.
            Energies are those of `system`, unless the frames carry the field
            ``potential_energy``.
        a: How far a particle may move and still overlap with where it was, in units of length.

    Raises:
        InputError: If steps do not increase, particles come or go, `a` is not positive, or the
            frames do not fit the system.
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
        return "not equilibrated", f"over the kept frames {' and '.join(drifts)}"
    if unseen:
        return (
            "undecided",
            f"the potential energy per particle does not drift ({energy}), but {unseen}",
        )
    return "equilibrated", (
        f"neither the potential energy per particle ({energy}) nor the self-overlap ({overlap}) "
        f"drifts over the kept frames, and the structure relaxes in about {memory:.2g} steps"
    )


def _steps_and_energies(frames: Sequence[Snapshot], a: float) -> tuple[FloatArray, FloatArray]:
    """Steps, and energies per particle (NaN where unknown), if the frames can be of one run."""
    if not a > 0:
        raise InputError(f"overlap distance a is {a:g}; expected a positive length.")
    unknown = np.array(np.nan)
    # Frames may lie on disk, where each look costs; one is enough here.
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
        return "without image flags nothing tells whether the structure relaxes"
    if len(set(np.diff([frame.step for frame in frames]))) > 1:
        return "at unequal intervals no lag recurs to tell whether the structure relaxes"
    return ""


def _overlaps(frames: Sequence[Snapshot], a: float) -> dict[int, FloatArray]:
    """Self-overlap in windows that follow one another, for lags counted in frames."""
    longest = (len(frames) - 1) // MIN_WINDOWS
    lags = sorted({1, 2, longest} & set(range(1, longest + 1)))
    members = frames[0].types == np.bincount(frames[0].types).argmax()
    found: dict[int, list[float]] = {lag: [] for lag in lags}
    for i, start in enumerate(frames):
        ends = [lag for lag in lags if i % lag == 0 and i + lag < len(frames)]
        if not ends:
            continue
        moved = np.stack([frames[i + lag].unwrapped - start.unwrapped for lag in ends])
        moved = _relative(start, moved)[:, members]
        for lag, stayed in zip(ends, np.linalg.norm(moved, axis=-1) < a, strict=True):
            found[lag].append(float(stayed.mean()))
    return {lag: np.array(values) for lag, values in found.items()}


def _relative(start: Snapshot, moved: FloatArray) -> FloatArray:
    """Displacements, shape [n_lags, n, d], against the cage in 2D and the whole in 3D."""
    if start.dimension == 3:
        return np.asarray(moved - moved.mean(axis=1, keepdims=True))
    from scipy.sparse import csr_array
    from scipy.spatial import cKDTree

    n = len(start)
    # Who, not how far or where: a fifth of the cost of `neighbor_pairs`, and this is done in runs.
    tree = cKDTree(np.mod(start.positions + start.box / 2, start.box), boxsize=start.box)
    i, j = tree.query_pairs(CAGE * start.density**-0.5, output_type="ndarray").T
    i, j = np.concatenate([i, j]), np.concatenate([j, i])
    mean_of_cage = csr_array((1.0 / np.bincount(i, minlength=n)[i], (i, j)), shape=(n, n))
    return np.stack([one - mean_of_cage @ one for one in moved])


def _relaxation(overlaps: Mapping[int, FloatArray]) -> float | None:
    """Time in which the self-overlap falls to 1/e as an exponential, in units of the lags."""
    lag = next((lag for lag, q in overlaps.items() if q.mean() <= RELAXED), max(overlaps))
    share = float(overlaps[lag].mean())
    if share > RATTLING:
        return None
    return lag / -math.log(share) if share > 0 else 0.0


def _weight(overlap: FloatArray) -> float:
    """How much a lag can tell: little with few windows, or where all stay or all leave."""
    return float(len(overlap) * overlap.mean() * (1 - overlap.mean()))


def _trend(values: FloatArray, times: FloatArray, memory: float | None) -> Trend:
    """Trend of a series in the order of its values.

    A parabola, so that a transient does not count as noise and hide itself, is fitted to the
    means of at most ten groups by generalised least squares (Aitken, Proc. R. Soc. Edinburgh 55,
    42 (1936)), and Student's t tells whether it ends where it begins. Values remember each other
    like exp(−|Δt| / memory). Correlation estimated from ten residuals would come out far too
    small; that of the structural relaxation is an independent measurement.
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
    # Multiplied by the inverse root of their correlations, values have independent errors.
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
