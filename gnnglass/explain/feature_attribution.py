"""Attributions of a logit to features of the particles, by methods of captum."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from gnnglass.errors import InputError
from gnnglass.explain.evaluating import evaluating
from gnnglass.explain.graph_attribution import GraphAttribution
from gnnglass.explain.layers import require_rows, through_layer
from gnnglass.explain.question import Question
from gnnglass.models import GraphNet

#: From features of all particles, shape [n, ...], to the logit of each graph, shape [n_graphs].
Logits = Callable[[Tensor], Tensor]


class FeatureAttribution(GraphAttribution):
    """An attribution that asks how the logit changes with some features of the particles.

    The features are the output of a layer. For a `GraphNet` it is ``counts``: how many neighbours
    of each species a particle has at each distance, standardised for particles of its species. In
    zero, such counts are the mean environment of the species among the training particles. What
    later layers read off distances stays as it is. For any other module it is the node features
    ``x`` themselves.

    captum takes the first axis of what it is given for independent samples; of features it is
    the particles. So a method is given one function, of the features of the whole batch, in which
    all else is fixed, and must call it with features of that very shape.

    Args:
        layer: Name of the layer in ``model.named_modules()``, whose output has one row per node;
            as said above if None.
        batch_size: How many snapshots `compute` sends through the model at once.
    """

    def __init__(self, layer: str | None = None, batch_size: int = 8) -> None:
        super().__init__(batch_size)
        self.layer = layer

    @abstractmethod
    def attribute(self, logits: Logits, features: Tensor, batch: Tensor) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n].

        Args:
            logits: What is explained; the logit of a graph depends on its own nodes alone.
            features: Where, shape [n, ...].
            batch: Graph of each node, shape [n].
        """

    def node_scores(self, question: Question) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n]."""
        model = question.model
        layer = self.layer or ("counts" if isinstance(model, GraphNet) else None)

        def logits(features: Tensor) -> Tensor:
            if layer is None:
                value = question.logit(question.output(x=features))
            else:
                # A copy goes on, because what follows may work in place.
                value = question.logit(
                    through_layer(model, layer, question.output, lambda _: features.clone())
                )
            if torch.is_grad_enabled() and not value.requires_grad:
                raise InputError(
                    f"the logit does not depend on {layer or 'x'}; name a layer that it needs."
                )
            return value

        with evaluating(model):
            features = question.x if layer is None else _output_of(question, layer)
            require_rows(features, len(question.x))
            return self.attribute(logits, features.detach(), question.batch)


def _output_of(question: Question, layer: str) -> Tensor:
    seen: list[Tensor] = []

    def look(output: Tensor) -> Tensor:
        seen.append(output.clone())
        return output

    with torch.no_grad():
        through_layer(question.model, layer, question.output, look)
    return seen[0]
