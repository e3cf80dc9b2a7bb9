"""What frames of one run say together: when they were kept, and how far particles have gone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot, Trajectory
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


def steps_in_order(frames: Sequence[Snapshot], whose: str) -> NDArray[np.int64]:
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


def displacement(initial: Snapshot, frame: Snapshot, whose: str) -> FloatArray:
    """How far each particle has gone since `initial`, box crossings included, shape [n, d].

    Files of wrapped positions without image flags are read as if no particle had left the box
    (HOOMD leaves out what is zero). Then no image changes, and yet some particle is more than
    half an edge away from where it was: it left through one face and is shown at the other.

    Raises:
        InputError: If the frames do not fit together, or the images are unknown or were lost.
    """
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
