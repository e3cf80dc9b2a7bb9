"""Many runs from one configuration, with fresh velocities each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot, Trajectory
from gnnglass.trajectories.snapshot import FloatArray

SAME_POSITION = 1e-5
"""Two positions closer than this times the longest edge are one; files hold single precision."""


@dataclass(frozen=True, eq=False)
class IsoconfigurationalEnsemble:
    """Where every particle of one configuration has gone in each of several runs.

    The runs (clones) differ only in their initial velocities, so what is common to them is owed
    to the configuration (Widmer-Cooper, Harrowell & Fynewever, Phys. Rev. Lett. 93, 135701
    (2004)).

    Attributes:
        initial: The configuration all clones start from, n particles in d dimensions.
        displacements: r_i(t) − r_i(0), not wrapped, shape [n_clones, n_lags, n, d], in units of
            length; read-only.
        times: The lags t, increasing, shape [n_lags], in units of time.

    Raises:
        InputError: On fewer than two clones, shapes that do not fit together, lags that are not
            positive and increasing, or displacements that are not finite.
    """

    initial: Snapshot
    displacements: FloatArray
    times: FloatArray

    def __post_init__(self) -> None:
        displacements = np.asarray(self.displacements, dtype=np.float64).view()
        times = np.array(self.times, dtype=np.float64)
        expected = (len(self.initial), self.initial.dimension)
        if displacements.ndim != 4 or displacements.shape[2:] != expected:
            raise InputError(
                f"displacements have shape {displacements.shape}; expected "
                f"[n_clones, n_lags, {expected[0]}, {expected[1]}] for this configuration."
            )
        _require_clones(len(displacements))
        if times.shape != displacements.shape[1:2] or times.size == 0:
            raise InputError(
                f"times have shape {times.shape}; expected [{displacements.shape[1]}], one for "
                "each lag of the displacements, and at least one."
            )
        if not np.all(np.isfinite(times)) or np.any(np.diff(times, prepend=0.0) <= 0):
            raise InputError(
                f"times are {times.tolist()}; expected positive lags in increasing order."
            )
        if not np.all(np.isfinite(displacements)):
            raise InputError(
                "some displacements are NaN or infinite; the run that produced them has probably "
                "blown up."
            )
        for array in (displacements, times):
            array.flags.writeable = False
        object.__setattr__(self, "displacements", displacements)
        object.__setattr__(self, "times", times)

    @classmethod
    def from_trajectory(cls, trajectory: Trajectory) -> IsoconfigurationalEnsemble:
        """Take apart one trajectory that holds all clones.

        Args:
            trajectory: Frame 0 is the initial configuration, then come all lags of clone 0, all
                lags of clone 1 and so on; ``metadata["isoconfigurational"]`` holds ``n_clones``
                and ``lag_steps`` (steps since frame 0), and ``metadata["dt"]`` the time per step.

        Raises:
            InputError: If metadata, number of frames or their steps do not fit this layout, if
                the frames are of another configuration, or if images are unknown.
        """
        layout = trajectory.metadata.get("isoconfigurational")
        if not isinstance(layout, Mapping) or not {"n_clones", "lag_steps"} <= set(layout):
            raise InputError(
                "the trajectory is not an isoconfigurational ensemble: its metadata lack "
                "'isoconfigurational' with n_clones and lag_steps; for clones in separate files "
                "use from_clones."
            )
        n_clones, lag_steps = int(layout["n_clones"]), np.array(layout["lag_steps"], dtype=np.int64)
        dt = _time_step([trajectory], None)
        _require_clones(n_clones)
        if len(trajectory) != 1 + n_clones * len(lag_steps):
            raise InputError(
                f"the trajectory has {len(trajectory)} frames; expected "
                f"1 + {n_clones} clones × {len(lag_steps)} lags = {1 + n_clones * len(lag_steps)}; "
                "a run was probably cut off."
            )
        initial = trajectory[0]
        shape = (n_clones, len(lag_steps), len(initial), initial.dimension)
        displacements = np.empty(shape)
        for clone in range(n_clones):
            for lag, steps in enumerate(lag_steps):
                index = 1 + clone * len(lag_steps) + lag
                frame = trajectory[index]
                if frame.step - initial.step != steps:
                    raise InputError(
                        f"frames are out of order: frame {index} is {frame.step - initial.step} "
                        f"steps after the initial configuration; expected {steps} (lag {lag} of "
                        f"clone {clone})."
                    )
                displacements[clone, lag] = _displacement(initial, frame, clone)
        return cls(initial, displacements, np.asarray(lag_steps * dt))

    @classmethod
    def from_clones(
        cls, clones: Sequence[Trajectory], dt: float | None = None
    ) -> IsoconfigurationalEnsemble:
        """Join clones that are separate trajectories.

        Args:
            clones: One trajectory each; frame 0 is the initial configuration, the same for all,
                and the later frames come at the same steps after it.
            dt: Time per step; taken from the clones' metadata if None.

        Raises:
            InputError: On fewer than two clones, clones of different configurations or at
                different steps, frames out of order, unknown images, or no `dt`.
        """
        _require_clones(len(clones))
        dt = _time_step(clones, dt)
        initial = clones[0][0]
        steps = _steps_since_start(clones[0], 0)
        displacements = np.empty((len(clones), len(steps), len(initial), initial.dimension))
        for index, clone in enumerate(clones):
            start = clone[0]
            _require_same(initial, start, index)
            apart = np.abs(initial.minimum_image(start.positions - initial.positions))
            if apart.max() > SAME_POSITION * initial.box.max():
                raise InputError(
                    f"clone {index} starts from another configuration than clone 0: positions "
                    f"differ by up to {apart.max():.3g}; expected one shared initial configuration."
                )
            if not np.array_equal(_steps_since_start(clone, index), steps):
                raise InputError(
                    f"clone {index} was sampled at other steps than clone 0; expected "
                    f"{', '.join(map(str, steps))} steps after the start."
                )
            for lag in range(len(steps)):
                displacements[index, lag] = _displacement(start, clone[1 + lag], index)
        return cls(initial, displacements, np.asarray(steps * dt))

    @property
    def n_clones(self) -> int:
        """Number of runs M."""
        return len(self.displacements)

    def halves(self) -> tuple[IsoconfigurationalEnsemble, IsoconfigurationalEnsemble]:
        """Even and odd clones as two ensembles, to tell how far results depend on the runs.

        Raises:
            InputError: On fewer than four clones.
        """
        if self.n_clones < 4:
            raise InputError(
                f"an ensemble of {self.n_clones} clones cannot be halved; expected at least 4, "
                "two for each half."
            )
        even, odd = (
            IsoconfigurationalEnsemble(self.initial, self.displacements[start::2], self.times)
            for start in (0, 1)
        )
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


def _time_step(trajectories: Sequence[Trajectory], dt: float | None) -> float:
    if dt is None:
        if any(trajectory.metadata.get("dt") is None for trajectory in trajectories):
            raise InputError("the time per step is unknown: the metadata hold no 'dt'; add it.")
        known = sorted({float(trajectory.metadata["dt"]) for trajectory in trajectories})
        if len(known) > 1:
            raise InputError(f"the clones have different time steps dt: {known}; expected one.")
        dt = known[0]
    if not (np.isfinite(dt) and dt > 0):
        raise InputError(f"the time per step dt is {dt:g}; expected a positive number.")
    return dt


def _steps_since_start(clone: Trajectory, index: int) -> NDArray[np.int64]:
    steps = np.array([frame.step for frame in clone], dtype=np.int64)
    if len(steps) < 2:
        raise InputError(f"clone {index} has no frame after the initial one; expected lags.")
    if np.any(np.diff(steps) <= 0):
        raise InputError(
            f"frames of clone {index} are out of order: steps {', '.join(map(str, steps))}; "
            "expected increasing steps, the initial configuration first."
        )
    return steps[1:] - steps[0]


def _require_same(initial: Snapshot, other: Snapshot, clone: int) -> None:
    same = (
        initial.positions.shape == other.positions.shape
        and np.array_equal(initial.types, other.types)
        and initial.type_names == other.type_names
        and np.allclose(initial.box, other.box, rtol=1e-6)
    )
    if not same:
        raise InputError(
            f"clone {clone} is of another configuration: its number of particles, types or box "
            "differ from the initial ones."
        )


def _displacement(initial: Snapshot, frame: Snapshot, clone: int) -> FloatArray:
    _require_same(initial, frame, clone)
    return frame.unwrapped - initial.unwrapped
