"""Integrated gradients: what each particle's environment adds to the logit of mean ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from gnnglass.errors import InputError
from gnnglass.explain.attribution import ATTRIBUTIONS
from gnnglass.explain.feature_attribution import FeatureAttribution, Logits

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
    neighbours at the same distances, all had the mean radial counts of their species.

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

    def __init__(self, layer: str | None = None, n_steps: int = 32, batch_size: int = 8) -> None:
        super().__init__(layer, batch_size)
        if n_steps < 1:
            raise InputError(f"n_steps is {n_steps}; expected at least 1.")
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
