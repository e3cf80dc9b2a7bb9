"""Grad-CAM for graph networks, averaged over the layers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gnnglass.errors import UnknownNameError
from gnnglass.explain.attribution import ATTRIBUTIONS
from gnnglass.explain.graph_gradcam import GraphGradCAM
from gnnglass.explain.layers import find_layer
from gnnglass.explain.question import Question


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

    def __init__(
        self, layers: Sequence[str] | None = None, relu: bool = False, batch_size: int = 8
    ) -> None:
        super().__init__(None, relu, batch_size)
        self.layers = layers

    def check(self, model: nn.Module) -> None:
        """Refuse a network that lacks one of the layers, or names none and none were given."""
        for layer in self._layers(model):
            find_layer(model, layer)

    def node_scores(self, question: Question) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n]."""
        maps = [self.map_of_layer(question, layer) for layer in self._layers(question.model)]
        return torch.stack(maps).mean(dim=0)

    def _layers(self, model: nn.Module) -> Sequence[str]:
        layers = self.layers if self.layers is not None else getattr(model, "particle_layers", ())
        if not layers:
            known = ", ".join(name for name, _ in model.named_modules() if name)
            raise UnknownNameError(
                f"{type(model).__name__} names no particle_layers of its own; give the names of "
                f"those to average over, of: {known or 'none'}."
            )
        return layers
