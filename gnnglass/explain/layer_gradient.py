"""The features of a layer and the gradient of a logit with respect to them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gnnglass.errors import InputError
from gnnglass.explain.evaluating import evaluating
from gnnglass.explain.layers import find_layer, through_layer


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
