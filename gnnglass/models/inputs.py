"""Snapshots as graphs, and from snapshots to what the `forward` of a network takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from gnnglass.errors import InputError
from gnnglass.models._recipe import Recipe
from gnnglass.models.network import GRAPH_INPUTS, MODELS, ClassifierNet
from gnnglass.models.voxels import VoxelRecipe
from gnnglass.registry import check_arguments
from gnnglass.trajectories import Snapshot, SnapshotLike, as_snapshot, neighbor_pairs


@dataclass(frozen=True)
class GraphRecipe(Recipe):
    """Every particle is a node, every ordered pair closer than a cutoff is an edge.

    The cutoff is the same for all pairs of species: the types are node features, so the network
    can tell an A–B contact from an A–A one.

    Attributes:
        r_max: Cutoff of the edges, in units of length.
        type_names: The species the network knows, in the order of the one-hot columns.
        dimension: Number of space dimensions, 2 or 3.

    Raises:
        InputError: If a parameter is not meaningful.
    """

    r_max: float
    type_names: tuple[str, ...] = ("A", "B")
    dimension: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("r_max")

    def __call__(self, snapshot: SnapshotLike) -> Data:
        """The graph of a snapshot of n particles, with e directed edges.

        Distances are measured in double precision and then rounded to float32, in which networks
        compute.

        Returns:
            A graph with ``x`` (one-hot species, shape [n, n_species]), ``edge_index`` (shape
            [2, e]; row 0 the neighbour j, row 1 the centre i; sorted by i, then j),
            ``edge_distance`` (shape [e]), ``edge_vector`` (shortest image of r_j − r_i, shape
            [e, d]), ``pos`` (shape [n, d]) and ``box`` (shape [1, d]).

        Raises:
            InputError: If the snapshot has another dimension, an unknown species, or a box
                shorter than twice the cutoff.
        """
        snapshot = as_snapshot(snapshot)
        species = self.species(snapshot)
        pairs = neighbor_pairs(snapshot, self.r_max)
        return Data(
            x=torch.from_numpy(np.eye(len(self.type_names), dtype=np.float32)[species]),
            edge_index=torch.from_numpy(np.stack([pairs.j, pairs.i])),
            edge_distance=torch.from_numpy(pairs.distances.astype(np.float32)),
            edge_vector=torch.from_numpy(pairs.vectors.astype(np.float32)),
            pos=torch.from_numpy(snapshot.positions.astype(np.float32)),
            box=torch.from_numpy(snapshot.box.astype(np.float32)[None]),
        )


def collate(
    inputs: Sequence[Any],
    device: torch.device | str = "cpu",
    takes: Sequence[str] = GRAPH_INPUTS,
) -> tuple[Tensor, ...]:
    """Join graphs, or grids of one shape, into the arguments of one `forward` call.

    Args:
        inputs: PyG `Data` of a `GraphRecipe`, or tensors ``[n_species, *grid]`` of a `VoxelRecipe`.
        device: Where the tensors go.
        takes: What of a graph the network is given; see `ClassifierNet.takes`.
    """
    if isinstance(inputs[0], Data):
        batch = Batch.from_data_list(list(inputs)).to(device)
        return tuple(batch[name] for name in takes)
    return (torch.stack(list(inputs)).to(device),)


def arguments_for(model: nn.Module, inputs: Sequence[Any]) -> tuple[Tensor, ...]:
    """What a network, ours or another, is called with for graphs or grids, on its own device."""
    return collate(inputs, device_of(model), getattr(model, "takes", GRAPH_INPUTS))


def device_of(model: nn.Module) -> torch.device:
    """Where the model's parameters are; the CPU if it has none."""
    parameter = next(model.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


def batched(
    recipe: GraphRecipe | VoxelRecipe, snapshots: Iterable[Snapshot], batch_size: int
) -> Iterable[list[Any]]:
    """Network inputs of consecutive snapshots, at most `batch_size` at a time.

    Grids of different shapes cannot be stacked, so a batch also ends where the shape changes.
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


AnyRecipe = GraphRecipe | VoxelRecipe


def recipe_for(
    model: str, dimension: int, type_names: Sequence[str] = ("A", "B"), /, **parameters: Any
) -> AnyRecipe:
    """The recipe that a registered network reads, with its default parameters.

    Args:
        model: Registered name of the network.
        dimension: Number of space dimensions, 2 or 3.
        type_names: Species, in the order of the input channels.
        **parameters: In place of the network's defaults, such as ``r_max=1.5``.

    Raises:
        UnknownNameError: If no such network is registered.
        InputError: If the recipe has no such parameter.
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
    """Rebuild the recipe that a classifier was stored with."""
    recipe = GraphRecipe if values["recipe"] == "GraphRecipe" else VoxelRecipe
    return recipe.from_dict(values)


def settled_by_recipe(recipe: AnyRecipe) -> dict[str, Any]:
    """Constructor arguments of a network that follow from what it is fed."""
    settled: dict[str, Any] = {"n_species": len(recipe.type_names)}
    if isinstance(recipe, GraphRecipe):
        return {**settled, "r_max": recipe.r_max}
    return {**settled, "dimension": recipe.dimension}


def create_model(model: str, recipe: AnyRecipe, options: Mapping[str, Any]) -> ClassifierNet:
    """A registered network that fits a recipe.

    Args:
        model: Registered name.
        recipe: How snapshots become its input.
        options: Constructor arguments beyond those the recipe settles.

    Raises:
        UnknownNameError: If no such network is registered.
        InputError: If it reads something else, or has no such argument.
    """
    kind = "graph" if isinstance(recipe, GraphRecipe) else "voxel"
    wanted = getattr(MODELS.factory(model), "kind", kind)
    if kind != wanted:
        raise InputError(
            f"model {model!r} reads a {wanted}, but a {type(recipe).__name__} was given."
        )
    return MODELS.create(model, **{**settled_by_recipe(recipe), **options})
