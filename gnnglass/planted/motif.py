"""What a motif is: a snapshot in, the same with a structure planted into one ball out."""

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
    """The one-to-one match of points with the smallest sum of squared distances.

    By linear assignment (Crouse, IEEE Trans. Aerosp. Electron. Syst. 52, 1679 (2016)). As many
    points are matched as there are in the shorter list.

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


#: Closest pairs are looked for within this many mean distances, ρ^(−1/d).
REACH = 1.5
#: Pairs go this much further apart than they need, or the last steps would be ever smaller ones.
MARGIN = 1.003
#: Sweeps in which held particles stay where they are.
PATIENCE = 100
MAX_SWEEPS = 1000


def kept_apart(
    before: Snapshot, after: Snapshot, *, held: NDArray[np.bool_], share: float
) -> Snapshot:
    """The changed configuration, with pairs moved apart that have come too close.

    Each sweep moves particles along their connection: of a held particle and another one the
    other, of two of a kind each by half of what is missing. Where others are stuck between held
    particles, all of them give way in the end.

    Args:
        before: Configuration of n particles.
        after: The same with other positions or types.
        held: Particles that stay in their places if they can, shape [n].
        share: Pairs are moved to this share of the distance of the closest pair of their species
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
        alike = (held[i] == held[j]) | (sweep >= PATIENCE)
        part = np.where(alike, 0.5, np.where(held[i], 0.0, 1.0))
        away = -pairs.vectors[near] * (part * (MARGIN * wanted[near] / r - 1))[:, None]
        moves = np.zeros(after.positions.shape)
        np.add.at(moves, i, away)
        after = after.replace(positions=after.positions + moves)
    raise InputError(
        f"particles came too close to each other, and {MAX_SWEEPS} sweeps could not move them "
        "apart; use a lower contrast."
    )


def closest_pairs(snapshot: Snapshot) -> FloatArray:
    """Distance of the closest pair of each two species, shape [n_species, n_species].

    Of two species that do not come that close to each other, it is `REACH` mean distances.
    """
    reach = REACH * snapshot.density ** (-1 / snapshot.dimension)
    pairs = neighbor_pairs(snapshot, reach)
    closest = np.full((len(snapshot.type_names),) * 2, reach)
    np.minimum.at(closest, (snapshot.types[pairs.i], snapshot.types[pairs.j]), pairs.distances)
    return closest


#: The field that holds the truth: 1 for the particles that were planted, 0 for all others.
PLANTED = "planted"
#: How much closer than any pair was before a motif in full may bring two particles, as a share.
SQUEEZE = 0.1


class Motif(ABC):
    """A structure that can be planted into a disordered configuration.

    Subclasses are frozen dataclasses of their parameters, so that their repr can be evaluated,
    and give `alter`.

    Attributes:
        radius: Radius of the ball in which it is planted, in units of length.
        contrast: From 0, the configuration as it was, to 1, the motif in full.

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
        """Its kind and its parameters as JSON-like values."""
        assert dataclasses.is_dataclass(self)
        return {"kind": type(self).__name__, **dataclasses.asdict(self)}

    @abstractmethod
    def alter(self, snapshot: Snapshot, ball: Ball, rng: np.random.Generator) -> Snapshot:
        """What a subclass does, between the checks and the care for distances of `plant`.

        Args:
            snapshot: Configuration of n particles without fields.
            ball: Where to plant; particles outside stay as they are.
            rng: Source of chance.

        Returns:
            The snapshot with other positions or types and the field ``planted``.

        Raises:
            InputError: If the motif needs something that the ball does not hold.
        """

    def plant(
        self, snapshot: SnapshotLike, rng: np.random.Generator, *, center: int | None = None
    ) -> Snapshot:
        """Plant the motif once.

        Where this brings a pair closer than any pair of its species was before, the particles
        that were not planted give way: an impossible distance would tell a planted configuration
        without any look at its structure. A motif in full may go to 0.9 of that distance, or some
        would not fit; the fourth power of the contrast leaves a moderate one next to nothing of it.

        Args:
            snapshot: Configuration of n particles. Its fields are dropped, for they describe
                what it was.
            rng: Source of chance.
            center: Index of the particle in the middle of the ball; drawn without.

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
