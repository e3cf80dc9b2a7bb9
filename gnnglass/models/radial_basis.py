"""Distances as smooth features."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gnnglass.errors import InputError


class RadialBasis(nn.Module):
    """Gaussians of the distance, each fading smoothly to zero at the cutoff.

    e_k(r) = exp[−(r − μ_k)² / 2w²] · ½[cos(π r / r_max) + 1]: Behler–Parrinello radial
    functions (Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007), eqs. 3 and 4). Because
    of the envelope, a neighbour that crosses the cutoff changes nothing abruptly.

    Args:
        r_max: Cutoff, in units of length.
        n_radial: Number of Gaussians, at least 2: their spacing is their width.
        r_min: Centre of the first Gaussian; pairs closer than this do not occur in dense
            liquids, so that no function is spent on them.

    Raises:
        InputError: If there are fewer than two Gaussians.
    """

    centers: Tensor

    def __init__(self, r_max: float, n_radial: int, r_min: float = 0.6) -> None:
        super().__init__()
        if n_radial < 2:
            raise InputError(
                f"n_radial is {n_radial}; expected at least 2 radial functions, because their "
                "spacing is their width."
            )
        self.r_max = r_max
        self.register_buffer("centers", torch.linspace(r_min, r_max, n_radial), persistent=False)
        self.width = (r_max - r_min) / (n_radial - 1)

    def forward(self, distance: Tensor) -> Tensor:
        """Features of each distance, shape [n_pairs] -> [n_pairs, n_radial]."""
        gaussians = torch.exp(-0.5 * ((distance[:, None] - self.centers) / self.width).square())
        envelope = 0.5 * (torch.cos(math.pi * distance / self.r_max) + 1)
        return gaussians * envelope[:, None]
