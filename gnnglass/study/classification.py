"""The classifiers of a study and simple baselines, evaluated on held-out runs."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnglass._progress import progress_bar
from gnnglass.stats import auc, auc_difference
from gnnglass.structure import mean_radial_counts
from gnnglass.study.check import recipe_of
from gnnglass.study.definition import Level
from gnnglass.study.workspace import Workspace, split_of
from gnnglass.training import (
    Calibration,
    LabelledSet,
    TrainedClassifier,
    TrainingOptions,
    evaluate,
    fit,
    linear_scores,
    matched_auc,
)

FloatArray = NDArray[np.float64]

#: Pairs within this share of the spread of energies count as having the same energy.
MATCHED_SHARE = 0.1


def train_classifier(workspace: Workspace, name: str, level: Level, digest: str) -> dict[str, Any]:
    """Train one classifier at one level and store it.

    Args:
        workspace: The study.
        name: Name of the classifier in the study.
        level: Level of the configurations.
        digest: Digest of everything the training depends on; part of the checkpoint's name.
    """
    checkpoint = workspace.folder / "checkpoints" / f"{name}-{level}-{digest[:16]}.ckpt"
    labelled = workspace.labelled(level)
    classifier = fitted(
        workspace, name, labelled, checkpoint=checkpoint, description=f"training {name}, {level}"
    )
    # Whatever is there is the study's own, even if it is damaged.
    classifier.save(workspace.classifier(name, level), overwrite=True)
    checkpoint.unlink(missing_ok=True)
    return dict(classifier.record)


def fitted(workspace: Workspace, name: str, labelled: LabelledSet, **how: Any) -> TrainedClassifier:
    """A classifier of the study, trained on labelled runs of it.

    Args:
        workspace: The study.
        name: Name of the classifier in the study.
        labelled: Runs at one level, with their own classes or others.
        how: Where `gnnglass.training.fit` keeps its checkpoint and what it shows meanwhile.
    """
    section = workspace.study.classifiers[name]
    return fit(
        labelled,
        split_of(workspace.parts),
        model=section.model,
        recipe=recipe_of(section, workspace.system),
        model_options=section.model_options,
        options=TrainingOptions.from_dict(section.training),
        system=workspace.system.identity,
        device=workspace.device,
        **how,
    )


def judge(workspace: Workspace, level: Level) -> dict[str, Any]:
    """Evaluate the classifiers and the baselines of one level on the held-out runs.

    Returns:
        ``figures`` (name -> evaluation, and for all but the first ``lead``, how much larger the AUC
        of the first is), ``probabilities`` (name -> probabilities of the explained phase for the
        test snapshots), ``targets``, ``inference_seconds`` per snapshot,
        ``energy_sign`` (see `energy_sign`), and at the inherent level ``matched``.
    """
    labelled, split = workspace.labelled(level), split_of(workspace.parts)
    validation, test = labelled.where(split.validation), labelled.where(split.test)
    runs = [labelled.runs[i] for i in test]
    targets = labelled.targets[test]
    seconds: dict[str, float] = {}
    scores: dict[str, FloatArray] = {}
    probabilities: dict[str, FloatArray] = {}
    for name in workspace.study.classifiers:
        classifier = TrainedClassifier.load(workspace.classifier(name, level), workspace.device)
        start = time.perf_counter()
        scores[name] = classifier.scores([labelled.snapshots[i] for i in test])
        seconds[name] = (time.perf_counter() - start) / len(test)
        probabilities[name] = classifier.calibration.probability(scores[name])
    energies = mean_energies(workspace, labelled)
    bar = progress_bar(labelled.snapshots, desc="radial counts", leave=False)
    counts = np.stack([mean_radial_counts(snapshot) for snapshot in bar])
    train = labelled.where(split.train)
    sign = energy_sign(energies[train], labelled.targets[train])
    simple = {
        "linear": linear_scores(counts, labelled, split),
        "energy": sign * energies,
    }
    for name, values in simple.items():
        calibration = Calibration.fit(values[validation], labelled.targets[validation])
        scores[name], probabilities[name] = values[test], calibration.probability(values[test])
    figures = {
        name: evaluate(probability, targets, runs).to_dict()
        for name, probability in probabilities.items()
    }
    first, *others = probabilities
    for name in others:
        lead = auc_difference(probabilities[first], probabilities[name], targets, runs)
        figures[name]["lead"] = lead.to_dict()
    judged = {
        "figures": figures,
        "probabilities": {name: values.tolist() for name, values in probabilities.items()},
        "targets": targets.tolist(),
        "inference_seconds": seconds,
        "energy_sign": sign,
    }
    if level == "inherent":
        judged["matched"] = _matched(scores, targets, energies[test])
    return judged


def energy_sign(energies: FloatArray, targets: NDArray[np.int64]) -> int:
    """The sign with which the energy is a score for the explained phase, from training runs.

    Args:
        energies: Energy per particle of each training configuration, shape [n_snapshots].
        targets: 1 for configurations of the explained phase, else 0, shape [n_snapshots].

    Returns:
        −1 if that phase mostly has the lower energies, else +1.
    """
    return -1 if auc(-energies, targets) >= 0.5 else 1


def mean_energies(workspace: Workspace, labelled: LabelledSet) -> FloatArray:
    """Potential energy per particle of each configuration, shape [n_snapshots]."""
    return np.array([float(workspace.system.energies(s).mean()) for s in labelled.snapshots])


def _matched(
    scores: dict[str, FloatArray], targets: NDArray[np.int64], energies: FloatArray
) -> dict[str, Any]:
    tolerance = MATCHED_SHARE * float(energies.std())
    pairs = {
        name: matched_auc(values, targets, energies, tolerance=tolerance)
        for name, values in scores.items()
    }
    return {
        "tolerance": tolerance,
        "n_pairs": next(iter(pairs.values()))[1],
        # Very different phases have no pairs of equal energy, and JSON has no NaN.
        "auc": {name: auc if n_pairs else None for name, (auc, n_pairs) in pairs.items()},
    }
