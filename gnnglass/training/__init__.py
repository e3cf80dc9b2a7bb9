"""Labelled sets, splits by run, fitting, evaluation, and the saved classifier."""

from gnnglass.training.baseline import linear_scores
from gnnglass.training.calibration import Calibration
from gnnglass.training.choice import Candidate, Choice, fit_best, validation_loss
from gnnglass.training.classifier import TrainedClassifier, choose_device
from gnnglass.training.evaluation import (
    Evaluation,
    Interval,
    auc_difference,
    evaluate,
    matched_auc,
    roc_auc,
)
from gnnglass.training.fitting import fit
from gnnglass.training.inputs import AnyRecipe, create_model, recipe_for, settled_by_recipe
from gnnglass.training.labelled import LabelledSet
from gnnglass.training.options import TrainingOptions
from gnnglass.training.split import Split, deal_runs, split_by_run

__all__ = [
    "AnyRecipe",
    "Calibration",
    "Candidate",
    "Choice",
    "Evaluation",
    "Interval",
    "LabelledSet",
    "Split",
    "TrainedClassifier",
    "TrainingOptions",
    "auc_difference",
    "choose_device",
    "create_model",
    "deal_runs",
    "evaluate",
    "fit",
    "fit_best",
    "linear_scores",
    "matched_auc",
    "recipe_for",
    "roc_auc",
    "settled_by_recipe",
    "split_by_run",
    "validation_loss",
]
