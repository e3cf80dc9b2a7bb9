"""On what grounds does the network decide? Attributions turn a decision into a field."""

from gnnglass.explain.attribution import ATTRIBUTIONS, Attribution, annotate
from gnnglass.explain.graph_gradcam import GraphGradCAM
from gnnglass.explain.random import RandomAttribution
from gnnglass.explain.voxel_gradcam import VoxelGradCAM

__all__ = [
    "ATTRIBUTIONS",
    "Attribution",
    "GraphGradCAM",
    "RandomAttribution",
    "VoxelGradCAM",
    "annotate",
]
