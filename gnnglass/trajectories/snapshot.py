"""Snapshots, trajectories and neighbour pairs, and making snapshots of other things."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import field as dataclass_field
from dataclasses import replace as dataclass_replace
from functools import cached_property, partial
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnnglass._arguments import checks_arguments
from gnnglass._show import in_html, picture, shortened
from gnnglass.errors import InputError, did_you_mean, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from scipy.spatial import cKDTree

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
IdArray = NDArray[np.int64]
#: The id of particles of which a file does not tell which is which.
UNKNOWN_ID = -1


@checks_arguments
@dataclass(frozen=True, eq=False)
class Snapshot:
    """One configuration of particles in a periodic, orthorhombic box centred on the origin.

    Positions outside the box are wrapped into it and the crossings are added to `images`, so
    that `unwrapped` is what was given. All arrays are read-only.

    Attributes:
        box: Edge lengths, shape [d] with d = 2 or 3, in units of length.
        positions: Wrapped positions in [-L/2, L/2), shape [n, d], float64.
        types: Index into `type_names` of each particle, shape [n].
        type_names: Name of each species, such as ``("A", "B")``.
        images: How many boxes each particle has crossed, shape [n, d]; None if unknown.
        fields: Named per-particle values, each of shape [n], float64.
        step: Simulation step.
        ids: Number of each particle, by which it is found again in other frames, shape [n]; −1
            for all if the source does not tell which particle is which. None if the order of the
            particles is what identifies them.

    Raises:
        InputError: On shapes that do not fit together, non-finite positions, an empty
            configuration, a type without a name, an id that occurs twice, or types, images, ids
            or a step that are not whole numbers.
    """

    box: FloatArray
    positions: FloatArray
    types: IntArray
    type_names: tuple[str, ...] = ("A", "B")
    images: IntArray | None = None
    fields: Mapping[str, FloatArray] = dataclass_field(default_factory=dict)
    step: int = 0
    ids: IdArray | None = None

    def __post_init__(self) -> None:
        box = np.array(self.box, dtype=np.float64)
        given = np.array(self.positions, dtype=np.float64)
        types = _whole(self.types, "types", 2**31).astype(np.int32)
        if box.shape not in ((2,), (3,)) or not np.all(np.isfinite(box)) or np.any(box <= 0):
            raise InputError(
                f"box is {shown(self.box)}; expected 2 or 3 positive edge lengths "
                "(a 2D system has two, not Lz = 1)."
            )
        if given.ndim != 2 or given.shape[1] != box.size or given.shape[0] == 0:
            raise InputError(
                f"positions have shape {given.shape}; expected [n, {box.size}] with n > 0 "
                f"for a box of {box.size} edges."
            )
        bad = ~np.isfinite(given).all(axis=1)
        if bad.any():
            raise InputError(
                f"{bad.sum()} of {len(given)} positions are NaN or infinite (first: particle "
                f"{int(np.argmax(bad))}); the run that produced them has probably blown up."
            )
        n = len(given)
        if types.shape != (n,):
            raise InputError(f"types have shape {types.shape}; expected [{n}], one per particle.")
        if types.min() < 0 or types.max() >= len(self.type_names):
            raise InputError(
                f"types reach from {types.min()} to {types.max()}, but only "
                f"{len(self.type_names)} species are named: {', '.join(self.type_names)}."
            )
        crossed = np.floor(given / box + 0.5)
        positions = given - crossed * box
        # Rounding can leave a particle on the upper face, which is the lower one, or just below
        # the lower.
        upper = positions >= box / 2
        positions = np.maximum(np.where(upper, -box / 2, positions), -box / 2)
        crossed += upper
        images = None
        if self.images is not None:
            images = _whole(self.images, "images", 2**31)
            if images.shape != given.shape:
                raise InputError(f"images have shape {images.shape}; expected {given.shape}.")
            crossed += images
        if np.abs(crossed).max() >= 2**31:
            raise InputError(
                f"some particles are {np.abs(crossed).max():.3g} boxes away from the box; the run "
                "that produced them has probably blown up."
            )
        if images is not None:
            images = crossed.astype(np.int32)
        fields = {name: self._as_field(name, values, n) for name, values in self.fields.items()}
        ids = None if self.ids is None else self._as_ids(self.ids, n)
        for array in (box, positions, types, images, ids, *fields.values()):
            if array is not None:
                array.flags.writeable = False
        object.__setattr__(self, "box", box)
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "types", types)
        object.__setattr__(self, "type_names", tuple(self.type_names))
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "fields", MappingProxyType(fields))
        object.__setattr__(self, "step", int(_whole(self.step, "the step", 2**63)))
        object.__setattr__(self, "ids", ids)

    @staticmethod
    def _as_ids(values: ArrayLike, n: int) -> IdArray:
        ids = _whole(values, "ids", 2**63).astype(np.int64)
        if ids.shape != (n,):
            raise InputError(f"ids have shape {ids.shape}; expected [{n}], one per particle.")
        # Most are in order, which is quickly seen.
        if not np.all(ids[1:] > ids[:-1]) and not np.all(ids == UNKNOWN_ID):
            once, counts = np.unique(ids, return_counts=True)
            if len(once) < n:
                raise InputError(f"the id {once[counts > 1][0]} occurs twice; expected each once.")
        return ids

    @staticmethod
    def _as_field(name: str, values: ArrayLike, n: int) -> FloatArray:
        array = np.array(values, dtype=np.float64)
        if array.shape != (n,):
            raise InputError(
                f"field {name!r} has shape {array.shape}; expected [{n}], one value per particle."
            )
        return array

    def __len__(self) -> int:
        return len(self.positions)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "fields": dict(self.fields)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, fields=MappingProxyType(state["fields"]))

    def __repr__(self) -> str:
        told = self._facts()
        fields = told.pop("fields")
        named = f", fields: {fields}" if fields else ""
        return (
            f"<Snapshot {told['dimension']}, {told['composition']}, box {told['box']}, "
            f"step {self.step}{named}>"
        )

    def _facts(self) -> dict[str, Any]:
        """What is shown of a snapshot, by name."""
        counts = np.bincount(self.types, minlength=len(self.type_names))
        return {
            "particles": len(self),
            "composition": ", ".join(
                f"{n} {name}" for n, name in zip(counts, self.type_names, strict=True)
            ),
            "number density": f"{self.density:.4g}",
            "dimension": f"{self.dimension}D",
            "box": " × ".join(f"{edge:.4g}" for edge in self.box),
            "step": self.step,
            "fields": shortened(self.fields),
        }

    def _repr_html_(self) -> str:
        from gnnglass.trajectories._draw import draw_small

        return in_html("Snapshot", self._facts(), picture(partial(draw_small, self), size=SQUARE))

    @property
    def dimension(self) -> int:
        """Number of space dimensions, 2 or 3."""
        return int(self.box.size)

    @property
    def is_anonymous(self) -> bool:
        """Whether the source did not tell which particle is which, so that none can be followed."""
        return self.ids is not None and bool(self.ids[0] == UNKNOWN_ID)

    @property
    def density(self) -> float:
        """Number density n / V."""
        return float(len(self) / np.prod(self.box))

    @property
    def unwrapped(self) -> FloatArray:
        """Positions with the box crossings undone, shape [n, d].

        Raises:
            InputError: If the file held no image flags, so that crossings are unknown.
        """
        if self.images is None:
            raise InputError(
                "unwrapped positions are unknown: the source held wrapped positions without image "
                "flags; write unwrapped coordinates (xu) or image flags (ix iy iz)."
            )
        return self.positions + self.images * self.box

    @checks_arguments
    def of_type(self, name: str) -> NDArray[np.bool_]:
        """Mask of the particles of species `name`, shape [n].

        Raises:
            InputError: If the snapshot has no such species.
        """
        if name not in self.type_names:
            known = ", ".join(self.type_names)
            raise InputError(
                f"no species {name!r}{did_you_mean(name, self.type_names)} in this snapshot; it "
                f"has {known}."
            )
        return np.asarray(self.types == self.type_names.index(name))

    @property
    def species(self) -> dict[str, NDArray[np.bool_]]:
        """Species that are present -> mask of its particles, shape [n]."""
        masks = {name: self.of_type(name) for name in self.type_names}
        return {name: mask for name, mask in masks.items() if mask.any()}

    @checks_arguments
    def types_among(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Index into `names` of each particle's species, −1 if it is not there, shape [n]."""
        known = {name: index for index, name in enumerate(names)}
        table = np.array([known.get(name, -1) for name in self.type_names], dtype=np.int64)
        return table[self.types]

    def minimum_image(self, vectors: ArrayLike) -> FloatArray:
        """The shortest periodic image of each vector, shape [..., d]."""
        vectors = np.asarray(vectors, dtype=np.float64)
        return np.asarray(vectors - self.box * np.round(vectors / self.box))

    @cached_property
    def nearest_distance(self) -> float | None:
        """Median distance of a particle to its nearest neighbour; None for a single particle."""
        if len(self) < 2:
            return None
        tree = periodic_tree(self)
        return float(np.median(tree.query(tree.data, k=2)[0][:, 1]))

    @checks_arguments
    def with_fields(self, **fields: ArrayLike) -> Snapshot:
        """A copy with per-particle fields added or replaced."""
        return self.replace(fields={**self.fields, **fields})

    def replace(self, **changes: Any) -> Snapshot:
        """A copy with some attributes changed."""
        return dataclass_replace(self, **changes)

    @checks_arguments
    def field(self, name: str) -> FloatArray:
        """The per-particle field `name`, shape [n].

        Raises:
            InputError: If the snapshot has no such field; the message lists those it has.
        """
        spelt = self.spelling(name)
        if spelt not in self.fields:
            known = ", ".join(self.fields) or "none"
            raise InputError(
                f"no field {name!r}{did_you_mean(name, self.fields)} in this snapshot; it has: "
                f"{known}."
            )
        return self.fields[spelt]

    def spelling(self, name: str) -> str:
        """The name of a field as it is stored: ``potential_energy`` for ``potential-energy``.

        So the name of an indicator is understood where its field is asked for. What is no field
        is returned as it is.
        """
        stored = name.replace("-", "_")
        return stored if name not in self.fields and stored in self.fields else name

    def plot(
        self,
        ax: Axes | None = None,
        *,
        color: str | None = None,
        radii: Mapping[str, float] | None = None,
        **style: Any,
    ) -> Axes:
        """Draw the particles as discs, coloured by species or by a field (in 3D: a thin slice).

        Args:
            ax: Axes to draw on; a new figure is made without.
            color: Name of a field; species otherwise.
            radii: Disc radius of species by name; of the others as in the Kob–Andersen mixture.
            **style: Passed to matplotlib's ``EllipseCollection`` (``cmap``, ``clim``).
        """
        from gnnglass.trajectories._draw import draw_snapshot

        return draw_snapshot(self, ax, color=color, radii=radii, **style)


#: Size of the picture of a snapshot in a notebook, in inches.
SQUARE = (2.4, 2.4)
#: Entries of the metadata that are shown of a trajectory.
SHOWN_OF_RUNS = ("run", "system", "phase", "level", "kT")


def _whole(values: ArrayLike, what: str, limit: int) -> NDArray[Any]:
    """A copy of whole numbers below `limit`, of the kind they are of.

    Raises:
        InputError: If some are not.
    """
    array = np.array(values)
    fits = array.dtype.kind in "biuf"
    if fits and array.size and array.dtype != np.int32:
        # In Python's integers, which do not wrap around; NaN is not whole and compares as false.
        low, high = array.min().item(), array.max().item()
        fits = low >= -limit and high < limit
        fits = fits and (array.dtype.kind != "f" or bool(np.all(array == np.round(array))))
    if not fits:
        raise InputError(f"{what} are not whole numbers below 2^{limit.bit_length() - 1}.")
    return array


@checks_arguments
@dataclass(frozen=True, eq=False)
class Trajectory(Sequence[Snapshot]):
    """Snapshots in the order of their steps, with metadata that travels with them on disk.

    Attributes:
        frames: The snapshots; any sequence, so that readers may load frames only when asked.
        metadata: JSON-like facts about the run. The keys the package itself reads are
            ``run`` (a name unique to the independent run), ``system`` (glass former),
            ``level`` (``"thermal"`` or ``"inherent"``), ``phase`` (class label), ``dt`` (time
            per step), ``kT`` and ``protocol`` (the run's state point).
        source: The file it was read from; None if there is none. It is not stored.

    Raises:
        InputError: If there is not a single frame.
    """

    frames: Sequence[Snapshot]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    source: Path | None = None

    def __post_init__(self) -> None:
        if len(self.frames) == 0:
            raise InputError("the trajectory is empty: it holds no frame.")

    def __len__(self) -> int:
        return len(self.frames)

    @overload
    def __getitem__(self, index: int) -> Snapshot: ...
    @overload
    def __getitem__(self, index: slice) -> Trajectory: ...
    def __getitem__(self, index: int | slice) -> Snapshot | Trajectory:
        if isinstance(index, slice):
            picked = [self.frames[i] for i in range(*index.indices(len(self)))]
            return Trajectory(picked, self.metadata, self.source)
        return self.frames[index]

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(self.frames)

    def __repr__(self) -> str:
        known = ", ".join(f"{key}={value!r}" for key, value in self._stated().items())
        return f"<Trajectory of {len(self)} frames{': ' + known if known else ''}>"

    def _stated(self) -> dict[str, Any]:
        """What of the metadata is shown; of a glass former that is defined there, its name."""
        stated = {key: self.metadata[key] for key in SHOWN_OF_RUNS if key in self.metadata}
        if isinstance(defined := stated.get("system"), Mapping):
            stated["system"] = defined.get("name", "its own definition")
        return stated

    def _repr_html_(self) -> str:
        from gnnglass.trajectories._draw import draw_small

        ends = [self[0], self[-1]][: len(self)]
        pictures = [partial(draw_small, one, title=f"step {one.step}") for one in ends]
        facts = {key: value for key, value in ends[0]._facts().items() if key != "step"}
        steps = " to ".join(str(one.step) for one in ends)
        told = {"frames": f"{len(self)}, steps {steps}", "file": self.source, **self._stated()}
        return in_html("Trajectory", told | facts, picture(*pictures, size=SQUARE))

    @checks_arguments
    def map(self, function: Callable[[Snapshot], Snapshot], **metadata: Any) -> Trajectory:
        """A new trajectory of ``function(snapshot)``, with metadata entries added."""
        return Trajectory([function(s) for s in self], {**self.metadata, **metadata}, self.source)

    def stating(self, **metadata: Any) -> Trajectory:
        """The same frames, which are not read for it, with metadata entries added or replaced."""
        return Trajectory(self.frames, {**self.metadata, **metadata}, self.source)

    @checks_arguments
    def accepting(self, differences: Mapping[str, str]) -> Trajectory:
        """A copy whose metadata entry ``accepted`` names differences that were accepted, too."""
        if not differences:
            return self
        return self.stating(accepted={**self.metadata.get("accepted", {}), **differences})


TrajectoryLike: TypeAlias = str | PathLike[str] | Trajectory | Snapshot | Sequence[Any]
"""Anything that holds configurations: what `as_trajectory` takes."""

SnapshotLike: TypeAlias = TrajectoryLike
"""The same, where it holds a single configuration: what `as_snapshot` takes."""


@checks_arguments
def as_trajectory(source: TrajectoryLike) -> Trajectory:
    """Make a trajectory of anything that holds configurations.

    Args:
        source: One of

            - a path, a `Trajectory`, a `Snapshot` or a sequence of snapshots;
            - a ``gsd.hoomd.Frame``;
            - a pair (box, points) as freud takes it, with the box given as 2 or 3 edge lengths,
              as ``[Lx, Ly, Lz, xy, xz, yz]`` or as a ``freud.box.Box`` (Lz = 0 means 2D), and
              points of shape [n, d], or [n_frames, n, d] of particles that keep their order, all
              of species ``"A"``;
            - a pair (box, table), of which the pandas DataFrame has a row per particle and frame
              and the columns x, y (z), ``frame`` (the step), ``particle`` (which one it is, so
              that it can be followed), ``species`` or ``type``; other numbers become fields;
            - ASE ``Atoms`` or a sequence of them: species are symbols, or the array ``type``
              where all have one symbol; ids the array ``id``, steps the ``info`` of that name;
            - an MDAnalysis ``Universe`` or ``AtomGroup``: species are types, or else names. Times
              are not taken, for MDAnalysis makes them up where a file states none;
            - an OVITO ``DataCollection`` or a sequence of them.

    Returns:
        `source` itself if it is a trajectory; of a path, what `read` gives; else a trajectory
        without metadata, which of a single configuration has one frame.

    Raises:
        FileError: If a path cannot be read.
        InputError: If `source` is none of these, or not a periodic configuration.
    """
    if isinstance(source, Trajectory):
        return source
    if isinstance(source, str | PathLike):
        # Formats are imported here and below because their readers import this module.
        from gnnglass.trajectories.formats import read

        return read(source)
    if isinstance(source, Snapshot):
        return Trajectory([source])
    if isinstance(source, Sequence) and all(isinstance(item, Snapshot) for item in source):
        return Trajectory(source)  # type: ignore[arg-type]
    from gnnglass.trajectories._objects import trajectory_of

    return trajectory_of(source)


@checks_arguments
def as_snapshot(source: SnapshotLike) -> Snapshot:
    """The single configuration that `source` holds.

    Args:
        source: A `Snapshot`, which is returned unchanged, or anything `as_trajectory` turns into
            a trajectory of one frame.

    Raises:
        FileError: If a path cannot be read.
        InputError: If there is more than one frame, or as `as_trajectory`.
    """
    if isinstance(source, Snapshot):
        return source
    trajectory = as_trajectory(source)
    if len(trajectory) != 1:
        raise InputError(
            f"expected one configuration, got {len(trajectory)} frames; pick one of them, such as "
            "trajectory[-1]."
        )
    return trajectory[0]


def as_numbers(values: Any) -> FloatArray:
    """A box or points as an array.

    Raises:
        InputError: If they are not numeric.
    """
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            "the box or the points are not numeric; expected edge lengths, and points of shape "
            "[n, d] or [n_frames, n, d]."
        ) from error


def edges_of(box: Any) -> FloatArray:
    """The edges of a box, shape [2] or [3], as `as_trajectory` takes it.

    Raises:
        InputError: If it is not numeric, of another shape, or tilted.
    """
    if hasattr(box, "Lx"):
        box = [box.Lx, box.Ly, box.Lz, box.xy, box.xz, box.yz]
    values = as_numbers(box)
    if values.shape not in ((2,), (3,), (6,)):
        raise InputError(
            f"box has shape {values.shape}; expected 2 or 3 edge lengths, or "
            "[Lx, Ly, Lz, xy, xz, yz]."
        )
    if np.any(values[3:] != 0):
        raise InputError("the box is tilted (triclinic); only orthorhombic boxes are supported.")
    edges = values[:3]
    return edges[:2] if edges.size == 3 and edges[2] == 0 else edges


def periodic_tree(snapshot: Snapshot) -> cKDTree:
    """A tree of the particles in their box, for searches without a cutoff or without vectors."""
    from scipy.spatial import cKDTree

    # Rounding must not put a particle on the upper face of the box, which the tree does not accept.
    inside = np.mod(snapshot.positions + snapshot.box / 2, snapshot.box)
    return cKDTree(inside, boxsize=snapshot.box)


@dataclass(frozen=True, repr=False)
class NeighborPairs:
    """All ordered pairs (i, j), i ≠ j, closer than a cutoff; sorted by i, then j.

    Attributes:
        i: Centre particle of each pair, shape [n_pairs].
        j: Neighbour of each pair, shape [n_pairs].
        vectors: Shortest image of r_j − r_i, shape [n_pairs, d], float64.
        distances: Length of each vector, shape [n_pairs], float64.
    """

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    vectors: FloatArray
    distances: FloatArray

    def __len__(self) -> int:
        return len(self.i)

    def __repr__(self) -> str:
        reach = f", up to {self.distances.max():.4g} apart" if len(self) else ""
        return f"<NeighborPairs: {len(self)} ordered pairs{reach}>"


@checks_arguments
def neighbor_pairs(snapshot: SnapshotLike, r_max: float) -> NeighborPairs:
    """Find every ordered pair of distinct particles closer than `r_max`.

    freud computes in single precision, so its cutoff is slightly larger than `r_max` and the
    distances are recomputed from the float64 positions.

    Args:
        snapshot: Configuration of n particles.
        r_max: Cutoff, in units of length; less than half the shortest box edge.

    Raises:
        InputError: If `r_max` is not positive or reaches beyond half the box, where a pair has
            more than one image.
    """
    snapshot = as_snapshot(snapshot)
    # freud compares with half the box in single precision; stay clear of its rounding.
    half = float(snapshot.box.min()) / 2 * (1 - 1e-6)
    if not 0 < r_max < half:
        raise InputError(
            f"cutoff {r_max:g} does not fit the box: it must be positive and less than half the "
            f"shortest edge ({half:.4g}); use a smaller cutoff or a larger system."
        )
    import freud

    box = freud.box.Box(*snapshot.box, is2D=snapshot.dimension == 2)
    points = np.zeros((len(snapshot), 3), dtype=np.float32)
    points[:, : snapshot.dimension] = snapshot.positions
    margin = 1e-5 * float(snapshot.box.max())
    # Without sorting by distance, pairs are sorted by particle.
    found = (
        freud.locality.AABBQuery(box, points)
        .query(points, {"r_max": min(r_max + margin, half), "exclude_ii": True})
        .toNeighborList(sort_by_distance=False)
    )
    i = found.query_point_indices.astype(np.int64)
    j = found.point_indices.astype(np.int64)
    vectors = snapshot.minimum_image(snapshot.positions[j] - snapshot.positions[i])
    distances = np.linalg.norm(vectors, axis=1)
    near = distances < r_max
    return NeighborPairs(i[near], j[near], vectors[near], distances[near])
