"""Attributions of a logit to features of the particles: saliency and integrated gradients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch_geometric.utils import scatter

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_memory, require_whole
from gnnglass.errors import InputError
from gnnglass.explain.attribution import ATTRIBUTIONS, GraphAttribution
from gnnglass.explain.explained_logit import ExplainedLogit, require_rows, through_layer
from gnnglass.models import GraphNet

#: From features of all particles, shape [n, ...], to the logit of each graph, shape [n_graphs].
Logits = Callable[[Tensor], Tensor]


class FeatureAttribution(GraphAttribution):
    """An attribution that asks how the logit changes with some features of the particles.

    The features are the output of a layer. For a `GraphNet` it is ``counts``: how many neighbours
    of each species a particle has at each distance, and its fields if the recipe has indicators,
    standardised for particles of its species. In zero, they are the mean environment of the species
    among the training particles. What later layers read off distances stays as it is. For any other
    module it is the node features ``x`` themselves.

    captum takes the first axis of what it is given for independent samples; of features it is
    the particles. So a method is given one function, of the features of the whole batch, in which
    all else is fixed, and must call it with features of that very shape.

    Args:
        layer: Name of the layer in ``model.named_modules()``, whose output has one row per node;
            as said above if None.
        batch_size: How many snapshots `compute` sends through the model at once.
    """

    @checks_arguments
    def __init__(self, layer: str | None = None, batch_size: int = 8) -> None:
        super().__init__(batch_size)
        self.layer = layer

    def explained_layers(self, model: nn.Module) -> Sequence[str]:
        """The layer whose output the features are; none if they are the node features."""
        layer = self.layer or ("counts" if isinstance(model, GraphNet) else None)
        return () if layer is None else (layer,)

    @abstractmethod
    def attribute(self, logits: Logits, features: Tensor, batch: Tensor) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n].

        Args:
            logits: What is explained; the logit of a graph depends on its own nodes alone.
            features: Where, shape [n, ...].
            batch: Graph of each node, shape [n].
        """

    def node_scores(self, explained: ExplainedLogit) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n]."""
        model = explained.model
        layer = next(iter(self.explained_layers(model)), None)

        def logits(features: Tensor) -> Tensor:
            if layer is None:
                value = explained.logit(explained.output(x=features))
            else:
                # A copy goes on, because what follows may work in place.
                value = explained.logit(
                    through_layer(model, layer, explained.output, lambda _: features.clone())
                )
            if torch.is_grad_enabled() and not value.requires_grad:
                raise InputError(
                    f"the logit does not depend on {layer or 'x'}; name a layer that it needs."
                )
            return value

        features = explained.x if layer is None else _output_of(explained, layer)
        require_rows(features, len(explained.x))
        if not features.is_floating_point():
            raise InputError(
                f"x is {features.dtype}, by which nothing can be differentiated; name a layer "
                "after it, such as an embedding."
            )
        return self.attribute(logits, features.detach(), explained.batch)


def _output_of(explained: ExplainedLogit, layer: str) -> Tensor:
    seen: list[Tensor] = []

    def look(output: Tensor) -> Tensor:
        seen.append(output.clone())
        return output

    with torch.no_grad():
        through_layer(explained.model, layer, explained.output, look)
    return seen[0]


@ATTRIBUTIONS.register("saliency")
class Saliency(FeatureAttribution):
    """The length of the logit's gradient with respect to a particle's features.

        score_i = [Σ_k (∂y_c/∂z_ik)²]^½

    (after Simonyan, Vedaldi & Zisserman, arXiv 1312.6034, section 3, who take the largest
    ``|∂y_c/∂z_ik|``; the gradient by captum). It is never negative: it tells where the logit is
    sensitive, not for which class a particle speaks.

    Args: see `FeatureAttribution`.
    """

    signed = False
    label = "saliency"
    formula = r"s_i = \Big[\sum_k \Big(\frac{\partial y}{\partial z_{ik}}\Big)^2\Big]^{1/2}"

    def attribute(self, logits: Logits, features: Tensor, batch: Tensor) -> Tensor:
        """The Euclidean norm of each node's gradient, shape [n]."""
        from captum.attr import Saliency as Captum

        gradient = Captum(logits).attribute(features.requires_grad_(), abs=False)
        return gradient.flatten(1).norm(dim=1)


#: Of the difference between the logits, how much the scores may miss; see `IntegratedGradients`.
TOLERANCE = 0.01
#: Differences below this share of the scores' absolute sum are not resolved any better than it.
CANCELLING = 0.01
#: The path is halved, and its pieces again, at most so often.
HALVINGS = 8


@ATTRIBUTIONS.register("integrated-gradients")
class IntegratedGradients(FeatureAttribution):
    """The difference that the features make to the logit, divided among the particles.

        score_i = Σ_k z_ik ∫₀¹ ∂y_c/∂z_ik (t z) dt

    (Sundararajan, Taly & Yan, ICML 2017, eq. 1, with the baseline zero; the integral by
    Gauss–Legendre quadrature, by captum). The scores of a graph add up to y_c(z) − y_c(0): for a
    `GraphNet`, to what distinguishes this graph from one whose particles, with the same
    neighbours at the same distances, all had the mean radial counts and fields of their species.

    They do so to 1 %, which is checked: if the scores of a graph do not, the path is cut into
    twice as many pieces, each with a quadrature of its own. Smooth networks need one piece; max
    pooling, whose gradient jumps along the path, needs more. Where the parts of a graph cancel to
    less than 1 % of the sum of their absolute values, 1 % of the latter stands for the difference.

    Args:
        layer: See `FeatureAttribution`.
        n_steps: Points of the quadrature of a piece, a forward and a backward pass each.
        batch_size: How many snapshots `compute` sends through the model at once.

    Raises:
        InputError: If `n_steps` is not positive.
    """

    label = "integrated gradients"
    formula = r"s_i = \sum_k z_{ik} \int_0^1 \frac{\partial y}{\partial z_{ik}}(t z)\, \mathrm dt"

    @checks_arguments
    def __init__(self, layer: str | None = None, n_steps: int = 32, batch_size: int = 8) -> None:
        super().__init__(layer, batch_size)
        require_whole(1, n_steps=n_steps)
        # Of the matrix whose eigenvalues the points are.
        require_memory(8 * n_steps**2, f"a quadrature of {n_steps:.3g} points")
        self.n_steps = n_steps

    def attribute(self, logits: Logits, features: Tensor, batch: Tensor) -> Tensor:
        """The integrated gradients, summed over the features of a node, shape [n]."""
        with torch.no_grad():
            difference = logits(features) - logits(torch.zeros_like(features))
        for halvings in range(HALVINGS + 1):
            scores = self._integrated(logits, features, 2**halvings)
            missing = (scatter(scores, batch, reduce="sum") - difference).abs()
            cancelling = CANCELLING * scatter(scores.abs(), batch, reduce="sum")
            if (missing <= TOLERANCE * torch.maximum(difference.abs(), cancelling)).all():
                return scores
        raise InputError(
            f"integrated gradients miss up to {float(missing.max()):.2g} of the logit's difference "
            f"after {2**HALVINGS} × {self.n_steps} steps; give more n_steps, or another layer."
        )

    def _integrated(self, logits: Logits, features: Tensor, n_pieces: int) -> Tensor:
        from captum.attr import IntegratedGradients as Captum

        # captum lays the steps end to end along the first axis; as many rows at once as there are
        # particles make it take one step at a time.
        total = torch.zeros_like(features)
        for piece in range(n_pieces):
            total += Captum(logits).attribute(
                features * ((piece + 1) / n_pieces),
                baselines=features * (piece / n_pieces),
                n_steps=self.n_steps,
                internal_batch_size=len(features),
            )
        return total.flatten(1).sum(dim=1)
