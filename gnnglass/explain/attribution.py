"""What an attribution is: a classifier and snapshots in, one signed score per particle out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np
from torch import nn

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.models import GraphRecipe, VoxelRecipe
from gnnglass.registry import Registry
from gnnglass.trajectories import Snapshot, Trajectory
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


class Attribution(ABC):
    """A method that scores every particle for its share in the logit of one class.

    Scores are signed and never rescaled per snapshot, so that they compare across snapshots: a
    positive score speaks for the class, a negative one against it.

    Attributes:
        kinds: The kinds of model it can explain, of ``"graph"`` and ``"voxel"``.
    """

    kinds: ClassVar[tuple[str, ...]] = ("graph", "voxel")

    def compute(
        self, classifier: Classifier, snapshots: Sequence[Snapshot], target: str | None = None
    ) -> list[FloatArray]:
        """Score the particles of each snapshot.

        Args:
            classifier: The trained classifier to explain.
            snapshots: Configurations at the level (thermal or inherent) it was trained on.
            target: The class whose logit is explained; the classifier's last label if None.

        Returns:
            One array of shape [n], float64, per snapshot.

        Raises:
            InputError: If the attribution does not fit the model, or the snapshots its recipe.
            UnknownNameError: If the classifier has no class `target`.
        """
        kind = "graph" if isinstance(classifier.recipe, GraphRecipe) else "voxel"
        if kind not in self.kinds:
            raise InputError(
                f"{type(self).__name__} explains {' and '.join(self.kinds)} models, but this "
                f"classifier is a {kind} model; choose an attribution made for those."
            )
        column = column_of(classifier.labels[-1] if target is None else target, classifier.labels)
        if isinstance(snapshots, Snapshot):
            raise InputError(
                "a single snapshot was given; expected a sequence, such as [snapshot]."
            )
        self.check(classifier.model)
        return self.scores(classifier, snapshots, column)

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
            f"unknown class {target!r}; the classifier knows: {', '.join(labels)}."
        )
    return list(labels).index(target)


ATTRIBUTIONS: Registry[Attribution] = Registry("attribution", "gnnglass.explain")


def annotate(
    classifier: Classifier,
    trajectory: Trajectory,
    attribution: Attribution,
    field: str,
    target: str | None = None,
) -> Trajectory:
    """The trajectory with an attribution's scores as a per-particle field.

    Args:
        classifier: The trained classifier to explain.
        trajectory: Snapshots at the level the classifier was trained on.
        attribution: The method.
        field: Name of the new field, such as ``"importance_gnn"``.
        target: The class whose logit is explained; the classifier's last label if None.

    Raises:
        InputError: As `Attribution.compute`.
        UnknownNameError: As `Attribution.compute`.
    """
    scores = attribution.compute(classifier, trajectory, target)
    frames = [
        snapshot.with_fields(**{field: values})
        for snapshot, values in zip(trajectory, scores, strict=True)
    ]
    return Trajectory(frames, trajectory.metadata)


@ATTRIBUTIONS.register("random")
class RandomAttribution(Attribution):
    """Standard normal scores that know nothing of the structure; any attribution must beat them.

    Args:
        seed: Seed of the scores; snapshot k of a call always gets the same ones.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def scores(
        self, classifier: Classifier, snapshots: Sequence[Snapshot], column: int
    ) -> list[FloatArray]:
        """Random scores for each snapshot's particles; see `compute`."""
        return [
            np.random.default_rng([self.seed, index]).standard_normal(len(snapshot))
            for index, snapshot in enumerate(snapshots)
        ]
