"""Class activation maps of networks on grids, read at the particles."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_whole
from gnnglass.errors import InputError
from gnnglass.explain.attribution import ATTRIBUTIONS, Attribution, Classifier
from gnnglass.explain.explained_logit import (
    Squashed,
    find_layer,
    layer_gradient,
    require_labels,
    require_no_influence,
    require_tensor,
    still,
)
from gnnglass.models import VoxelRecipe, arguments_for, sample_periodic
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

Transform = tuple[tuple[int, ...], tuple[bool, ...]]


class VoxelCAM(Attribution):
    """A map made of the features of a layer and their gradient: its value at each particle.

    A network that coarsens its grid depends on where the cells happen to lie, and one with learnt
    filters on handedness. So the map is made for copies of the grid, shifted by fractions of a
    cell and flipped along axes; each is sampled at the accordingly moved particles and the samples
    are averaged.

    Cell j of a layer with stride s is taken to cover voxels s·j to s·j + s − 1, as it does after
    pooling. A strided convolution may centre its cells elsewhere; the flips then cancel the
    offset on average.

    Args:
        layer: Name of the layer in ``model.named_modules()``, whose output has shape
            ``[b, k, *coarse grid]``; ``model.explained_layer`` if None.
        n_shifts: Shifts per axis, evenly spaced within a cell; at most the stride is used.
        flips: Average over all 2^d reflections along the axes.
        batch_size: How many copies are sent through the model at once.

    Raises:
        InputError: If `n_shifts` is not positive.
    """

    kinds = ("voxel",)

    @checks_arguments
    def __init__(
        self,
        layer: str | None = None,
        n_shifts: int = 2,
        flips: bool = True,
        batch_size: int = 8,
    ) -> None:
        # One is no shift.
        require_whole(1, n_shifts=n_shifts, batch_size=batch_size)
        self.layer = layer
        self.n_shifts = n_shifts
        self.flips = flips
        self.batch_size = batch_size

    @abstractmethod
    def combine(self, features: Tensor, gradient: Tensor) -> Tensor:
        """The signed map of each grid, shape ``[b, *coarse grid]``.

        Args:
            features: h_k(x), shape ``[b, n_channels, *coarse grid]``.
            gradient: ∂y/∂h_k(x), of the same shape.
        """

    def check(self, model: nn.Module) -> None:
        """Refuse a network that lacks the layer."""
        find_layer(model, self.layer)

    def scores(
        self, classifier: Classifier, snapshots: Sequence[Snapshot], column: int
    ) -> list[FloatArray]:
        """Scores of each snapshot's particles for the class in `column`; see `compute`."""
        network, recipe = still(classifier.model), classifier.recipe
        assert isinstance(recipe, VoxelRecipe)
        results: list[FloatArray] = []
        for snapshot in snapshots:
            (grids,) = arguments_for(network, [recipe(snapshot)])
            if not results:
                n_classes = self._require_explainable(network, grids, column)
                require_labels(network, n_classes, classifier.labels)
            places = snapshot.positions / snapshot.box + 0.5
            results.append(self._average(network, grids[0], places, column))
        return results

    def _require_explainable(self, network: nn.Module, grids: Tensor, column: int) -> int:
        """Refuse a network of which a map would be wrong; returns how many classes it has.

        Args:
            network: In evaluation mode.
            grids: One grid, shape [1, c, *grid].
            column: Index of the explained class.
        """
        name = type(network).__name__
        axes = tuple(range(2, grids.dim()))
        with torch.no_grad():
            with Squashed() as squashed:
                alone = network(grids)
            _logits(alone, 1, column, name)
            squashed.require_logits(alone, name)
            if self.flips or self.n_shifts > 1:
                # What a batch is made of: copies of a grid.
                among = network(torch.cat([grids, grids.flip(axes)]))
                _logits(among, 2, column, name)
                require_no_influence(among[0], alone[0], lambda: network(grids)[0], name)
        return alone.shape[1]

    def _average(
        self, model: nn.Module, grid: Tensor, places: FloatArray, column: int
    ) -> FloatArray:
        """Mean over the copies of the map at the places, shape [n]."""
        size = tuple(grid.shape[1:])
        # The first copy, the grid as it is, tells the stride that the others depend on.
        first: Transform = ((0,) * len(size), (False,) * len(size))
        maps = self._maps(model, grid[None], column)
        total = sample_periodic(maps[0], places)
        others = [t for t in self._transforms(size, maps.shape[1:]) if t != first]
        for start in range(0, len(others), self.batch_size):
            part = others[start : start + self.batch_size]
            copies = torch.stack([_transformed(grid, transform) for transform in part])
            for transform, copy in zip(part, self._maps(model, copies, column), strict=True):
                total += sample_periodic(copy, _moved(places, transform, size))
        return np.asarray(total / (len(others) + 1))

    def _transforms(self, size: Sequence[int], coarse: Sequence[int]) -> list[Transform]:
        if any(fine % cells for fine, cells in zip(size, coarse, strict=True)):
            raise InputError(
                f"a grid of {_by(size)} voxels becomes {_by(coarse)} cells in the explained "
                "layer, which is not a whole stride; set VoxelRecipe(multiple=…) to the "
                "network's stride."
            )
        strides = [fine // cells for fine, cells in zip(size, coarse, strict=True)]
        shifts = [
            sorted({stride * step // self.n_shifts for step in range(self.n_shifts)})
            for stride in strides
        ]
        flips = [(False, True) if self.flips else (False,)] * len(size)
        return list(itertools.product(itertools.product(*shifts), itertools.product(*flips)))

    def _maps(self, model: nn.Module, grids: Tensor, column: int) -> FloatArray:
        """Signed maps of a batch of grids, shape ``[b, *coarse grid]``."""

        def logit(output: Tensor) -> Tensor:
            return _logits(output, len(grids), column, type(model).__name__).sum()

        features, gradient = layer_gradient(model, self.layer, lambda: model(grids), logit)
        if features.dim() != grids.dim() or len(features) != len(grids):
            raise InputError(
                f"the explained layer gives shape {list(features.shape)}; expected "
                f"[{len(grids)}, n_channels] and {grids.dim() - 2} grid axes: name a layer before "
                "the pooling over space."
            )
        return self.combine(features, gradient).double().cpu().numpy()


def _logits(output: Any, n_grids: int, column: int, name: str) -> Tensor:
    """The explained logit of each grid, shape [n_grids], from a network's output."""
    require_tensor(output, name)
    if output.dim() != 2 or len(output) != n_grids or column >= output.shape[1]:
        raise InputError(
            f"{name} gives an output of shape {list(output.shape)} for {n_grids} grids, and class "
            f"{column} is explained; expected one row of logits per grid with an entry for each "
            "class."
        )
    logits: Tensor = output[:, column]
    return logits


def _transformed(grid: Tensor, transform: Transform) -> Tensor:
    """The grid, shape [c, *grid], shifted and then flipped."""
    shift, flip = transform
    axes = range(1, grid.dim())
    rolled = grid.roll(shift, tuple(axes))
    return rolled.flip([axis for axis, flipped in zip(axes, flip, strict=True) if flipped])


def _moved(places: FloatArray, transform: Transform, size: Sequence[int]) -> FloatArray:
    """Where the places, shape [n, d], are in the transformed grid."""
    shift, flip = transform
    shifted = places + np.array(shift) / np.array(size)
    return np.asarray(np.where(flip, 1 - shifted, shifted))


def _by(counts: Sequence[int]) -> str:
    return " × ".join(str(count) for count in counts)


@ATTRIBUTIONS.register("voxel-gradcam")
class VoxelGradCAM(VoxelCAM):
    """Grad-CAM of a periodic CNN: the map's value at each particle.

    With features h_k(x) of the layer on its (coarser) grid of Z cells and the class logit y_c,

        α_k = (1/Z) Σ_x ∂y_c/∂h_k(x),    map(x) = Σ_k α_k h_k(x)

    (Selvaraju et al., ICCV 2017, eqs. 1 and 2, without the ReLU), averaged over copies of the
    grid. Where mean or sum pooling follows the layer directly, it is `VoxelHiResCAM`.

    Args: see `VoxelCAM`.
    """

    label = "Grad-CAM of a CNN"
    formula = (
        r"\alpha_k = \frac1Z \sum_x \frac{\partial y}{\partial h_k(x)},\quad "
        r"s_i = \sum_k \alpha_k h_k(x_i)"
    )

    def combine(self, features: Tensor, gradient: Tensor) -> Tensor:
        """Σ_k α_k h_k(x), shape ``[b, *coarse grid]``."""
        space = tuple(range(2, features.dim()))
        alpha = gradient.mean(dim=space, keepdim=True)
        return (alpha * features).sum(dim=1)


@ATTRIBUTIONS.register("voxel-hirescam")
class VoxelHiResCAM(VoxelCAM):
    """HiResCAM of a periodic CNN: the map's value at each particle.

    With features h_k(x) of the layer on its (coarser) grid and the class logit y_c,

        map(x) = Σ_k (∂y_c/∂h_k(x)) h_k(x)

    (Draelos & Carin, arXiv 2011.08891), averaged over copies of the grid.

    Args: see `VoxelCAM`.
    """

    label = "HiResCAM of a CNN"
    formula = r"s_i = \sum_k \frac{\partial y}{\partial h_k(x_i)} h_k(x_i)"

    def combine(self, features: Tensor, gradient: Tensor) -> Tensor:
        """Σ_k g_k(x) h_k(x), shape ``[b, *coarse grid]``."""
        return (gradient * features).sum(dim=1)
