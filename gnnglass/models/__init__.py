"""Networks that read a graph or a density grid, the recipes that feed them, one logit per class."""

from gnnglass.models.inputs import (
    AnyRecipe,
    GraphRecipe,
    Recipe,
    VoxelRecipe,
    arguments_for,
    batched,
    collate,
    create_model,
    device_of,
    precision_of,
    recipe_for,
    recipe_from_dict,
    sample_periodic,
    settled_by_recipe,
)
from gnnglass.models.network import GRAPH_INPUTS, MODELS, ClassifierNet, GraphNet, InteractionNet

__all__ = [
    "GRAPH_INPUTS",
    "MODELS",
    "AnyRecipe",
    "ClassifierNet",
    "GraphNet",
    "GraphRecipe",
    "InteractionNet",
    "Recipe",
    "VoxelRecipe",
    "arguments_for",
    "batched",
    "collate",
    "create_model",
    "device_of",
    "precision_of",
    "recipe_for",
    "recipe_from_dict",
    "sample_periodic",
    "settled_by_recipe",
]
