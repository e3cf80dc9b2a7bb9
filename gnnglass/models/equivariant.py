"""A network with scalar and vector features, equivariant in 2D and 3D, that can see angles."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from gnnglass.errors import InputError
from gnnglass.models.network import MODELS, InteractionNet, normalised_mlp, require_interactions


class EquivariantInteraction(MessagePassing):
    """One residual update of scalars s_i and vectors v_i from those of the neighbours.

    With filters W(e(r_ij)) of the distance and the direction r̂_ij, the message block is

        Δs_i = Σ_j φ_s(s_j) ⊙ W_s
        v_i ← v_i + Σ_j φ_vv(s_j) ⊙ W_vv ⊙ v_j + Σ_j φ_vs(s_j) ⊙ W_vs ⊙ r̂_ij

    and the update block, in which U and V mix the vectors of one particle,

        s_i ← s_i + a_ss + a_sv ⊙ ⟨U v_i, V v_i⟩,    v_i ← v_i + a_vv ⊙ U v_i

    (Schütt, Unke & Gastegger, PaiNN, ICML 2021, Fig. 2b and c). Here the gates a are
    ``MLP(LayerNorm[s_i, Δs_i, |V v_i|])``: the gathered features are normalised as in the invariant
    networks. Vectors enter only linear maps over features, lengths, inner products and products
    with scalars, so they rotate and reflect with the configuration, in any dimension.

    Args:
        hidden: Number of scalars, and of vectors, per particle.
        n_radial: Radial functions per pair.
        dropout: Probability of dropping a value in training.
        last: Whether this is the last interaction, which returns only the scalars.
    """

    def __init__(self, hidden: int, n_radial: int, dropout: float, last: bool) -> None:
        super().__init__(aggr="sum", node_dim=0)
        self.n_radial = n_radial
        self.last = last
        self.filter = nn.Linear(n_radial, 3 * hidden, bias=False)
        inner, outer = nn.Linear(hidden, hidden), nn.Linear(hidden, 3 * hidden)
        self.source = nn.Sequential(inner, nn.SiLU(), outer)
        self.mix = nn.Linear(hidden, 2 * hidden, bias=False)
        self.gates = normalised_mlp(3 * hidden, hidden, (2 if last else 3) * hidden, dropout)
        # The first vectors are products of these layers. With torch's smaller initial weights they
        # would be so small compared with the scalars that directions are learnt late.
        for linear in (self.filter, inner, outer, self.mix):
            nn.init.kaiming_normal_(linear.weight, nonlinearity="linear")
        # An identity, so that attributions can refer to the invariant part of the features by name.
        self.scalars = nn.Identity()

    def forward(self, h: Tensor, edge_index: Tensor, edges: Tensor) -> Tensor:
        """Updated features.

        Args:
            h: Scalars and then the components of the vectors, shape [n, 1 + d, hidden].
            edge_index: Source (neighbour) and target (centre) of each edge, shape [2, e].
            edges: Radial functions and then the direction of each edge, shape [e, n_radial + d].

        Returns:
            Shape [n, 1 + d, hidden]; for the last interaction only the scalars, shape [n, hidden].
        """
        scalars, vectors = h[:, 0], h[:, 1:]
        gathered = self.propagate(
            edge_index,
            sources=self.source(scalars),
            vectors=vectors,
            filters=self.filter(edges[:, : self.n_radial]),
            direction=edges[:, self.n_radial :],
        )
        vectors = vectors + gathered[:, 1:]
        turned, other = self.mix(vectors).chunk(2, dim=2)
        # The offset keeps the slope of the root finite for particles without neighbours, whose
        # vectors are zero.
        length = (other.square().sum(dim=1) + 1e-12).sqrt()
        gates = self.gates(torch.cat([scalars, gathered[:, 0], length], dim=1))
        plain, inner, *along = gates.chunk(2 if self.last else 3, dim=1)
        scalars = self.scalars(scalars + plain + inner * (turned * other).sum(dim=1))
        if self.last:
            return scalars
        return torch.cat([scalars[:, None], vectors + along[0][:, None] * turned], dim=1)

    def message(
        self, sources_j: Tensor, vectors_j: Tensor, filters: Tensor, direction: Tensor
    ) -> Tensor:
        """The message of a neighbour to scalars and vectors, shape [e, 1 + d, hidden]."""
        scalars, kept, pointing = (sources_j * filters).chunk(3, dim=1)
        vectors = kept[:, None] * vectors_j + pointing[:, None] * direction[:, :, None]
        return torch.cat([scalars[:, None], vectors], dim=1)


@MODELS.register("equivariant")
class EquivariantNet(InteractionNet):
    """Classifier on periodic neighbour graphs that sees angles as well as distances.

    The inner features of a particle are scalars, which are invariant under rotation and reflection,
    and vectors, which rotate with the configuration. Only scalars are pooled and explained. An
    explanation at an inner interaction therefore misses what the vectors carry on from there.

    Args:
        n_species: Number of species in the one-hot input.
        r_max: Cutoff of the graph, in units of length.
        hidden: Number of scalars, and of vectors, per particle.
        n_layers: Number of interactions, at least 1; each widens the receptive field by `r_max`.
        n_radial: Radial functions per pair.
        pooling: ``"mean"``, ``"sum"``, ``"max"`` or ``"attention"``.
        dropout: Probability of dropping a feature in training.
        n_classes: Number of classes.
        n_fields: Number of fields of each particle; the recipe's indicators.

    Raises:
        InputError: If there is no interaction, because directions would have no effect.
    """

    takes: ClassVar = ("x", "edge_index", "edge_vector", "batch")

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
        n_fields: int = 0,
    ) -> None:
        require_interactions(n_species, hidden, n_layers, n_radial, n_fields)
        if n_layers < 1:
            raise InputError(
                f"n_layers is {n_layers}; expected at least 1: directions enter by interactions."
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
            (
                EquivariantInteraction(hidden, n_radial, dropout, last=k == n_layers - 1)
                for k in range(n_layers)
            ),
        )
        names = [f"interactions.{k}.scalars" for k in range(n_layers)]
        self.particle_layers = ("embed", *names)
        self.explained_layer = self.particle_layers[-1]

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_vector: Tensor, batch: Tensor | None = None
    ) -> Tensor:
        """Graph logits.

        Args:
            x: One-hot species, then fields, shape [n, n_species + n_fields].
            edge_index: Source (neighbour) and target (centre) of each edge, shape [2, e].
            edge_vector: Shortest image of r_j − r_i for the edge from j to i, shape [e, d].
            batch: Graph of each particle, shape [n]; one graph if None.

        Returns:
            Logits, shape [n_graphs, n_classes].
        """
        return super().forward(x, edge_index, edge_vector, batch)

    def edge_features(self, geometry: Tensor) -> Tensor:
        """Radial functions and direction of each edge: shape [e, d] -> [e, n_radial + d]."""
        radial = self.radial(torch.linalg.vector_norm(geometry, dim=1))
        return torch.cat([radial, nn.functional.normalize(geometry, dim=1)], dim=1)

    def embedding(self, x: Tensor, edge_index: Tensor, edges: Tensor) -> Tensor:
        """Initial scalars of every particle and zero vectors, shape [n, 1 + d, hidden]."""
        radial, direction = edges.tensor_split([len(self.radial.centers)], dim=1)
        scalars = super().embedding(x, edge_index, radial)
        vectors = scalars.new_zeros(len(scalars), direction.shape[1], scalars.shape[1])
        return torch.cat([scalars[:, None], vectors], dim=1)
