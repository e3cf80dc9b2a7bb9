"""Correlation of what two fields have beyond others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gnnglass.compare.scores import FieldSet, Method, UndefinedCorrelationError, scores_of_predictor
from gnnglass.trajectories.snapshot import FloatArray

ROUNDING = 1e-10
"""Parts of a unit vector smaller than this are rounding errors."""


def coefficients(
    fields: FieldSet,
    x: tuple[str, float],
    y: str,
    species: str,
    method: Method,
    given: Sequence[tuple[str, float]] = (),
) -> FloatArray:
    """Coefficient of each configuration, partial if other fields are given.

    Args:
        fields: Configurations holding all fields.
        x: Predictor and its smoothing length.
        y: Target, which is never smoothed.
        species: Which particles.
        method: Which coefficient.
        given: Fields to be held fixed and their smoothing lengths.

    Returns:
        Shape [n_configurations].

    Raises:
        InputError: Like `FieldSet.scores`.
        UndefinedCorrelationError: Like `FieldSet.scores` and `partial_correlation`.
    """
    targets = fields.scores(y, 0.0, species, method)
    predictors = fields.scores(*x, species, scores_of_predictor(method))
    controls = [fields.scores(*control, species, method) for control in given]
    found = np.empty(len(targets))
    for k, (a, b) in enumerate(zip(predictors, targets, strict=True)):
        if not given:
            found[k] = a @ b
            continue
        names = ", ".join(name for name, _ in given)
        try:
            found[k] = partial_correlation(a, b, np.stack([each[k] for each in controls], axis=1))
        except UndefinedCorrelationError as error:
            raise UndefinedCorrelationError(
                f"the correlation of {x[0]!r} with {y!r} given {names} is undefined for the "
                f"{species} particles of {fields.describe(k)}: {error}"
            ) from None
    return found


def partial_correlation(x: FloatArray, y: FloatArray, given: FloatArray) -> float:
    """Correlation of the residuals of x and y from linear regressions on the given fields.

    r = r_{e_x e_y} with e_x = x − P x, e_y = y − P y and P the projection on the given fields;
    for a single one this is (r_xy − r_xz r_yz) / √[(1 − r_xz²)(1 − r_yz²)] (Yule, Proc. R. Soc. A
    79, 182 (1907)). Of ranks, it is Spearman's partial correlation.

    Args:
        x: Scores of zero mean and unit length, shape [n].
        y: Scores of zero mean and unit length, shape [n].
        given: Scores of m other fields, shape [n, m]; they may depend on each other.

    Raises:
        UndefinedCorrelationError: If x or y is a linear function of the given fields, or there
            are fewer than m + 3 particles.
    """
    n, m = given.shape
    if n < m + 3:
        raise UndefinedCorrelationError(
            f"{n} particles are too few with {m} given fields; expected at least {m + 3}."
        )
    directions, sizes, _ = np.linalg.svd(given, full_matrices=False)
    directions = directions[:, sizes > ROUNDING * sizes[0]]
    rest_x = x - directions @ (directions.T @ x)
    rest_y = y - directions @ (directions.T @ y)
    size_x, size_y = np.linalg.norm(rest_x), np.linalg.norm(rest_y)
    if min(size_x, size_y) < ROUNDING:
        raise UndefinedCorrelationError(
            "one of the two is a linear function of the given fields; give fewer of them."
        )
    return float(rest_x @ rest_y / (size_x * size_y))
