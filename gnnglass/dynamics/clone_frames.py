"""Displacements of clones that lie in files: read one clone at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from gnnglass.dynamics.frames import displacement, require_same, steps_in_order
from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot, Trajectory
from gnnglass.trajectories.snapshot import FloatArray

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
        require_same(self.initial, start, whose)
        apart = np.abs(self.initial.minimum_image(start.positions - self.initial.positions)).max()
        if apart > SAME_POSITION * self.initial.box.max():
            raise InputError(
                f"{whose} starts from another configuration than clone 0: positions differ by up "
                f"to {apart:.3g}; expected one shared initial configuration."
            )
        steps = steps_in_order([start, *frames], whose)
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
