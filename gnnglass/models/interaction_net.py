"""What the networks with hidden layers have in common: an embedding, then interactions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from gnnglass.models.graph_net import GraphNet, Layer


class InteractionNet(GraphNet):
    """A network that embeds species and radial counts, and then lets neighbours interact.

    h_i = SiLU(W [x_i, z_i] + b), with the one-hot species x_i and the standardised radial counts
    z_i of `RadialCounts`; every interaction then updates h from the direct neighbours.

    Args:
        n_species: Number of species in the one-hot input.
        r_max: Cutoff of the graph, in units of length.
        hidden: Width of the particle features.
        n_radial: Radial functions per pair.
        pooling: ``"mean"``, ``"sum"``, ``"max"`` or ``"attention"``.
        dropout: Probability of dropping an input of the embedding in training.
        n_classes: Number of classes.
        interactions: The layers after the embedding, first to last.
    """

    def __init__(
        self,
        n_species: int,
        r_max: float,
        hidden: int,
        n_radial: int,
        pooling: str,
        dropout: float,
        n_classes: int,
        interactions: Iterable[nn.Module],
    ) -> None:
        super().__init__(n_species, r_max, n_radial, hidden, pooling, n_classes)
        self.embed = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(n_species + self.counts.n_features, hidden), nn.SiLU()
        )
        self.interactions = nn.ModuleList(interactions)
        names = [f"interactions.{k}" for k in range(len(self.interactions))]
        self.particle_layers = ("embed", *names)
        self.explained_layer = self.particle_layers[-1]

    @property
    def layers(self) -> Sequence[Layer]:
        """The embedding of species and radial counts, then the interactions."""
        return [self.embedding, *self.interactions]

    def embedding(self, x: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """First features of every particle, shape [n, hidden]."""
        counts = self.counts(x, edge_index, radial)
        return cast(Tensor, self.embed(torch.cat([x, counts], dim=1)))
