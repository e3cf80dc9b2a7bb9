"""The simple baseline: logistic regression on radial counts and fields of every particle."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import cast

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from gnnglass.models.network import (
    MODELS,
    GraphNet,
    Head,
    Layer,
    both_ways,
    mean_with_others,
)

#: Combinations of features that vary less than this, relative to the mean, are hardly enlarged.
LEAST_VARIANCE = 1e-4


class DecorrelatingHead(Head):
    """A `Head` whose weights are those of decorrelated features.

    logits = V M h, with M = (C + ε tr C / width)^(−1/2), C = ⟨h hᵀ⟩ over the training particles, or
    balls, and ε = `LEAST_VARIANCE`. Counts at adjacent distances are nearly equal: in terms of h,
    descent needs thousands of steps to find weights that differ between them, and stops far from
    the optimum before. V M h is the same function of h as W h with W = V M.
    """

    mixing: Tensor

    def __init__(self, hidden: int, n_classes: int) -> None:
        super().__init__(hidden, n_classes)
        self.register_buffer("mixing", torch.eye(hidden))

    def decorrelate(self, second_moments: Tensor) -> None:
        """Set M from C, shape [width, width], in double precision."""
        variances, directions = torch.linalg.eigh(second_moments)
        least = LEAST_VARIANCE * variances.mean()
        scaled = directions / (variances.clamp_min(0) + least).sqrt()
        self.mixing.copy_(scaled @ directions.T)

    @property
    def weight(self) -> Tensor:
        """W, the weights of the features themselves, shape [n_classes, width]."""
        return self.linear.weight @ self.mixing

    def forward(self, features: Tensor) -> Tensor:
        """Logits, shape [..., width] -> [..., n_classes]."""
        return super().forward(features @ self.mixing)


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

    features_are_fixed = True
    head: DecorrelatingHead

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
        self.head = DecorrelatingHead(width, n_classes)
        # An identity, so that attributions can refer to the input of the head by name.
        self.describe = nn.Identity()
        # Counts at adjacent distances are nearly equal, so training hardly changes the differences
        # of their weights. Random ones would remain; starting from zero, all weights are learnt.
        nn.init.zeros_(self.head.linear.weight)
        nn.init.zeros_(self.head.linear.bias)
        self.particle_layers = ("describe",)
        self.explained_layer = "describe"

    def standardise(self, inputs: Sequence[Data], balls: Sequence[Tensor] = ()) -> None:
        """As `GraphNet.standardise`; also decorrelates what labels are learnt from.

        These are particles, or means over balls, which differ less in composition than in anything
        that is not conserved.
        """
        super().standardise(inputs)
        moments = torch.zeros((), dtype=torch.float64)
        with torch.no_grad():
            for data, ball in zip_longest(inputs, balls):
                seen = self.features(data.x, data.edge_index, data.edge_distance).double()
                if ball is not None:
                    seen = mean_with_others(seen, both_ways(ball))
                moments = moments + seen.T @ seen
        self.head.decorrelate(moments / sum(len(data.x) for data in inputs))

    @property
    def layers(self) -> Sequence[Layer]:
        """Only the descriptor."""
        return [self.description]

    def description(self, x: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """Input of the head for every particle, shape [n, width]."""
        counts = self.counts(x, edge_index, radial)
        return cast(Tensor, self.describe(torch.cat([counts, self.counts.one_hot(x)], dim=1)))
