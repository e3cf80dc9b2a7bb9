"""The layers of a model by name: finding one, changing its output, its features and gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gnnglass.errors import InputError, UnknownNameError


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Run a model in evaluation mode, without derivatives by its parameters, and restore it."""
    # Parts of a model may be frozen on purpose, so each flag is restored by itself.
    training = {module: module.training for module in model.modules()}
    trainable = {parameter: parameter.requires_grad for parameter in model.parameters()}
    model.eval().requires_grad_(False)
    try:
        yield
    finally:
        for module, flag in training.items():
            module.training = flag
        for parameter, flag in trainable.items():
            parameter.requires_grad_(flag)


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


def through_layer(
    model: nn.Module,
    layer: str | None,
    forward: Callable[[], Tensor],
    change: Callable[[Tensor], Tensor],
) -> Tensor:
    """Run a model once, with the output h of one of its layers replaced by `change(h)`.

    Args:
        model: Any module.
        layer: Name of the layer in ``model.named_modules()``; ``model.explained_layer`` if None.
        forward: Calls the model.
        change: From the layer's output to what goes on in its place.

    Returns:
        What `forward` gives.

    Raises:
        UnknownNameError: If the model has no such layer; the message lists those it has.
        InputError: If the layer does not give one tensor of numbers, once.
    """
    name, module = find_layer(model, layer)
    runs = 0

    def intervene(_module: nn.Module, _inputs: object, output: object) -> Tensor:
        nonlocal runs
        if not isinstance(output, Tensor) or not output.is_floating_point():
            raise InputError(
                f"layer {name!r} gives a {type(output).__name__}; expected one tensor of floating "
                "point numbers: name a layer inside it or after it."
            )
        runs += 1
        return change(output)

    handle = module.register_forward_hook(intervene)
    try:
        output = forward()
    finally:
        handle.remove()
    if runs != 1:
        raise InputError(
            f"layer {name!r} ran {runs} times in one forward pass; expected a layer that runs once."
        )
    return output


def require_rows(features: Tensor, n_nodes: int) -> None:
    """Refuse features of a layer that do not have one row per node.

    Raises:
        InputError: If so.
    """
    if features.dim() < 2 or len(features) != n_nodes:
        raise InputError(
            f"the explained layer gives shape {list(features.shape)}; expected "
            f"[{n_nodes}, n_features], one row per node: name a layer before the pooling."
        )


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
    seen: list[Tensor] = []

    def cut(output: Tensor) -> Tensor:
        seen.append(output.detach().requires_grad_())
        # A copy goes on, because what follows may work in place.
        return seen[-1].clone()

    with evaluating(model), torch.enable_grad():
        value = logit(through_layer(model, layer, forward, cut))
        gradient = None
        if value.requires_grad:
            (gradient,) = torch.autograd.grad(value, seen, allow_unused=True)
    if gradient is None:
        name, _ = find_layer(model, layer)
        raise InputError(f"the logit does not depend on layer {name!r}; name one that it needs.")
    return seen[0].detach(), gradient
