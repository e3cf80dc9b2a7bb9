"""What the benchmark says of every attribution of a network, configuration by configuration."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gnnglass.benchmark.definition import AttributionSection
from gnnglass.benchmark.lengths import LENGTHS, localisation_by_length, smoothed
from gnnglass.benchmark.piece import Piece
from gnnglass.benchmark.planting import TARGET, Explained, Held
from gnnglass.benchmark.training import Training, chosen
from gnnglass.explain import Attribution
from gnnglass.explain.faithfulness import (
    Perturbation,
    Removal,
    Resampling,
    faithfulness_curve,
    localisation_auc,
    of_species,
    precision_at_k,
    seed_agreement,
)
from gnnglass.models import GraphNet
from gnnglass.training import TrainedClassifier
from gnnglass.trajectories.snapshot import FloatArray

#: Particles are taken out up to a fifth of them: fewer are planted.
FRACTIONS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2)
N_RANDOM = 3
#: Agreement is that within the more frequent species.
SPECIES = "A"
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Measuring(Piece):
    """Explain the held-out configurations of one seed with all attributions of a network.

    The record has a row per attribution and configuration.
    """

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
            chosen(replace(self.planting, seed=seed), self.network, self.device) for seed in seeds
        ]

    def work(self) -> Rows:
        """Compute all maps and measure them."""
        classifier, *others = (training.load() for training in self.trainings)
        parts: dict[Held, Explained] = {
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


def _seconds_forward(classifier: TrainedClassifier, explained: Explained) -> float:
    """Wall-clock time of the logits of one configuration."""
    classifier.logits(explained.snapshots)
    start = time.perf_counter()
    classifier.logits(explained.snapshots)
    return (time.perf_counter() - start) / len(explained.snapshots)


def _agreement(
    attribution: Attribution,
    classifier: TrainedClassifier,
    others: Sequence[TrainedClassifier],
    explained: Explained,
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
    explained: Explained,
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
