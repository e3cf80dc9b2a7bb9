"""A message-passing network with attention over the neighbours of a particle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing
from torch_geometric.utils import softmax

from gnnglass._options import require_whole
from gnnglass.errors import InputError
from gnnglass.models.network import MODELS, InteractionNet, normalised_mlp, require_interactions

#: Lower bound of the factor f, so that its logarithm stays finite; too small to have an effect.
FAINTEST = 1e-6


class AttentionInteraction(MessagePassing):
    """One residual update by messages weighted by attention.

    For each head, with the radial functions e(r_ij) of the pair,

        s_ij = a · LeakyReLU(Q h_i + K h_j + R e(r_ij))
        α_ij = f(r_ij) exp(s_ij) / Σ_k f(r_ik) exp(s_ik),    f(r) = Σ_k e_k(r)
        m_i = Σ_j α_ij F(e(r_ij)) ⊙ V h_j

    and h_i ← h_i + MLP(LayerNorm[h_i, m_i]) with the heads concatenated. The score is that of
    GATv2, in which the ranking of the neighbours depends on the attending particle (Brody, Alon &
    Yahav, ICLR 2022, eq. 7), with the distance as an edge feature. The factor f is nearly constant
    except for the envelope of the radial functions, which lets a neighbour fade from the average
    before it reaches the cutoff.
    """

    def __init__(self, hidden: int, heads: int, n_radial: int, dropout: float) -> None:
        super().__init__(aggr="sum")
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden, bias=False)
        self.distance = nn.Linear(n_radial, hidden, bias=False)
        self.score = nn.Parameter(torch.empty(heads, hidden // heads))
        nn.init.xavier_uniform_(self.score)
        self.value = nn.Linear(hidden, hidden, bias=False)
        self.filter = nn.Linear(n_radial, hidden, bias=False)
        self.update_features = normalised_mlp(2 * hidden, hidden, hidden, dropout)

    def forward(self, h: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """Updated features, shape [n, hidden]."""
        gathered = self.propagate(
            edge_index,
            h=self.value(h),
            filters=self.filter(radial),
            weights=self.weights(h, edge_index, radial),
        )
        return h + self.update_features(torch.cat([h, gathered], dim=1))

    def weights(self, h: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """α_ij of every edge and head, shape [e, heads]; they sum to 1 over the edges to i."""
        neighbor, center = edge_index
        pairs = self.query(h)[center] + self.key(h)[neighbor] + self.distance(radial)
        pairs = nn.functional.leaky_relu(pairs, 0.2).view(-1, *self.score.shape)
        fading = radial.sum(dim=1, keepdim=True).clamp_min(FAINTEST).log()
        scores = (pairs * self.score).sum(dim=2) + fading
        return softmax(scores, center, num_nodes=len(h))

    def message(self, h_j: Tensor, filters: Tensor, weights: Tensor) -> Tensor:
        """The neighbour's features, filtered by the distance and weighted for each head."""
        heads = (h_j * filters).view(-1, *self.score.shape)
        return (heads * weights[:, :, None]).flatten(1)


@MODELS.register("attention")
class AttentionNet(InteractionNet):
    """Classifier on periodic neighbour graphs with attention over edges.

    Swanson et al. (arXiv:1909.04648) and Yoshikawa et al. (arXiv:2505.00993) classified liquids and
    glasses with self-attention networks and interpreted the weights; this network is similar, but
    not a copy. Like `MessagePassingNet` it sees species, distances and fields only.

    Args:
        n_species: Number of species in the one-hot input.
        r_max: Cutoff of the graph, in units of length.
        hidden: Width of the particle features, a multiple of `heads`.
        heads: Number of independent sets of attention weights.
        n_layers: Number of interactions; each widens the receptive field by `r_max`.
        n_radial: Radial functions per pair; 0 without interactions, for fields alone.
        pooling: ``"mean"``, ``"sum"``, ``"max"`` or ``"attention"``.
        dropout: Probability of dropping a feature in training.
        n_classes: Number of classes.
        n_fields: Number of fields of each particle; the recipe's indicators.

    Raises:
        InputError: If `hidden` is not a multiple of `heads`.
    """

    def __init__(
        self,
        n_species: int,
        r_max: float,
        hidden: int = 32,
        heads: int = 4,
        n_layers: int = 2,
        n_radial: int = 20,
        pooling: str = "mean",
        dropout: float = 0.2,
        n_classes: int = 2,
        n_fields: int = 0,
    ) -> None:
        require_interactions(n_species, hidden, n_layers, n_radial, n_fields)
        require_whole(0, heads=heads)
        if heads < 1 or hidden % heads:
            raise InputError(
                f"hidden is {hidden} and heads is {heads}; expected a width that is a multiple of "
                "the number of heads."
            )
        super().__init__(
            n_species,
            r_max,
            hidden,
            n_radial,
            pooling,
            dropout,
            n_classes,
            n_fields,
            (AttentionInteraction(hidden, heads, n_radial, dropout) for _ in range(n_layers)),
        )

    def attention_weights(self, x: Tensor, edge_index: Tensor, geometry: Tensor) -> list[Tensor]:
        """The attention weight of each edge, for each interaction.

        Args:
            x: One-hot species, then fields, shape [n, n_species + n_fields].
            edge_index: Source (neighbour) and target (centre) of each edge, shape [2, e].
            geometry: Pair distances, shape [e].

        Returns:
            For each interaction the weights averaged over heads, shape [e]; they sum to 1 over the
            edges into each particle that has neighbours.
        """
        radial = self.edge_features(geometry)
        h = self.embedding(x, edge_index, radial)
        found = []
        for interaction in cast(Iterable[AttentionInteraction], self.interactions):
            found.append(interaction.weights(h, edge_index, radial).mean(dim=1))
            h = interaction(h, edge_index, radial)
        return found
