"""Arguments that a user wrote are checked; mistakes inside constructors come out as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gnnglass.errors import InputError
from gnnglass.models import create_model, inputs, message_passing, recipe_for
from gnnglass.registry import Registry


def test_a_bug_in_a_network_is_not_a_bad_argument(
    monkeypatch: pytest.MonkeyPatch, bug: Any
) -> None:
    recipe = recipe_for("message-passing", 2)
    monkeypatch.setattr(message_passing, "Interaction", bug)
    with pytest.raises(type(bug.error)) as caught:
        create_model("message-passing", recipe, {})
    assert caught.value is bug.error
    monkeypatch.setattr(inputs.GraphRecipe, "__post_init__", bug)
    with pytest.raises(type(bug.error)) as caught:
        recipe_for("message-passing", 2)
    assert caught.value is bug.error


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"colour": "red"}, "unexpected keyword argument 'colour'; its parameters are n_species"),
        ({"hidden": "many"}, "hidden is 'many', expected int"),
        ({"hidden": 2.5}, "hidden is 2.5, expected int"),
        ({"hidden": True}, "hidden is True, expected int"),
        ({"hidden": 0}, "hidden is 0; expected at least"),
        ({"n_classes": 1}, "n_classes is 1; expected at least 2"),
        ({"dropout": 2}, "dropout is 2; expected a probability"),
        ({"pooling": 1}, "pooling is 1, expected str"),
    ],
)
@pytest.mark.parametrize("model", ["message-passing", "attention", "equivariant", "voxel-cnn"])
def test_bad_arguments_of_networks_are_one_sentence(
    model: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        create_model(model, recipe_for(model, 2), options)
    assert "\n" not in str(caught.value)


def test_more_halvings_than_channels_are_refused_however_many() -> None:
    recipe = recipe_for("voxel-cnn", 2)
    create_model("voxel-cnn", recipe, {"hidden": 4, "n_halvings": 3})
    for n_halvings, message in (
        (4, "hidden is 4; expected at least 8"),
        (10**6, "n_halvings is 1000000; expected at most 62"),
        (10**18, "expected at most 62"),
    ):
        with pytest.raises(InputError, match=message):
            create_model("voxel-cnn", recipe, {"hidden": 4, "n_halvings": n_halvings})


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"cutoff": 3.0}, "unexpected keyword argument 'cutoff'; its parameters are r_max"),
        ({"r_max": "two"}, "r_max is 'two', expected float"),
        ({"dimension": 3}, "dimension follows from the configurations"),
    ],
)
def test_bad_parameters_of_recipes_are_one_sentence(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        recipe_for("message-passing", 2, **parameters)


def test_arguments_are_checked_against_what_is_registered() -> None:
    registry: Registry[Any] = Registry("number", "gnnglass.trajectories")

    @registry.register("sum")
    def add(a: int, b: float | None = None, *rest: Any, **more: Any) -> float:
        return a + (b or 0)

    assert registry.create("sum", a=np.int64(2), b=np.float64(0.5)) == 2.5
    assert registry.create("sum", a=2, b=None, c="anything") == 2
    with pytest.raises(InputError, match=r"number 'sum' cannot be made: missing .* 'a'"):
        registry.create("sum")
    with pytest.raises(InputError, match="b is 'x', expected float or None"):
        registry.create("sum", a=1, b="x")
