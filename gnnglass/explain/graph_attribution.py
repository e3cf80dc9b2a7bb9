"""Attributions of graph networks, ours and others': what all of them have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.explain import ExplainerAlgorithm, Explanation
from torch_geometric.explain.config import MaskType, ModelMode, ModelReturnType, ModelTaskLevel

from gnnglass._options import require_whole
from gnnglass.errors import InputError
from gnnglass.explain._layers import find_layer, still, undisturbed
from gnnglass.explain.attribution import Attribution, Classifier
from gnnglass.explain.explained_logit import (
    ExplainedLogit,
    Seen,
    require_explainable,
    require_labels,
    seen_in,
)
from gnnglass.models import arguments_for, batched, device_of
from gnnglass.models.network import GRAPH_INPUTS
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


class GraphAttribution(ExplainerAlgorithm, Attribution):  # type: ignore[misc]
    """An attribution that scores the nodes of graphs for a graph-level output.

    Besides `compute` for classifiers of this package, it is an algorithm for
    ``torch_geometric.explain.Explainer`` and explains any PyG module with a graph-level output;
    everything that the module needs beside ``x`` and ``edge_index`` is passed by keyword, and
    with more than one graph that includes ``batch``::

        explainer = Explainer(
            model,
            algorithm=GraphGradCAM("convs.2"),
            explanation_type="model",
            node_mask_type="object",
            model_config=ModelConfig("multiclass_classification", "graph", "raw"),
        )
        scores = explainer(x, edge_index, batch=batch).node_mask  # shape [n, 1], signed

    Args:
        batch_size: How many snapshots `compute` sends through the model at once.
    """

    kinds = ("graph",)

    def __init__(self, batch_size: int = 8) -> None:
        super().__init__()
        require_whole(1, batch_size=batch_size)
        self.batch_size = batch_size

    def explained_layers(self, model: nn.Module) -> Sequence[str]:
        """Names of the layers whose rows must be the nodes; none unless a subclass says so.

        Raises:
            UnknownNameError: If the network names none of its own and none was asked for.
        """
        return ()

    def check(self, model: nn.Module) -> None:
        """Refuse a network that lacks a layer that is looked at."""
        for layer in self.explained_layers(model):
            find_layer(model, layer)

    @abstractmethod
    def node_scores(self, explained: ExplainedLogit) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n]; what a subclass computes.

        The network is in evaluation mode, it is nobody else's, and none of its parameters is
        differentiated. No graph of a batch influences another, nor may it influence the scores
        of another.
        """

    def seen(self, explained: ExplainedLogit) -> Seen:
        """What scores are made of that must follow the nodes, and the network's output."""
        return seen_in(explained, self.explained_layers(explained.model))

    def scores(
        self, classifier: Classifier, snapshots: Sequence[Snapshot], column: int
    ) -> list[FloatArray]:
        """Scores of each snapshot's particles for the class in `column`; see `compute`."""
        results: list[FloatArray] = []
        network = still(classifier.model)
        for graphs in batched(classifier.recipe, snapshots, self.batch_size):
            explained = self._explained_logit(network, graphs, column)
            if not results:
                n_classes = require_explainable(explained, self.seen).shape[1]
                require_labels(network, n_classes, classifier.labels)
            scores = self.node_scores(explained)
            ends = np.cumsum([graph.num_nodes for graph in graphs])
            results += np.split(scores.detach().cpu().numpy().astype(np.float64), ends[:-1])
        return results

    def forward(
        self,
        model: nn.Module,
        x: Tensor,
        edge_index: Tensor,
        *,
        target: Tensor,
        index: int | Tensor | None = None,
        **kwargs: Any,
    ) -> Explanation:
        """Explain a PyG module; called by ``torch_geometric.explain.Explainer``.

        Args:
            model: Module called as ``model(x, edge_index, **kwargs)``.
            x: Node features, shape [n, n_features].
            edge_index: Edges, shape [2, e].
            target: Class of each graph that is explained, shape [n_graphs]; see
                `ExplainedLogit.logit`. In regression the prediction.
            index: Graphs to explain; the nodes of the others score zero. All if None.
            **kwargs: Passed to the model; ``batch``, shape [n], tells the graph of each node.

        Returns:
            An explanation whose ``node_mask``, shape [n, 1], holds the signed scores.

        Raises:
            InputError: If the model, its output, the target or a device does not fit.
            UnknownNameError: If the model has no layer of the name that was given.
        """
        self.check(model)
        batch = kwargs.get("batch")
        inputs = {"x": x, "edge_index": edge_index, **kwargs, "target": target}
        n_graphs = _require_graphs(inputs, batch, device_of(model))
        if target.numel() != n_graphs:
            raise InputError(
                f"target has shape {list(target.shape)}; expected [{n_graphs}], one entry per "
                "graph: pass batch=… for several graphs, and pool an output per node."
            )
        mode = self.model_config.mode
        if mode != ModelMode.regression and target.is_floating_point():
            raise InputError(
                f"target is {target.dtype}; expected the number of a class, a whole one, for each "
                "graph."
            )
        chosen = torch.ones(n_graphs, dtype=torch.bool, device=x.device)
        if index is not None:
            chosen = _chosen(index, n_graphs, x.device)
        with undisturbed(x.device):
            # What was made in inference mode can be differentiated only as a copy.
            x, edge_index, target, *others = (
                value.detach().clone() if isinstance(value, Tensor) else value
                for value in (x, edge_index, target, *kwargs.values())
            )
            if batch is None:
                batch = torch.zeros(len(x), dtype=torch.long, device=x.device)
            explained = ExplainedLogit(
                model=still(model),
                x=x,
                edge_index=edge_index,
                extras=dict(zip(kwargs, others, strict=True)),
                batch=batch.clone(),
                by_keyword=True,
                target=target.reshape(n_graphs)
                if mode == ModelMode.regression
                else target.reshape(n_graphs).long(),
                mode=mode,
            )
            require_explainable(explained, self.seen)
            scores = self.node_scores(explained)
            self.require_finite(bool(scores.isfinite().all()))
            scores = torch.where(chosen[explained.batch], scores, 0.0)
        return Explanation(node_mask=scores.detach()[:, None])

    def supports(self) -> bool:
        """Whether the settings of the ``Explainer`` ask for what is given: scores of nodes.

        Raises:
            InputError: If not; the message says what to change.
        """
        explainer, model = self.explainer_config, self.model_config
        problems = (
            (model.task_level != ModelTaskLevel.graph, 'task_level="graph"'),
            (model.return_type != ModelReturnType.raw, 'return_type="raw"'),
            (explainer.node_mask_type != MaskType.object, 'node_mask_type="object"'),
            (explainer.edge_mask_type is not None, "edge_mask_type=None"),
        )
        wanted = [needed for wrong, needed in problems if wrong]
        if wanted:
            raise InputError(
                f"{type(self).__name__} scores the nodes of a graph for a raw graph-level output; "
                f"set {', '.join(wanted)} in the Explainer."
            )
        return True

    def _explained_logit(
        self, model: nn.Module, graphs: Sequence[Data], column: int
    ) -> ExplainedLogit:
        x, edge_index, *rest = arguments_for(model, graphs)
        names = getattr(model, "takes", GRAPH_INPUTS)[2:]
        sizes = torch.tensor([graph.num_nodes for graph in graphs], device=x.device)
        index = torch.arange(len(graphs), device=x.device)
        return ExplainedLogit(
            model=model,
            x=x,
            edge_index=edge_index,
            extras=dict(zip(names, rest, strict=True)),
            batch=index.repeat_interleave(sizes),
            by_keyword=False,
            target=torch.full_like(index, column),
            mode=ModelMode.multiclass_classification,
        )


def _require_graphs(inputs: Mapping[str, Any], batch: Any, device: torch.device) -> int:
    """Refuse what is not a batch of graphs on the network's device; returns how many there are."""
    for name in ("x", "edge_index", "target"):
        if not isinstance(inputs[name], Tensor):
            raise InputError(
                f"{name} is a {type(inputs[name]).__name__}; expected a tensor: graphs with nodes "
                "of several kinds and sparse adjacencies are not explained."
            )
    for name, value in inputs.items():
        if isinstance(value, Tensor) and value.device != device:
            raise InputError(
                f"{name} is on {value.device}, the model on {device}; move one to the other's "
                "device."
            )
    x, edge_index = inputs["x"], inputs["edge_index"]
    n = len(x) if x.dim() else 0
    if n == 0:
        raise InputError(
            f"x has shape {list(x.shape)}; expected a row for each of at least one node."
        )
    if edge_index.dim() != 2 or len(edge_index) != 2 or edge_index.layout != torch.strided:
        raise InputError(
            f"edge_index has shape {list(edge_index.shape)}; expected [2, n_edges], the source "
            "and the target of each edge."
        )
    _require_numbers("edge_index", edge_index, n, "nodes")
    if batch is None:
        return 1
    if not isinstance(batch, Tensor) or batch.shape != (n,):
        shape = list(batch.shape) if isinstance(batch, Tensor) else type(batch).__name__
        raise InputError(f"batch is {shape}; expected the graph of each node, shape [{n}].")
    _require_numbers("batch", batch, None, "graphs")
    missing = (torch.bincount(batch) == 0).nonzero()[:, 0].tolist()
    if missing:
        raise InputError(
            f"graph {missing[0]} of the batch has no nodes; number the graphs that have some "
            "from 0 on, and leave the others out."
        )
    if bool((batch[edge_index[0]] != batch[edge_index[1]]).any()):
        raise InputError(
            "edge_index joins nodes of two graphs of the batch; expected edges within graphs."
        )
    return int(batch.max()) + 1


def _require_numbers(name: str, values: Tensor, count: int | None, what: str) -> None:
    """Refuse what does not number things from zero on, and below a count if there is one."""
    if values.is_floating_point() or values.is_complex() or values.dtype == torch.bool:
        raise InputError(f"{name} is {values.dtype}; expected whole numbers of {what}.")
    if values.numel() == 0:
        return
    least, most = int(values.min()), int(values.max())
    if least < 0 or (count is not None and most >= count):
        below = "" if count is None else f" below {count}"
        raise InputError(
            f"{name} holds {least if least < 0 else most}; expected numbers of {what}, from 0 "
            f"on{below}."
        )


def _chosen(index: int | Tensor, n_graphs: int, device: torch.device) -> Tensor:
    """Which graphs are asked for, bool, shape [n_graphs]."""
    chosen = torch.zeros(n_graphs, dtype=torch.bool, device=device)
    given = torch.as_tensor(index, device=device)
    if given.dtype == torch.bool:
        fits = given.shape == chosen.shape
    else:
        fits = not given.is_floating_point() and bool(
            ((-n_graphs <= given) & (given < n_graphs)).all()
        )
    if not fits:
        raise InputError(f"index is {index}; expected graphs of the batch, 0 to {n_graphs - 1}.")
    chosen[given] = True
    return chosen
