"""How to train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gnnglass.errors import InputError


@dataclass(frozen=True)
class TrainingOptions:
    """How to train; the defaults learn the inherent level of a few dozen configurations.

    Attributes:
        supervision: ``"local"`` labels every particle (or grid cell) with the phase of its
            configuration; ``"ball"`` labels the mean logit of every particle and its neighbours
            (or cell and adjoining cells); ``"global"`` puts the loss on one logit per
            configuration. Local labels multiply the number of examples and gave the steadier
            importance maps; where few particles of a configuration differ, global ones find them.
        epochs: Most passes over the training configurations.
        patience: Epochs without a lower validation loss before training stops.
        batch_size: Configurations per step, the same number of each class.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        seed: Seed of the initial weights, the order of the batches, dropout and augmentation.

    Raises:
        InputError: If a value makes no sense.
    """

    supervision: Literal["local", "ball", "global"] = "local"
    epochs: int = 30
    patience: int = 5
    batch_size: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.supervision not in ("local", "ball", "global"):
            raise InputError(
                f"supervision is {self.supervision!r}; expected local, ball or global."
            )
        for name, lowest in (("epochs", 1), ("patience", 1), ("batch_size", 2), ("seed", 0)):
            value = getattr(self, name)
            if value < lowest:
                raise InputError(f"{name} is {value}; expected at least {lowest}.")
        if not self.learning_rate > 0 or not self.weight_decay >= 0:
            raise InputError(
                f"learning_rate is {self.learning_rate} and weight_decay {self.weight_decay}; "
                "expected a positive and a non-negative number."
            )
