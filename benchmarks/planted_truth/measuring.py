"""What is measured of every attribution, of indicators without a network, and of controls."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gnnglass.compare import smooth
from gnnglass.compare.smoothing import smooth_at_lengths
from gnnglass.explain import Attribution
from gnnglass.explain.faithfulness import (
    Perturbation,
    Removal,
    Resampling,
    control_correlation,
    faithfulness_curve,
    localisation_auc,
    of_species,
    precision_at_k,
    randomised,
    seed_agreement,
    shuffled_labels,
)
from gnnglass.models import GraphNet
from gnnglass.stats import auc
from gnnglass.structure import INDICATORS, Indicator, indicators_for
from gnnglass.training import TrainedClassifier
from gnnglass.trajectories import Trajectory
from gnnglass.trajectories.snapshot import FloatArray
from planted_truth.definition import AttributionSection
from planted_truth.planting import TARGET, ExplainedSnapshots, HeldOutPart
from planted_truth.tasks import BenchmarkTask, Training, best_candidate

#: Lengths that maps may be smoothed over; 0 leaves them as they are.
LENGTHS = (0.0, 0.5, 1.0, 1.5)


def smoothed(
    explained: ExplainedSnapshots, maps: Sequence[FloatArray], length: float
) -> list[FloatArray]:
    """Each map, smoothed with the weight exp(−r / length)."""
    return [
        np.asarray(smooth(snapshot, scores, length))
        for snapshot, scores in zip(explained.snapshots, maps, strict=True)
    ]


def localisation_by_length(
    explained: ExplainedSnapshots, maps: Sequence[FloatArray]
) -> dict[float, float]:
    """Mean localisation at each of the `LENGTHS`."""
    versions = [
        smooth_at_lengths(snapshot, scores, LENGTHS)
        for snapshot, scores in zip(explained.snapshots, maps, strict=True)
    ]
    return {
        length: float(localisation_auc(at_length, explained.truth).mean())
        for length, at_length in zip(LENGTHS, zip(*versions, strict=True), strict=True)
    }


#: Particles are taken out up to a fifth of them: fewer are planted.
FRACTIONS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2)
N_RANDOM = 3
#: Agreement is that within the more frequent species.
SPECIES = "A"
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Measuring(BenchmarkTask):
    """Explain the held-out configurations of one seed with all attributions of a network.

    The record has a row per attribution and configuration.
    """

    code = ("gnnglass.explain", "gnnglass.compare", __name__)

    @property
    def depends_on(self) -> Any:
        """The lengths, the training with every seed, and the attributions."""
        return [
            LENGTHS,
            [one.digest for one in self.trainings],
            {name: one.model_dump() for name, one in self._attributions.items()},
        ]

    @property
    def trainings(self) -> list[Training]:
        """The network with every seed: first that of this one, then the others."""
        seeds = sorted(range(self.planting.benchmark.seeds), key=lambda s: s != self.planting.seed)
        return [
            best_candidate(replace(self.planting, seed=seed), self.network, self.device)
            for seed in seeds
        ]

    def work(self) -> Rows:
        """Compute all maps and measure them."""
        classifier, *others = (training.load() for training in self.trainings)
        parts: dict[HeldOutPart, ExplainedSnapshots] = {
            part: self.planting.explained(part) for part in ("validation", "test")
        }
        forward = _seconds_forward(classifier, parts["test"])
        spread = self._spread(classifier)
        rows: Rows = []
        for label, wanted in self._attributions.items():
            attribution = wanted.create()
            length = 0.0
            for part, explained in parts.items():
                start = time.perf_counter()
                maps = attribution.compute(classifier, explained.snapshots, TARGET)
                seconds = (time.perf_counter() - start) / len(maps)
                if part == "validation":
                    areas = localisation_by_length(explained, maps)
                    length = max(areas, key=lambda one: areas[one])
                smooth_maps = smoothed(explained, maps, length)
                figures: dict[str, FloatArray] = {
                    "localisation": localisation_auc(smooth_maps, explained.truth),
                    "bare": localisation_auc(maps, explained.truth),
                    "precision": precision_at_k(smooth_maps, explained.truth),
                }
                if part == "test":
                    figures |= {
                        "agreement": _agreement(attribution, classifier, others, explained),
                        "deletion": _deletion(classifier, maps, explained, Removal()) / spread,
                    }
                    if isinstance(classifier.model, GraphNet):
                        resampling = Resampling(parts["validation"].snapshots)
                        drop = _deletion(classifier, maps, explained, resampling)
                        figures["resampling"] = drop / spread
                rows += [
                    {
                        "attribution": label,
                        "part": part,
                        "run": run,
                        "length": length,
                        "cost": seconds / forward,
                        **values,
                    }
                    for run, values in zip(explained.runs, _per_configuration(figures), strict=True)
                ]
        return rows

    @property
    def _attributions(self) -> dict[str, AttributionSection]:
        planting = self.planting
        return planting.benchmark.networks[self.network].attributions_in(planting.scenario)

    def _spread(self, classifier: TrainedClassifier) -> float:
        """Standard deviation of the class's logit over all test configurations."""
        labelled, split = self.planting.labelled()
        snapshots = [labelled.snapshots[i] for i in labelled.where(split.test)]
        logits = classifier.logits(snapshots)[:, labelled.labels.index(TARGET)]
        return float(logits.std())


def _seconds_forward(classifier: TrainedClassifier, explained: ExplainedSnapshots) -> float:
    """Wall-clock time of the logits of one configuration."""
    classifier.logits(explained.snapshots)
    start = time.perf_counter()
    classifier.logits(explained.snapshots)
    return (time.perf_counter() - start) / len(explained.snapshots)


def _agreement(
    attribution: Attribution,
    classifier: TrainedClassifier,
    others: Sequence[TrainedClassifier],
    explained: ExplainedSnapshots,
) -> FloatArray:
    """Rank correlation with the maps of networks trained with other seeds; NaN where not taken.

    Nor is it where all maps are the same, as chance gives with one seed.
    """
    places = _first_of_each_run(explained.runs)
    snapshots = [explained.snapshots[i] for i in places]
    mine, *theirs = (attribution.compute(one, snapshots, TARGET) for one in (classifier, *others))
    agreement = np.full(len(explained.runs), np.nan)
    if not all(np.array_equal(mine[0], other[0]) for other in theirs):
        agreement[places] = seed_agreement(
            [of_species(maps, snapshots, SPECIES) for maps in (mine, *theirs)]
        )
    return agreement


def _deletion(
    classifier: TrainedClassifier,
    maps: Sequence[FloatArray],
    explained: ExplainedSnapshots,
    perturbation: Perturbation,
) -> FloatArray:
    """Mean fall of the logit beyond that in random orders; NaN where it was not taken."""
    places = _first_of_each_run(explained.runs)
    curve = faithfulness_curve(
        classifier,
        [explained.snapshots[i] for i in places],
        [maps[i] for i in places],
        runs=[explained.runs[i] for i in places],
        perturbation=perturbation,
        target=TARGET,
        fractions=FRACTIONS,
        n_random=N_RANDOM,
    )
    areas = np.full(len(maps), np.nan)
    areas[places] = curve.areas / FRACTIONS[-1]
    return areas


def _first_of_each_run(runs: Sequence[str]) -> list[int]:
    """Where what is slow is measured: one configuration of each run."""
    return [place for place, run in enumerate(runs) if run not in runs[:place]]


def _per_configuration(figures: dict[str, FloatArray]) -> Iterator[dict[str, float | None]]:
    """One entry per configuration; JSON has no NaN."""
    for values in zip(*figures.values(), strict=True):
        yield {
            name: None if np.isnan(value) else float(value)
            for name, value in zip(figures, values, strict=True)
        }


@dataclass(frozen=True)
class Controls(BenchmarkTask):
    """Correlate the judged map with those of networks with random weights and shuffled labels.

    The record has, for both kinds, the signed mean and the mean size of the rank correlation within
    the more frequent species, with intervals over controls.
    """

    code = ("gnnglass.explain", __name__)

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
            kind: {"signed": one.signed.to_dict(), "size": one.size.to_dict()}
            for kind, one in found.items()
        }

    @property
    def _training(self) -> Training:
        return best_candidate(self.planting, self.network, self.device)


#: The one that also has to tell classes apart.
ENERGY = "potential-energy"
#: What stands for the network where there is none.
NO_NETWORK = "no network"


@dataclass(frozen=True)
class Indicators(BenchmarkTask):
    """Every indicator as a map, with the sign that localises best on the validation runs.

    That is more than an attribution is given, which has to know the sign by itself.
    """

    code = (
        "gnnglass.structure",
        "gnnglass.systems",
        "gnnglass.compare",
        "gnnglass.explain",
        "gnnglass.stats",
        __name__,
    )

    @property
    def depends_on(self) -> Any:
        """The lengths, and which indicators there are."""
        return [LENGTHS, INDICATORS.names()]

    def work(self) -> list[dict[str, Any]]:
        """Measure, choose and judge; the rows are those of `Measuring`."""
        metadata = self.planting.base_runs()[0].metadata
        parts: dict[HeldOutPart, ExplainedSnapshots] = {
            part: self.planting.explained(part) for part in ("validation", "test")
        }
        example = Trajectory([parts["test"].snapshots[0]], metadata)
        rows = []
        for name, indicator in indicators_for(example).items():
            fields = {
                part: [indicator.compute(s).values for s in explained.snapshots]
                for part, explained in parts.items()
            }
            judged = {"class_auc": self._class_auc(indicator)} if name == ENERGY else {}
            areas = localisation_by_length(parts["validation"], fields["validation"])
            # The map turned over points wherever it did not.
            signed = {1: areas, -1: {length: 1 - area for length, area in areas.items()}}
            sign = max(signed, key=lambda one: max(signed[one].values()))
            length = max(signed[sign], key=lambda one: signed[sign][one])
            for part, explained in parts.items():
                bare = [sign * one for one in fields[part]]
                maps = smoothed(explained, bare, length)
                figures = zip(
                    explained.runs,
                    localisation_auc(maps, explained.truth),
                    localisation_auc(bare, explained.truth),
                    precision_at_k(maps, explained.truth),
                    strict=True,
                )
                rows += [
                    {
                        "attribution": name,
                        "part": part,
                        "run": run,
                        "length": length,
                        "localisation": float(area),
                        "bare": float(without),
                        "precision": float(share),
                        **judged,
                    }
                    for run, area, without, share in figures
                ]
        return rows

    def _class_auc(self, indicator: Indicator) -> float:
        """How well its mean over a configuration tells the classes of the test runs apart."""
        labelled, split = self.planting.labelled()
        test = labelled.where(split.test)
        means = [indicator.compute(labelled.snapshots[i]).values.mean() for i in test]
        return auc(means, labelled.targets[test])
