"""What every task of the benchmark has in common, and the first of them: training a network."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from gnnglass._records import Record, code_digest, digest_of
from gnnglass.explain.faithfulness import localisation_auc
from gnnglass.models import AnyRecipe, recipe_for
from gnnglass.stats import mean_over_runs
from gnnglass.training import (
    LabelledSet,
    Split,
    TrainedClassifier,
    TrainingOptions,
    evaluate,
    fit,
    split_by_run,
    validation_loss,
)
from planted_truth.definition import AttributionSection, CandidateSection
from planted_truth.planting import TARGET, Planting

#: What makes the labelled sets. The runs they are planted into are kept whatever made them.
PLANTING = (
    "gnnglass.trajectories",
    "gnnglass.planted",
    "gnnglass.training.labelled",
    "planted_truth.planting",
)


@dataclass(frozen=True)
class BenchmarkTask(ABC):
    """Work on one scenario with one network, whose record is a JSON file.

    It is a `gnnglass.parallel.Task`. The file's name holds a digest of everything the record
    depends on, code included, so that the records of several candidates lie beside each other.

    Attributes:
        code: Modules and packages that make the record, besides those of the planting.
        planting: The scenario, with the seed.
        network: Name of the network.
        device: Where networks run.
    """

    code: ClassVar[tuple[str, ...]]
    planting: Planting
    network: str
    device: str

    @property
    @abstractmethod
    def depends_on(self) -> Any:
        """JSON-like values that the record depends on, besides the scenario and the seed."""

    @abstractmethod
    def work(self) -> Any:
        """Do it, and return the JSON-like record."""

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.planting.scenario}, {self.network}, seed {self.planting.seed}"

    @property
    def digest(self) -> str:
        """Of all that the record depends on."""
        planting = self.planting
        return digest_of(
            planting.benchmark.seed,
            planting.seed,
            planting.base.model_dump(),
            planting.section.model_dump(),
            code_digest(*PLANTING, *self.code),
            self.depends_on,
        )

    @property
    def file(self) -> Path:
        """The record."""
        kind = type(self).__name__.lower()
        label = f"{self.planting.scenario}-{self.network}-{self.planting.seed}".replace(" ", "_")
        return self.planting.folder / kind / f"{label}-{self.digest[:12]}.json"

    @property
    def done(self) -> bool:
        """Whether the record is there."""
        return Record.find(self.file, self.digest, self.products) is not None

    @property
    def products(self) -> tuple[Path, ...]:
        """Files that it leaves besides the record."""
        return ()

    @property
    def record(self) -> Any:
        """What the work left."""
        return Record.read(self.file).result

    def __call__(self) -> None:
        """Do the work and write the record."""
        Record.make(self.file, self.digest, self.work, self.products)

    def fail(self, reason: str, traceback: str = "") -> None:  # noqa: B027 - it is reported
        """Keep nothing: the next try begins anew."""


@dataclass(frozen=True)
class Training(BenchmarkTask):
    """Train a network for a scenario in one of the ways that its section names.

    The record says how it classifies the test runs, and how its first attribution localises on the
    validation runs.

    Attributes:
        candidate: How it is fed, made and trained.
    """

    code = (
        "gnnglass.stats",
        "gnnglass.models",
        "gnnglass.training",
        "gnnglass.explain",
        __name__,
    )
    candidate: CandidateSection

    @property
    def depends_on(self) -> Any:
        """The candidate, and the attribution that it is chosen by."""
        first = self._first_attribution.model_dump(exclude={"scenarios"})
        return [self._model, self.candidate.model_dump(), first]

    @property
    def classifier(self) -> Path:
        """File of the trained classifier."""
        return self.file.with_suffix(".safetensors")

    @property
    def products(self) -> tuple[Path, ...]:
        """The trained classifier."""
        return (self.classifier,)

    def work(self) -> dict[str, Any]:
        """Train, judge, and keep the classifier."""
        labelled, split = self.planting.labelled()
        start = time.perf_counter()
        checkpoint = self.file.with_suffix(".ckpt")
        classifier = self._fit(labelled, split, checkpoint)
        seconds = time.perf_counter() - start
        classifier.save(self.classifier)
        checkpoint.unlink(missing_ok=True)
        test = labelled.where(split.test)
        judged = evaluate(
            classifier.predict_proba([labelled.snapshots[i] for i in test])[:, 1],
            labelled.targets[test],
            [labelled.runs[i] for i in test],
        )
        attribution = self._first_attribution.create()
        held = self.planting.explained("validation")
        areas = localisation_auc(
            attribution.compute(classifier, held.snapshots, TARGET), held.truth
        )
        return {
            "candidate": self.candidate.model_dump(),
            "auc": judged.auc.to_dict(),
            "validation_loss": validation_loss(classifier, labelled),
            "validation_localisation": mean_over_runs(areas, held.runs).estimate,
            "seconds": seconds,
        }

    def load(self) -> TrainedClassifier:
        """The trained classifier."""
        return TrainedClassifier.load(self.classifier, self.device)

    def on_other_labels(self, labelled: LabelledSet) -> TrainedClassifier:
        """The same candidate, trained on other labels and kept nowhere."""
        return self._fit(labelled, split_by_run(labelled, seed=self.planting.seed), None)

    def _fit(
        self, labelled: LabelledSet, split: Split, checkpoint: Path | None
    ) -> TrainedClassifier:
        candidate = self.candidate
        return fit(
            labelled,
            split,
            model=self._model,
            recipe=self._recipe,
            model_options=candidate.model_options,
            options=TrainingOptions(**candidate.training, seed=self.planting.seed),
            checkpoint=checkpoint,
            device=self.device,
            progress=False,
        )

    @property
    def _model(self) -> str:
        return self.planting.benchmark.networks[self.network].model

    @property
    def _recipe(self) -> AnyRecipe:
        return recipe_for(self._model, self.planting.base.dimension, **self.candidate.recipe)

    @property
    def _first_attribution(self) -> AttributionSection:
        return next(iter(self.planting.benchmark.networks[self.network].attributions.values()))


def candidate_trainings(planting: Planting, network: str, device: str) -> list[Training]:
    """All candidates of a network, trained with the first seed of a scenario."""
    section = planting.benchmark.networks[network]
    return [
        Training(replace(planting, seed=0), network, device, candidate)
        for candidate in section.candidates_in(planting.base.dimension)
    ]


def best_candidate(planting: Planting, network: str, device: str) -> Training:
    """The candidate whose map localised best on the validation runs, with the planting's seed.

    The truth is looked at for that, of networks on graphs and on grids alike: the question is what
    can be found by either, not whether one would have known how to train it. Needs the records of
    the `candidate_trainings`.
    """
    best = max(
        candidate_trainings(planting, network, device),
        key=lambda training: float(training.record["validation_localisation"]),
    )
    return replace(best, planting=planting)
