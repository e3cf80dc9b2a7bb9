"""Grad-CAM for graph networks, exact for every layer and every pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.explain import ExplainerAlgorithm, Explanation
from torch_geometric.explain.config import MaskType, ModelMode, ModelReturnType, ModelTaskLevel
from torch_geometric.utils import scatter

from gnnglass.errors import InputError
from gnnglass.explain.attribution import ATTRIBUTIONS, Attribution, Classifier
from gnnglass.explain.layer_gradient import device_of, layer_gradient
from gnnglass.models import batched, collate
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray


@ATTRIBUTIONS.register("graph-gradcam")
class GraphGradCAM(ExplainerAlgorithm, Attribution):  # type: ignore[misc]
    """Grad-CAM of a graph-level output: what each node contributes to the logit of a class.

    With features h_ik of node i in the layer and the logit y_c of the graph g that holds i,

        α_k = (1/N_g) Σ_{i ∈ g} ∂y_c/∂h_ik,    score_i = Σ_k α_k h_ik

    (Pope et al., CVPR 2019, eqs. 7 and 8; Selvaraju et al., ICCV 2017, eqs. 1 and 2). The average
    runs over each graph of a batch by itself and is taken whatever the pooling, so the score is
    not gradient × activation. A whole batch costs one forward pass and one backward pass as far
    as the layer; the sum of the graphs' logits is differentiated, which gives every graph its own
    gradient because in evaluation mode no graph influences another.

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
        layer: Name of the layer in ``model.named_modules()``, whose output has one row per node;
            ``model.explained_layer`` if None.
        relu: Keep positive scores only, as Selvaraju et al. do for pictures.
        batch_size: How many snapshots `compute` sends through the model at once.
    """

    kinds = ("graph",)

    def __init__(self, layer: str | None = None, relu: bool = False, batch_size: int = 8) -> None:
        super().__init__()
        self.layer = layer
        self.relu = relu
        self.batch_size = batch_size

    def scores(
        self, classifier: Classifier, snapshots: Sequence[Snapshot], column: int
    ) -> list[FloatArray]:
        """Scores of each snapshot's particles for the class in `column`; see `compute`."""
        results: list[FloatArray] = []
        for graphs in batched(classifier.recipe, snapshots, self.batch_size):
            results += self._graph_scores(classifier.model, graphs, column)
        return results

    def _graph_scores(
        self, model: nn.Module, graphs: Sequence[Data], column: int
    ) -> list[FloatArray]:
        arguments = collate(graphs, device_of(model))
        scores = self._node_scores(
            model,
            lambda: model(*arguments),
            lambda logits: logits[:, column].sum(),
            arguments[-1],
        )
        ends = np.cumsum([graph.num_nodes for graph in graphs])
        return np.split(scores.cpu().numpy().astype(np.float64), ends[:-1])

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
            target: Class of each graph that is explained, shape [n_graphs]; a binary output
                counts for class 1 and, with its sign changed, for class 0. Not used in
                regression, where the output itself is explained.
            index: Graphs to explain; the nodes of the others score zero. All if None.
            **kwargs: Passed to the model; ``batch``, shape [n], tells the graph of each node.

        Returns:
            An explanation whose ``node_mask``, shape [n, 1], holds the signed scores.

        Raises:
            InputError: If the layer or the model's output does not fit.
            UnknownNameError: If the model has no such layer.
        """
        batch = kwargs.get("batch")
        if batch is None:
            batch = torch.zeros(len(x), dtype=torch.long, device=x.device)

        def logit(output: Tensor) -> Tensor:
            chosen = self._explained_output(output, target, n_graphs=int(batch.max()) + 1)
            return (chosen if index is None else chosen[index]).sum()

        scores = self._node_scores(model, lambda: model(x, edge_index, **kwargs), logit, batch)
        return Explanation(node_mask=scores[:, None])

    def supports(self) -> bool:
        """Whether the settings of the ``Explainer`` ask for what Grad-CAM gives.

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
                "GraphGradCAM scores the nodes of a graph for a raw graph-level output; set "
                f"{', '.join(wanted)} in the Explainer."
            )
        return True

    def _explained_output(self, output: Tensor, target: Tensor, n_graphs: int) -> Tensor:
        """The differentiated output of each graph, shape [n_graphs]."""
        multiclass = self.model_config.mode == ModelMode.multiclass_classification
        rows = output.reshape(len(output) if output.dim() else 1, -1)
        if len(rows) != n_graphs or (not multiclass and rows.shape[1] != 1):
            raise InputError(
                f"the model's output has shape {list(output.shape)}; expected [{n_graphs}, "
                f"{'n_classes' if multiclass else 1}], one row per graph (pass batch=… for "
                "several graphs)."
            )
        if self.model_config.mode == ModelMode.regression:
            return rows[:, 0]
        classes = target.view(-1, 1)
        if len(classes) != n_graphs:
            raise InputError(
                f"target has shape {list(target.shape)}; expected [{n_graphs}], the class of each "
                "graph."
            )
        explained = rows.gather(1, classes) if multiclass else rows * (2 * classes - 1)
        return explained[:, 0]

    def _node_scores(
        self,
        model: nn.Module,
        forward: Callable[[], Tensor],
        logit: Callable[[Tensor], Tensor],
        batch: Tensor,
    ) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n]."""
        features, gradient = layer_gradient(model, self.layer, forward, logit)
        if features.dim() < 2 or len(features) != len(batch):
            raise InputError(
                f"the explained layer gives shape {list(features.shape)}; expected "
                f"[{len(batch)}, n_features], one row per node: name a layer before the pooling."
            )
        alpha = scatter(gradient.flatten(1), batch, reduce="mean")
        scores = (alpha[batch] * features.flatten(1)).sum(dim=1)
        return torch.relu(scores) if self.relu else scores
