"""Grad-CAM++ for graph networks: gradients weighted before they are averaged."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from gnnglass.explain.attribution import ATTRIBUTIONS
from gnnglass.explain.graph_cam import GraphCAM


@ATTRIBUTIONS.register("graph-gradcam++")
class GraphGradCAMPlusPlus(GraphCAM):
    """Grad-CAM++ of a graph-level output: gradients are weighted, and only positive ones count.

    With features h_ik of node i in the layer, the logit y_c of the graph g that holds i, and
    g_ik = ∂y_c/∂h_ik,

        α_ik = g_ik² / (2 g_ik² + g_ik³ Σ_{j ∈ g} h_jk)
        w_k = Σ_{i ∈ g} α_ik ReLU(g_ik),    score_i = Σ_k w_k h_ik

    (Chattopadhay et al., WACV 2018, arXiv 1710.11063, eqs. 19 and 7). α follows from
    exp(y_c) = Σ_k w_k Σ_i h_ik, if everything after the layer is piecewise linear. The factor
    exp(y_c), common to all nodes of a graph, is left out, as is the final ReLU: scores are
    signed. Features whose increase speaks against the class have no weight, so the map of one
    class is not minus the map of the other.

    The form is meant for features that are not negative. With signed ones the denominator can
    pass through zero: where it is zero α is set to zero, and close to it α is large.

    Args: see `GraphCAM`.
    """

    def combine(self, features: Tensor, gradient: Tensor, batch: Tensor) -> Tensor:
        """Σ_k w_k h_ik, shape [n]."""
        total = scatter(features, batch, reduce="sum")
        # Numerator and denominator share g², which would vanish in single precision.
        denominator = 2 + gradient * total[batch]
        alpha = torch.where(denominator == 0, 0, 1 / denominator)
        weights = scatter(alpha * torch.relu(gradient), batch, reduce="sum")
        return (weights[batch] * features).sum(dim=1)
