"""HiResCAM for convolutional networks on periodic grids, sampled at the particles."""

from __future__ import annotations

from torch import Tensor

from gnnglass.explain.attribution import ATTRIBUTIONS
from gnnglass.explain.voxel_cam import VoxelCAM


@ATTRIBUTIONS.register("voxel-hirescam")
class VoxelHiResCAM(VoxelCAM):
    """HiResCAM of a periodic CNN: the map's value at each particle.

    With features h_k(x) of the layer on its (coarser) grid and the class logit y_c,

        map(x) = Σ_k (∂y_c/∂h_k(x)) h_k(x)

    (Draelos & Carin, arXiv 2011.08891), averaged over copies of the grid.

    Args: see `VoxelCAM`.
    """

    def combine(self, features: Tensor, gradient: Tensor) -> Tensor:
        """Σ_k g_k(x) h_k(x), shape ``[b, *coarse grid]``."""
        return (gradient * features).sum(dim=1)
