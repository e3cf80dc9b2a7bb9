"""What an attribution is: a classifier and snapshots in, one signed score per particle out."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from os import PathLike
from typing import ClassVar, Protocol, TypeAlias

import numpy as np
from torch import nn

from gnnglass._options import require_whole
from gnnglass.errors import InputError, UnknownNameError
from gnnglass.explain._layers import undisturbed
from gnnglass.models import GraphRecipe, VoxelRecipe, device_of
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
        kind = "graph" if isinstance(classifier.recipe, GraphRecipe) else "voxel"
        if kind not in self.kinds:
            raise InputError(
                f"{type(self).__name__} explains {' and '.join(self.kinds)} models, but this "
                f"classifier is a {kind} model; choose an attribution made for those."
            )
        column = column_of(classifier.labels[-1] if target is None else target, classifier.labels)
        self.check(classifier.model)
        with undisturbed(device_of(classifier.model)):
            scores = self.scores(classifier, snapshots, column)
        self.require_finite(all(np.isfinite(one).all() for one in scores))
        return scores

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
            f"unknown class {target!r}; the classifier knows: {', '.join(labels)}."
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
