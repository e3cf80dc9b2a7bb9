"""The simple baseline: logistic regression on radial counts and fields of every particle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from gnnglass.models.network import MODELS, GraphNet, Layer


@MODELS.register("linear")
class LinearNet(GraphNet):
    """Logistic regression on standardised radial counts, with separate weights for each species.

    The logit of a particle of species s is w_s · z_i + b_s, with the counts and fields z_i of
    `RadialCounts`. It uses the pair distances around one particle, or without radial functions its
    fields alone, and no hidden layer. A larger network has to beat it.

    Args:
        n_species: Number of species in the one-hot input.
        r_max: Cutoff of the graph, in units of length.
        n_radial: Radial functions per pair; 0 for fields alone.
        pooling: ``"mean"``, ``"sum"``, ``"max"`` or ``"attention"``.
        n_classes: Number of classes.
        n_fields: Number of fields of each particle; the recipe's indicators.
    """

    def __init__(
        self,
        n_species: int,
        r_max: float,
        n_radial: int = 20,
        pooling: str = "mean",
        n_classes: int = 2,
        n_fields: int = 0,
    ) -> None:
        width = n_species * (n_species * n_radial + n_fields + 1)
        super().__init__(n_species, r_max, n_radial, width, pooling, n_classes, n_fields)
        # An identity, so that attributions can refer to the input of the head by name.
        self.describe = nn.Identity()
        # Counts at adjacent distances are nearly equal, so training hardly changes the differences
        # of their weights. Random ones would remain; starting from zero, all weights are learnt.
        nn.init.zeros_(self.head.linear.weight)
        nn.init.zeros_(self.head.linear.bias)
        self.particle_layers = ("describe",)
        self.explained_layer = "describe"

    @property
    def layers(self) -> Sequence[Layer]:
        """Only the descriptor."""
        return [self.description]

    def description(self, x: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """Input of the head for every particle, shape [n, width]."""
        counts = self.counts(x, edge_index, radial)
        return cast(Tensor, self.describe(torch.cat([counts, self.counts.one_hot(x)], dim=1)))
