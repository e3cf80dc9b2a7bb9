"""Isoconfigurational ensembles: clones of one configuration, read one at a time, and checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from gnnglass._arguments import checks_arguments
from gnnglass.errors import InputError
from gnnglass.systems import SystemLike
from gnnglass.trajectories import (
    RunsLike,
    Snapshot,
    Trajectory,
    TrajectoryLike,
    as_runs,
    as_trajectory,
)
from gnnglass.trajectories.following import in_order_of, require_whole_paths
from gnnglass.trajectories.snapshot import FloatArray


def time_step(trajectories: Sequence[Trajectory], dt: float | None = None) -> float:
    """The time per step, `dt` or what the metadata of all trajectories agree on.

    Raises:
        InputError: If it is unknown, not the same for all, or not positive.
    """
    if dt is None:
        if any(trajectory.metadata.get("dt") is None for trajectory in trajectories):
            raise InputError("the time per step is unknown: the metadata hold no 'dt'; add it.")
        known = sorted({float(trajectory.metadata["dt"]) for trajectory in trajectories})
        if len(known) > 1:
            raise InputError(f"the runs have different time steps dt: {known}; expected one.")
        dt = known[0]
    if not (np.isfinite(dt) and dt > 0):
        raise InputError(f"the time per step dt is {dt:g}; expected a positive number.")
    return dt


def steps_in_order(frames: Iterable[Snapshot], whose: str) -> NDArray[np.int64]:
    """The step of each frame, shape [n_frames].

    Args:
        frames: Frames of one run.
        whose: The run in words, for messages.

    Raises:
        InputError: If the steps do not increase.
    """
    steps = np.array([frame.step for frame in frames], dtype=np.int64)
    wrong = np.flatnonzero(np.diff(steps) <= 0)
    if wrong.size:
        before, after = steps[wrong[0] : wrong[0] + 2]
        raise InputError(
            f"frames of {whose} are out of order: step {after} comes after step {before}; "
            "expected increasing steps."
        )
    return steps


def require_same(initial: Snapshot, other: Snapshot, whose: str) -> None:
    """Refuse a frame of other particles or another box.

    Raises:
        InputError: If number of particles, types or box differ from those of `initial`.
    """
    same = (
        initial.positions.shape == other.positions.shape
        and np.array_equal(initial.types, other.types)
        and initial.type_names == other.type_names
        and np.allclose(initial.box, other.box, rtol=1e-6)
    )
    if not same:
        raise InputError(
            f"{whose} is of another configuration: its number of particles, types or box "
            "differ from the initial ones."
        )


def require_one_path(frames: Iterable[Snapshot], whose: str) -> Iterator[Snapshot]:
    """The same frames, one after the other, each compared with the one before it.

    Args:
        frames: Frames of one run.
        whose: The run in words, for messages.

    Raises:
        InputError: If a frame is of other particles, or its image flags do not continue those of
            the frame before.
    """
    before: Snapshot | None = None
    for number, frame in enumerate(frames):
        if before is not None:
            name = f"frame {number} of {whose}"
            after = in_order_of(before, frame, name)
            require_same(before, after, name)
            require_whole_paths(before, after, name)
        yield frame
        before = frame


def displacement(initial: Snapshot, frame: Snapshot, whose: str) -> FloatArray:
    """How far each particle has gone since `initial`, box crossings included, shape [n, d].

    Particles are in the order of `initial`, and found again in `frame` by their ids.
    Files of wrapped positions without image flags are read as if no particle had left the box
    (HOOMD leaves out what is zero). Then no image changes, and yet some particle is more than
    half an edge away from where it was: it left through one face and is shown at the other.

    Raises:
        InputError: If the frames do not fit together, or the images are unknown or were lost.
    """
    frame = in_order_of(initial, frame, whose)
    require_same(initial, frame, whose)
    moved = frame.unwrapped - initial.unwrapped
    images = np.asarray(frame.images)
    if not np.any(images) or np.array_equal(images, np.asarray(initial.images)):
        jumps = np.argwhere(np.abs(moved) > initial.box / 2)
        if jumps.size:
            particle, axis = jumps[0]
            raise InputError(
                f"positions of {whose} are wrapped, but their image flags were lost: "
                f"{len(jumps)} coordinates, the first of particle {particle}, jump by about the "
                f"box edge {initial.box[axis]:.4g}, while every flag stays the same; write "
                "unwrapped coordinates (xu) or image flags (ix iy iz)."
            )
    return moved


SAME_POSITION = 1e-5
"""Two positions closer than this times the longest edge are one; files hold single precision."""


class CloneFrames(Sequence[FloatArray]):
    """Displacements of clones of one configuration, each made from its frames when asked for.

    Nothing is kept, so that memory depends on the size of one clone and not on their number. A
    slice is of the same kind and reads nothing. Clone k has shape [n_lags, n, d]; asking for it
    raises `InputError` if its frames are out of order or at other steps, or if it started from
    another configuration or lacks images.

    Args:
        initial: The configuration that all clones share, n particles in d dimensions.
        lag_steps: Steps after the start at which each clone was kept, shape [n_lags].
        clones: Frames of each clone, its start first. A `Trajectory` that reads its frames when
            asked for is one.
        numbers: Which of the clones these are; all if None.
    """

    def __init__(
        self,
        initial: Snapshot,
        lag_steps: NDArray[np.int64],
        clones: Sequence[Sequence[Snapshot]],
        numbers: range | None = None,
    ) -> None:
        self.initial = initial
        self.lag_steps = lag_steps
        self.clones = clones
        self.numbers = range(len(clones)) if numbers is None else numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> FloatArray: ...
    @overload
    def __getitem__(self, index: slice) -> CloneFrames: ...
    def __getitem__(self, index: int | slice) -> FloatArray | CloneFrames:
        if isinstance(index, slice):
            return CloneFrames(self.initial, self.lag_steps, self.clones, self.numbers[index])
        number = self.numbers[index]
        whose = f"clone {number}"
        start, *frames = self.clones[number]
        start = in_order_of(self.initial, start, whose)
        require_same(self.initial, start, whose)
        apart = np.abs(self.initial.minimum_image(start.positions - self.initial.positions)).max()
        if apart > SAME_POSITION * self.initial.box.max():
            raise InputError(
                f"{whose} starts from another configuration than clone 0: positions differ by up "
                f"to {apart:.3g}; expected one shared initial configuration."
            )
        steps = steps_in_order(require_one_path([start, *frames], whose), whose)
        if not np.array_equal(steps[1:] - steps[0], self.lag_steps):
            raise InputError(
                f"{whose} was sampled at other steps than expected: "
                f"{', '.join(map(str, steps[1:] - steps[0]))} after the start instead of "
                f"{', '.join(map(str, self.lag_steps))}."
            )
        return np.stack([displacement(start, frame, whose) for frame in frames])


class InOneTrajectory(Sequence[Sequence[Snapshot]]):
    """The frames of each clone in a trajectory that holds them all, the shared start first.

    Args:
        trajectory: The shared start, then all lags of clone 0, all lags of clone 1 and so on.
        n_lags: Frames of each clone.
    """

    def __init__(self, trajectory: Trajectory, n_lags: int) -> None:
        self.trajectory = trajectory
        self.n_lags = n_lags

    def __len__(self) -> int:
        return (len(self.trajectory) - 1) // self.n_lags

    @overload
    def __getitem__(self, index: int) -> Sequence[Snapshot]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[Snapshot]]: ...
    def __getitem__(self, index: int | slice) -> Sequence[Snapshot] | Sequence[Sequence[Snapshot]]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        first = 1 + range(len(self))[index] * self.n_lags
        return [self.trajectory[0], *self.trajectory.frames[first : first + self.n_lags]]


#: As many particles of each clone are compared with those of the others,
SAMPLE = 64
#: and clones whose displacements all agree to this share of the largest one are the same run.
SAME_DISPLACEMENT = 1e-4

#: Each half needs two clones to be an ensemble itself.
FEWEST_FOR_HALVES = 4


@checks_arguments
@dataclass(frozen=True, eq=False)
class IsoconfigurationalEnsemble:
    """Where every particle of one configuration has gone in each of several runs.

    The runs (clones) differ only in their initial velocities, so what is common to them is owed
    to the configuration (Widmer-Cooper, Harrowell & Fynewever, Phys. Rev. Lett. 93, 135701
    (2004)).

    Attributes:
        initial: The configuration all clones start from, n particles in d dimensions.
        clones: r_i(t) − r_i(0) of each clone, not wrapped, shape [n_lags, n, d], in units of
            length. Given as one array of shape [n_clones, n_lags, n, d], or as any sequence of
            such arrays, so that clones may be read only when asked for.
        times: The lags t, increasing, shape [n_lags], in units of time.
        system: The mixture, as `gnnglass.systems.glass_former` takes it, for the diameters of its
            particles; None if it is unknown.

    Raises:
        InputError: On fewer than two clones, shapes that do not fit together, lags that are not
            positive and increasing, or displacements that are not finite. What is in one array
            is looked at once; another sequence whenever a clone is read.
    """

    initial: Snapshot
    clones: Sequence[FloatArray] | FloatArray
    times: FloatArray
    system: SystemLike | None = None

    def __post_init__(self) -> None:
        times = np.array(self.times, dtype=np.float64)
        if times.ndim != 1 or times.size == 0:
            raise InputError(f"times have shape {times.shape}; expected [n_lags], at least one.")
        if not np.all(np.isfinite(times)) or np.any(np.diff(times, prepend=0.0) <= 0):
            raise InputError(
                f"times are {times.tolist()}; expected positive lags in increasing order."
            )
        times.flags.writeable = False
        object.__setattr__(self, "times", times)
        _require_clones(len(self.clones))
        if isinstance(self.clones, np.ndarray):
            displacements = np.asarray(self.clones, dtype=np.float64).view()
            displacements.flags.writeable = False
            object.__setattr__(self, "clones", tuple(displacements))
            for _ in self:
                pass

    @classmethod
    def from_trajectory(cls, trajectory: TrajectoryLike) -> IsoconfigurationalEnsemble:
        """Take apart one trajectory that holds all clones; they are read when they are needed.

        Args:
            trajectory: The trajectory or its file. Frame 0 is the initial configuration, then
                come all lags of clone 0, all lags of clone 1 and so on;
                ``metadata["isoconfigurational"]`` holds ``n_clones`` and ``lag_steps`` (steps
                since frame 0), and ``metadata["dt"]`` the time per step.

        Raises:
            InputError: If metadata or the number of frames do not fit this layout; when a clone
                is read, if its steps do not, if it is of another configuration, or if images are
                unknown.
        """
        trajectory = as_trajectory(trajectory)
        layout = trajectory.metadata.get("isoconfigurational")
        if not isinstance(layout, Mapping) or not {"n_clones", "lag_steps"} <= set(layout):
            raise InputError(
                "the trajectory is not an isoconfigurational ensemble: its metadata lack "
                "'isoconfigurational' with n_clones and lag_steps; for clones in separate files "
                "use from_clones."
            )
        _require_thermal([trajectory])
        n_clones, lag_steps = int(layout["n_clones"]), np.array(layout["lag_steps"], dtype=np.int64)
        dt = time_step([trajectory])
        _require_clones(n_clones)
        if len(trajectory) != 1 + n_clones * len(lag_steps):
            raise InputError(
                f"the trajectory has {len(trajectory)} frames; expected "
                f"1 + {n_clones} clones × {len(lag_steps)} lags = {1 + n_clones * len(lag_steps)}; "
                "a run was probably cut off."
            )
        frames = InOneTrajectory(trajectory, len(lag_steps))
        initial = trajectory[0]
        members = CloneFrames(initial, lag_steps, frames)
        return cls(initial, members, np.asarray(lag_steps * dt), trajectory.metadata.get("system"))

    @classmethod
    def from_clones(cls, clones: RunsLike, dt: float | None = None) -> IsoconfigurationalEnsemble:
        """Join clones that are separate trajectories; they are read when they are needed.

        Args:
            clones: One trajectory or file each; frame 0 is the initial configuration, the same
                for all, and the later frames come at the same steps after it.
            dt: Time per step; taken from the clones' metadata if None.

        Raises:
            InputError: On fewer than two clones, or no `dt`; when a clone is read, if it is of
                another configuration or at other steps, if its frames are out of order, or if
                images are unknown.
        """
        clones = as_runs(clones)
        _require_clones(len(clones))
        _require_thermal(clones)
        dt = time_step(clones, dt)
        initial = clones[0][0]
        steps = steps_in_order(clones[0], "clone 0")
        if len(steps) < 2:
            raise InputError("clone 0 has no frame after the initial one; expected lags.")
        lag_steps = steps[1:] - steps[0]
        members = CloneFrames(initial, lag_steps, clones)
        return cls(initial, members, np.asarray(lag_steps * dt), clones[0].metadata.get("system"))

    def __iter__(self) -> Iterator[FloatArray]:
        """Displacements of one clone after the other, shape [n_lags, n, d], read-only.

        Raises:
            InputError: If those of a clone do not fit, are not finite, or are those of another.
        """
        expected = (len(self.times), len(self.initial), self.initial.dimension)
        seen: list[FloatArray] = []
        for index, clone in enumerate(self.clones):
            if np.shape(clone) != expected:
                raise InputError(
                    f"displacements of clone {index} have shape {np.shape(clone)}; expected "
                    f"{list(expected)} for these lags and this configuration."
                )
            if not np.all(np.isfinite(clone)):
                raise InputError(
                    f"some displacements of clone {index} are NaN or infinite; the run that "
                    "produced them has probably blown up."
                )
            if isinstance(self.clones, CloneFrames):
                # A copy, so that the rest of the clone need not be kept.
                sample = np.array(clone[-1, :SAMPLE])
                _refuse_copy(seen, sample)
                seen.append(sample)
            yield clone

    def windows(self) -> Iterator[tuple[Snapshot, FloatArray]]:
        """Each clone as a configuration and what became of it, as `TimeCorrelations` takes it."""
        for clone in self:
            yield self.initial, clone

    @property
    def displacements(self) -> FloatArray:
        """Those of all clones in memory, shape [n_clones, n_lags, n, d], read-only."""
        displacements = np.stack(list(self))
        displacements.flags.writeable = False
        return displacements

    @property
    def n_clones(self) -> int:
        """Number of runs M."""
        return len(self.clones)

    def lag(self, time: float) -> int:
        """Which of the lags `time` is.

        Raises:
            InputError: If it is none of them.
        """
        match = np.flatnonzero(np.isclose(self.times, time))
        if match.size == 0:
            known = ", ".join(f"{t:g}" for t in self.times)
            raise InputError(f"no lag t = {time:g} in this ensemble; it has {known}.")
        return int(match[0])

    def halves(self) -> tuple[IsoconfigurationalEnsemble, IsoconfigurationalEnsemble]:
        """Even and odd clones as two ensembles, to tell how far results depend on the runs.

        Raises:
            InputError: On fewer than four clones.
        """
        if self.n_clones < FEWEST_FOR_HALVES:
            raise InputError(
                f"an ensemble of {self.n_clones} clones cannot be halved; expected at least "
                f"{FEWEST_FOR_HALVES}, two for each half."
            )
        even, odd = (replace(self, clones=self.clones[start::2]) for start in (0, 1))
        return even, odd

    def __repr__(self) -> str:
        return (
            f"<IsoconfigurationalEnsemble of {self.n_clones} clones, {len(self.times)} lags up to "
            f"t = {self.times[-1]:g}, from {self.initial!r}>"
        )


def _require_clones(n_clones: int) -> None:
    if n_clones < 2:
        raise InputError(
            f"an isoconfigurational ensemble needs at least 2 clones, got {n_clones}; run more "
            "from the same configuration (16 or more for good averages)."
        )


def _refuse_copy(seen: Sequence[FloatArray], sample: FloatArray) -> None:
    """Refuse a clone, of which a sample of displacements is given, that is one of those seen."""
    for earlier, other in enumerate(seen):
        if np.abs(sample - other).max() < SAME_DISPLACEMENT * np.abs(sample).max():
            raise InputError(f"clones {earlier} and {len(seen)} are the same run; give each once.")


def _require_thermal(trajectories: Sequence[Trajectory]) -> None:
    if any(trajectory.metadata.get("level") == "inherent" for trajectory in trajectories):
        raise InputError(
            "the clones are inherent structures, and displacements between minima are not those "
            "of particles; give the thermal trajectories they were made from."
        )
