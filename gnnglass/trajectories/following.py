"""Following particles from one frame to another: who is who, and whether paths are whole."""

from __future__ import annotations

import numpy as np

from gnnglass.errors import InputError
from gnnglass.trajectories.snapshot import FloatArray, IdArray, Snapshot


def in_order_of(first: Snapshot, other: Snapshot, whose: str) -> Snapshot:
    """The particles of `other` in the order that they have in `first`.

    They are matched by id; of snapshots without ids the order says who is who.

    Args:
        first: Frame that tells the order, n particles.
        other: A frame of the same particles.
        whose: `other` in words, for messages.

    Raises:
        InputError: If the ids of the two frames are not the same, or unknown.
    """
    if first.ids is None or other.ids is None:
        return other
    if first.is_anonymous or other.is_anonymous:
        raise InputError(
            f"particles cannot be followed to {whose}: the file has no ids and may hold them in "
            "another order in each frame; write it with ids (dump ... custom ... id type x y z)."
        )
    if np.array_equal(first.ids, other.ids):
        return other
    order, theirs = np.argsort(first.ids), np.argsort(other.ids)
    if not np.array_equal(first.ids[order], other.ids[theirs]):
        lost = np.setdiff1d(first.ids, other.ids)
        new = np.setdiff1d(other.ids, first.ids)
        raise InputError(
            f"{whose} holds other particles: {len(lost)} ids are gone"
            f"{_such_as(lost)} and {len(new)} are new{_such_as(new)}; expected the same particles "
            "in every frame that is to be followed."
        )
    take = np.empty(len(order), dtype=np.intp)
    take[order] = theirs
    return other.replace(
        positions=other.positions[take],
        types=other.types[take],
        images=None if other.images is None else other.images[take],
        fields={name: values[take] for name, values in other.fields.items()},
        ids=other.ids[take],
    )


def _such_as(ids: IdArray) -> str:
    return f" (such as {ids[0]})" if len(ids) else ""


#: Particles of one frame move by less than this part of the box before the next, if any tell.
STILL = 0.1
#: The part of the particles for which that has to hold.
MOST = 0.9


def require_whole_paths(before: Snapshot, after: Snapshot, whose: str) -> None:
    """Refuse a frame whose image flags do not continue those of the frame before it.

    A run that was taken up again from wrapped positions counts crossings from zero: nearly all
    particles have hardly moved, and yet some are whole boxes from where they were. Such a jump is
    told from motion by what is left of it when whole boxes are taken off.

    Args:
        before: A frame with image flags.
        after: The next one that is kept of the same particles, in the same order.
        whose: `after` in words, for messages.

    Raises:
        InputError: If some paths jump by whole boxes.
    """
    if before.images is None or after.images is None:
        return
    if np.array_equal(before.images, after.images):
        return
    moved: FloatArray = (after.unwrapped - before.unwrapped) / before.box
    if np.abs(moved).max() < 0.5:
        return
    # What all have in common may be a drift of any length.
    moved = moved - np.median(moved, axis=0)
    boxes = np.round(moved)
    jumped = boxes != 0
    small = np.abs(moved - boxes) < STILL
    if jumped.any() and small.mean() >= MOST and small[jumped].mean() >= MOST:
        particles = jumped.any(axis=1)
        raise InputError(
            f"image flags of {whose} do not continue those of the frame before: "
            f"{particles.sum()} of {len(particles)} particles, the first of them particle "
            f"{int(np.argmax(particles))}, jump by whole boxes while the others stay; the run was "
            "probably taken up again with images reset to zero: analyse what comes before and "
            "after by itself, or write unwrapped coordinates from one run."
        )
