"""From a decision score to a probability one may believe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit


@dataclass(frozen=True)
class Calibration:
    """P(second class) = 1 / (1 + exp[−(scale · score + offset)]).

    Platt, "Probabilistic outputs for support vector machines" (1999): a logistic curve fitted
    on validation scores, with targets pulled in from 0 and 1 by the number of examples, so that
    perfectly separated scores do not give an infinitely steep curve.
    """

    scale: float = 1.0
    offset: float = 0.0

    @classmethod
    def fit(cls, scores: ArrayLike, targets: ArrayLike) -> Calibration:
        """Fit on validation scores, shape [n], and their classes (0 or 1), shape [n]."""
        scores = np.asarray(scores, dtype=np.float64)
        positive = np.asarray(targets) == 1
        n_positive, n_negative = positive.sum(), (~positive).sum()
        wanted = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
        spread = max(float(scores.std()), 1e-12)
        center = float(scores.mean())
        reduced = (scores - center) / spread

        def loss(parameters: NDArray[np.float64]) -> float:
            z = parameters[0] * reduced + parameters[1]
            return float(np.sum(np.logaddexp(0, z) - wanted * z))

        slope, intercept = minimize(loss, x0=np.array([1.0, 0.0]), method="BFGS").x
        # A score that ranks the classes the wrong way round on validation is left to be seen as
        # such, not turned over.
        slope = max(float(slope), 1e-6)
        return cls(scale=slope / spread, offset=float(intercept) - slope * center / spread)

    def probability(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Probability of the second class, shape of `scores`."""
        return np.asarray(expit(self.scale * np.asarray(scores) + self.offset))
