"""Attributions of graph networks: for our classifiers, for PyG's ``Explainer``, for any module."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.explain import ExplainerAlgorithm, Explanation
from torch_geometric.explain.config import MaskType, ModelMode, ModelReturnType, ModelTaskLevel

from gnnglass.errors import InputError
from gnnglass.explain.attribution import Attribution, Classifier
from gnnglass.explain.question import Question
from gnnglass.models import arguments_for, batched, device_of
from gnnglass.models.classifier_net import GRAPH_INPUTS
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
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; expected at least 1.")
        self.batch_size = batch_size

    @abstractmethod
    def node_scores(self, question: Question) -> Tensor:
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
            scores = self.node_scores(self._question(classifier.model, graphs, column))
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
                `Question.logit`. In regression the prediction.
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
            Question(
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

    def _question(self, model: nn.Module, graphs: Sequence[Data], column: int) -> Question:
        x, edge_index, *rest = arguments_for(model, graphs)
        names = getattr(model, "takes", GRAPH_INPUTS)[2:]
        sizes = torch.tensor([graph.num_nodes for graph in graphs], device=x.device)
        index = torch.arange(len(graphs), device=x.device)
        return Question(
            model=model,
            x=x,
            edge_index=edge_index,
            extras=dict(zip(names, rest, strict=True)),
            batch=index.repeat_interleave(sizes),
            by_keyword=False,
            target=torch.full_like(index, column),
            mode=ModelMode.multiclass_classification,
        )
