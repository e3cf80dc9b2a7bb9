"""A network to look into without touching it, and its layers: their output and gradient."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gnnglass.errors import InputError, UnknownNameError, shown


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """Differentiate in the network's own precision, in whatever mode of torch the caller is."""
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
    ):
        yield


def still(model: nn.Module) -> nn.Module:
    """A network in evaluation mode that shares another's numbers, and nothing else.

    Its modes, its hooks and what its modules remember are its own, and no derivatives by its
    parameters are taken. So the network that is explained is never touched, whatever fails, and
    whoever else runs, trains or explains it at the same time.

    Args:
        model: Any module.

    Raises:
        InputError: If it has parameters that are not there yet.
    """
    return _still(model, {}).eval()


def _still(module: nn.Module, made: dict[nn.Module, nn.Module]) -> nn.Module:
    if module in made:
        return made[module]
    if isinstance(module, torch.jit.ScriptModule):
        # What is compiled cannot be taken apart.
        made[module] = copy.deepcopy(module)
        return made[module]
    made[module] = twin = module.__class__.__new__(module.__class__)
    twin.__dict__.update(
        {
            key: copy.copy(value) if key.endswith("_hooks") else value
            for key, value in module.__dict__.items()
        }
    )
    twin.__dict__["_modules"] = {
        name: None if part is None else _still(part, made) for name, part in module._modules.items()
    }
    twin.__dict__["_parameters"] = {
        name: None if value is None else nn.Parameter(_shared(value), requires_grad=False)
        for name, value in module._parameters.items()
    }
    twin.__dict__["_buffers"] = {
        # Some networks count up their buffers even in evaluation mode.
        name: None if value is None else _shared(value).clone()
        for name, value in module._buffers.items()
    }
    return twin


def _shared(value: Tensor) -> Tensor:
    """The same numbers, cut off from what they were made of."""
    if is_lazy(value):
        raise InputError(
            "the network has parameters whose shape is not known yet; run it once before it is "
            "explained."
        )
    # Of what was made in inference mode nothing can be differentiated, but of a copy.
    return value.clone() if value.is_inference() else value.detach()


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
            else f"{type(model).__name__} has no layer {shown(wanted)}"
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


def require_tensor(output: object, name: str) -> None:
    """Refuse an output of a network that is not one tensor of numbers.

    Raises:
        InputError: If so.
    """
    if not isinstance(output, Tensor) or not output.is_floating_point():
        kind = output.dtype if isinstance(output, Tensor) else type(output).__name__
        raise InputError(
            f"{name} gives a {kind}; expected one tensor of logits with a row for each member of "
            "the batch."
        )


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
    cost is one forward pass and a part of one backward pass.

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

    value = logit(through_layer(model, layer, forward, cut))
    gradient = None
    if value.requires_grad:
        (gradient,) = torch.autograd.grad(value, seen, allow_unused=True)
    if gradient is None:
        name, _ = find_layer(model, layer)
        raise InputError(f"the logit does not depend on layer {name!r}; name one that it needs.")
    return seen[0].detach(), gradient
