"""Labelled sets, splits by run, fitting, evaluation, and the saved classifier."""

from gnnglass.training.classifier import (
    Calibration,
    TrainedClassifier,
    as_classifier,
    choose_device,
)
from gnnglass.training.evaluation import (
    Evaluation,
    evaluate,
    linear_scores,
    matched_auc,
)
from gnnglass.training.fitting import (
    BestFit,
    Candidate,
    TrainingOptions,
    fit,
    fit_best,
    validation_loss,
)
from gnnglass.training.labelled import LabelledSet, Split, deal_runs, relabellings, split_by_run
from gnnglass.training.shipped import Card, card, shipped_classifiers

__all__ = [
    "BestFit",
    "Calibration",
    "Candidate",
    "Card",
    "Evaluation",
    "LabelledSet",
    "Split",
    "TrainedClassifier",
    "TrainingOptions",
    "as_classifier",
    "card",
    "choose_device",
    "deal_runs",
    "evaluate",
    "fit",
    "fit_best",
    "linear_scores",
    "matched_auc",
    "relabellings",
    "shipped_classifiers",
    "split_by_run",
    "validation_loss",
]
