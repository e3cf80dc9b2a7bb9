"""Networks of the benchmark: chosen with the first seed, trained again with the others."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gnnglass.benchmark.definition import CandidateSection
from gnnglass.benchmark.piece import Piece
from gnnglass.training import (
    Candidate,
    LabelledSet,
    TrainedClassifier,
    TrainingOptions,
    evaluate,
    fit_best,
    recipe_for,
    split_by_run,
    validation_loss,
)


@dataclass(frozen=True)
class Training(Piece):
    """Train a network for a scenario; the record holds what was chosen, and how it classifies.

    With the first seed, the validation runs choose among all candidates; with the others, the
    one that they chose then is trained again.
    """

    @property
    def depends_on(self) -> Any:
        """The network, and what is chosen from."""
        section = self.planting.benchmark.networks[self.network]
        return [section.model, [one.model_dump() for one in self._all]]

    @property
    def classifier(self) -> Path:
        """File of the trained classifier."""
        return self.file.with_suffix(".safetensors")

    @property
    def first(self) -> Training:
        """The training with the first seed."""
        return replace(self, planting=replace(self.planting, seed=0))

    def work(self) -> dict[str, Any]:
        """Train, judge on the test runs, and keep the classifier."""
        labelled, split = self.planting.labelled()
        first = self.planting.seed == 0
        places = range(len(self._all)) if first else [self.first.record["chosen"]]
        start = time.perf_counter()
        choice = fit_best(
            labelled,
            split,
            [self._candidate(self._all[place]) for place in places],
            checkpoints=self.file.with_suffix(""),
            device=self.device,
            progress=False,
        )
        seconds = time.perf_counter() - start
        classifier = choice.classifier
        classifier.save(self.classifier)
        test = labelled.where(split.test)
        snapshots = [labelled.snapshots[i] for i in test]
        judged = evaluate(
            classifier.predict_proba(snapshots)[:, 1],
            labelled.targets[test],
            [labelled.runs[i] for i in test],
        )
        shutil.rmtree(self.file.with_suffix(""), ignore_errors=True)
        return {
            "chosen": next(
                place for place, row in zip(places, choice.record, strict=True) if row["chosen"]
            ),
            "candidates": choice.record,
            "auc": asdict(judged.auc),
            "validation_loss": validation_loss(classifier, labelled),
            "seconds": seconds,
        }

    def load(self) -> TrainedClassifier:
        """The trained classifier."""
        return TrainedClassifier.load(self.classifier, self.device)

    def on_other_labels(self, labelled: LabelledSet) -> TrainedClassifier:
        """The same candidate, trained on other labels and kept nowhere."""
        candidate = self._candidate(self._all[self.record["chosen"]])
        split = split_by_run(labelled, seed=self.planting.seed)
        return fit_best(labelled, split, [candidate], device=self.device, progress=False).classifier

    @property
    def _all(self) -> list[CandidateSection]:
        network = self.planting.benchmark.networks[self.network]
        return network.candidates_in(self.planting.base.dimension)

    def _candidate(self, section: CandidateSection) -> Candidate:
        model = self.planting.benchmark.networks[self.network].model
        return Candidate(
            model,
            recipe_for(model, self.planting.base.dimension, **section.recipe),
            section.model_options,
            TrainingOptions(**section.training, seed=self.planting.seed),
        )
