"""Maps of networks that have learnt nothing: what a map must differ from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np
import torch
from torch import nn

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_whole
from gnnglass.errors import InputError
from gnnglass.explain.faithfulness.maps import Maps, rank_correlation
from gnnglass.models import MODELS
from gnnglass.stats import Interval, mean_over_runs
from gnnglass.training import Calibration, LabelledSet, TrainedClassifier, as_classifier
from gnnglass.trajectories.snapshot import FloatArray

FEWEST_CONTROLS = 10


@checks_arguments
def randomised(classifier: TrainedClassifier | str | PathLike[str], seed: int) -> TrainedClassifier:
    """The classifier with its weights drawn anew, and the standardisation of its input kept.

    Only what was learnt is gone: a map that stays the same tells of the input and the
    architecture, not of the decision (Adebayo et al., "Sanity checks for saliency maps", NeurIPS
    2018: the model parameter randomization test).

    Args:
        classifier: A trained one, which is left as it is, or its file.
        seed: Seed of the new weights.
    """
    require_whole(0, seed=seed)
    classifier = as_classifier(classifier)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        net = MODELS.create(classifier.model_name, **classifier.model_options)
        for linear in (part for part in net.modules() if isinstance(part, nn.Linear)):
            # Where a network begins with nothing, there would be no map.
            if not linear.weight.any():
                linear.reset_parameters()
        kept = dict(classifier.model.named_buffers())
        for name, buffer in net.named_buffers():
            buffer.copy_(kept[name])
    return replace(
        classifier,
        model=net.eval(),
        calibration=Calibration(),
        record={"control": "weights drawn anew", "seed": seed},
    ).to(classifier.device)


@checks_arguments
def shuffled_labels(labelled: LabelledSet, seed: int) -> LabelledSet:
    """The set with its classes dealt anew, at random, to whole runs.

    Every class keeps its number of runs, and what a network learns of such classes does not hold
    for other runs (Adebayo et al., the data randomization test). It may still learn what tells
    the true ones apart: of few runs, one dealt class nearly always holds more of one true class,
    and where nothing else differs as much, that is what there is to learn, with either sign. So
    train on several deals, and judge by the signed mean.

    Args:
        labelled: Labelled configurations.
        seed: Seed of the deal.

    Returns:
        The same configurations, run after run in a new order.

    Raises:
        InputError: If a run holds configurations of two classes, or no class has a second run.
    """
    dealt: dict[str, int] = {}
    for run, target in zip(labelled.runs, labelled.targets.tolist(), strict=True):
        if dealt.setdefault(run, target) != target:
            raise InputError(
                f"run {run!r} holds configurations of two classes, so classes cannot be dealt to "
                "whole runs; give each class runs of its own."
            )
    if len(dealt) == len(labelled.labels):
        raise InputError(
            f"there is one run of each of {len(dealt)} classes; dealing them anew would only "
            "rename the classes: add runs."
        )
    require_whole(0, seed=seed)
    # The runs also change places: a split goes by their order, and in the old one it would put the
    # same true class at the same places of all deals.
    names = np.random.default_rng(seed).permutation(list(dealt)).tolist()
    members = [labelled.where([name]) for name in names]
    order = np.concatenate(members)
    return replace(
        labelled,
        snapshots=tuple(labelled.snapshots[i] for i in order),
        targets=np.repeat(list(dealt.values()), [len(frames) for frames in members]),
        runs=tuple(labelled.runs[i] for i in order),
    )


@dataclass(frozen=True, eq=False, repr=False)
class ControlCorrelation:
    """How far the maps of controls resemble the true ones.

    Attributes:
        coefficients: Spearman coefficient of each control in each configuration, shape
            [n_controls, n_configurations].
    """

    coefficients: FloatArray

    def __repr__(self) -> str:
        return (
            f"<ControlCorrelation: {self.signed.sentence('+.3f')} with maps of controls, "
            f"{self.size.sentence('.3f')} in size>"
        )

    @property
    def signed(self) -> Interval:
        """Mean coefficient, with a 95 % interval over controls.

        A head with random weights is as likely to prefer one class as the other, and dealt
        classes as likely to be called one way as the other: it vanishes whatever the maps show.
        """
        return self._over_controls(self.coefficients)

    @property
    def size(self) -> Interval:
        """Mean absolute coefficient, with a 95 % interval over controls.

        How much of the map comes without learning, up to the sign; it is the level that an
        agreement between trained classifiers, or with anything else, has to be compared with.
        """
        return self._over_controls(np.abs(self.coefficients))

    def _over_controls(self, coefficients: FloatArray) -> Interval:
        return mean_over_runs(coefficients.mean(axis=1))


@checks_arguments
def control_correlation(scores: Maps, controls: Sequence[Maps]) -> ControlCorrelation:
    """Rank correlation of the true maps with those of controls.

    Args:
        scores: The true map of each configuration.
        controls: For each control, its maps of the same configurations.

    Raises:
        InputError: If there are fewer than ten controls, or as `rank_correlation`.
    """
    if len(controls) < FEWEST_CONTROLS:
        raise InputError(
            f"maps of {len(controls)} controls were given; expected at least {FEWEST_CONTROLS}, "
            "because single controls resemble the true map by chance."
        )
    return ControlCorrelation(np.stack([rank_correlation(scores, maps) for maps in controls]))
