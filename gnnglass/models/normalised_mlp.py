"""What a particle makes of what it has gathered."""

from __future__ import annotations

from torch import nn


def normalised_mlp(inputs: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    """LayerNorm and a perceptron with one hidden layer.

    LayerNorm acts on each particle alone, so that no statistic is shared between particles,
    graphs or phases.

    Args:
        inputs: Width of what it is given.
        hidden: Width of its hidden layer.
        outputs: Width of what it gives.
        dropout: Probability of dropping a value of the hidden layer in training.
    """
    return nn.Sequential(
        nn.LayerNorm(inputs),
        nn.Linear(inputs, hidden),
        nn.SiLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, outputs),
    )
