"""Saliency: how strongly the logit reacts to each particle's environment."""

from __future__ import annotations

from torch import Tensor

from gnnglass.explain.attribution import ATTRIBUTIONS
from gnnglass.explain.feature_attribution import FeatureAttribution, Logits


@ATTRIBUTIONS.register("saliency")
class Saliency(FeatureAttribution):
    """The length of the logit's gradient with respect to a particle's features.

        score_i = [Σ_k (∂y_c/∂z_ik)²]^½

    (after Simonyan, Vedaldi & Zisserman, arXiv 1312.6034, section 3, who take the largest
    ``|∂y_c/∂z_ik|``; the gradient by captum). It is never negative: it tells where the logit is
    sensitive, not for which class a particle speaks.

    Args: see `FeatureAttribution`.
    """

    def attribute(self, logits: Logits, features: Tensor, batch: Tensor) -> Tensor:
        """The Euclidean norm of each node's gradient, shape [n]."""
        from captum.attr import Saliency as Captum

        gradient = Captum(logits).attribute(features.requires_grad_(), abs=False)
        return gradient.flatten(1).norm(dim=1)
