"""Training: from labelled configurations to a classifier, resumable epoch by epoch."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal
from zipfile import is_zipfile

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from gnnglass.errors import InputError
from gnnglass.models import ClassifierNet
from gnnglass.training.augment import random_symmetry
from gnnglass.training.batches import BalancedBatches, collate
from gnnglass.training.calibration import Calibration
from gnnglass.training.checkpoint import KeepBest
from gnnglass.training.classifier import TrainedClassifier, choose_device, versions
from gnnglass.training.evaluation import roc_auc
from gnnglass.training.inputs import AnyRecipe, create_model, settled_by_recipe
from gnnglass.training.labelled import LabelledSet
from gnnglass.training.split import Split


@dataclass(frozen=True)
class TrainingOptions:
    """How to train; the defaults learn the inherent level of a few dozen configurations.

    Attributes:
        supervision: ``"local"`` labels every particle (or grid cell) with the phase of its
            configuration; ``"global"`` puts the loss on one logit per configuration. Local
            labels multiply the number of examples and gave the steadier importance maps.
        epochs: Most passes over the training configurations.
        patience: Epochs without a lower validation loss before training stops.
        batch_size: Configurations per step, the same number of each class.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        seed: Seed of the initial weights, the order of the batches, dropout and augmentation.
    """

    supervision: Literal["local", "global"] = "local"
    epochs: int = 30
    patience: int = 5
    batch_size: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    seed: int = 0


def fit(
    labelled: LabelledSet,
    split: Split,
    *,
    model: str,
    recipe: AnyRecipe,
    model_options: Mapping[str, Any] | None = None,
    options: TrainingOptions | None = None,
    system: str | None = None,
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
        system: Name of the glass former, stored with the classifier.
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
            name: _Configurations(
                [recipe(labelled.snapshots[i]) for i in _bar(members, f"{net.kind}s", progress)],
                labelled.targets[members],
            )
            for name, members in parts.items()
        }
        net.standardise(data["train"].inputs)
        keep = KeepBest(None if checkpoint is None else Path(checkpoint), options.patience)
        bar = [_EpochBar(options.epochs, description)] if progress else []
        _train(net, data, options, [keep, *bar], choose_device(device))
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


class _Configurations(Dataset[tuple[tuple[Tensor, ...], Tensor]]):
    """Network inputs with their classes; indexed by a list, it gives a collated batch."""

    def __init__(self, inputs: Sequence[Any], targets: NDArray[np.int64]) -> None:
        self.inputs = inputs
        self.targets = torch.from_numpy(np.asarray(targets, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, indices: list[int]) -> tuple[tuple[Tensor, ...], Tensor]:
        return collate([self.inputs[i] for i in indices]), self.targets[indices]


class _Training(lightning.LightningModule):
    """The loss, the optimiser, and the figures of an epoch."""

    def __init__(self, net: ClassifierNet, options: TrainingOptions) -> None:
        super().__init__()
        self.net = net
        self.options = options
        self._losses: list[float] = []
        self._validation: list[tuple[Tensor, Tensor]] = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            self.net.parameters(),
            lr=self.options.learning_rate,
            weight_decay=self.options.weight_decay,
        )

    def training_step(self, batch: tuple[tuple[Tensor, ...], Tensor], _: int) -> Tensor:
        # Dropout and augmentation depend on the seed and the step alone, so that training resumed
        # from a checkpoint goes the way it would have gone.
        torch.manual_seed(self.options.seed * 1_000_003 + self.global_step)
        arguments, targets = batch
        if self.net.kind == "voxel":
            arguments = tuple(random_symmetry(grid) for grid in arguments)
        loss = self._loss(arguments, targets)
        self._losses.append(float(loss.detach()))
        return loss

    def validation_step(self, batch: tuple[tuple[Tensor, ...], Tensor], _: int) -> None:
        arguments, targets = batch
        loss = self._loss(arguments, targets)
        logits = self.net(*arguments)
        self._validation.append(
            (
                loss * len(targets),
                torch.stack([(logits[:, 1] - logits[:, 0]).cpu().double(), targets.cpu().double()]),
            )
        )

    def on_validation_epoch_end(self) -> None:
        losses = torch.stack([loss for loss, _ in self._validation])
        scores, targets = torch.cat([pair for _, pair in self._validation], dim=1).numpy()
        self.log("train_loss", float(np.mean(self._losses)))
        self.log("val_loss", float(losses.sum()) / len(targets))
        self.log("val_auc", roc_auc(scores, targets))
        self._losses, self._validation = [], []

    def _loss(self, arguments: tuple[Tensor, ...], targets: Tensor) -> Tensor:
        if self.options.supervision == "global":
            return nn.functional.cross_entropy(self.net(*arguments), targets)
        logits = self.net.local_logits(*arguments)
        # Graphs carry the owner of each site; the cells of a stack of grids are equally many.
        owner = (
            arguments[-1]
            if self.net.kind == "graph"
            else torch.arange(len(targets), device=targets.device).repeat_interleave(
                len(logits) // len(targets)
            )
        )
        return nn.functional.cross_entropy(logits, targets[owner])


class _EpochBar(Callback):
    """One bar over the epochs, with the validation figures beside it."""

    def __init__(self, epochs: int, description: str) -> None:
        self.bar = tqdm(total=epochs, desc=description, unit="epoch")

    def on_train_start(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        self.bar.update(trainer.current_epoch)

    def on_train_epoch_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        figures = trainer.callback_metrics
        self.bar.set_postfix(
            loss=f"{float(figures['val_loss']):.3f}",
            auc=f"{float(figures['val_auc']):.3f}",
        )
        self.bar.update()

    def on_train_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        # Training that stopped early is finished, so the bar is full.
        self.bar.total = self.bar.n
        self.bar.close()


def _train(
    net: ClassifierNet,
    data: Mapping[str, _Configurations],
    options: TrainingOptions,
    callbacks: list[Callback],
    device: torch.device,
) -> None:
    order = BalancedBatches(data["train"].targets.numpy(), options.batch_size, options.seed)
    n_validation = len(data["validation"])
    validation = np.array_split(
        np.arange(n_validation), math.ceil(n_validation / options.batch_size)
    )
    checkpoint = next(c.path for c in callbacks if isinstance(c, KeepBest))
    with _quiet():
        trainer = lightning.Trainer(
            max_epochs=options.epochs,
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=[device.index or 0] if device.type == "cuda" else 1,
            callbacks=callbacks,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
        # A checkpoint is a zip archive; anything else at that place is overwritten.
        resumed = checkpoint if checkpoint is not None and is_zipfile(checkpoint) else None
        trainer.fit(
            _Training(net, options),
            DataLoader(data["train"], sampler=order, batch_size=None),
            DataLoader(
                data["validation"], sampler=[part.tolist() for part in validation], batch_size=None
            ),
            ckpt_path=resumed,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning's advice on loggers, workers and hardware; errors still come through."""
    loggers = [logging.getLogger("lightning.pytorch"), logging.getLogger("lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _bar(members: NDArray[np.int64], what: str, progress: bool) -> Any:
    return tqdm(members, desc=f"building {what}", leave=False, disable=not progress)
