"""Attributions of graph networks: the logit that is explained, for our networks and others'."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.explain import ExplainerAlgorithm, Explanation
from torch_geometric.explain.config import MaskType, ModelMode, ModelReturnType, ModelTaskLevel

from gnnglass.errors import InputError
from gnnglass.explain.attribution import Attribution, Classifier
from gnnglass.models import arguments_for, batched, device_of
from gnnglass.models.network import GRAPH_INPUTS
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


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
        x = self.x if x is None else x
        edge_index = self.edge_index if edge_index is None else edge_index
        extras = self.extras if extras is None else extras
        if self.by_keyword:
            output = self.model(x, edge_index, **extras)
        else:
            output = self.model(x, edge_index, *extras.values())
        if not isinstance(output, Tensor):
            raise InputError(
                f"{type(self.model).__name__} gives a {type(output).__name__}; expected one tensor "
                "of logits with a row per graph."
            )
        return output

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
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; expected at least 1.")
        self.batch_size = batch_size

    @abstractmethod
    def node_scores(self, explained: ExplainedLogit) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n]; what a subclass computes.

        In evaluation mode no graph of a batch influences another, nor may it influence the
        scores of another.
        """

    def scores(
        self, classifier: Classifier, snapshots: Sequence[Snapshot], column: int
    ) -> list[FloatArray]:
        """Scores of each snapshot's particles for the class in `column`; see `compute`."""
        results: list[FloatArray] = []
        for graphs in batched(classifier.recipe, snapshots, self.batch_size):
            scores = self.node_scores(self._explained_logit(classifier.model, graphs, column))
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
        for name, value in {"x": x, "edge_index": edge_index, **kwargs}.items():
            if isinstance(value, Tensor) and value.device != device_of(model):
                raise InputError(
                    f"{name} is on {value.device}, the model on {device_of(model)}; move one to "
                    "the other's device."
                )
        batch = kwargs.get("batch")
        if batch is None:
            batch = torch.zeros(len(x), dtype=torch.long, device=x.device)
        n_graphs = int(batch.max()) + 1
        if target.numel() != n_graphs:
            raise InputError(
                f"target has shape {list(target.shape)}; expected [{n_graphs}], one entry per "
                "graph: pass batch=… for several graphs, and pool an output per node."
            )
        scores = self.node_scores(
            ExplainedLogit(
                model=model,
                x=x,
                edge_index=edge_index,
                extras=kwargs,
                batch=batch,
                by_keyword=True,
                target=target.reshape(n_graphs),
                mode=self.model_config.mode,
            )
        )
        if index is not None:
            chosen = torch.zeros(n_graphs, dtype=torch.bool, device=x.device)
            chosen[index] = True
            scores = torch.where(chosen[batch], scores, 0.0)
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
