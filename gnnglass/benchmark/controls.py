"""What is left of the judged map when nothing was learnt, or nothing that is true."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from gnnglass.benchmark.measuring import SPECIES
from gnnglass.benchmark.piece import Piece
from gnnglass.benchmark.planting import TARGET
from gnnglass.benchmark.training import Training, chosen
from gnnglass.explain.faithfulness import (
    control_correlation,
    of_species,
    randomised,
    shuffled_labels,
)
from gnnglass.training import TrainedClassifier


@dataclass(frozen=True)
class Controls(Piece):
    """Correlate the judged map with those of networks with random weights and shuffled labels.

    The record has, for both kinds, the signed mean and the mean size of the rank correlation within
    the more frequent species, with intervals over controls.
    """

    @property
    def depends_on(self) -> Any:
        """The training, the attribution, and how many controls there are."""
        judged = self.planting.benchmark.judged
        return [self._training.digest, judged.model_dump()]

    def work(self) -> dict[str, Any]:
        """Make the controls, explain them and compare."""
        judged = self.planting.benchmark.judged
        network = self.planting.benchmark.networks[self.network]
        attribution = network.attributions[judged.attribution].create()
        classifier = self._training.load()
        snapshots = self.planting.explained("test").snapshots

        def maps(explained: TrainedClassifier) -> list[Any]:
            return of_species(attribution.compute(explained, snapshots, TARGET), snapshots, SPECIES)

        true = maps(classifier)
        labelled, _ = self.planting.labelled()
        seeds = range(1, judged.controls + 1)
        controls = {
            "random weights": [maps(randomised(classifier, seed)) for seed in seeds],
            "shuffled labels": [
                maps(self._training.on_other_labels(shuffled_labels(labelled, seed)))
                for seed in seeds
            ],
        }
        found = {kind: control_correlation(true, others) for kind, others in controls.items()}
        return {
            kind: {"signed": asdict(one.signed), "size": asdict(one.size)}
            for kind, one in found.items()
        }

    @property
    def _training(self) -> Training:
        return chosen(self.planting, self.network, self.device)
