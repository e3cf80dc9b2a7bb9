"""An invariant message-passing network: types and distances in, class logits out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import MessagePassing

from gnnglass.models.classifier_net import MODELS, ClassifierNet
from gnnglass.models.radial_basis import RadialBasis
from gnnglass.models.readout import Head, make_pooling


class RadialCounts(MessagePassing):
    """How many neighbours of each species sit at each distance, standardised per species.

    c_i,(k,b) = Σ_{j of species b} e_k(r_ij), then z_i = (c_i − mean) / deviation, with the mean
    and deviation of the training particles of the *same species as i*. Without this the raw
    counts, nearly equal in both phases, drown the small shifts that tell them apart.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, n_species: int, n_radial: int) -> None:
        super().__init__(aggr="sum")
        self.n_features = n_species * n_radial
        self.register_buffer("mean", torch.zeros(n_species, self.n_features))
        self.register_buffer("deviation", torch.ones(n_species, self.n_features))

    def forward(self, x: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """Standardised counts, shape [n, n_species * n_radial]."""
        counts = self.counts(x, edge_index, radial)
        return (counts - x @ self.mean) / (x @ self.deviation)

    def counts(self, x: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """Counts before standardisation, shape [n, n_species * n_radial]."""
        return self.propagate(edge_index, x=x, radial=radial)

    def message(self, x_j: Tensor, radial: Tensor) -> Tensor:
        """Radial features of the pair, in the columns of the neighbour's species."""
        return (radial[:, :, None] * x_j[:, None, :]).flatten(1)


class Interaction(MessagePassing):
    """One residual update by continuous-filter messages.

    m_i = Σ_j F(e(r_ij)) ⊙ V h_j (Schütt et al., SchNet, NeurIPS 2017, eq. 2), followed by
    h_i ← h_i + MLP(LayerNorm[h_i, m_i]). LayerNorm acts on each particle alone, so that
    no statistic is shared between particles, graphs or phases.
    """

    def __init__(self, hidden: int, n_radial: int, dropout: float) -> None:
        super().__init__(aggr="sum")
        self.filter = nn.Linear(n_radial, hidden, bias=False)
        self.source = nn.Linear(hidden, hidden, bias=False)
        self.update_features = nn.Sequential(
            nn.LayerNorm(2 * hidden),
            nn.Linear(2 * hidden, hidden),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
        )

    def forward(self, h: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """Updated features, shape [n, hidden]."""
        gathered = self.propagate(edge_index, h=self.source(h), filters=self.filter(radial))
        return h + self.update_features(torch.cat([h, gathered], dim=1))

    def message(self, h_j: Tensor, filters: Tensor) -> Tensor:
        """The neighbour's features, filtered by the distance."""
        return h_j * filters


@MODELS.register("message-passing")
class MessagePassingNet(ClassifierNet):
    """Classifier on periodic neighbour graphs.

    It sees species and distances only, hence its logits do not change under rotation,
    reflection, translation through the box or relabelling.

    Args:
        n_species: Number of species in the one-hot input.
        r_max: Cutoff of the graph, in units of length.
        hidden: Width of the particle features.
        n_layers: Number of interactions; each widens the receptive field by `r_max`.
        n_radial: Radial functions per pair.
        pooling: ``"mean"``, ``"sum"``, ``"max"`` or ``"attention"``.
        dropout: Probability of dropping a feature in training.
        n_classes: Number of classes.
    """

    kind = "graph"
    default_recipe: ClassVar = {"r_max": 2.0}

    def __init__(
        self,
        n_species: int,
        r_max: float,
        hidden: int = 32,
        n_layers: int = 2,
        n_radial: int = 20,
        pooling: str = "mean",
        dropout: float = 0.2,
        n_classes: int = 2,
    ) -> None:
        super().__init__()
        self.radial = RadialBasis(r_max, n_radial)
        self.counts = RadialCounts(n_species, n_radial)
        self.embed = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(n_species + self.counts.n_features, hidden), nn.SiLU()
        )
        self.interactions = nn.ModuleList(
            Interaction(hidden, n_radial, dropout) for _ in range(n_layers)
        )
        self.pool = make_pooling(pooling, hidden)
        self.head = Head(hidden, n_classes)
        self.explained_layer = f"interactions.{n_layers - 1}" if n_layers else "embed"

    def standardise(self, inputs: Sequence[Data]) -> None:
        """Set mean and deviation of the radial counts, per species, from training graphs."""
        counts, x = [], []
        with torch.no_grad():
            for data in inputs:
                radial = self.radial(data.edge_distance)
                counts.append(self.counts.counts(data.x, data.edge_index, radial))
                x.append(data.x)
        stacked, species = torch.cat(counts).double(), torch.cat(x).argmax(dim=1)
        for k in range(len(self.counts.mean)):
            mine = stacked[species == k]
            if len(mine) > 1:
                self.counts.mean[k] = mine.mean(dim=0)
                # Radial functions that no pair reaches have no spread; leave them unscaled.
                self.counts.deviation[k] = mine.std(dim=0).clamp_min(1e-2)

    def features(self, x: Tensor, edge_index: Tensor, edge_distance: Tensor) -> Tensor:
        """Features of every particle after the last interaction, shape [n, hidden]."""
        radial = self.radial(edge_distance)
        counts = self.counts(x, edge_index, radial)
        h = self.embed(torch.cat([x, counts], dim=1))
        for interaction in self.interactions:
            h = interaction(h, edge_index, radial)
        return h

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
        h = self.features(x, edge_index, edge_distance)
        if batch is None:
            batch = torch.zeros(len(h), dtype=torch.long, device=h.device)
        return self.head(self.pool(h, batch))

    def local_logits(
        self, x: Tensor, edge_index: Tensor, edge_distance: Tensor, batch: Tensor | None = None
    ) -> Tensor:
        """Logits of every particle, shape [n, n_classes]."""
        return self.head(self.features(x, edge_index, edge_distance))
