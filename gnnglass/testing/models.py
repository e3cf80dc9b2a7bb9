"""What every registered network must do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from gnnglass.testing.examples import example_snapshot

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from gnnglass.models import ClassifierNet


def check_model(name: str) -> None:
    """Check a registered network: shapes, finite logits and gradients, named layers, memory.

    Raises:
        AssertionError: If the network breaks the contract of `ClassifierNet`.
    """
    import torch

    from gnnglass.models import MODELS, arguments_for
    from gnnglass.training import recipe_for, settled_by_recipe

    for dimension in (2, 3):
        recipe = recipe_for(name, dimension)
        torch.manual_seed(0)
        net = MODELS.create(name, **settled_by_recipe(recipe))
        inputs = [recipe(example_snapshot(dimension, seed=seed)) for seed in (0, 1)]
        net.standardise(inputs)
        arguments = arguments_for(net, inputs)
        logits = net(*arguments)
        assert logits.shape == (2, 2), f"{name}: logits have shape {tuple(logits.shape)}"
        assert torch.isfinite(logits).all(), f"{name}: logits are not finite"
        sites = net.local_logits(*arguments)
        assert sites.ndim == 2 and sites.shape[1] == 2, f"{name}: local logits are not [sites, 2]"
        balls = net.ball_logits(*arguments)
        assert balls.shape == sites.shape, f"{name}: ball logits have shape {tuple(balls.shape)}"
        named = {*net.particle_layers, net.explained_layer}
        unknown = named - {layer for layer, _ in net.named_modules()}
        assert not unknown, f"{name}: no layer {', '.join(sorted(unknown))}"
        assert net.explained_layer in net.particle_layers, f"{name}: explains no particle layer"
        for layer, shape in _layer_shapes(net, arguments).items():
            # Particles are rows; the cells of a grid are the axes after its channels.
            rows = shape[0] * math.prod(shape[2:])
            assert rows == len(sites), f"{name}: {layer} has {rows} rows for {len(sites)} sites"
        logits[:, 0].sum().backward()
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        assert gradients and all(torch.isfinite(g).all() for g in gradients)
        net.eval()
        stored = net.state_dict()
        again = MODELS.create(name, **settled_by_recipe(recipe)).eval()
        again.load_state_dict(stored)
        with torch.no_grad():
            difference = (again(*arguments) - net(*arguments)).abs().max()
        assert difference == 0, f"{name}: its state_dict does not hold all that it learnt"


def _layer_shapes(net: ClassifierNet, arguments: tuple[Tensor, ...]) -> dict[str, torch.Size]:
    """Shapes of what the particle layers give in one call of a network."""
    shapes: dict[str, torch.Size] = {}

    def noting(layer: str) -> Callable[[object, object, Tensor], None]:
        return lambda _module, _inputs, output: shapes.update({layer: output.shape})

    hooks = [
        net.get_submodule(layer).register_forward_hook(noting(layer))
        for layer in net.particle_layers
    ]
    net(*arguments)
    for hook in hooks:
        hook.remove()
    return shapes
