"""From the features of all sites to the logits of the whole configuration."""

from __future__ import annotations

from torch import Tensor, nn
from torch_geometric.nn import aggr

from gnnglass.errors import InputError


class Head(nn.Module):
    """Linear class logits that sum to zero.

    Softmax leaves a common part of all logits free, and an explanation of one class's logit
    would show it; fixing the sum makes the logit of a class say what speaks for that class.

    Args:
        hidden: Width of the features.
        n_classes: Number of classes.
    """

    def __init__(self, hidden: int, n_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, n_classes)

    def forward(self, features: Tensor) -> Tensor:
        """Logits, shape [..., hidden] -> [..., n_classes]."""
        logits = self.linear(features)
        return logits - logits.mean(dim=-1, keepdim=True)


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
