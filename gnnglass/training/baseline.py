"""The simple classifier that every network has to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gnnglass.training.labelled import LabelledSet
from gnnglass.training.split import Split

FloatArray = NDArray[np.float64]
REGULARISATIONS = (0.001, 0.01, 0.1, 1.0, 10.0)


def linear_scores(features: FloatArray, labelled: LabelledSet, split: Split) -> FloatArray:
    """Decision scores of logistic regression on standardised features of configurations.

    The strength of the regularisation is chosen by the log loss on the validation runs; the
    test runs are not looked at.

    Args:
        features: One row per configuration, shape [n_snapshots, n_features].
        labelled: The configurations, for their classes and runs.
        split: Which runs train and which validate.

    Returns:
        Log odds of the second class, shape [n_snapshots].
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, validation = labelled.where(split.train), labelled.where(split.validation)
    targets = labelled.targets
    candidates = []
    for strength in REGULARISATIONS:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=5000))
        model.fit(features[train], targets[train])
        loss = log_loss(targets[validation], model.predict_proba(features[validation]))
        candidates.append((loss, model))
    best = min(candidates, key=lambda candidate: candidate[0])[1]
    return np.asarray(best.decision_function(features))
