"""What can be done to particles so that a network no longer sees them as they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

BoolArray = NDArray[np.bool_]

#: From a snapshot, which particles each of m versions keeps, shape [m, n], and a source of
#: chance, to the logits of the versions, shape [m, n_classes].
Perturbed = Callable[[Snapshot, BoolArray, np.random.Generator], FloatArray]


class GivesLogits(Protocol):
    """What is asked for its logits: a `gnnglass.training.TrainedClassifier`, or anything alike."""

    @property
    def labels(self) -> Sequence[str]:
        """The classes, in the order of the logits."""

    def logits(self, snapshots: Iterable[Snapshot], *, batch_size: int) -> FloatArray:
        """Logits of each snapshot, shape [n_snapshots, n_classes]."""


class Perturbation(ABC):
    """A way to take what particles are out of a snapshot."""

    @abstractmethod
    def prepare(self, classifier: GivesLogits, batch_size: int) -> Perturbed:
        """What gives the classifier's logits for versions of a snapshot.

        Where a version keeps nobody and nothing is left to ask about, its logits are NaN.

        Args:
            classifier: Which classifier.
            batch_size: How many versions it is given at once.

        Raises:
            InputError: If the classifier cannot be treated like this.
        """
