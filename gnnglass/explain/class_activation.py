"""Class activation maps of graph networks: features of a layer, weighted by their gradients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch_geometric.utils import scatter

from gnnglass._arguments import checks_arguments
from gnnglass.errors import UnknownNameError
from gnnglass.explain.attribution import ATTRIBUTIONS, GraphAttribution
from gnnglass.explain.explained_logit import (
    ExplainedLogit,
    find_layer,
    layer_gradient,
    require_rows,
)


class GraphCAM(GraphAttribution):
    """A map made of the features of a layer and the gradient of the logit with respect to them.

    A whole batch costs one forward pass and one backward pass as far as the layer; the sum of the
    graphs' logits is differentiated, which gives every graph its own gradient because no graph
    influences another; this is checked.

    Args:
        layer: Name of the layer in ``model.named_modules()``, whose output has one row per node;
            ``model.explained_layer`` if None.
        relu: Keep positive scores only, as Selvaraju et al. do for pictures.
        batch_size: How many snapshots `compute` sends through the model at once.
    """

    @checks_arguments
    def __init__(self, layer: str | None = None, relu: bool = False, batch_size: int = 8) -> None:
        super().__init__(batch_size)
        self.layer = layer
        self.relu = relu

    @abstractmethod
    def combine(self, features: Tensor, gradient: Tensor, batch: Tensor) -> Tensor:
        """The signed map, shape [n].

        Args:
            features: h_ik, shape [n, n_features].
            gradient: ∂y/∂h_ik, shape [n, n_features].
            batch: Graph of each node, shape [n].
        """

    def explained_layers(self, model: nn.Module) -> Sequence[str]:
        """The layer whose map is made."""
        return (find_layer(model, self.layer)[0],)

    def node_scores(self, explained: ExplainedLogit) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n]."""
        maps = [
            self.map_of_layer(explained, layer) for layer in self.explained_layers(explained.model)
        ]
        return torch.stack(maps).mean(dim=0)

    def map_of_layer(self, explained: ExplainedLogit, layer: str) -> Tensor:
        """The map of one layer, shape [n]."""
        features, gradient = layer_gradient(
            explained.model, layer, explained.output, lambda output: explained.logit(output).sum()
        )
        require_rows(features, len(explained.x))
        scores = self.combine(features.flatten(1), gradient.flatten(1), explained.batch)
        return torch.relu(scores) if self.relu else scores


@ATTRIBUTIONS.register("graph-gradcam")
class GraphGradCAM(GraphCAM):
    """Grad-CAM of a graph-level output: what each node contributes to the logit of a class.

    With features h_ik of node i in the layer and the logit y_c of the graph g that holds i,

        α_k = (1/N_g) Σ_{i ∈ g} ∂y_c/∂h_ik,    score_i = Σ_k α_k h_ik

    (Pope et al., CVPR 2019, eqs. 7 and 8; Selvaraju et al., ICCV 2017, eqs. 1 and 2). The average
    runs over each graph of a batch by itself and is taken whatever the pooling. Where mean or sum
    pooling follows the layer directly, all nodes have the same gradient, the average changes
    nothing, and the score is gradient × activation, as of `GraphHiResCAM`; after max or attention
    pooling, or at an earlier layer, it is not.

    Args: see `GraphCAM`.
    """

    label = "Grad-CAM"
    formula = (
        r"\alpha_k = \frac1N \sum_i \frac{\partial y}{\partial h_{ik}},\quad "
        r"s_i = \sum_k \alpha_k h_{ik}"
    )

    def combine(self, features: Tensor, gradient: Tensor, batch: Tensor) -> Tensor:
        """Σ_k α_k h_ik, shape [n]."""
        alpha = scatter(gradient, batch, reduce="mean")
        return (alpha[batch] * features).sum(dim=1)


@ATTRIBUTIONS.register("graph-gradcam-averaged")
class GraphGradCAMAveraged(GraphGradCAM):
    """The mean of the Grad-CAM maps of L layers.

        score_i = (1/L) Σ_ℓ Σ_k α_k(ℓ) h_ik(ℓ)

    ("Grad-CAM Avg", Pope et al., CVPR 2019, eq. 9; the maps are those of `GraphGradCAM`). The
    first layers see a particle's nearest surroundings, the last ones all of the receptive field.

    Args:
        layers: Names of layers in ``model.named_modules()``, whose outputs have one row per node;
            ``model.particle_layers`` if None.
        relu: Keep the positive part of each map before averaging, as Pope et al. do.
        batch_size: How many snapshots `compute` sends through the model at once.
    """

    label = "averaged Grad-CAM"
    formula = r"s_i = \frac1L \sum_\ell \sum_k \alpha_k^{(\ell)} h_{ik}^{(\ell)}"

    @checks_arguments
    def __init__(
        self, layers: Sequence[str] | None = None, relu: bool = False, batch_size: int = 8
    ) -> None:
        super().__init__(None, relu, batch_size)
        self.layers = layers

    def explained_layers(self, model: nn.Module) -> Sequence[str]:
        """The layers that are averaged over."""
        layers = self.layers if self.layers is not None else getattr(model, "particle_layers", ())
        if not layers:
            known = ", ".join(name for name, _ in model.named_modules() if name)
            raise UnknownNameError(
                f"{type(model).__name__} names no particle_layers of its own; give the names of "
                f"those to average over, of: {known or 'none'}."
            )
        return layers


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

    label = "Grad-CAM++"
    formula = (
        r"\alpha_{ik} = \frac{g_{ik}^2}{2 g_{ik}^2 + g_{ik}^3 \sum_j h_{jk}},\quad "
        r"s_i = \sum_k \Big[\sum_j \alpha_{jk} \max(g_{jk}, 0)\Big] h_{ik},\quad "
        r"g_{ik} = \frac{\partial y}{\partial h_{ik}}"
    )

    def combine(self, features: Tensor, gradient: Tensor, batch: Tensor) -> Tensor:
        """Σ_k w_k h_ik, shape [n]."""
        total = scatter(features, batch, reduce="sum")
        # Numerator and denominator share g², which would vanish in single precision.
        denominator = 2 + gradient * total[batch]
        alpha = torch.where(denominator == 0, 0, 1 / denominator)
        weights = scatter(alpha * torch.relu(gradient), batch, reduce="sum")
        return (weights[batch] * features).sum(dim=1)


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

    label = "HiResCAM"
    formula = r"s_i = \sum_k \frac{\partial y}{\partial h_{ik}} h_{ik}"

    def combine(self, features: Tensor, gradient: Tensor, batch: Tensor) -> Tensor:
        """Σ_k g_ik h_ik, shape [n]."""
        return (gradient * features).sum(dim=1)
