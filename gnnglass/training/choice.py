"""Which of several classifiers to believe in, told by the validation runs alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gnnglass.errors import InputError
from gnnglass.training.classifier import TrainedClassifier
from gnnglass.training.fitting import fit
from gnnglass.training.inputs import AnyRecipe, create_model
from gnnglass.training.labelled import LabelledSet
from gnnglass.training.options import TrainingOptions
from gnnglass.training.split import Split


@dataclass(frozen=True)
class Candidate:
    """A classifier that might be trained.

    Attributes:
        model: Registered name of the network.
        recipe: How snapshots become its input.
        model_options: Constructor arguments beyond those the recipe settles.
        options: How to train.
    """

    model: str
    recipe: AnyRecipe
    model_options: Mapping[str, Any] = field(default_factory=dict)
    options: TrainingOptions = field(default_factory=TrainingOptions)


@dataclass(frozen=True)
class Choice:
    """The classifier that was chosen, and what it was chosen from.

    Attributes:
        classifier: The one with the lowest validation loss.
        record: One row per candidate, in the order given, for ``pandas.DataFrame(record)``:
            ``model``, ``recipe``, ``model_options`` and ``options`` as JSON-like values,
            ``best_epoch``, ``validation_loss`` and whether it was ``chosen``.
    """

    classifier: TrainedClassifier
    record: tuple[dict[str, Any], ...]


def fit_best(
    labelled: LabelledSet,
    split: Split,
    candidates: Sequence[Candidate],
    *,
    system: str | dict[str, Any] | None = None,
    checkpoints: str | Path | None = None,
    device: str = "auto",
    progress: bool = True,
) -> Choice:
    """Train every candidate and keep the one that does best on the validation runs.

    What is compared is `validation_loss`, which has the same meaning for every kind of network,
    input and supervision. Of equals the first is chosen. The test runs are not looked at. The
    loss of the chosen one is the lowest of several and hence flatters it: report figures of the
    test runs.

    Args:
        labelled: Labelled configurations.
        split: Which runs train and which validate.
        candidates: What to choose from.
        system: Identity of the glass former, stored with the classifier.
        checkpoints: Folder for the checkpoint of each candidate, by its place among them; a
            killed choice goes on from these. They must belong to this very choice.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.
        progress: Whether to show a bar over the epochs of each candidate.

    Raises:
        InputError: If there is no candidate, or as `fit`.
        UnknownNameError: If a candidate's model is not registered.
    """
    if not candidates:
        raise InputError("there is no candidate to choose from; give at least one.")
    with torch.random.fork_rng():
        for candidate in candidates:
            # What cannot be made is refused before hours are spent on the others.
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
    return Choice(classifiers[chosen], record)


def validation_loss(classifier: TrainedClassifier, labelled: LabelledSet) -> float:
    """Log loss of the calibrated probability of whole configurations of the validation runs.

    −⟨log P(true class)⟩ with P from `TrainedClassifier.predict_proba`. The loss that training
    lowers is another: of particles, balls or configurations as the supervision says, and before
    calibration, so that it does not compare across supervisions.
    """
    members = labelled.where(classifier.split.validation)
    probability = classifier.predict_proba([labelled.snapshots[i] for i in members])
    likelihood = probability[np.arange(len(members)), labelled.targets[members]]
    return float(-np.log(likelihood.clip(np.finfo(float).tiny)).mean())
