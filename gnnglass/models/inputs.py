"""From snapshots to what the `forward` of a network takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from gnnglass.graphs import GraphRecipe
from gnnglass.models.classifier_net import GRAPH_INPUTS
from gnnglass.trajectories import Snapshot
from gnnglass.voxels import VoxelRecipe


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
