"""What every network of the package has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from gnnglass.registry import Registry


class ClassifierNet(nn.Module, ABC):
    """A network from one kind of input to class logits, with a layer to be explained.

    A subclass keeps its constructor arguments JSON-like, so that they can be stored beside the
    weights. Its `forward` gives one row of logits per configuration; `local_logits` gives one
    per *site* (particle or grid cell), from the same features and the same head, and is what
    training with per-particle labels uses.

    Attributes:
        kind: Which recipe feeds it, ``"graph"`` or ``"voxel"``.
        default_recipe: Parameters of its recipe that work for dense liquids in reduced units.
        explained_layer: Name, in `named_modules`, of the layer attributions look at by default.
    """

    kind: ClassVar[Literal["graph", "voxel"]]
    default_recipe: ClassVar[Mapping[str, float]]
    explained_layer: str

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


MODELS: Registry[ClassifierNet] = Registry("model", "gnnglass.models")
