"""All registered networks on graphs, made alike, so that one test runs over each of them."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch_geometric.data import Data

from gnnglass.models import MODELS, GraphRecipe, arguments_for
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

GRAPH_MODELS = tuple(name for name in MODELS if MODELS.factory(name).kind == "graph")


def untrained(name: str, dimension: int = 2, r_max: float = 1.7, **options) -> SimpleNamespace:
    """A classifier with random weights, also where a network begins with none: any must do."""
    recipe = GraphRecipe(r_max, dimension=dimension)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = MODELS.create(name, n_species=2, r_max=r_max, **options)
        net.head.linear.reset_parameters()  # type: ignore[operator]
    net.standardise([recipe(example_snapshot(dimension, seed=9))])
    return SimpleNamespace(model=net.eval(), recipe=recipe, labels=("liquid", "glass"))


def logits(one: SimpleNamespace, *snapshots: Snapshot) -> torch.Tensor:
    with torch.no_grad():
        return one.model(*arguments_for(one.model, [one.recipe(s) for s in snapshots]))


def double(graph: Data) -> Data:
    """The graph in double precision, so that definitions are compared, not rounding."""
    return graph.apply(lambda value: value.double() if value.is_floating_point() else value)
