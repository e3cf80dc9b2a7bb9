"""Networks that read a graph or a voxel grid and answer with one logit per class."""

from gnnglass.models.classifier_net import MODELS, ClassifierNet
from gnnglass.models.graph_net import GraphNet
from gnnglass.models.inputs import arguments_for, batched, collate, device_of

__all__ = [
    "MODELS",
    "ClassifierNet",
    "GraphNet",
    "arguments_for",
    "batched",
    "collate",
    "device_of",
]
