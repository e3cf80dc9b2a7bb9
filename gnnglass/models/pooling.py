"""From the features of all sites to those of the whole configuration."""

from __future__ import annotations

from torch import nn
from torch_geometric.nn import aggr

from gnnglass.errors import InputError

POOLINGS = ("mean", "sum", "max", "attention")


def make_pooling(name: str, hidden: int) -> nn.Module:
    """A PyG aggregation called as ``pool(features, batch)``.

    Args:
        name: One of `POOLINGS`; ``"attention"`` learns a softmax weight per site.
        hidden: Width of the features.

    Raises:
        InputError: On an unknown name.
    """
    if name == "attention":
        return aggr.AttentionalAggregation(nn.Linear(hidden, 1))
    if name not in POOLINGS:
        raise InputError(f"unknown pooling {name!r}; known: {', '.join(POOLINGS)}.")
    return {"mean": aggr.MeanAggregation, "sum": aggr.SumAggregation, "max": aggr.MaxAggregation}[
        name
    ]()
