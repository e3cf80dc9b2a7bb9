"""Networks on graphs or density grids, and the recipes that make their input from snapshots."""

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
    join_balls,
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
    "join_balls",
    "precision_of",
    "recipe_for",
    "recipe_from_dict",
    "sample_periodic",
    "settled_by_recipe",
]
