"""How to train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
