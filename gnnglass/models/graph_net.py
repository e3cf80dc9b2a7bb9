"""What every network on graphs has in common: particles updated layer by layer, then pooled."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import reduce
from typing import ClassVar, cast

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import scatter

from gnnglass.models.classifier_net import ClassifierNet
from gnnglass.models.radial_basis import RadialBasis
from gnnglass.models.radial_counts import RadialCounts
from gnnglass.models.readout import Head, make_pooling

#: From particle features, edges and features of the edges to new particle features.
Layer = Callable[[Tensor, Tensor, Tensor], Tensor]


class GraphNet(ClassifierNet):
    """A network whose `layers` update particles from their neighbours in turn; then comes one pool.

    A layer changes a particle's features by those of its direct neighbours alone, so a particle
    matters as far as there are layers, and no further: what local explanations rely on.

    Args:
        n_species: Number of species in the one-hot input.
        r_max: Cutoff of the graph, in units of length.
        n_radial: Radial functions per pair.
        width: Width of the particle features that are pooled.
        pooling: ``"mean"``, ``"sum"``, ``"max"`` or ``"attention"``.
        n_classes: Number of classes.
    """

    kind = "graph"
    default_recipe: ClassVar = {"r_max": 2.0}

    def __init__(
        self, n_species: int, r_max: float, n_radial: int, width: int, pooling: str, n_classes: int
    ) -> None:
        super().__init__()
        self.radial = RadialBasis(r_max, n_radial)
        self.counts = RadialCounts(n_species, n_radial)
        self.pool = make_pooling(pooling, width)
        self.head = Head(width, n_classes)

    @property
    @abstractmethod
    def layers(self) -> Sequence[Layer]:
        """What happens to the particles in turn; the first is given their one-hot species.

        Each is called with features of the particles, shape [n, ...], edges, shape [2, e], and
        `edge_features`, shape [e, ...]; the last gives the features that are pooled.
        """

    def edge_features(self, geometry: Tensor) -> Tensor:
        """Features of each edge from the entry of `takes` that describes edges, shape [e, ...]."""
        return cast(Tensor, self.radial(geometry))

    def standardise(self, inputs: Sequence[Data]) -> None:
        """Set mean and deviation of the radial counts, per species, from training graphs."""
        self.counts.standardise(
            (data.x, data.edge_index, self.radial(data.edge_distance)) for data in inputs
        )

    def features(self, x: Tensor, edge_index: Tensor, geometry: Tensor) -> Tensor:
        """Features of every particle after the last layer, shape [n, width]."""
        edges = self.edge_features(geometry)
        return reduce(lambda h, layer: layer(h, edge_index, edges), self.layers, x)

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_distance: Tensor, batch: Tensor | None = None
    ) -> Tensor:
        """Graph logits.

        Args:
            x: One-hot species, shape [n, n_species].
            edge_index: Source (neighbour) and target (centre) of each edge, shape [2, e].
            edge_distance: Pair distances, shape [e].
            batch: Graph of each particle, shape [n]; one graph if None.

        Returns:
            Logits, shape [n_graphs, n_classes].
        """
        return self.read_out(self.features(x, edge_index, edge_distance), batch)

    def read_out(self, features: Tensor, batch: Tensor | None = None) -> Tensor:
        """Graph logits, shape [n_graphs, n_classes], from the features of all particles."""
        if batch is None:
            batch = torch.zeros(len(features), dtype=torch.long, device=features.device)
        return cast(Tensor, self.head(self.pool(features, batch)))

    def local_logits(
        self, x: Tensor, edge_index: Tensor, geometry: Tensor, batch: Tensor | None = None
    ) -> Tensor:
        """Logits of every particle, shape [n, n_classes]."""
        return cast(Tensor, self.head(self.features(x, edge_index, geometry)))

    def ball_logits(
        self, x: Tensor, edge_index: Tensor, geometry: Tensor, batch: Tensor | None = None
    ) -> Tensor:
        """Mean logits of every particle and its neighbours in the graph, shape [n, n_classes]."""
        logits = self.local_logits(x, edge_index, geometry, batch)
        neighbor, center = edge_index
        total = logits + scatter(logits[neighbor], center, dim_size=len(logits), reduce="sum")
        size = 1 + torch.bincount(center, minlength=len(logits))
        return total / size[:, None]
