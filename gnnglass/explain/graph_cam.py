"""Class activation maps of graph networks: features of a layer, weighted by their gradients."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from gnnglass.explain.graph_attribution import GraphAttribution
from gnnglass.explain.layer_gradient import layer_gradient
from gnnglass.explain.layers import find_layer, require_rows
from gnnglass.explain.question import Question


class GraphCAM(GraphAttribution):
    """A map made of the features of a layer and the gradient of the logit with respect to them.

    A whole batch costs one forward pass and one backward pass as far as the layer; the sum of the
    graphs' logits is differentiated, which gives every graph its own gradient because in
    evaluation mode no graph influences another.

    Args:
        layer: Name of the layer in ``model.named_modules()``, whose output has one row per node;
            ``model.explained_layer`` if None.
        relu: Keep positive scores only, as Selvaraju et al. do for pictures.
        batch_size: How many snapshots `compute` sends through the model at once.
    """

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

    def check(self, model: nn.Module) -> None:
        """Refuse a network that lacks the layer."""
        find_layer(model, self.layer)

    def node_scores(self, question: Question) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n]."""
        return self.map_of_layer(question, self.layer)

    def map_of_layer(self, question: Question, layer: str | None) -> Tensor:
        """The map of one layer, shape [n]."""
        features, gradient = layer_gradient(
            question.model, layer, question.output, lambda output: question.logit(output).sum()
        )
        require_rows(features, len(question.x))
        scores = self.combine(features.flatten(1), gradient.flatten(1), question.batch)
        return torch.relu(scores) if self.relu else scores
