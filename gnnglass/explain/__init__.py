"""On what grounds does the network decide? Attributions turn a decision into a field."""

from gnnglass.explain.attention_rollout import AttentionRollout
from gnnglass.explain.attribution import ATTRIBUTIONS, Attribution, annotate
from gnnglass.explain.feature_attribution import FeatureAttribution
from gnnglass.explain.gnn_explainer import GNNExplainerAttribution
from gnnglass.explain.graph_attribution import GraphAttribution
from gnnglass.explain.graph_cam import GraphCAM
from gnnglass.explain.graph_gradcam import GraphGradCAM
from gnnglass.explain.graph_gradcam_averaged import GraphGradCAMAveraged
from gnnglass.explain.graph_gradcam_plus_plus import GraphGradCAMPlusPlus
from gnnglass.explain.graph_hirescam import GraphHiResCAM
from gnnglass.explain.integrated_gradients import IntegratedGradients
from gnnglass.explain.occlusion import Occlusion
from gnnglass.explain.question import Question
from gnnglass.explain.random import RandomAttribution
from gnnglass.explain.saliency import Saliency
from gnnglass.explain.voxel_cam import VoxelCAM
from gnnglass.explain.voxel_gradcam import VoxelGradCAM
from gnnglass.explain.voxel_hirescam import VoxelHiResCAM

__all__ = [
    "ATTRIBUTIONS",
    "AttentionRollout",
    "Attribution",
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
    "Question",
    "RandomAttribution",
    "Saliency",
    "VoxelCAM",
    "VoxelGradCAM",
    "VoxelHiResCAM",
    "annotate",
]
