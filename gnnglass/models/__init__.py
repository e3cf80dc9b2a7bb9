"""Networks that read a graph or a voxel grid and answer with one logit per class."""

from gnnglass.models.classifier_net import MODELS, ClassifierNet
from gnnglass.models.inputs import batched, collate

__all__ = ["MODELS", "ClassifierNet", "batched", "collate"]
