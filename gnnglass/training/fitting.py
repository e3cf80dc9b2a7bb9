"""From labelled configurations to a trained classifier, resumable epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from gnnglass.errors import InputError
from gnnglass.training.calibration import Calibration
from gnnglass.training.checkpoint import KeepBest
from gnnglass.training.classifier import TrainedClassifier, choose_device, versions
from gnnglass.training.inputs import AnyRecipe, create_model, settled_by_recipe
from gnnglass.training.labelled import LabelledSet
from gnnglass.training.loop import Configurations, EpochBar, train
from gnnglass.training.options import TrainingOptions
from gnnglass.training.split import Split


def fit(
    labelled: LabelledSet,
    split: Split,
    *,
    model: str,
    recipe: AnyRecipe,
    model_options: Mapping[str, Any] | None = None,
    options: TrainingOptions | None = None,
    system: str | dict[str, Any] | None = None,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    progress: bool = True,
    description: str = "training",
) -> TrainedClassifier:
    """Train a classifier of two phases.

    The weights kept are those of the epoch with the lowest validation loss; the test runs of
    the split are not looked at.

    Args:
        labelled: Labelled configurations.
        split: Which runs train and which validate.
        model: Registered name of the network.
        recipe: How snapshots become its input.
        model_options: Constructor arguments beyond those the recipe settles.
        options: How to train.
        system: Identity of the glass former, stored with the classifier.
        checkpoint: File that is rewritten after every epoch; if it exists, training goes on
            from it. It must belong to this very training.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.
        progress: Whether to show a bar over the epochs.
        description: What the bar says.

    Raises:
        InputError: If the set has not exactly two classes, if a part of the split lacks one of
            them, or if model and recipe do not fit each other.
        UnknownNameError: If no such model is registered.
    """
    options = options or TrainingOptions()
    parts = {"train": labelled.where(split.train), "validation": labelled.where(split.validation)}
    for name, members in parts.items():
        if len(np.unique(labelled.targets[members])) != 2 or len(labelled.labels) != 2:
            raise InputError(
                f"the {name} part must hold runs of exactly two classes; "
                f"it holds {len(np.unique(labelled.targets[members]))} "
                f"of the labels {', '.join(labelled.labels)}."
            )
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        net = create_model(model, recipe, model_options or {})
        data = {
            name: Configurations(
                [recipe(labelled.snapshots[i]) for i in _bar(members, f"{net.kind}s", progress)],
                labelled.targets[members],
                net.takes,
            )
            for name, members in parts.items()
        }
        net.standardise(data["train"].inputs)
        keep = KeepBest(None if checkpoint is None else Path(checkpoint), options.patience)
        bar = EpochBar(options.epochs, description) if progress else None
        train(net, data, options, keep, choose_device(device), bar=bar)
    net.load_state_dict({k.removeprefix("net."): v for k, v in keep.best_weights.items()})
    classifier = TrainedClassifier(
        model_name=model,
        model_options={**settled_by_recipe(recipe), **(model_options or {})},
        model=net.eval(),
        recipe=recipe,
        labels=labelled.labels,
        level=labelled.level,
        system=system,
        split=split,
        calibration=Calibration(),
        record={
            "options": asdict(options),
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


def _bar(members: NDArray[np.int64], what: str, progress: bool) -> Any:
    return tqdm(members, desc=f"building {what}", leave=False, disable=not progress)
