"""Grad-CAM for graph networks, exact for every layer and every pooling."""

from __future__ import annotations

from torch import Tensor
from torch_geometric.utils import scatter

from gnnglass.explain.attribution import ATTRIBUTIONS
from gnnglass.explain.graph_cam import GraphCAM


@ATTRIBUTIONS.register("graph-gradcam")
class GraphGradCAM(GraphCAM):
    """Grad-CAM of a graph-level output: what each node contributes to the logit of a class.

    With features h_ik of node i in the layer and the logit y_c of the graph g that holds i,

        α_k = (1/N_g) Σ_{i ∈ g} ∂y_c/∂h_ik,    score_i = Σ_k α_k h_ik

    (Pope et al., CVPR 2019, eqs. 7 and 8; Selvaraju et al., ICCV 2017, eqs. 1 and 2). The average
    runs over each graph of a batch by itself and is taken whatever the pooling, so the score is
    not gradient × activation.

    Args: see `GraphCAM`.
    """

    def combine(self, features: Tensor, gradient: Tensor, batch: Tensor) -> Tensor:
        """Σ_k α_k h_ik, shape [n]."""
        alpha = scatter(gradient, batch, reduce="mean")
        return (alpha[batch] * features).sum(dim=1)
