"""Grad-CAM for convolutional networks on periodic grids, sampled at the particles."""

from __future__ import annotations

from torch import Tensor

from gnnglass.explain.attribution import ATTRIBUTIONS
from gnnglass.explain.voxel_cam import VoxelCAM


@ATTRIBUTIONS.register("voxel-gradcam")
class VoxelGradCAM(VoxelCAM):
    """Grad-CAM of a periodic CNN: the map's value at each particle.

    With features h_k(x) of the layer on its (coarser) grid of Z cells and the class logit y_c,

        α_k = (1/Z) Σ_x ∂y_c/∂h_k(x),    map(x) = Σ_k α_k h_k(x)

    (Selvaraju et al., ICCV 2017, eqs. 1 and 2, without the ReLU), averaged over copies of the
    grid.

    Args: see `VoxelCAM`.
    """

    def combine(self, features: Tensor, gradient: Tensor) -> Tensor:
        """Σ_k α_k h_k(x), shape ``[b, *coarse grid]``."""
        space = tuple(range(2, features.dim()))
        alpha = gradient.mean(dim=space, keepdim=True)
        return (alpha * features).sum(dim=1)
