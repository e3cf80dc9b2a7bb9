"""The layers of a model, by name: finding one, and changing its output on the way."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from gnnglass.errors import InputError, UnknownNameError


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
