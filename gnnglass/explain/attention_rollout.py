"""Attention rollout: whose features attention carries into the pooled ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch_geometric.utils import scatter

from gnnglass.errors import InputError
from gnnglass.explain.attribution import ATTRIBUTIONS, GraphAttribution
from gnnglass.explain.explained_logit import ExplainedLogit, Seen


@ATTRIBUTIONS.register("attention-rollout")
class AttentionRollout(GraphAttribution):
    """How much of each particle reaches the others through the layers' attention.

    With the weights w_ij(ℓ) that particle i gives to its neighbour j in layer ℓ, Σ_j w_ij = 1,

        A(ℓ) = ½ [1 + w(ℓ)],    R = A(L) ⋯ A(1),    score_i = Σ_{j ∈ g} R_ji

    (Abnar & Zuidema, ACL 2020, arXiv 2005.00928, section 3; the identity stands for the residual
    connection): N_g times the mean share that particle i has in the final features. Every row of
    R sums to one, so the mean score of a graph is 1, and where all particles matter alike each
    has 1. A particle without neighbours keeps all of itself.

    It is never negative, the same for all classes, and knows nothing of what is done with the
    features that attention carries.

    It explains networks that have ``attention_weights(x, edge_index, geometry)``: for each layer
    the weights of all edges, shape [e], where those that point to one particle sum to one.

    Args:
        batch_size: How many snapshots `compute` sends through the model at once.
    """

    signed = False
    label = "attention rollout"
    formula = (
        r"A^{(\ell)} = \tfrac12 (1 + w^{(\ell)}),\quad "
        r"s_i = \sum_j \big[A^{(L)} \cdots A^{(1)}\big]_{ji}"
    )

    def check(self, model: nn.Module) -> None:
        """Refuse a network that does not tell its attention weights."""
        if not callable(getattr(model, "attention_weights", None)):
            raise InputError(
                f"{type(model).__name__} has no attention_weights(x, edge_index, geometry), which "
                "attention-rollout needs; explain a model with attention, or choose another "
                "attribution."
            )

    def seen(self, explained: ExplainedLogit) -> Seen:
        """The scores, which are made of no layer's rows, and the network's output."""
        _, output = super().seen(explained)
        return [self.node_scores(explained)[:, None]], output

    def node_scores(self, explained: ExplainedLogit) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n]."""
        model, (source, target) = explained.model, explained.edge_index
        weights_of = cast(Callable[..., Sequence[Tensor]], model.attention_weights)
        geometry = [value for name, value in explained.extras.items() if name != "batch"]
        with torch.no_grad():
            layers = weights_of(explained.x, explained.edge_index, *geometry)
        n, n_edges = len(explained.x), len(source)
        scores = torch.ones(n, dtype=explained.x.dtype, device=explained.x.device)
        # From the left, R is one vector–matrix product per layer, the last layer first.
        for weights in reversed(layers):
            if weights.shape != (n_edges,):
                raise InputError(
                    f"attention_weights gives shape {list(weights.shape)} for a layer; expected "
                    f"[{n_edges}], the weight of each edge: take the mean over heads."
                )
            given = scatter(weights, target, dim_size=n, reduce="sum")
            # Nodes without neighbours give nothing.
            if ((given - 1).abs().minimum(given.abs()) > 0.01).any() or (weights < 0).any():
                raise InputError(
                    "attention_weights gives weights of the edges to a node that do not add up to "
                    "1, or are negative; expected a share for each edge, in the order of the edges."
                )
            carried = scatter(scores[target] * weights, source, dim_size=n, reduce="sum")
            scores = scores - 0.5 * given * scores + 0.5 * carried
        return scores
