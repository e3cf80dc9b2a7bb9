"""HiResCAM for graph networks: every node's own gradient, not the mean one."""

from __future__ import annotations

from torch import Tensor

from gnnglass.explain.attribution import ATTRIBUTIONS
from gnnglass.explain.graph_cam import GraphCAM


@ATTRIBUTIONS.register("graph-hirescam")
class GraphHiResCAM(GraphCAM):
    """HiResCAM of a graph-level output: features times their own gradient.

    With features h_ik of node i in the layer and the logit y_c of the graph that holds i,

        score_i = Σ_k (∂y_c/∂h_ik) h_ik

    (Draelos & Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional
    neural networks", arXiv 2011.08891). Where everything after the layer is linear, the scores of
    a graph add up to its logit but for a constant. Where mean or sum pooling
    follows the layer directly, all nodes of a graph have the same gradient and this is Grad-CAM.

    Args: see `GraphCAM`.
    """

    def combine(self, features: Tensor, gradient: Tensor, batch: Tensor) -> Tensor:
        """Σ_k g_ik h_ik, shape [n]."""
        return (gradient * features).sum(dim=1)
