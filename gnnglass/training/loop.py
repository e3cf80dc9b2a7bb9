"""The training loop: loss, optimiser, batches, and Lightning kept quiet."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from zipfile import is_zipfile

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from gnnglass.models import ClassifierNet, collate
from gnnglass.training.augment import random_symmetry
from gnnglass.training.batches import BalancedBatches
from gnnglass.training.checkpoint import KeepBest
from gnnglass.training.evaluation import roc_auc
from gnnglass.training.options import TrainingOptions


class Configurations(Dataset[tuple[tuple[Tensor, ...], Tensor]]):
    """Network inputs with their classes; indexed by a list, it gives a collated batch."""

    def __init__(
        self, inputs: Sequence[Any], targets: NDArray[np.int64], takes: Sequence[str]
    ) -> None:
        self.inputs = inputs
        self.takes = takes
        self.targets = torch.from_numpy(np.asarray(targets, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, indices: list[int]) -> tuple[tuple[Tensor, ...], Tensor]:
        chosen = [self.inputs[i] for i in indices]
        return collate(chosen, takes=self.takes), self.targets[indices]


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
        local = self.options.supervision == "local"
        logits = (self.net.local_logits if local else self.net.ball_logits)(*arguments)
        # Graphs carry the owner of each site; the cells of a stack of grids are equally many.
        owner = (
            arguments[-1]
            if self.net.kind == "graph"
            else torch.arange(len(targets), device=targets.device).repeat_interleave(
                len(logits) // len(targets)
            )
        )
        return nn.functional.cross_entropy(logits, targets[owner])


class EpochBar(Callback):
    """One bar over the epochs, with the validation figures beside it."""

    def __init__(self, epochs: int, description: str) -> None:
        self.bar = tqdm(total=epochs, desc=description, unit="epoch")

    def on_train_start(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Begin at the epoch of a resumed training."""
        self.bar.update(trainer.current_epoch)

    def on_train_epoch_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Advance, and show the validation figures."""
        figures = trainer.callback_metrics
        self.bar.set_postfix(
            loss=f"{float(figures['val_loss']):.3f}",
            auc=f"{float(figures['val_auc']):.3f}",
        )
        self.bar.update()

    def on_train_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Fill the bar: training that stopped early is finished too."""
        self.bar.total = self.bar.n
        self.bar.close()


def train(
    net: ClassifierNet,
    data: Mapping[str, Configurations],
    options: TrainingOptions,
    keep: KeepBest,
    device: torch.device,
    *,
    bar: EpochBar | None,
) -> None:
    """Fit a network with Lightning, from its checkpoint if there is one.

    Args:
        net: The network; its weights are those of the last epoch afterwards.
        data: Configurations of the parts ``"train"`` and ``"validation"``.
        options: How to train.
        keep: Holds the best weights afterwards, and the history.
        device: Where to train.
        bar: Shows the progress, if it is to be shown.
    """
    order = BalancedBatches(data["train"].targets.numpy(), options.batch_size, options.seed)
    n_validation = len(data["validation"])
    validation = np.array_split(
        np.arange(n_validation), math.ceil(n_validation / options.batch_size)
    )
    with _quiet():
        trainer = lightning.Trainer(
            max_epochs=options.epochs,
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=[device.index or 0] if device.type == "cuda" else 1,
            callbacks=[keep] if bar is None else [keep, bar],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
        # A checkpoint is a zip archive; anything else at that place is overwritten.
        resumed = keep.path if keep.path is not None and is_zipfile(keep.path) else None
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
