"""Windows of one trajectory: the same lags from many origins of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from gnnglass.dynamics.frames import displacement, steps_in_order, time_step
from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot, Trajectory
from gnnglass.trajectories.snapshot import FloatArray


@dataclass(frozen=True, eq=False)
class TimeOrigins:
    """Displacements in one trajectory from every frame that has others at all lags after it.

    All lags are seen from the same origins, so that curves at different lags are averages over
    the same windows. Frames are read when a window is asked for, one window at a time.

    Args:
        trajectory: Frames of one run with image flags, in the order of their steps.
        lag_steps: Lags in steps, increasing.
        every: Of the possible origins each so-manieth is taken; those close to each other cost
            time and tell little.

    Raises:
        InputError: If frames are out of order, lags do not increase, a lag is beyond the data or
            no frame has others at all lags, or the metadata hold no ``dt``.
    """

    trajectory: Trajectory
    lag_steps: Sequence[int]
    every: int = 1
    _windows: list[tuple[int, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lags = np.array(self.lag_steps)
        if lags.ndim != 1 or lags.size == 0 or lags.dtype.kind not in "iu":
            raise InputError(f"lag_steps are {self.lag_steps!r}; expected whole numbers of steps.")
        if np.any(np.diff(lags, prepend=0) <= 0):
            raise InputError(
                f"lag_steps are {lags.tolist()}; expected positive steps in increasing order."
            )
        if self.every < 1:
            raise InputError(f"every is {self.every}; expected 1 or more.")
        time_step([self.trajectory])
        steps = steps_in_order(self.trajectory, "the trajectory")
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
                f"no frame has others at all the lags {lags.tolist()} after it; frames are "
                f"{np.diff(steps).min()} to {np.diff(steps).max()} steps apart: give lags at "
                "which frames were kept."
            )
        object.__setattr__(self, "_windows", windows[:: self.every])

    @property
    def times(self) -> FloatArray:
        """The lags, shape [n_lags], in units of time."""
        return np.asarray(np.array(self.lag_steps) * time_step([self.trajectory]))

    @property
    def n_origins(self) -> int:
        """Number of windows."""
        return len(self._windows)

    def windows(self) -> Iterator[tuple[Snapshot, FloatArray]]:
        """The frame at each origin, and displacements since then, shape [n_lags, n, d].

        Raises:
            InputError: If frames are of different particles, or images are unknown or were lost.
        """
        frames = self.trajectory.frames
        for origin, *ends in self._windows:
            start = frames[origin]
            yield (
                start,
                np.stack([displacement(start, frames[end], f"frame {end}") for end in ends]),
            )
