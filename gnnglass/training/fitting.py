"""Training a classifier on labelled configurations, or the best of several candidates."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_memory, require_positive, require_whole
from gnnglass._progress import progress_bar
from gnnglass._records import code_digest, digest_of
from gnnglass._toml import fault
from gnnglass.errors import InputError, did_you_mean, shown
from gnnglass.models import ClassifierNet, GraphNet
from gnnglass.models.inputs import AnyRecipe, create_model, settled_by_recipe
from gnnglass.registry import packages_elsewhere
from gnnglass.systems import SystemLike, glass_former
from gnnglass.training.classifier import Calibration, TrainedClassifier, choose_device, versions
from gnnglass.training.labelled import LabelledSet, Split

#: With more, neighbours would pass the edge of a graph in numbers.
LARGEST_STRAIN = 0.05
#: Seeds of single steps are made of it, and are numbers of 64 bits.
LARGEST_SEED = 2**40


@checks_arguments
@dataclass(frozen=True)
class TrainingOptions:
    """Training options; the defaults work for a few dozen inherent structures.

    Attributes:
        supervision: ``"local"`` labels every particle (or grid cell) with the phase of its
            configuration; ``"ball"`` labels the mean logit of every particle and those around it
            (or of cells); ``"global"`` labels the logits of the whole configuration. Local labels
            multiply the number of examples and gave more stable importance maps; if only a few
            particles of a configuration differ, global labels find them.
        ball_radius: Radius of the balls, in units of length, less than half the box: all particles
            (or cells, by their centres) within it count alike. Without one a ball is a particle and
            its neighbours in the graph (or a cell and the adjacent ones).
        epochs: Maximum number of passes over the training configurations.
        patience: Epochs without a lower validation loss before training stops.
        batch_size: Configurations per step, the same number of each class.
        learning_rate: Learning rate of AdamW.
        weight_decay: Weight decay of AdamW.
        strain: Every graph is seen with all distances expanded and compressed by this share, such
            as 0.01, and the loss adds the squared change of its mean log odds between the two; 0
            for neither. Phases differ in the pressure of their inherent structures. Mechanical
            equilibrium makes it the same everywhere in a configuration, so it tells the phases
            apart and says nothing about where. Structural indicators among the inputs stay
            those of the configuration.
        seed: Seed of the initial weights, the order of the batches, dropout and augmentation.

    Raises:
        InputError: If a value is invalid.
    """

    supervision: Literal["local", "ball", "global"] = "local"
    ball_radius: float | None = None
    epochs: int = 30
    patience: int = 5
    batch_size: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    strain: float = 0.0
    seed: int = 0

    @classmethod
    @checks_arguments
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """The options that a study file or the command line gives by name; others by default.

        Raises:
            InputError: If there is no such option, or its value makes no sense.
        """
        known = [field.name for field in fields(cls)]
        unknown = [name for name in given if name not in known]
        if unknown:
            raise InputError(
                f"training: there is no option {', '.join(unknown)}"
                f"{did_you_mean(unknown[0], known)}; known are {', '.join(known)}."
            )
        try:
            return TypeAdapter(cls).validate_python(dict(given))
        except ValidationError as error:
            raise InputError(f"training: {fault(error, cls).rstrip('.')}.") from error

    def __post_init__(self) -> None:
        if self.supervision not in ("local", "ball", "global"):
            raise InputError(
                f"supervision is {self.supervision!r}; expected local, ball or global."
            )
        if self.ball_radius is not None:
            require_positive(ball_radius=self.ball_radius)
            if self.supervision != "ball":
                raise InputError(
                    f"ball_radius is {self.ball_radius:g}, and supervision is "
                    f"{self.supervision!r}; set supervision to ball, or leave ball_radius out."
                )
        require_whole(1, epochs=self.epochs, patience=self.patience)
        require_whole(2, batch_size=self.batch_size)
        require_whole(0, most=LARGEST_SEED, seed=self.seed)
        if not 0 < self.learning_rate < math.inf or not 0 <= self.weight_decay < math.inf:
            raise InputError(
                f"learning_rate is {self.learning_rate} and weight_decay {self.weight_decay}; "
                "expected a positive and a non-negative number, both finite."
            )
        if not 0 <= self.strain <= LARGEST_STRAIN:
            raise InputError(
                f"strain is {self.strain}; expected a relative change of lengths from 0 to "
                f"{LARGEST_STRAIN:g}, such as 0.01."
            )


@checks_arguments
def fit(
    labelled: LabelledSet,
    split: Split,
    *,
    model: str,
    recipe: AnyRecipe,
    model_options: Mapping[str, Any] | None = None,
    options: TrainingOptions | None = None,
    system: SystemLike | None = None,
    accept: Collection[str] = (),
    checkpoint: str | Path | None = None,
    device: str = "auto",
    progress: bool = True,
    description: str = "training",
) -> TrainedClassifier:
    """Train a classifier of two phases.

    The classifier has the weights of the epoch with the lowest validation loss; the test runs of
    the split are not used.

    Args:
        labelled: Labelled configurations.
        split: The runs for training and for validation.
        model: Registered name of the network.
        recipe: How snapshots become its input.
        model_options: Constructor arguments beyond those the recipe settles.
        options: How to train.
        system: The glass former: its name, a TOML file, a definition, or itself. What it is is
            stored with the classifier; by default what the runs state.
        accept: Names of differences between the runs and the glass former that are meant; see
            `gnnglass.trajectories.Material.require_fit`. They are kept in the record.
        checkpoint: File that is rewritten after every epoch; if it exists, training goes on
            from it. It must belong to this very training; if it is damaged, training begins anew.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.
        progress: Whether to show a progress bar over the epochs.
        description: Label of the progress bar.

    Raises:
        InputError: If the set has not exactly two classes, if a part of the split lacks one of
            them, if model and recipe do not fit each other, if the recipe's indicators are made
            for another material, if balls do not fit a box, if the checkpoint is of another
            training, or if the loss does not stay finite.
        FileError: If the checkpoint cannot be read or written.
        UnknownNameError: If no such model, or glass former, is registered.
    """
    # Lightning takes longer to import than all else, and only training needs it.
    from gnnglass.training._loop import (
        Configurations,
        EpochBar,
        KeepBest,
        TrainingCheckpoint,
        learner_of,
        train,
        variants,
    )

    options = options or TrainingOptions()
    material = labelled.material
    accepted = dict(labelled.accepted)
    stated = recipe.system if material.system is None else material.system
    if (named := stated if system is None else system) is not None:
        former = glass_former(named)
        accepted |= material.require_fit(
            former.material, whose="the labelled set", made_for=repr(former.name), accept=accept
        )
        material = replace(material, system=former.identity)
        if recipe.system not in (None, former.identity):
            raise InputError(
                "the indicators of the recipe are those of "
                f"{glass_former(recipe.system).name!r}, and the classifier is to be trained on "
                f"{former.name!r}; make the recipe with the same system."
            )
    for indicator in recipe.made_indicators().values():
        accepted |= indicator.require_fit(material, accept)
    parts = {"train": labelled.where(split.train), "validation": labelled.where(split.validation)}
    for name, members in parts.items():
        if len(np.unique(labelled.targets[members])) != 2 or len(labelled.labels) != 2:
            raise InputError(
                f"the {name} part must hold runs of exactly two classes; "
                f"it holds {len(np.unique(labelled.targets[members]))} "
                f"of the labels {', '.join(labelled.labels)}."
            )
    n_classes = (model_options or {}).get("n_classes", 2)
    if n_classes != 2:
        raise InputError(
            f"n_classes is {shown(n_classes)}, but classifiers tell two classes; leave it out."
        )
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        net = create_model(model, recipe, model_options or {})
        _require_strainable(net, model, options.strain)
        inputs = {
            name: [recipe(labelled.snapshots[i]) for i in _bar(members, f"{net.kind}s", progress)]
            for name, members in parts.items()
        }
        balls = _balls(net, labelled, parts, inputs, options.ball_radius)
        net.standardise(inputs["train"], balls["train"])
        learner = learner_of(net)
        data = {
            name: Configurations(
                [
                    variants(learner, made, ball, options)
                    for made, ball in zip_longest(inputs[name], balls[name])
                ],
                labelled.targets[members],
                learner.takes,
                balls[name] if learner is net else (),
            )
            for name, members in parts.items()
        }
        stored = None
        if checkpoint is not None:
            facts = [model, recipe.to_dict(), dict(model_options or {}), asdict(options)]
            key = _key(labelled, parts, model, recipe, facts)
            stored = TrainingCheckpoint(Path(checkpoint), key)
        keep = KeepBest(stored, options.patience)
        bar = EpochBar(options.epochs, description) if progress else None
        train(learner, data, options, keep, choose_device(device), bar=bar)
    learner.load_state_dict({k.removeprefix("net."): v for k, v in keep.best_weights.items()})
    classifier = TrainedClassifier(
        model_name=model,
        model_options={**settled_by_recipe(recipe), **(model_options or {})},
        model=net.eval(),
        recipe=recipe,
        labels=labelled.labels,
        material=material,
        split=split,
        calibration=Calibration(),
        record={
            "options": asdict(options),
            "accepted": accepted,
            "best_epoch": keep.best_epoch,
            "history": keep.history,
            "versions": versions(),
        },
    ).to(device)
    held_out = [labelled.snapshots[i] for i in parts["validation"]]
    calibration = Calibration.fit(
        classifier.scores(held_out), labelled.targets[parts["validation"]]
    )
    return replace(classifier, calibration=calibration)


def _require_strainable(net: ClassifierNet, model: str, strain: float) -> None:
    """Refuse to strain what has no distances.

    Raises:
        InputError: If so.
    """
    if not strain:
        return
    if not isinstance(net, GraphNet):
        raise InputError(
            f"strain is {strain:g}, but {model!r} reads a grid, which cannot be strained; leave "
            "strain out, or train a network on graphs."
        )
    if not net.counts.n_counts:
        raise InputError(
            f"strain is {strain:g}, but with n_radial = 0 the network sees no distances, and "
            "strain would change nothing; leave strain out, or give it radial functions."
        )


def _balls(
    net: ClassifierNet,
    labelled: LabelledSet,
    parts: Mapping[str, NDArray[np.int64]],
    inputs: Mapping[str, Sequence[Any]],
    radius: float | None,
) -> dict[str, list[Tensor]]:
    """Who is in whose ball, for each configuration of each part; nothing without a radius.

    Raises:
        InputError: If the radius does not fit a box, or memory does not suffice.
    """
    found: dict[str, list[Tensor]] = {name: [] for name in parts}
    if radius is None:
        return found
    n_configurations = sum(map(len, parts.values()))
    for name, members in parts.items():
        for i, made in zip(members, inputs[name], strict=True):
            found[name].append(net.ball(made, labelled.snapshots[i], radius))
            require_memory(
                n_configurations * found[name][-1].nbytes,
                f"balls of radius {radius:g} in {n_configurations} configurations",
            )
    return found


#: What fields depend on.
_CODE_OF_FIELDS = ("gnnglass.structure", "gnnglass.systems")


def _key(
    labelled: LabelledSet,
    parts: Mapping[str, NDArray[np.int64]],
    model: str,
    recipe: AnyRecipe,
    facts: list[Any],
) -> str:
    """Digest of everything that a training depends on.

    Args:
        labelled: Labelled configurations.
        parts: Those that train and those that validate.
        model: Registered name of the network.
        recipe: What it is fed with.
        facts: JSON-like values that it depends on besides.
    """
    data = hashlib.sha256()
    for part, members in parts.items():
        for i in members:
            snapshot = labelled.snapshots[i]
            told = [part, labelled.runs[i], int(labelled.targets[i]), snapshot.type_names]
            data.update(json.dumps(told).encode())
            for values in (snapshot.box, snapshot.positions, snapshot.types):
                data.update(np.ascontiguousarray(values).tobytes())
    code = code_digest(
        "gnnglass.models",
        "gnnglass.training",
        "gnnglass.trajectories",
        *packages_elsewhere("gnnglass.models", [model]),
        *(_CODE_OF_FIELDS if recipe.n_fields else ()),
        *packages_elsewhere("gnnglass.structure", recipe.indicators),
    )
    return digest_of(data.hexdigest(), labelled.labels, labelled.level, code, *facts)


def _bar(members: NDArray[np.int64], what: str, progress: bool) -> Any:
    return progress_bar(members, desc=f"building {what}", leave=False, disable=not progress)


@dataclass(frozen=True)
class Candidate:
    """A classifier to train and compare with others.

    Attributes:
        model: Registered name of the network.
        recipe: The recipe that makes the network's input from snapshots.
        model_options: Constructor arguments other than those that follow from the recipe.
        options: Training options.
    """

    model: str
    recipe: AnyRecipe
    model_options: Mapping[str, Any] = field(default_factory=dict)
    options: TrainingOptions = field(default_factory=TrainingOptions)


@dataclass(frozen=True)
class BestFit:
    """The chosen classifier and a record of all candidates.

    Attributes:
        classifier: The classifier with the lowest validation loss.
        record: One row per candidate, in the order given, for ``pandas.DataFrame(record)``:
            ``model``, ``recipe``, ``model_options`` and ``options`` as JSON-like values,
            ``best_epoch``, ``validation_loss`` and whether it was ``chosen``.
    """

    classifier: TrainedClassifier
    record: tuple[dict[str, Any], ...]


@checks_arguments
def fit_best(
    labelled: LabelledSet,
    split: Split,
    candidates: Sequence[Candidate],
    *,
    system: SystemLike | None = None,
    accept: Collection[str] = (),
    checkpoints: str | Path | None = None,
    device: str = "auto",
    progress: bool = True,
) -> BestFit:
    """Train every candidate and keep the one that does best on the validation runs.

    Candidates are compared by `validation_loss`, which has the same meaning for every network,
    input and supervision. Ties go to the first. The test runs are not used. The loss of the chosen
    candidate is the lowest of several and therefore optimistic: report results on the test runs.

    Args:
        labelled: Labelled configurations.
        split: Which runs train and which validate.
        candidates: What to choose from.
        system: The glass former: its name, a TOML file, a definition, or itself. What it is is
            stored with the classifier; by default what the runs state.
        accept: As `fit` takes it.
        checkpoints: Folder for the checkpoint of each candidate, by its place among them; a
            killed search goes on from these. They must belong to this very search.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.
        progress: Whether to show a progress bar over the epochs of each candidate.

    Raises:
        InputError: If there is no candidate, or as `fit`.
        UnknownNameError: If a candidate's model is not registered.
    """
    if not candidates:
        raise InputError("there is no candidate to choose from; give at least one.")
    with torch.random.fork_rng():
        for candidate in candidates:
            # Refuse an invalid candidate before hours are spent on the others.
            create_model(candidate.model, candidate.recipe, candidate.model_options)
    classifiers = [
        fit(
            labelled,
            split,
            model=candidate.model,
            recipe=candidate.recipe,
            model_options=candidate.model_options,
            options=candidate.options,
            system=system,
            accept=accept,
            checkpoint=None if checkpoints is None else Path(checkpoints) / f"{place}.ckpt",
            device=device,
            progress=progress,
            description=f"candidate {place + 1} of {len(candidates)}",
        )
        for place, candidate in enumerate(candidates)
    ]
    losses = [validation_loss(classifier, labelled) for classifier in classifiers]
    chosen = losses.index(min(losses))
    record = tuple(
        {
            "model": candidate.model,
            "recipe": candidate.recipe.to_dict(),
            "model_options": dict(candidate.model_options),
            "options": asdict(candidate.options),
            "best_epoch": classifier.record["best_epoch"],
            "validation_loss": loss,
            "chosen": place == chosen,
        }
        for place, (candidate, classifier, loss) in enumerate(
            zip(candidates, classifiers, losses, strict=True)
        )
    )
    return BestFit(classifiers[chosen], record)


@checks_arguments
def validation_loss(classifier: TrainedClassifier, labelled: LabelledSet) -> float:
    """Log loss of the calibrated probability of whole configurations of the validation runs.

    −⟨log P(true class)⟩ with P from `TrainedClassifier.predict_proba`. This is not the training
    loss, which is over particles, balls or configurations, depending on the supervision, and before
    calibration, so that it cannot be compared between supervisions.
    """
    members = labelled.where(classifier.split.validation)
    probability = classifier.predict_proba([labelled.snapshots[i] for i in members])
    likelihood = probability[np.arange(len(members)), labelled.targets[members]]
    return float(-np.log(likelihood.clip(np.finfo(float).tiny)).mean())
