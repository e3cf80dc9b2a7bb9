"""Distances as smooth features, and how many neighbours of each species are at each distance."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

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


class RadialCounts(MessagePassing):
    """How many neighbours of each species sit at each distance, standardised per species.

    c_i,(k,b) = Σ_{j of species b} e_k(r_ij), then z_i = (c_i − mean) / deviation, with the mean
    and deviation of the training particles of the *same species as i*. Without this the raw
    counts, nearly equal in both phases, drown the small shifts that tell them apart.

    A particle's counts stand in the columns of its own species, all others are zero, so that a
    linear layer has weights of its own for every species: what a neighbour at some distance means
    depends on whose neighbour it is (a network per element: Artrith, Morawietz & Behler, Phys.
    Rev. B 83, 153101 (2011)). The energy of a particle is then a linear function of them.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, n_species: int, n_radial: int) -> None:
        super().__init__(aggr="sum")
        n_counts = n_species * n_radial
        self.n_features = n_species * n_counts
        self.register_buffer("mean", torch.zeros(n_species, n_counts))
        self.register_buffer("deviation", torch.ones(n_species, n_counts))

    def standardise(self, graphs: Iterable[tuple[Tensor, Tensor, Tensor]]) -> None:
        """Set mean and deviation, per species, from (x, edge_index, radial) of training graphs."""
        counts, x = [], []
        with torch.no_grad():
            for one_hot, edge_index, radial in graphs:
                counts.append(self.counts(one_hot, edge_index, radial))
                x.append(one_hot)
        stacked, species = torch.cat(counts).double(), torch.cat(x).argmax(dim=1)
        for k in range(len(self.mean)):
            mine = stacked[species == k]
            if len(mine) > 1:
                self.mean[k] = mine.mean(dim=0)
                # Radial functions that no pair reaches have no spread; leave them unscaled.
                self.deviation[k] = mine.std(dim=0).clamp_min(1e-2)

    def forward(self, x: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """Standardised counts in the columns of one's species, [n, n_species² * n_radial]."""
        counts = self.counts(x, edge_index, radial)
        standard = (counts - x @ self.mean) / (x @ self.deviation)
        return (x[:, :, None] * standard[:, None, :]).flatten(1)

    def counts(self, x: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """Counts before standardisation, shape [n, n_species * n_radial]."""
        return self.propagate(edge_index, x=x, radial=radial)

    def message(self, x_j: Tensor, radial: Tensor) -> Tensor:
        """Radial features of the pair, in the columns of the neighbour's species."""
        return (radial[:, :, None] * x_j[:, None, :]).flatten(1)
