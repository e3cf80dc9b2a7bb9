"""A periodic convolutional network on density grids, in two and three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from gnnglass._options import require_probability, require_whole
from gnnglass.errors import InputError
from gnnglass.models.network import (
    MODELS,
    ClassifierNet,
    Head,
    make_pooling,
    require_room,
    require_within_box,
    scale_of_fields,
)
from gnnglass.trajectories import Snapshot


class ChannelNorm(nn.Module):
    """LayerNorm over the channels, separately for every cell.

    Normalising over space or over the batch would remove the differences in density that
    distinguish the phases.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, grid: Tensor) -> Tensor:
        """Normalised grid, shape [b, channels, *grid]."""
        return cast(Tensor, self.norm(grid.movedim(1, -1)).movedim(-1, 1))


class ResidualBlock(nn.Module):
    """h ← h + Conv(SiLU(Conv(ChannelNorm(h)))), all convolutions periodic."""

    def __init__(self, dimension: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ChannelNorm(channels),
            periodic_convolution(dimension, channels, channels, 3),
            nn.SiLU(),
            nn.Dropout(dropout),
            periodic_convolution(dimension, channels, channels, 3),
        )

    def forward(self, grid: Tensor) -> Tensor:
        """Updated grid, shape [b, channels, *grid]."""
        return cast(Tensor, grid + self.body(grid))


def periodic_convolution(dimension: int, inputs: int, outputs: int, size: int) -> nn.Module:
    """A convolution that wraps around the box and keeps the grid's shape."""
    convolution = {2: nn.Conv2d, 3: nn.Conv3d}[dimension]
    return convolution(inputs, outputs, size, padding=size // 2, padding_mode="circular")


@MODELS.register("voxel-cnn")
class VoxelCNN(ClassifierNet):
    """Classifier on periodic density grids, the baseline of Oyama, Koyama & Kawasaki (2023).

    The details of their network were not available to us. This one has circular padding, residual
    blocks, a normalisation that keeps the phase visible, and averaging in place of strided
    convolution, so that a shift by a fraction of a cell changes little.

    Of the grids of a field, Σ_{i ∈ s} f_i g(r − r_i), it takes the mean ⟨f⟩_s of the training
    particles off with the help of the density, so that it sees Σ_{i ∈ s} (f_i − ⟨f⟩_s) g(r − r_i):
    where f is as usual, nothing.

    Args:
        n_species: Number of density channels.
        dimension: Number of space dimensions, 2 or 3.
        hidden: Channels of the residual blocks.
        n_halvings: How often the grid is halved before the residual blocks; its edges must be
            multiples of ``2**n_halvings``.
        n_blocks: Residual blocks on the coarse grid.
        pooling: ``"mean"``, ``"sum"``, ``"max"`` or ``"attention"``.
        dropout: Probability of dropping a value in training.
        n_classes: Number of classes.
        n_fields: Number of fields, each of which has a grid per species; the recipe's indicators.
    """

    kind = "voxel"
    default_recipe: ClassVar = {"voxel_size": 0.2, "width": 0.2, "multiple": 4}

    usual: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        n_species: int,
        dimension: int,
        hidden: int = 32,
        n_halvings: int = 2,
        n_blocks: int = 2,
        pooling: str = "mean",
        dropout: float = 0.2,
        n_classes: int = 2,
        n_fields: int = 0,
    ) -> None:
        super().__init__()
        # Edges of a grid are numbers of 64 bits.
        require_whole(0, most=62, n_halvings=n_halvings)
        require_whole(0, n_blocks=n_blocks, n_fields=n_fields)
        # The first convolution has the fewest channels.
        require_whole(2 ** max(n_halvings - 1, 0), hidden=hidden)
        require_whole(1, n_species=n_species)
        require_whole(2, n_classes=n_classes)
        channels = n_species * (1 + n_fields)
        require_room(channels + hidden * (n_classes + 2 * n_blocks * hidden), n_blocks)
        require_probability(dropout=dropout)
        self.n_halvings = n_halvings
        self.n_species = n_species
        # Without fields there is nothing to store.
        usual = torch.zeros(channels - n_species)
        self.register_buffer("usual", usual, persistent=n_fields > 0)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        halve = {2: nn.AvgPool2d, 3: nn.AvgPool3d}[dimension]
        stem: list[nn.Module] = []
        for level in range(n_halvings):
            wider = hidden // 2 ** (n_halvings - 1 - level)
            stem += [
                periodic_convolution(dimension, channels, wider, 5 if level == 0 else 3),
                nn.SiLU(),
                halve(2),
            ]
            channels = wider
        if not n_halvings:
            stem += [periodic_convolution(dimension, channels, hidden, 5), nn.SiLU()]
        self.stem = nn.Sequential(*stem)
        self.blocks = nn.Sequential(
            *(ResidualBlock(dimension, hidden, dropout) for _ in range(n_blocks))
        )
        self.pool = make_pooling(pooling, hidden)
        self.head = Head(hidden, n_classes)
        self.particle_layers = ("stem", *(f"blocks.{k}" for k in range(n_blocks)))
        self.explained_layer = self.particle_layers[-1]

    def standardise(self, inputs: Sequence[Tensor], balls: Sequence[Tensor] = ()) -> None:
        """Set means of fields, and mean and deviation of channels, from training grids."""
        values = torch.cat([grid.flatten(1) for grid in inputs], dim=1).double()
        densities, fields = values.tensor_split([self.n_species])
        # Every Gaussian has the same integral, so that the ratio is a mean over particles.
        n_fields = len(fields) // self.n_species
        present = densities.sum(dim=1).clamp_min(torch.finfo(torch.float64).tiny)
        self.usual.copy_(fields.sum(dim=1) / present.repeat(n_fields))
        values = self._deviations(values[None])[0]
        spread = values.std(dim=1)
        of_densities, of_fields = spread.tensor_split([self.n_species])
        self.mean.copy_(values.mean(dim=1))
        self.deviation.copy_(
            torch.cat(
                [
                    of_densities.clamp_min(1e-6),
                    scale_of_fields(of_fields, fields.abs().amax(dim=1)),
                ]
            )
        )

    def _deviations(self, grid: Tensor) -> Tensor:
        """The grid with deviations from the mean in place of fields, [b, n_channels, *grid]."""
        densities, fields = grid.tensor_split([self.n_species], dim=1)
        usual = self.usual.view(-1, *[1] * (grid.ndim - 2))
        per_field = densities.repeat(1, len(usual) // self.n_species, *[1] * (grid.ndim - 2))
        return torch.cat([densities, fields - usual * per_field], dim=1)

    def features(self, grid: Tensor) -> Tensor:
        """Features of every coarse cell, shape [b, hidden, *coarse grid].

        Raises:
            InputError: If an edge of the grid cannot be halved as often as the network does.
        """
        if any(edge % 2**self.n_halvings for edge in grid.shape[2:]):
            raise InputError(
                f"a grid of {' × '.join(map(str, grid.shape[2:]))} voxels cannot be halved "
                f"{self.n_halvings} times; set the recipe's multiple to {2**self.n_halvings}."
            )
        wide = (1, -1) + (1,) * (grid.ndim - 2)
        deviations = self._deviations(grid)
        standard = (deviations - self.mean.view(wide)) / self.deviation.view(wide)
        return cast(Tensor, self.blocks(self.stem(standard)))

    def forward(self, grid: Tensor) -> Tensor:
        """Logits of each configuration.

        Args:
            grid: Densities, then fields, shape [b, n_species * (1 + n_fields), *grid].

        Returns:
            Logits, shape [b, n_classes].
        """
        cells = self.features(grid).flatten(2)
        batch = torch.arange(len(cells), device=cells.device).repeat_interleave(cells.shape[2])
        return cast(Tensor, self.head(self.pool(cells.movedim(1, 2).flatten(0, 1), batch)))

    def local_logits(self, grid: Tensor) -> Tensor:
        """Logits of every coarse cell, configuration by configuration, shape [b * cells, c]."""
        cells = self.features(grid).flatten(2).movedim(1, 2).flatten(0, 1)
        return cast(Tensor, self.head(cells))

    def ball(self, made: Tensor, snapshot: Snapshot, radius: float) -> Tensor:
        """The share of each coarse cell in the ball around the first one, shape [*coarse grid].

        Cells whose centres are within the radius have the same share, the first one always.
        """
        require_within_box(snapshot, radius)
        squared = torch.zeros((), dtype=torch.float64)
        for count, edge in zip(made.shape[1:], snapshot.box.tolist(), strict=True):
            n_cells = count // 2**self.n_halvings
            # Cells away, in either direction around the box.
            steps = torch.arange(n_cells)
            steps = torch.minimum(steps, n_cells - steps)
            squared = squared[..., None] + (steps * (edge / n_cells)).square()
        # A cell at this very distance is inside, however it is rounded.
        inside = (squared <= radius**2 * (1 + 1e-9)).float()
        return inside / inside.sum()

    def ball_logits(self, grid: Tensor, *, ball: Tensor | None = None) -> Tensor:
        """Mean logits of every coarse cell and the cells around it, shape [b * cells, c].

        Args:
            grid: Densities, then fields, shape [b, n_species * (1 + n_fields), *grid].
            ball: Shares of cells in the ball around the first one, shape [b, *coarse grid]; the
                3^d cells next to each if None.
        """
        logits = self.head(self.features(grid).movedim(1, -1)).movedim(-1, 1)
        axes = tuple(range(2, logits.ndim))
        if ball is not None:
            # A periodic convolution, which does not take longer for a larger ball.
            spectrum = torch.fft.rfftn(logits, dim=axes) * torch.fft.rfftn(ball[:, None], dim=axes)
            logits = torch.fft.irfftn(spectrum, s=logits.shape[2:], dim=axes)
            axes = ()
        for axis in axes:
            logits = (logits + logits.roll(1, axis) + logits.roll(-1, axis)) / 3
        return cast(Tensor, logits.flatten(2).movedim(1, 2).flatten(0, 1))
