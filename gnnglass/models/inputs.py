"""Network input: recipes that turn snapshots into graphs or density grids, and batches of these."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_memory, require_whole
from gnnglass.errors import InputError, shown, unknown
from gnnglass.models.network import GRAPH_INPUTS, MODELS, ClassifierNet
from gnnglass.registry import check_arguments
from gnnglass.structure import (
    INDICATORS,
    Indicator,
    angular_spectrum,
    angular_spectrum_size,
    needs_system,
)
from gnnglass.structure.descriptors import HIGHEST
from gnnglass.systems import GLASS_FORMERS, SystemLike, glass_former
from gnnglass.trajectories import Snapshot, SnapshotLike, as_snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray

#: Configuration -> what makes an indicator, and the system that it is of -> its values, for as long
#: as the configuration is there: they take far longer than all else that networks are fed with.
_MEASURED: WeakKeyDictionary[Snapshot, dict[tuple[Any, str], FloatArray]] = WeakKeyDictionary()


class Recipe:
    """Base of the frozen dataclasses that turn a snapshot into network input.

    A recipe is stored with the model trained on its output, and its hash identifies cached output.

    Attributes:
        type_names: The species the network knows, in the order of its input channels.
        dimension: Number of space dimensions, 2 or 3.
        indicators: Registered structural indicators that are computed of every particle, from the
            positions of the snapshot that is given; fields that it holds are not looked at.
        system: The glass former, if an indicator needs one: as `gnnglass.systems.glass_former`
            takes it, and kept as what identifies it; None if no indicator needs one.
    """

    #: Increased whenever the same parameters give a different output.
    format_version: ClassVar[int] = 1

    type_names: tuple[str, ...]
    dimension: int
    indicators: tuple[str, ...]
    system: SystemLike | None

    def __post_init__(self) -> None:
        names = tuple(self.type_names) if isinstance(self.type_names, Iterable) else ()
        texts = all(isinstance(name, str) and name for name in names)
        if isinstance(self.type_names, str) or not texts or len(set(names)) != max(len(names), 1):
            raise InputError(
                f'type_names is {self.type_names!r}; expected distinct species such as ("A", "B").'
            )
        if self.dimension not in (2, 3):
            raise InputError(f"dimension is {self.dimension!r}; expected 2 or 3.")
        object.__setattr__(self, "type_names", names)
        self._settle_indicators()

    def _settle_indicators(self) -> None:
        given = self.indicators
        names = tuple(given) if isinstance(given, list | tuple) else (None,)
        texts = all(isinstance(name, str) for name in names)
        names = tuple(map(INDICATORS.spelling, names)) if texts else names
        if not texts or len(set(names)) != len(names):
            raise InputError(
                f"indicators is {shown(given)}; expected distinct names of structural indicators, "
                'such as ("potential-energy", "tong-tanaka").'
            )
        object.__setattr__(self, "indicators", names)
        needing = [name for name in self.indicators if needs_system(name)]
        if needing and self.system is None:
            raise InputError(
                f"the indicator {needing[0]!r} needs to know the glass former; give the recipe its "
                "system, such as 'kam2d'."
            )
        system = glass_former(self.system).identity if needing and self.system is not None else None
        object.__setattr__(self, "system", system)
        for name, one in self.made_indicators().items():
            if self.dimension not in one.dimensions:
                defined = " and ".join(f"{d}D" for d in one.dimensions)
                raise InputError(
                    f"the indicator {name!r} is defined in {defined} here, and the configurations "
                    f"are {self.dimension}D; leave it out, or give the system that it is of."
                )

    @property
    def n_fields(self) -> int:
        """Number of fields of each particle."""
        return len(self.indicators)

    def made_indicators(self) -> dict[str, Indicator]:
        """The indicators, by their names."""
        return {
            name: INDICATORS.create(name, **({"system": self.system} if needs_system(name) else {}))
            for name in self.indicators
        }

    def fields(self, snapshot: SnapshotLike) -> FloatArray:
        """The fields of every particle, its indicators, shape [n, n_fields].

        They are those of these very positions, whatever fields the snapshot holds, and whatever
        material it is of: a configuration from which particles were taken out has them too.

        Raises:
            InputError: If an indicator cannot be computed, or is not finite.
        """
        snapshot = as_snapshot(snapshot)
        known = _MEASURED.setdefault(snapshot, {})
        columns = np.empty((len(snapshot), len(self.indicators)))
        for k, (name, one) in enumerate(self.made_indicators().items()):
            of = (INDICATORS.factory(name), str(self.system))
            if of not in known:
                known[of] = one.measure(snapshot)
            columns[:, k] = known[of]
            n_missing = int((~np.isfinite(columns[:, k])).sum())
            if n_missing:
                raise InputError(
                    f"the indicator {name!r} is not a finite number for {n_missing} of "
                    f"{len(snapshot)} particles, so it cannot be the input of a network; leave it "
                    "out."
                )
        return columns

    def _require_positive(self, name: str) -> None:
        value = float(getattr(self, name))
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{name} is {value:g}; expected a positive length.")
        object.__setattr__(self, name, value)

    def species(self, snapshot: SnapshotLike) -> NDArray[np.int64]:
        """Index into the recipe's `type_names` of each particle, shape [n]; matched by name.

        Raises:
            InputError: If the snapshot has another dimension or unknown species.
        """
        snapshot = as_snapshot(snapshot)
        if snapshot.dimension != self.dimension:
            raise InputError(
                f"the snapshot is {snapshot.dimension}D, but this {type(self).__name__} was made "
                f"for {self.dimension}D; use a model or a recipe of dimension {snapshot.dimension}."
            )
        species = snapshot.types_among(self.type_names)
        if species.min() < 0:
            unknown = sorted({snapshot.type_names[t] for t in snapshot.types[species < 0]})
            raise InputError(
                f"the snapshot has particles of species {', '.join(unknown)}, but this "
                f"{type(self).__name__} knows {', '.join(self.type_names)}; rename the species "
                "or use a model trained on them."
            )
        return species

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON-like values; `from_dict` reverses it."""
        assert dataclasses.is_dataclass(self)
        values = dataclasses.asdict(self)
        values |= {"type_names": list(self.type_names), "indicators": list(self.indicators)}
        return {"recipe": type(self).__name__, "format_version": self.format_version, **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a recipe from the result of `to_dict`.

        Raises:
            InputError: If the values belong to another recipe or another version of this one, or
                make no sense.
            UnknownNameError: If an indicator or a form of potential is not registered.
        """
        parameters = dict(values)
        kind, version = parameters.pop("recipe", None), parameters.pop("format_version", None)
        if (kind, version) != (cls.__name__, cls.format_version):
            raise InputError(
                f"the stored recipe is {kind} version {version}; expected {cls.__name__} version "
                f"{cls.format_version}: it was written for something else or by another release."
            )
        check_arguments(cls, parameters, f"the stored {cls.__name__}")
        # A name only: `glass_former` would take a path, and read what is there.
        system = parameters.get("system")
        if isinstance(system, str) and system not in GLASS_FORMERS:
            raise InputError(
                f"the stored {cls.__name__} has an "
                + unknown("glass former", system, GLASS_FORMERS)
            )
        recipe = cls(**parameters)
        if recipe.system is None and system is not None:
            raise InputError(
                f"the stored {cls.__name__} has a system, which none of its indicators needs."
            )
        return recipe

    @property
    def hash(self) -> str:
        """Hexadecimal SHA-256 of the recipe's canonical JSON."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class GraphRecipe(Recipe):
    """Every particle is a node, every ordered pair closer than a cutoff is an edge.

    The cutoff is the same for all pairs of species. The species are node features, so the network
    can distinguish an A–B contact from an A–A contact. So are the indicators, in their own units:
    networks standardise them with the statistics of their training.

    Attributes:
        r_max: Cutoff of the edges, in units of length.
        type_names: The species the network knows, in the order of the one-hot columns.
        dimension: Number of space dimensions, 2 or 3.
        indicators: Structural indicators that follow the species; see `Recipe`.
        system: The glass former, if an indicator needs one; see `Recipe`.
        n_angular: How many orders of the angular spectrum of the neighbours within `r_max` follow
            the indicators; see `gnnglass.structure.angular_spectrum`.

    Raises:
        InputError: If a parameter is invalid.
        UnknownNameError: If an indicator, or the glass former, is not registered.
    """

    r_max: float
    type_names: tuple[str, ...] = ("A", "B")
    dimension: int = 2
    indicators: tuple[str, ...] = ()
    system: SystemLike | None = field(default=None, hash=False)
    n_angular: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("r_max")
        require_whole(0, most=HIGHEST, n_angular=self.n_angular)

    @property
    def n_fields(self) -> int:
        """Number of fields of each particle: indicators, then values of the angular spectrum."""
        return super().n_fields + angular_spectrum_size(len(self.type_names), self.n_angular)

    def fields(self, snapshot: SnapshotLike) -> FloatArray:
        """The fields of every particle: indicators, then angular spectrum, shape [n, n_fields].

        Raises:
            InputError: As `Recipe.fields` and `gnnglass.structure.angular_spectrum`.
        """
        indicators, species = super().fields(snapshot), self.species(snapshot)
        if not self.n_angular:
            return indicators
        # Species are in the order of the recipe, whatever that of the snapshot.
        typed = as_snapshot(snapshot).replace(types=species, type_names=self.type_names)
        spectrum = angular_spectrum(typed, self.r_max, self.n_angular)
        if not np.isfinite(spectrum).all():
            raise InputError("angles between neighbours are undefined: two particles coincide.")
        return np.concatenate([indicators, spectrum], axis=1)

    def __call__(self, snapshot: SnapshotLike) -> Data:
        """The graph of a snapshot of n particles, with e directed edges.

        Distances are computed in double precision and then rounded to float32, the precision of the
        networks.

        Returns:
            A graph with ``x`` (one-hot species, then fields, shape [n, n_species + n_fields]),
            ``edge_index`` (shape [2, e]; row 0 the neighbour j, row 1 the centre i; sorted by i,
            then j), ``edge_distance`` (shape [e]), ``edge_vector`` (shortest image of r_j − r_i,
            shape [e, d]), ``pos`` (shape [n, d]) and ``box`` (shape [1, d]).

        Raises:
            InputError: If the snapshot has another dimension, an unknown species, a box shorter
                than twice the cutoff, or a field that is not finite.
        """
        snapshot = as_snapshot(snapshot)
        species = self.species(snapshot)
        pairs = neighbor_pairs(snapshot, self.r_max)
        one_hot = np.eye(len(self.type_names))[species]
        x = np.concatenate([one_hot, self.fields(snapshot)], axis=1)
        return Data(
            x=torch.from_numpy(x.astype(np.float32)),
            edge_index=torch.from_numpy(np.stack([pairs.j, pairs.i])),
            edge_distance=torch.from_numpy(pairs.distances.astype(np.float32)),
            edge_vector=torch.from_numpy(pairs.vectors.astype(np.float32)),
            pos=torch.from_numpy(snapshot.positions.astype(np.float32)),
            box=torch.from_numpy(snapshot.box.astype(np.float32)[None]),
        )


# Gaussians are cut off at this many widths, where they have fallen to 4e-6 of the peak.
_REACH = 5.0
# By Poisson summation, a Gaussian of width w sampled every h sums to its integral within
# 2 exp(−2π² w²/h²) per axis; at w = 2h/3 that is 3e-4.
_MIN_WIDTH = 2 / 3
# Largest number of kernel values in memory at once; limits how many particles are added together.
_BLOCK = 2**22


@dataclass(frozen=True)
class VoxelRecipe(Recipe):
    """The number density of each species on a periodic grid, with a Gaussian for every particle.

    Each indicator f adds a grid per species s, Σ_{i ∈ s} f_i g(r − r_i). Together with the
    densities, from which networks learn the mean of f in training, they give the density of the
    deviations f_i − ⟨f⟩_s without the recipe having to know it.

    The Gaussians are evaluated at the voxel centres relative to the exact particle positions. So a
    shift by a fraction of a voxel changes the grid smoothly, a shift by a whole voxel rolls it, and
    the sum over voxels times the voxel volume is the number of particles within 1e-3.

    Attributes:
        voxel_size: Target voxel edge, in units of length; each box edge is divided into the nearest
            whole number of voxels.
        width: Standard deviation of the Gaussian, in units of length; at least 2/3 of a voxel.
        type_names: The species the network knows, in the order of the channels.
        dimension: Number of space dimensions, 2 or 3.
        multiple: The number of voxels along each edge is rounded to a multiple of this. Set it to
            the total stride of the network, which is periodic only if the stride divides the grid.
        indicators: Structural indicators, for each of which there is a grid per species; see
            `Recipe`.
        system: The glass former, if an indicator needs one; see `Recipe`.

    Raises:
        InputError: If a parameter is invalid.
        UnknownNameError: If an indicator, or the glass former, is not registered.
    """

    voxel_size: float
    width: float
    type_names: tuple[str, ...] = ("A", "B")
    dimension: int = 2
    multiple: int = 1
    indicators: tuple[str, ...] = ()
    system: SystemLike | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("voxel_size")
        self._require_positive("width")
        require_whole(1, multiple=self.multiple)
        self._check_width(self.voxel_size)

    def _check_width(self, edge: float) -> None:
        if self.width < _MIN_WIDTH * edge * (1 - 1e-9):
            raise InputError(
                f"a Gaussian of width {self.width:g} is too narrow for voxels of edge {edge:.4g}: "
                "it would fall between them; use a width of at least 2/3 of the voxel or "
                "smaller voxels."
            )

    @property
    def n_channels(self) -> int:
        """Number of grids: one for each species, and one more for each of its indicators."""
        return len(self.type_names) * (1 + len(self.indicators))

    def shape(self, snapshot: SnapshotLike) -> tuple[int, ...]:
        """Number of voxels along each edge of the snapshot's box.

        Raises:
            InputError: If the box is too small for the Gaussians, or if rounding to whole voxels
                made them too large.
        """
        snapshot = as_snapshot(snapshot)
        blocks = np.maximum(np.round(snapshot.box / self.voxel_size / self.multiple), 1)
        # Summed in double precision.
        require_memory(
            8.0 * self.n_channels * float(np.prod(blocks * self.multiple)),
            f"a grid of {' × '.join(f'{n:.3g}' for n in blocks * self.multiple)} voxels",
        )
        counts = blocks.astype(int) * self.multiple
        edges = snapshot.box / counts
        self._check_width(float(edges.max()))
        needed = (2 * self._reach(edges) + 1) * edges
        if np.any(needed > snapshot.box * (1 + 1e-9)):
            raise InputError(
                f"the box {' × '.join(f'{edge:.4g}' for edge in snapshot.box)} is too small for "
                f"Gaussians of width {self.width:g}: every edge must be at least "
                f"{needed.max():.4g}; use a smaller width or a larger system."
            )
        return tuple(int(count) for count in counts)

    def _reach(self, edges: FloatArray) -> NDArray[np.int64]:
        return np.asarray(np.ceil(_REACH * self.width / edges), dtype=np.int64)

    def __call__(self, snapshot: SnapshotLike) -> torch.Tensor:
        """The grids of a snapshot, shape [n_channels, *grid], float32.

        The density of each species comes first, then for each indicator its grid of each species.
        Voxel v of m along an axis has its centre at −L/2 + (v + 1/2) L/m.

        Raises:
            InputError: If the snapshot has another dimension, an unknown species, a box that is
                too small, or an indicator that is not finite.
        """
        snapshot = as_snapshot(snapshot)
        species = self.species(snapshot)
        shape = self.shape(snapshot)
        edges = snapshot.box / shape
        reach = self._reach(edges)
        values = np.concatenate([np.ones((len(snapshot), 1)), self.fields(snapshot)], axis=1)
        grids = np.zeros((values.shape[1], len(self.type_names) * int(np.prod(shape))))
        block = max(1, _BLOCK // int(np.prod(2 * reach + 1)))
        for start in range(0, len(snapshot), block):
            part = slice(start, start + block)
            indices, weights = self._kernels(
                snapshot.positions[part] + snapshot.box / 2, species[part], shape, edges, reach
            )
            for k, value in enumerate(values[part].T):
                weighted = (value[:, None] * weights).ravel()
                grids[k] += np.bincount(indices.ravel(), weighted, minlength=grids.shape[1])
        return torch.from_numpy(grids.astype(np.float32).reshape(self.n_channels, *shape))

    def _kernels(
        self,
        corner_positions: FloatArray,
        species: NDArray[np.int64],
        shape: tuple[int, ...],
        edges: FloatArray,
        reach: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], FloatArray]:
        """Flat voxel indices and densities of each particle's Gaussian, each [n, n_voxels]."""
        n = len(corner_positions)
        indices = species[:, None]
        weights = np.ones((n, 1))
        # The Gaussian is a product over axes, so one exponential per axis and layer is enough.
        for axis, count in enumerate(shape):
            inside = corner_positions[:, axis, None] / edges[axis]
            voxel = np.floor(inside).astype(np.int64) + np.arange(-reach[axis], reach[axis] + 1)
            distance = (voxel + 0.5 - inside) * edges[axis] / self.width
            density = np.exp(-0.5 * distance**2) / (np.sqrt(2 * np.pi) * self.width)
            indices = (indices[:, :, None] * count + (voxel % count)[:, None, :]).reshape(n, -1)
            weights = (weights[:, :, None] * density[:, None, :]).reshape(n, -1)
        return indices, weights

    def sample(self, grid: ArrayLike, snapshot: SnapshotLike) -> FloatArray:
        """Sample a map of the snapshot's box at its particles by periodic linear interpolation.

        Args:
            grid: Map or stack of maps of any resolution that covers the box, shape
                [..., m_1, …, m_d].
            snapshot: Configuration of n particles.

        Returns:
            Values at the particles, shape [..., n].
        """
        snapshot = as_snapshot(snapshot)
        return sample_periodic(grid, snapshot.positions / snapshot.box + 0.5)


def sample_periodic(grid: ArrayLike, places: ArrayLike) -> FloatArray:
    """Multilinear interpolation of a periodic map.

    Cell j of m along an axis has its centre at (j + 1/2) / m of the box edge, so maps of any
    resolution over the same box can be sampled at the same positions.

    Args:
        grid: Map or stack of maps, shape [..., m_1, …, m_d].
        places: Positions as fractions of the box edges, from the lower corner; shape [n, d].
            Positions outside [0, 1) are replaced by their periodic image.

    Returns:
        The maps at these positions, shape [..., n].

    Raises:
        InputError: If the map has fewer axes than the positions have coordinates.
    """
    values = np.asarray(grid, dtype=np.float64)
    fractions = np.asarray(places, dtype=np.float64)
    dimension = fractions.shape[1]
    if values.ndim < dimension:
        raise InputError(
            f"the map has shape {values.shape}; expected at least {dimension} axes, one per "
            "space dimension."
        )
    shape = np.array(values.shape[-dimension:])
    cells = fractions * shape - 0.5
    lower = np.floor(cells)
    weight = cells - lower
    index = lower.astype(np.int64)
    result = np.zeros((*values.shape[:-dimension], len(fractions)))
    for corner in itertools.product((0, 1), repeat=dimension):
        offset = np.array(corner)
        at = (index + offset) % shape
        share = np.prod(np.where(offset, weight, 1 - weight), axis=1)
        result += values[(..., *at.T)] * share
    return result


def collate(
    inputs: Sequence[Any],
    device: torch.device | str = "cpu",
    takes: Sequence[str] = GRAPH_INPUTS,
) -> tuple[Tensor, ...]:
    """Join graphs, or grids of one shape, into the arguments of one `forward` call.

    Args:
        inputs: PyG `Data` of a `GraphRecipe`, or tensors ``[n_channels, *grid]`` of a
            `VoxelRecipe`.
        device: Device of the tensors.
        takes: Attributes of a graph that the network takes; see `ClassifierNet.takes`.
    """
    if isinstance(inputs[0], Data):
        batch = Batch.from_data_list(list(inputs)).to(device)
        return tuple(batch[name] for name in takes)
    return (torch.stack(list(inputs)).to(device),)


def join_balls(inputs: Sequence[Any], balls: Sequence[Tensor]) -> Tensor:
    """The balls of some configurations as the `ball` of one `ball_logits` call.

    Args:
        inputs: What recipes made of the configurations.
        balls: What `ClassifierNet.ball` gave for each.
    """
    if not isinstance(inputs[0], Data):
        return torch.stack(list(balls))
    first = itertools.accumulate((graph.num_nodes for graph in inputs), initial=0)
    return torch.cat([ball + start for ball, start in zip(balls, first, strict=False)], dim=1)


def arguments_for(model: nn.Module, inputs: Sequence[Any]) -> tuple[Tensor, ...]:
    """What a network, ours or another, is called with: on its own device, in its own precision."""
    arguments = collate(inputs, device_of(model), getattr(model, "takes", GRAPH_INPUTS))
    precision = precision_of(model)
    return tuple(
        value.to(precision) if precision is not None and value.is_floating_point() else value
        for value in arguments
    )


def precision_of(model: nn.Module) -> torch.dtype | None:
    """What the model's parameters are, such as ``torch.float32``; None if it has none."""
    floating = (value.dtype for value in model.parameters() if value.is_floating_point())
    return next(floating, None)


def device_of(model: nn.Module) -> torch.device:
    """Device of the model's parameters; the CPU if it has none."""
    parameter = next(model.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


def batched(
    recipe: GraphRecipe | VoxelRecipe, snapshots: Iterable[Snapshot], batch_size: int
) -> Iterable[list[Any]]:
    """Network inputs of consecutive snapshots, at most `batch_size` at a time.

    Grids of different shapes cannot be stacked, so a batch also ends where the shape changes.

    Args:
        recipe: How a snapshot becomes an input.
        snapshots: Configurations.
        batch_size: A positive number; callers check what users gave them.

    Raises:
        InputError: If a snapshot does not fit the recipe.
    """
    batch: list[Any] = []
    for snapshot in snapshots:
        item = recipe(snapshot)
        reshaped = batch and torch.is_tensor(item) and item.shape != batch[0].shape
        if len(batch) == batch_size or reshaped:
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


#: A recipe of either kind: graphs or density grids.
AnyRecipe = GraphRecipe | VoxelRecipe


@checks_arguments
def recipe_for(
    model: str, dimension: int, type_names: Sequence[str] = ("A", "B"), /, **parameters: Any
) -> AnyRecipe:
    """The recipe for a registered network, with the network's default parameters.

    Args:
        model: Registered name of the network.
        dimension: Number of space dimensions, 2 or 3.
        type_names: Species, in the order of the input channels.
        **parameters: Values that replace the network's defaults, such as ``r_max=1.5``, and what
            there is none of by default, such as ``indicators=["potential-energy"]``.

    Raises:
        UnknownNameError: If no such network, indicator or glass former is registered.
        InputError: If the recipe has no such parameter, or a value makes no sense.
    """
    network = MODELS.factory(model)
    assert isinstance(network, type) and issubclass(network, ClassifierNet)
    recipe = GraphRecipe if network.kind == "graph" else VoxelRecipe
    settled = {"type_names": tuple(type_names), "dimension": dimension}
    for name in settled.keys() & parameters.keys():
        raise InputError(
            f"the {network.kind} recipe of {model!r} cannot be made: {name} follows from the "
            "configurations; leave it out."
        )
    arguments = {**network.default_recipe, **parameters, **settled}
    check_arguments(recipe, arguments, f"the {network.kind} recipe of {model!r}")
    return recipe(**arguments)


def recipe_from_dict(values: Mapping[str, Any]) -> AnyRecipe:
    """Rebuild the recipe stored with a classifier.

    Raises:
        InputError: If the values are not those of a recipe of this version.
    """
    recipe = GraphRecipe if values.get("recipe") == "GraphRecipe" else VoxelRecipe
    return recipe.from_dict(values)


def settled_by_recipe(recipe: AnyRecipe) -> dict[str, Any]:
    """Constructor arguments of a network that follow from its recipe."""
    settled: dict[str, Any] = {"n_species": len(recipe.type_names)}
    if recipe.n_fields:
        settled["n_fields"] = recipe.n_fields
    if isinstance(recipe, GraphRecipe):
        return {**settled, "r_max": recipe.r_max}
    return {**settled, "dimension": recipe.dimension}


def create_model(model: str, recipe: AnyRecipe, options: Mapping[str, Any]) -> ClassifierNet:
    """A registered network that fits a recipe.

    Args:
        model: Registered name.
        recipe: The recipe that makes its input from snapshots.
        options: Constructor arguments other than those that follow from the recipe.

    Raises:
        UnknownNameError: If no such network is registered.
        InputError: If the network needs another kind of recipe, has no such argument, or one that
            follows from the recipe has another value.
    """
    kind = "graph" if isinstance(recipe, GraphRecipe) else "voxel"
    wanted = getattr(MODELS.factory(model), "kind", kind)
    if kind != wanted:
        raise InputError(
            f"model {model!r} reads a {wanted}, but a {type(recipe).__name__} was given."
        )
    settled = settled_by_recipe(recipe)
    for name, value in {"n_fields": 0, **settled}.items():
        if options.get(name, value) != value:
            raise InputError(
                f"model {model!r} cannot have {name} = {shown(options[name])}: its recipe gives it "
                f"{value!r}; leave it out, or change the recipe."
            )
    return MODELS.create(model, **{**settled, **options})
