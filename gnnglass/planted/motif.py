"""Base class of motifs, which plant a structure into one ball of a snapshot."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.registry import Registry
from gnnglass.trajectories import Snapshot, SnapshotLike, as_snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray


def nearest_match(first: FloatArray, second: FloatArray) -> tuple[NDArray[np.int64], ...]:
    """The one-to-one assignment of points with the smallest sum of squared distances.

    By linear assignment (Crouse, IEEE Trans. Aerosp. Electron. Syst. 52, 1679 (2016)). All points
    of the shorter list are assigned.

    Args:
        first: Points, shape [m, d].
        second: Points, shape [k, d].

    Returns:
        Indices into `first`, increasing, and into `second`, each of shape [min(m, k)].
    """
    from scipy.optimize import linear_sum_assignment

    squares = ((first[:, None] - second) ** 2).sum(axis=-1)
    rows, columns = linear_sum_assignment(squares)
    return rows, columns


@dataclass(frozen=True, eq=False)
class Ball:
    """The particles within some distance of a central one, sorted by distance.

    The order depends on the positions of the particles and not on their indices, so random choices
    among them do not depend on the indices either.

    Attributes:
        members: Indices of the particles, shape [m]; the first is the central one.
        offsets: Shortest vector from the centre to each of them, shape [m, d].
        radius: Radius of the ball, in units of length.
    """

    members: NDArray[np.int64]
    offsets: FloatArray
    radius: float

    @classmethod
    def around(cls, snapshot: Snapshot, center: int, radius: float) -> Self:
        """The ball around a particle.

        Raises:
            InputError: If the ball overlaps its own image or holds half of the particles or more.
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


#: Closest pairs are searched within this many mean distances, ρ^(−1/d).
REACH = 1.5
#: Pairs are moved apart slightly more than needed; otherwise the steps would shrink indefinitely.
MARGIN = 1.003
#: Number of sweeps in which held particles do not move.
PATIENCE = 100
MAX_SWEEPS = 1000


def kept_apart(
    before: Snapshot, after: Snapshot, *, held: NDArray[np.bool_], share: float
) -> Snapshot:
    """Move pairs apart that have come too close in a changed configuration.

    Each sweep moves the particles of a pair along the line between them. If only one is held, the
    other one moves; otherwise each moves by half of the missing distance. After `PATIENCE` sweeps
    held particles move too, in case others are stuck between them.

    Args:
        before: Configuration of n particles.
        after: The same with other positions or types.
        held: Particles that should not move, if possible, shape [n].
        share: Pairs are moved to this fraction of the distance of the closest pair of their species
            in `before`.

    Raises:
        InputError: If there is no room.
    """
    nearest = share * closest_pairs(before)
    for sweep in range(MAX_SWEEPS):
        pairs = neighbor_pairs(after, float(nearest.max()))
        wanted = nearest[after.types[pairs.i], after.types[pairs.j]]
        near = pairs.distances < wanted
        if not near.any():
            return after
        i, j, r = pairs.i[near], pairs.j[near], pairs.distances[near]
        both_move = (held[i] == held[j]) | (sweep >= PATIENCE)
        part = np.where(both_move, 0.5, np.where(held[i], 0.0, 1.0))
        away = -pairs.vectors[near] * (part * (MARGIN * wanted[near] / r - 1))[:, None]
        moves = np.zeros(after.positions.shape)
        np.add.at(moves, i, away)
        after = after.replace(positions=after.positions + moves)
    raise InputError(
        f"particles came too close to each other, and {MAX_SWEEPS} sweeps could not move them "
        "apart; use a lower contrast."
    )


def closest_pairs(snapshot: Snapshot) -> FloatArray:
    """Distance of the closest pair for each two species, shape [n_species, n_species].

    It is at most `REACH` mean distances.
    """
    reach = REACH * snapshot.density ** (-1 / snapshot.dimension)
    pairs = neighbor_pairs(snapshot, reach)
    closest = np.full((len(snapshot.type_names),) * 2, reach)
    np.minimum.at(closest, (snapshot.types[pairs.i], snapshot.types[pairs.j]), pairs.distances)
    return closest


#: Name of the field with the truth: 1 for planted particles, 0 for all others.
PLANTED = "planted"
#: At full contrast, pairs may be closer than the original closest pair by this fraction.
SQUEEZE = 0.1


class Motif(ABC):
    """A structure that can be planted into a disordered configuration.

    Subclasses are frozen dataclasses of their parameters, so that their repr can be evaluated,
    and implement `alter`.

    Attributes:
        radius: Radius of the ball in which it is planted, in units of length.
        contrast: From 0, the original configuration, to 1, the full motif.

    Raises:
        InputError: If the radius is not positive or the contrast not between 0 and 1.
    """

    radius: float
    contrast: float

    def __post_init__(self) -> None:
        if not 0 < self.radius < np.inf:
            raise InputError(f"radius is {self.radius:g}; expected a positive length.")
        if not 0 <= self.contrast <= 1:
            raise InputError(f"contrast is {self.contrast:g}; expected a number from 0 to 1.")

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Numbers of space dimensions in which the motif can be planted."""
        return (2, 3)

    def to_dict(self) -> dict[str, Any]:
        """Kind and parameters as JSON-like values."""
        assert dataclasses.is_dataclass(self)
        return {"kind": type(self).__name__, **dataclasses.asdict(self)}

    @abstractmethod
    def alter(self, snapshot: Snapshot, ball: Ball, rng: np.random.Generator) -> Snapshot:
        """Plant the motif; `plant` checks the input before and moves close pairs apart after.

        Args:
            snapshot: Configuration of n particles without fields.
            ball: Where to plant; particles outside must not be changed.
            rng: Random number generator.

        Returns:
            The snapshot with other positions or types and the field ``planted``.

        Raises:
            InputError: If the ball lacks something that the motif needs.
        """

    def plant(
        self, snapshot: SnapshotLike, rng: np.random.Generator, *, center: int | None = None
    ) -> Snapshot:
        """Plant the motif once.

        If a pair comes closer than any pair of these species was before, particles outside the
        motif are moved away: an impossible distance would reveal a planted configuration at once.
        At full contrast pairs may come as close as 0.9 of that distance, because some motifs would
        not fit otherwise; this tolerance goes with the fourth power of the contrast, so it is
        negligible at moderate contrast.

        Args:
            snapshot: Configuration of n particles. Its fields are dropped, because they describe
                the original configuration.
            rng: Random number generator.
            center: Index of the particle at the centre of the ball; random if None.

        Returns:
            The configuration with the field ``planted``: 1.0 for the responsible particles, 0.0
            for all others.

        Raises:
            InputError: If the snapshot has a dimension or a composition that the motif cannot
                use, is too small for the ball, or has no room for so much contrast.
        """
        snapshot = as_snapshot(snapshot)
        if snapshot.dimension not in self.dimensions:
            defined = " and ".join(f"{d}D" for d in self.dimensions)
            raise InputError(
                f"{self!r} is planted in {defined} only; this snapshot is {snapshot.dimension}D."
            )
        if center is None:
            center = int(rng.integers(len(snapshot)))
        bare = snapshot.replace(fields={})
        altered = self.alter(bare, Ball.around(bare, center, self.radius), rng)
        return kept_apart(
            bare,
            altered,
            held=altered.field(PLANTED) == 1,
            share=1 - SQUEEZE * self.contrast**4,
        )


MOTIFS: Registry[Motif] = Registry("motif", "gnnglass.planted")
