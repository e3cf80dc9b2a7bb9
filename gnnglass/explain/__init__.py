"""Which particles made the network decide? Attributions turn a decision into a field."""

from gnnglass.explain import faithfulness
from gnnglass.explain.attention_rollout import AttentionRollout
from gnnglass.explain.attribution import (
    ATTRIBUTIONS,
    Attribution,
    GraphAttribution,
    RandomAttribution,
    annotate,
)
from gnnglass.explain.class_activation import (
    GraphCAM,
    GraphGradCAM,
    GraphGradCAMAveraged,
    GraphGradCAMPlusPlus,
    GraphHiResCAM,
)
from gnnglass.explain.explained_logit import ExplainedLogit
from gnnglass.explain.gnn_explainer import GNNExplainerAttribution
from gnnglass.explain.gradients import FeatureAttribution, IntegratedGradients, Saliency
from gnnglass.explain.occlusion import Occlusion
from gnnglass.explain.voxel_cam import VoxelCAM, VoxelGradCAM, VoxelHiResCAM

__all__ = [
    "ATTRIBUTIONS",
    "AttentionRollout",
    "Attribution",
    "ExplainedLogit",
    "FeatureAttribution",
    "GNNExplainerAttribution",
    "GraphAttribution",
    "GraphCAM",
    "GraphGradCAM",
    "GraphGradCAMAveraged",
    "GraphGradCAMPlusPlus",
    "GraphHiResCAM",
    "IntegratedGradients",
    "Occlusion",
    "RandomAttribution",
    "Saliency",
    "VoxelCAM",
    "VoxelGradCAM",
    "VoxelHiResCAM",
    "annotate",
    "faithfulness",
]
