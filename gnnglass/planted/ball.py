"""The ball in which something is planted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


@dataclass(frozen=True, eq=False)
class Ball:
    """The particles within some distance of one of them, by their distance from it.

    That order depends on where particles are and not on how they are numbered; nor does, then,
    what is drawn by chance for them.

    Attributes:
        members: Indices of the particles, shape [m]; the first is the one in the middle.
        offsets: Shortest vector from the middle to each of them, shape [m, d].
        radius: How far the ball reaches, in units of length.
    """

    members: NDArray[np.int64]
    offsets: FloatArray
    radius: float

    @classmethod
    def around(cls, snapshot: Snapshot, center: int, radius: float) -> Self:
        """The ball around a particle.

        Raises:
            InputError: If it meets its own image or does not leave most particles outside.
        """
        offsets = snapshot.minimum_image(snapshot.positions - snapshot.positions[center])
        distances = np.linalg.norm(offsets, axis=1)
        order = np.argsort(distances)
        members = order[distances[order] < radius]
        half = float(snapshot.box.min()) / 2
        if radius >= half or 2 * len(members) >= len(snapshot):
            raise InputError(
                f"a ball of radius {radius:g} is too large for this snapshot, of whose "
                f"{len(snapshot)} particles it holds {len(members)}; expected fewer than half, and "
                f"less than half the shortest edge ({half:.4g}): use a smaller radius or a larger "
                "system."
            )
        return cls(members, offsets[members], radius)

    def __len__(self) -> int:
        return len(self.members)
