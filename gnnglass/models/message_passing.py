"""An invariant message-passing network: types and distances in, class logits out."""

from __future__ import annotations

from gnnglass.models.network import MODELS, Interaction, InteractionNet, require_interactions


@MODELS.register("message-passing")
class MessagePassingNet(InteractionNet):
    """Classifier on periodic neighbour graphs by messages from species and distances.

    It sees species, distances and fields only, so its logits are invariant under rotation,
    reflection, translation through the periodic box and permutation of particles.

    Args:
        n_species: Number of species in the one-hot input.
        r_max: Cutoff of the graph, in units of length.
        hidden: Width of the particle features.
        n_layers: Number of interactions; each widens the receptive field by `r_max`.
        n_radial: Radial functions per pair; 0 without interactions, for fields alone.
        pooling: ``"mean"``, ``"sum"``, ``"max"`` or ``"attention"``.
        dropout: Probability of dropping a feature in training.
        n_classes: Number of classes.
        n_fields: Number of fields of each particle; the recipe's indicators.
    """

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
        super().__init__(
            n_species,
            r_max,
            hidden,
            n_radial,
            pooling,
            dropout,
            n_classes,
            n_fields,
            (Interaction(hidden, n_radial, dropout) for _ in range(n_layers)),
        )
