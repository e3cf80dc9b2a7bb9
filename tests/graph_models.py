"""All registered networks on graphs, made alike, so that one test runs over each of them."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch_geometric.data import Data

from gnnglass.models import MODELS, GraphRecipe, arguments_for, create_model
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

GRAPH_MODELS = tuple(name for name in MODELS if MODELS.factory(name).kind == "graph")


#: Of any mixture of the example's species; what they make of it is finite.
FIELDS = ("tong-tanaka", "voronoi-density")


def untrained(
    name: str,
    dimension: int = 2,
    r_max: float = 1.7,
    *,
    indicators: tuple[str, ...] = (),
    **options,
) -> SimpleNamespace:
    """A classifier with random weights, also where a network begins with none: any must do."""
    system = {2: "kam2d", 3: "ka3d"}[dimension]
    recipe = GraphRecipe(r_max, dimension=dimension, indicators=indicators, system=system)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = create_model(name, recipe, options)
        net.head.linear.reset_parameters()  # type: ignore[operator]
    net.standardise([recipe(example_snapshot(dimension, seed=9))])
    return SimpleNamespace(model=net.eval(), recipe=recipe, labels=("liquid", "glass"))


def logits(one: SimpleNamespace, *snapshots: Snapshot) -> torch.Tensor:
    with torch.no_grad():
        return one.model(*arguments_for(one.model, [one.recipe(s) for s in snapshots]))


def double(graph: Data) -> Data:
    """The graph in double precision, so that definitions are compared, not rounding."""
    return graph.apply(lambda value: value.double() if value.is_floating_point() else value)
