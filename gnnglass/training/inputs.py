"""Which recipe feeds which network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gnnglass.errors import InputError
from gnnglass.graphs import GraphRecipe
from gnnglass.models import MODELS, ClassifierNet
from gnnglass.voxels import VoxelRecipe

AnyRecipe = GraphRecipe | VoxelRecipe


def recipe_for(
    model: str, dimension: int, type_names: Sequence[str] = ("A", "B"), **parameters: Any
) -> AnyRecipe:
    """The recipe that a registered network reads, with its default parameters.

    Args:
        model: Registered name of the network.
        dimension: Number of space dimensions, 2 or 3.
        type_names: Species, in the order of the input channels.
        **parameters: In place of the network's defaults, such as ``r_max=1.5``.

    Raises:
        UnknownNameError: If no such network is registered.
        InputError: If the recipe has no such parameter.
    """
    network = MODELS.factory(model)
    assert isinstance(network, type) and issubclass(network, ClassifierNet)
    recipe = GraphRecipe if network.kind == "graph" else VoxelRecipe
    try:
        return recipe(
            type_names=tuple(type_names),
            dimension=dimension,
            **{**network.default_recipe, **parameters},
        )
    except TypeError as error:
        raise InputError(
            f"the {network.kind} recipe of {model!r} cannot be made: {error}; "
            f"its parameters are {', '.join(network.default_recipe)}."
        ) from error


def recipe_from_dict(values: Mapping[str, Any]) -> AnyRecipe:
    """Rebuild the recipe that a classifier was stored with."""
    recipe = GraphRecipe if values["recipe"] == "GraphRecipe" else VoxelRecipe
    return recipe.from_dict(values)


def settled_by_recipe(recipe: AnyRecipe) -> dict[str, Any]:
    """Constructor arguments of a network that follow from what it is fed."""
    settled: dict[str, Any] = {"n_species": len(recipe.type_names)}
    if isinstance(recipe, GraphRecipe):
        return {**settled, "r_max": recipe.r_max}
    return {**settled, "dimension": recipe.dimension}


def create_model(model: str, recipe: AnyRecipe, options: Mapping[str, Any]) -> ClassifierNet:
    """A registered network that fits a recipe.

    Args:
        model: Registered name.
        recipe: How snapshots become its input.
        options: Constructor arguments beyond those the recipe settles.

    Raises:
        UnknownNameError: If no such network is registered.
        InputError: If it reads something else, or has no such argument.
    """
    kind = "graph" if isinstance(recipe, GraphRecipe) else "voxel"
    wanted = getattr(MODELS.factory(model), "kind", kind)
    if kind != wanted:
        raise InputError(
            f"model {model!r} reads a {wanted}, but a {type(recipe).__name__} was given."
        )
    try:
        return MODELS.create(model, **{**settled_by_recipe(recipe), **options})
    except TypeError as error:
        raise InputError(f"model {model!r} cannot be made: {error}.") from error
