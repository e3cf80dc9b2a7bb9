"""What is explained: a number for each graph, by the layers of a network that is not touched.

A network is looked into through a twin, layers give output and gradient, and what cannot be
explained is refused.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode
from torch_geometric.explain.config import ModelMode

from gnnglass.errors import InputError, UnknownNameError, did_you_mean, shown
from gnnglass.models import precision_of


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
            f"{did_you_mean(wanted, modules)}"
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


@dataclass(frozen=True)
class ExplainedLogit:
    """A network, a batch of graphs, and which number of its output is explained for each graph.

    Attributes:
        model: The network.
        x: Node features, shape [n, n_features].
        edge_index: Edges, shape [2, e].
        extras: What else the network is called with, by name, in the order of its arguments. A
            tensor whose first dimension is the number of edges, nodes or graphs is taken to have
            an entry for each of them.
        batch: Graph of each node, shape [n].
        by_keyword: Whether `extras` are passed by name, or in their order.
        target: Explained class of each graph, shape [n_graphs]; in regression, what PyG's
            ``Explainer`` says was predicted.
        mode: Whether the output has a logit per class, one for the second of two classes, or is
            the explained number itself.
    """

    model: nn.Module
    x: Tensor
    edge_index: Tensor
    extras: Mapping[str, Any]
    batch: Tensor
    by_keyword: bool
    target: Tensor
    mode: ModelMode

    @property
    def n_graphs(self) -> int:
        """Number of graphs."""
        return len(self.target)

    def output(
        self,
        x: Tensor | None = None,
        edge_index: Tensor | None = None,
        extras: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """The network's output, for the graphs as they are or with some inputs replaced."""
        # Copies are given away, because the network may work in place.
        x = (self.x if x is None else x).clone()
        edge_index = (self.edge_index if edge_index is None else edge_index).clone()
        extras = {
            name: value.clone() if isinstance(value, Tensor) else value
            for name, value in (self.extras if extras is None else extras).items()
        }
        try:
            if self.by_keyword:
                output = self.model(x, edge_index, **extras)
            else:
                output = self.model(x, edge_index, *extras.values())
        except RuntimeError:
            self._require_precision({"x": x, **extras})
            raise
        require_tensor(output, type(self.model).__name__)
        assert isinstance(output, Tensor)
        return output

    def _require_precision(self, inputs: Mapping[str, Any]) -> None:
        """Refuse numbers of another precision than the network's."""
        precision = precision_of(self.model)
        for name, value in inputs.items():
            if not isinstance(value, Tensor) or not value.is_floating_point():
                continue
            if precision is not None and value.dtype != precision:
                raise InputError(
                    f"{name} is {value.dtype}, the model's parameters are {precision}; convert "
                    "one to the other's type."
                ) from None

    def logit(self, output: Tensor) -> Tensor:
        """The explained number of each graph, shape [n_graphs], from the network's output.

        It is the logit of the target class. A binary output counts for class 1 and, with its
        sign changed, for class 0; in regression it is the output itself.

        Raises:
            InputError: If the output is not one row per graph, or lacks the explained class.
        """
        name = type(self.model).__name__
        multiclass = self.mode == ModelMode.multiclass_classification
        rows = output.reshape(len(output) if output.dim() else 1, -1)
        if len(rows) != self.n_graphs or (not multiclass and rows.shape[1] != 1):
            raise InputError(
                f"{name} gives an output of shape {list(output.shape)} for {self.n_graphs} graphs; "
                f"expected [{self.n_graphs}, {'n_classes' if multiclass else 1}], one row per "
                "graph: it needs a pooling over the particles of each graph."
            )
        if self.mode == ModelMode.regression:
            return rows[:, 0]
        if multiclass and rows.shape[1] == 1:
            raise InputError(
                f"{name} gives one number per graph, and one logit per class was expected; if it "
                "tells two classes apart, explain it through PyG's Explainer with "
                'mode="binary_classification", or "regression" if it is no logit.'
            )
        n_classes = rows.shape[1] if multiclass else 2
        if int(self.target.min()) < 0 or int(self.target.max()) >= n_classes:
            raise InputError(
                f"the target holds the classes {sorted(set(self.target.tolist()))}; {name} knows "
                f"0 to {n_classes - 1}."
            )
        if multiclass:
            return rows.gather(1, self.target[:, None])[:, 0]
        return rows[:, 0] * (2 * self.target - 1)

    def kept(self, nodes: Tensor) -> ExplainedLogit:
        """The same for some of the nodes and the edges between them.

        Graphs of which no node is kept are left out.

        Args:
            nodes: Which nodes, bool, shape [n].
        """
        edges = nodes[self.edge_index].all(dim=0)
        graphs = torch.bincount(self.batch[nodes], minlength=self.n_graphs) > 0
        number = nodes.cumsum(0) - 1
        batch = (graphs.cumsum(0) - 1)[self.batch[nodes]]
        which = {"node": nodes, "edge": edges, "graph": graphs}
        return replace(
            self,
            x=self.x[nodes],
            edge_index=number[self.edge_index[:, edges]],
            extras=self._extras(batch, lambda value, per: value[which[per]]),
            batch=batch,
            target=self.target[graphs],
        )

    def renumbered(self, order: Tensor) -> ExplainedLogit:
        """The same with the nodes in another order.

        Edges are sorted anew by the node that they were sorted by, their target or their source.

        Args:
            order: Which node comes at each place, shape [n].
        """
        number = torch.empty_like(order)
        number[order] = torch.arange(len(order), device=order.device)
        edge_index = number[self.edge_index]
        target = self.edge_index[1]
        by = 1 if bool((target[1:] >= target[:-1]).all()) else 0
        edges = edge_index[by].argsort(stable=True)
        batch = self.batch[order]
        graphs = torch.arange(self.n_graphs, device=order.device)
        which = {"node": order, "edge": edges, "graph": graphs}
        return replace(
            self,
            x=self.x[order],
            edge_index=edge_index[:, edges],
            extras=self._extras(batch, lambda value, per: value[which[per]]),
            batch=batch,
        )

    def repeated(self, times: int) -> ExplainedLogit:
        """The same for this many copies of the graphs, one copy after the other."""

        def copies(value: Tensor) -> Tensor:
            return value.repeat(times, *[1] * (value.dim() - 1))

        def first(per_copy: int, length: int) -> Tensor:
            copy = torch.arange(times, device=self.x.device)
            return (per_copy * copy).repeat_interleave(length)

        n_nodes, n_edges = len(self.x), self.edge_index.shape[1]
        batch = copies(self.batch) + first(self.n_graphs, n_nodes)
        return replace(
            self,
            x=copies(self.x),
            edge_index=self.edge_index.repeat(1, times) + first(n_nodes, n_edges),
            extras=self._extras(batch, lambda value, _per: copies(value)),
            batch=batch,
            target=copies(self.target),
        )

    def _extras(self, batch: Tensor, change: Callable[[Tensor, str], Tensor]) -> dict[str, Any]:
        """The extras with `change(value, per)` for all that there is per node, edge or graph."""
        changed = {}
        for name, value in self.extras.items():
            per = self._per(name, value)
            changed[name] = value if per is None else change(value, per)
        return {**changed, "batch": batch} if "batch" in self.extras else changed

    def _per(self, name: str, value: Any) -> str | None:
        if not isinstance(value, Tensor) or value.dim() == 0:
            return None
        sizes = {"node": len(self.x), "edge": self.edge_index.shape[1], "graph": self.n_graphs}
        # A graph with as many edges as nodes leaves it open; PyG then goes by the name as well.
        order = ("edge", "node", "graph") if "edge" in name else ("node", "edge", "graph")
        return next((per for per in order if len(value) == sizes[per]), None)


#: Of so many nodes of two graphs each is found out whether a network may be explained.
PROBED = 64
#: Logits of a graph alone and among others may differ by this share, ...
INFLUENCE = 1e-4
#: ... by so many of the smallest steps between numbers of order one, ...
STEPS = 100
#: ... or by so many times what the order of the nodes makes of rounding.
ROUNDING = 10
#: Rows that follow the nodes may miss their places by this share of what distinguishes nodes.
MISPLACED = 0.1

#: What follows the nodes, each of shape [n, ...], and the output, of a batch of graphs.
Seen = tuple[list[Tensor], Tensor]


def seen_in(explained: ExplainedLogit, layers: Sequence[str]) -> Seen:
    """The outputs of some layers, and the network's output."""
    rows: list[Tensor] = []

    def look(features: Tensor) -> Tensor:
        require_rows(features, len(explained.x))
        rows.append(features.clone())
        return features

    run: Callable[[], Tensor] = explained.output
    for layer in layers:
        run = partial(through_layer, explained.model, layer, run, look)
    return rows, run()


def require_explainable(explained: ExplainedLogit, see: Callable[[ExplainedLogit], Seen]) -> Tensor:
    """Refuse a network of which a map would be wrong, and say why.

    Maps take for granted that the output is logits, that no graph of a batch influences another,
    and that rows of a layer are nodes in the order of the input. Whether that is so is found out
    with connected parts of two graphs: by what the network makes of them together, and of each
    alone with its nodes in another order. So it costs three forward passes of little graphs,
    whatever the size of those that are explained.

    Args:
        explained: What is to be explained.
        see: What follows the nodes of graphs, and the network's output.

    Returns:
        The network's output for the parts, or for the graphs if it cannot be run on parts.

    Raises:
        InputError: If the network cannot be explained.
    """
    sizes = torch.bincount(explained.batch, minlength=explained.n_graphs)
    largest = sizes.argsort(descending=True, stable=True)[:2].sort()[0].tolist()
    with torch.no_grad():
        # At another place, so that two copies of one graph are told apart.
        parts = [_part(explained, graph, last=place > 0) for place, graph in enumerate(largest)]
        chosen = torch.stack(parts).any(dim=0)
        try:
            return _compared(explained.kept(chosen), range(len(largest)), see)
        except (RuntimeError, ValueError):
            if bool(chosen.all()):
                raise
        # A network may be made for graphs of one size.
        return _compared(explained, largest, see)


def _part(explained: ExplainedLogit, graph: int, last: bool = False) -> Tensor:
    """Which nodes are those around the first or last node of a graph, bool, shape [n]."""
    source, target = explained.edge_index
    mine = explained.batch == graph
    part = torch.zeros_like(mine)
    left = min(PROBED, int(mine.sum()))
    while left:
        reached = torch.zeros_like(mine)
        reached[source[part[target]]] = True
        new = (reached & ~part).nonzero()[:left, 0]
        if not len(new):
            rest = (mine & ~part).nonzero()[:, 0]
            new = rest[-1:] if last else rest[:1]
        part[new] = True
        left -= len(new)
    return part


def _compared(
    together: ExplainedLogit, graphs: Iterable[int], see: Callable[[ExplainedLogit], Seen]
) -> Tensor:
    """Compare graphs of a batch with the same graphs alone; returns the output of the batch."""
    name = type(together.model).__name__
    with Squashed() as squashed:
        rows, output = see(together)
    together.logit(output)
    if together.mode != ModelMode.regression:
        squashed.require_logits(output, name)
    for graph in graphs:
        nodes = together.batch == graph
        alone = together.kept(nodes)
        chance = torch.Generator().manual_seed(0)
        order = torch.randperm(len(alone.x), generator=chance).to(alone.x.device)
        moved_rows, moved = see(alone.renumbered(order))

        def itself(alone: ExplainedLogit = alone) -> Tensor:
            return see(alone)[1].flatten()

        among = output.reshape(together.n_graphs, -1)[graph]
        require_no_influence(among, moved.flatten(), itself, name)
        for found, expected in zip(moved_rows, rows, strict=True):
            _require_same_rows(found.flatten(1), expected[nodes][order].flatten(1), name)
    return output


def require_labels(network: nn.Module, n_classes: int, labels: Sequence[str]) -> None:
    """Refuse a network that does not have a logit for each class.

    Raises:
        InputError: If so.
    """
    if n_classes != len(labels):
        raise InputError(
            f"{type(network).__name__} gives {n_classes} logits, and the classifier has the "
            f"{len(labels)} classes {', '.join(labels)}; expected one logit for each class."
        )


def require_no_influence(
    among: Tensor, moved: Tensor, alone: Callable[[], Tensor], name: str
) -> None:
    """Refuse a network that gives a graph, or grid, other logits among others than alone.

    Args:
        among: Its logits in a batch.
        moved: Its logits alone, in another order of its nodes.
        alone: Computes its logits alone.
        name: What the network is called.

    Raises:
        InputError: If so, or if the network gives something else each time it runs.
    """
    scale = float(among.abs().max())
    resolved = STEPS * torch.finfo(among.dtype).eps * max(scale, 1.0)
    if _distance(among, moved) <= max(INFLUENCE * scale, resolved):
        return
    itself = alone()
    if _distance(itself, alone()) > max(0.01 * scale, resolved):
        raise InputError(
            f"{name} gives another output each time it runs in evaluation mode; expected the same: "
            "give its dropout training=self.training."
        )
    if _distance(among, itself) > max(ROUNDING * _distance(itself, moved), resolved):
        raise InputError(
            f"{name} gives another output for one of a batch than for the same alone, so members "
            "of a batch influence each other; give batch to each normalisation and pooling of "
            "the network, or explain one at a time (batch_size=1)."
        )


def _require_same_rows(found: Tensor, expected: Tensor, name: str) -> None:
    """Refuse a layer whose rows do not move with the nodes."""
    spread = float((expected - expected.mean(dim=0)).norm())
    rounding = STEPS * torch.finfo(expected.dtype).eps * float(expected.norm())
    if _distance(found, expected) > MISPLACED * spread + rounding:
        raise InputError(
            f"a row of the explained layer of {name} does not stay with its node when nodes are "
            "given in another order; expected a row per node in the order of the input: name a "
            "layer before any that sorts, pools or works on edges."
        )


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm())


class Squashed(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Remembers what sigmoid and softmax give while it is entered, however they are called."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.results: list[Tensor] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation, and keep its result if it gives probabilities or their logarithms."""
        result = func(*args, **(kwargs or {}))
        if any(name in func.name() for name in ("sigmoid", "softmax")):
            results = result if isinstance(result, tuple) else (result,)
            # As long as they are kept, nothing else takes their place in memory.
            self.results += [one for one in results if isinstance(one, Tensor)]
        return result

    def require_logits(self, output: Tensor, name: str) -> None:
        """Refuse an output that is not finite, or is probabilities or their logarithms.

        Args:
            output: What the network gave, shape [n_graphs, ...].
            name: What the network is called.

        Raises:
            InputError: If so.
        """
        if not output.isfinite().all():
            raise InputError(f"{name} gives nan or infinity; expected finite logits.")
        where = output.untyped_storage().data_ptr()
        squashed = any(one.untyped_storage().data_ptr() == where for one in self.results)
        rows = output.reshape(len(output), -1)
        if rows.shape[1] > 1:
            squashed |= bool((rows >= 0).all()) and _are_one(rows.sum(dim=1))
            squashed |= _are_one(rows.exp().sum(dim=1))
        if squashed:
            raise InputError(
                f"{name} gives probabilities or their logarithms; expected logits: leave out the "
                "softmax or sigmoid at its end."
            )


def _are_one(sums: Tensor) -> bool:
    return bool(((sums - 1).abs() < 32 * torch.finfo(sums.dtype).eps).all())
