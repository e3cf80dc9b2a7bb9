"""The features of a layer and the gradient of a logit with respect to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gnnglass.errors import InputError, UnknownNameError


def layer_gradient(
    model: nn.Module,
    layer: str | None,
    forward: Callable[[], Tensor],
    logit: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """Run a model once forward, and backward from a scalar to one of its layers.

    The graph is cut at the layer, so nothing before it and no parameter is differentiated: the
    cost is one forward pass and a part of one backward pass. The model runs in evaluation mode
    and is left as it was found, without hooks or gradients.

    Args:
        model: Any module.
        layer: Name of the layer in ``model.named_modules()``; ``model.explained_layer`` if None.
        forward: Calls the model.
        logit: From the model's output to the scalar that is differentiated.

    Returns:
        The layer's output h and ∂logit/∂h, of the same shape.

    Raises:
        UnknownNameError: If the model has no such layer; the message lists those it has.
        InputError: If the layer does not give one tensor, once, that the logit depends on.
    """
    name, module = find_layer(model, layer)
    seen: list[Tensor] = []

    def cut(_module: nn.Module, _inputs: object, output: object) -> Tensor:
        if not isinstance(output, Tensor) or not output.is_floating_point():
            raise InputError(
                f"layer {name!r} gives a {type(output).__name__}; expected one tensor of floating "
                "point numbers: name a layer inside it or after it."
            )
        features = output.detach().requires_grad_()
        seen.append(features)
        # A copy goes on, because what follows may work in place.
        return features.clone()

    with evaluating(model), torch.enable_grad():
        handle = module.register_forward_hook(cut)
        try:
            output = forward()
        finally:
            handle.remove()
        if len(seen) != 1:
            raise InputError(
                f"layer {name!r} ran {len(seen)} times in one forward pass; expected a layer that "
                "runs once."
            )
        value = logit(output)
        gradient = None
        if value.requires_grad:
            (gradient,) = torch.autograd.grad(value, seen, allow_unused=True)
    if gradient is None:
        raise InputError(f"the logit does not depend on layer {name!r}; name one that it needs.")
    return seen[0].detach(), gradient


def find_layer(model: nn.Module, layer: str | None) -> tuple[str, nn.Module]:
    """The name and module of a layer; the model's own choice if `layer` is None.

    Raises:
        UnknownNameError: If the model has no such layer, or no choice of its own.
    """
    modules = {name: module for name, module in model.named_modules() if name}
    wanted = layer if layer is not None else getattr(model, "explained_layer", None)
    if not isinstance(wanted, str) or wanted not in modules:
        problem = (
            f"{type(model).__name__} names no explained_layer of its own"
            if wanted is None
            else f"{type(model).__name__} has no layer {wanted!r}"
        )
        raise UnknownNameError(f"{problem}; choose one of: {', '.join(modules) or 'none'}.")
    return wanted, modules[wanted]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Run a model in evaluation mode, and leave every part of it as it was found."""
    # Parts of a model may be frozen in evaluation mode on purpose, so each flag is restored.
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, flag in training.items():
            module.training = flag
