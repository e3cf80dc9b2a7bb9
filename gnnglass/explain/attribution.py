"""What an attribution is: a classifier and snapshots in, one signed score per particle out.

Those of networks on graphs have more in common, and explain networks by others too.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from inspect import signature
from os import PathLike
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.explain import ExplainerAlgorithm, Explanation
from torch_geometric.explain.config import MaskType, ModelMode, ModelReturnType, ModelTaskLevel

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_whole
from gnnglass.errors import InputError, UnknownNameError, did_you_mean
from gnnglass.explain.explained_logit import (
    ExplainedLogit,
    Seen,
    find_layer,
    require_explainable,
    require_labels,
    seen_in,
    still,
    undisturbed,
)
from gnnglass.models import GraphRecipe, VoxelRecipe, arguments_for, batched, device_of
from gnnglass.models.network import GRAPH_INPUTS
from gnnglass.registry import Registry
from gnnglass.training import TrainedClassifier, as_classifier
from gnnglass.trajectories import Snapshot, Trajectory, TrajectoryLike, as_trajectory
from gnnglass.trajectories.snapshot import FloatArray


class Classifier(Protocol):
    """What attributions need to know of a trained classifier.

    A graph model is called as ``model(x, edge_index, edge_distance, batch)``, a voxel model as
    ``model(grids)``; both answer with logits of shape [n_configurations, n_classes].
    """

    @property
    def model(self) -> nn.Module:
        """The network."""

    @property
    def recipe(self) -> GraphRecipe | VoxelRecipe:
        """How the network's input is made from a snapshot."""

    @property
    def labels(self) -> Sequence[str]:
        """The classes, in the order of the logits; the last is explained by default."""


ClassifierLike: TypeAlias = Classifier | str | PathLike[str]
"""A trained classifier, or the file of one."""


class Attribution(ABC):
    """A method that scores every particle for its share in the logit of one class.

    Scores are never rescaled per snapshot, so that they compare across snapshots. Of a `signed`
    attribution a positive score speaks for the class, a negative one against it.

    Attributes:
        kinds: The kinds of model it can explain, of ``"graph"`` and ``"voxel"``.
        signed: Whether scores have a sign; if not, they are never negative and tell where the
            network looks or what it needs, not for which class a particle speaks.
        label: What it is called in prose; its registered name with spaces if empty.
        formula: Of the score s_i, in LaTeX without dollar signs; may be empty.
    """

    kinds: ClassVar[tuple[str, ...]] = ("graph", "voxel")
    signed: ClassVar[bool] = True
    label: ClassVar[str] = ""
    formula: ClassVar[str] = ""

    def __repr__(self) -> str:
        given = {key: getattr(self, key, None) for key in signature(type(self)).parameters}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in given.items())})"

    @checks_arguments
    def compute(
        self,
        classifier: ClassifierLike,
        snapshots: TrajectoryLike,
        target: str | None = None,
        *,
        accept: Collection[str] = (),
    ) -> list[FloatArray]:
        """Score the particles of each snapshot.

        Args:
            classifier: The trained classifier to explain, or its file.
            snapshots: Configurations at the level (thermal or inherent) it was trained on: a
                trajectory, a file, or one or more snapshots.
            target: The class whose logit is explained; the classifier's last label if None.
            accept: Names of differences from what the classifier was trained on that are meant;
                see `gnnglass.training.TrainedClassifier.require_fit`.

        Returns:
            One array of shape [n], float64, per snapshot; a list of one for a single snapshot.

        Raises:
            FileError: If a path cannot be read.
            InputError: If the attribution does not fit the model, or the snapshots its recipe or
                what it was trained on.
            UnknownNameError: If the classifier has no class `target`.
        """
        classifier, snapshots = as_classifier(classifier), as_trajectory(snapshots)
        differences_from_training(classifier, snapshots, accept)
        return self.scores_of_any(classifier, snapshots, target)

    def scores_of_any(
        self, classifier: Classifier, snapshots: Trajectory, target: str | None
    ) -> list[FloatArray]:
        """What `compute` gives, whatever the classifier was trained on."""
        column = self.column_explained(classifier, target)
        with undisturbed(device_of(classifier.model)):
            scores = self.scores(classifier, snapshots, column)
        self.require_finite(all(np.isfinite(one).all() for one in scores))
        return scores

    def column_explained(self, classifier: Classifier, target: str | None) -> int:
        """Index among the logits of the class to be explained, if this can explain the classifier.

        Raises:
            InputError: If the attribution does not fit the model.
            UnknownNameError: If the classifier has no class `target`, or its network lacks a layer
                that was asked for.
        """
        kind = "graph" if isinstance(classifier.recipe, GraphRecipe) else "voxel"
        if kind not in self.kinds:
            raise InputError(
                f"{type(self).__name__} explains {' and '.join(self.kinds)} models, but this "
                f"classifier is a {kind} model; choose an attribution made for those."
            )
        self.check(classifier.model)
        return column_of(classifier.labels[-1] if target is None else target, classifier.labels)

    def require_finite(self, finite: bool) -> None:
        """Refuse scores that are no numbers.

        Raises:
            InputError: If so.
        """
        if not finite:
            raise InputError(
                f"{type(self).__name__} gives scores that are nan or infinite; look for nan and "
                "overflow in the weights and features of the network."
            )

    def check(self, model: nn.Module) -> None:  # noqa: B027 - most explain any network
        """Refuse a network that this attribution cannot explain, before anything is computed.

        The kinds are checked elsewhere; an attribution that needs more of a network says so here.

        Args:
            model: A network of one of the `kinds`.

        Raises:
            InputError: If it cannot be explained.
            UnknownNameError: If it lacks a layer that was asked for.
        """

    @abstractmethod
    def scores(
        self, classifier: Classifier, snapshots: Sequence[Snapshot], column: int
    ) -> list[FloatArray]:
        """What a subclass computes, after `compute` has checked the arguments.

        Args:
            classifier: A classifier of one of the `kinds`.
            snapshots: Configurations to explain.
            column: Index of the explained class among the logits.
        """


def column_of(target: str, labels: Sequence[str]) -> int:
    """Index of a class among the logits.

    Raises:
        UnknownNameError: If there is no such class.
    """
    if target not in labels:
        raise UnknownNameError(
            f"unknown class {target!r}{did_you_mean(target, labels)}; the classifier knows: "
            f"{', '.join(labels)}."
        )
    return list(labels).index(target)


ATTRIBUTIONS: Registry[Attribution] = Registry("attribution", "gnnglass.explain")


def differences_from_training(
    classifier: Classifier, snapshots: Trajectory, accept: Collection[str]
) -> dict[str, str]:
    """What of the snapshots is unlike what a classifier was trained on, and was accepted.

    Networks by others do not say what they were trained on.

    Raises:
        InputError: As `gnnglass.training.TrainedClassifier.require_fit`.
    """
    if isinstance(classifier, TrainedClassifier):
        return classifier.require_fit(snapshots, accept)
    return {}


@checks_arguments
def annotate(
    classifier: ClassifierLike,
    trajectory: TrajectoryLike,
    attribution: Attribution | str,
    field: str,
    target: str | None = None,
    *,
    accept: Collection[str] = (),
) -> Trajectory:
    """The trajectory with an attribution's scores as a per-particle field.

    Args:
        classifier: The trained classifier to explain, or its file.
        trajectory: Snapshots at the level the classifier was trained on: a trajectory, a file, or
            one or more snapshots.
        attribution: The method, or its registered name, such as ``"graph-gradcam"``.
        field: Name of the new field, such as ``"importance_gnn"``.
        target: The class whose logit is explained; the classifier's last label if None.
        accept: Names of differences from what the classifier was trained on that are meant; they
            are stored in the metadata as ``accepted``.

    Returns:
        A trajectory with the metadata of the one that was given; of a single snapshot it has one
        frame.

    Raises:
        InputError: As `Attribution.compute`.
        UnknownNameError: As `Attribution.compute`, or if no attribution has that name.
        FileError: If a path cannot be read.
    """
    if isinstance(attribution, str):
        attribution = ATTRIBUTIONS.create(attribution)
    whole, classifier = as_trajectory(trajectory), as_classifier(classifier)
    accepted = differences_from_training(classifier, whole, accept)
    scores = attribution.scores_of_any(classifier, whole, target)
    frames = [
        snapshot.with_fields(**{field: values})
        for snapshot, values in zip(whole, scores, strict=True)
    ]
    return Trajectory(frames, whole.metadata, whole.source).accepting(accepted)


@ATTRIBUTIONS.register("random")
class RandomAttribution(Attribution):
    """Standard normal scores that know nothing of the structure; any attribution must beat them.

    Args:
        seed: Seed of the scores; the same configuration always gets the same ones, and another
            one others, so that runs are independent in them too.
    """

    label = "random scores"
    formula = r"s_i \sim \mathcal N(0, 1)"

    @checks_arguments
    def __init__(self, seed: int = 0) -> None:
        require_whole(0, seed=seed)
        self.seed = seed

    def scores(
        self, classifier: Classifier, snapshots: Sequence[Snapshot], column: int
    ) -> list[FloatArray]:
        """Random scores for each snapshot's particles; see `compute`."""
        return [
            np.random.default_rng(
                [self.seed, zlib.crc32(snapshot.positions.tobytes())]
            ).standard_normal(len(snapshot))
            for snapshot in snapshots
        ]


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
    # A module of torch's has one of its own, which does not show parameters.
    __repr__ = Attribution.__repr__

    @checks_arguments
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
