"""What every network of the package has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from gnnglass.registry import Registry

#: What a network on graphs is called with, unless it says otherwise.
GRAPH_INPUTS = ("x", "edge_index", "edge_distance", "batch")


class ClassifierNet(nn.Module, ABC):
    """A network from one kind of input to class logits, with a layer to be explained.

    A subclass keeps its constructor arguments JSON-like, so that they can be stored beside the
    weights. Its `forward` gives one row of logits per configuration; `local_logits` gives one
    per *site* (particle or grid cell), and `ball_logits` one per site and its surroundings, from
    the same features and the same head: what training with local labels uses.

    Attributes:
        kind: Which recipe feeds it, ``"graph"`` or ``"voxel"``.
        default_recipe: Parameters of its recipe that work for dense liquids in reduced units.
        takes: What of a graph its `forward` is given, in this order; a grid is all there is of a
            configuration, and this is of no meaning then.
        explained_layer: Name, in `named_modules`, of the layer attributions look at by default.
        particle_layers: Names of all layers whose outputs have a row per site, first to last.
    """

    kind: ClassVar[Literal["graph", "voxel"]]
    default_recipe: ClassVar[Mapping[str, float]]
    takes: ClassVar[tuple[str, ...]] = GRAPH_INPUTS
    explained_layer: str
    particle_layers: tuple[str, ...]

    @abstractmethod
    def standardise(self, inputs: Sequence[Any]) -> None:
        """Set the fixed input normalisation from training inputs (PyG Data, or grids).

        Normalising by statistics of the training set, instead of by those of a batch, keeps the
        phase of a batch visible: BatchNorm over configurations of one phase removes it.
        """

    @abstractmethod
    def forward(self, *inputs: Any) -> Tensor:
        """Logits, shape [n_configurations, n_classes]."""

    @abstractmethod
    def local_logits(self, *inputs: Any) -> Tensor:
        """Logits of every site, shape [n_sites, n_classes]."""

    @abstractmethod
    def ball_logits(self, *inputs: Any) -> Tensor:
        """Mean of the logits in a ball around every site, shape [n_sites, n_classes]."""


MODELS: Registry[ClassifierNet] = Registry("model", "gnnglass.models")
