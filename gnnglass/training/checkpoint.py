"""Keep the best weights, stop when nothing improves, resume where a killed training was."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from gnnglass.trajectories.files import written_whole


class KeepBest(Callback):
    """Early stopping and checkpointing as one idea, so that a resumed training is the same one.

    Lightning's own callbacks write in place and forget on resume that they had already decided
    to stop; a killed training could then end elsewhere than an undisturbed one.

    Args:
        path: Checkpoint file, rewritten whole after every epoch; None keeps nothing on disk.
        patience: Epochs without a lower validation loss before training stops.

    Attributes:
        best_weights: Weights of the epoch with the lowest validation loss.
        best_epoch: That epoch.
        history: One entry per epoch: ``epoch``, ``train_loss``, ``val_loss``,
            ``val_auc``.
    """

    def __init__(self, path: Path | None, patience: int) -> None:
        self.path = path
        self.patience = patience
        self.best_loss = math.inf
        self.best_epoch = -1
        self.best_weights: dict[str, torch.Tensor] = {}
        self.history: list[dict[str, float]] = []

    def state_dict(self) -> dict[str, Any]:
        """What Lightning stores in the checkpoint for this callback."""
        names = ("best_loss", "best_epoch", "best_weights", "history")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        for name, value in state_dict.items():
            setattr(self, name, value)

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Do not train on if the resumed training had already stopped."""
        self._stop_if_done(trainer)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Judge the epoch by its validation loss, then write the checkpoint."""
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
        epoch = trainer.current_epoch
        self.history.append({"epoch": epoch, **figures})
        if figures["val_loss"] < self.best_loss:
            self.best_loss = figures["val_loss"]
            self.best_epoch = epoch
            self.best_weights = copy.deepcopy(pl_module.state_dict())
        self._stop_if_done(trainer)
        if self.path is not None:
            with written_whole(self.path) as aside:
                trainer.save_checkpoint(aside)

    def _stop_if_done(self, trainer: lightning.Trainer) -> None:
        if self.history and self.history[-1]["epoch"] - self.best_epoch >= self.patience:
            trainer.should_stop = True
