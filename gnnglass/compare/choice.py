"""Smoothing lengths, each chosen on the runs it is not applied to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gnnglass.compare.over_runs import run_means
from gnnglass.compare.partial import coefficients
from gnnglass.compare.scores import FieldSet, Method
from gnnglass.errors import InputError
from gnnglass.trajectories.snapshot import FloatArray


def candidates_of(lengths: Sequence[float] | None, n_runs: int) -> list[float]:
    """The distinct lengths to choose from, shortest first; the bare field if none were named.

    Raises:
        InputError: If the sequence is empty, or holds several lengths for a single run.
    """
    if lengths is None:
        return [0.0]
    candidates = sorted({float(length) for length in lengths})
    if not candidates:
        raise InputError("no smoothing length was given; expected at least one, or lengths=None.")
    if len(candidates) > 1 and n_runs < 2:
        raise InputError(
            f"{len(candidates)} smoothing lengths were given for a single run, but the length is "
            "chosen on other runs; give one length or at least two runs."
        )
    return candidates


@dataclass(frozen=True, eq=False)
class Chosen:
    """What a choice of lengths leads to.

    Attributes:
        lengths: Run -> the predictor's length.
        coefficients: Coefficient of each configuration at its run's lengths, shape
            [n_configurations].
    """

    lengths: dict[str, float]
    coefficients: FloatArray


def choose_lengths(
    fields: FieldSet,
    x: str,
    y: str,
    species: str,
    method: Method,
    candidates: Sequence[float],
    given: Mapping[str, Mapping[str, float]],
) -> Chosen:
    """For each run the length whose coefficient is largest in size, on average over other runs.

    All that a run is judged with is chosen without it: the other runs are looked at with the
    lengths of the given fields that hold for the run in question.

    Args:
        fields: Configurations holding all fields, in which the pairs were searched already.
        x: Predictor.
        y: Target.
        species: Which particles.
        method: Which coefficient.
        candidates: Lengths to choose from, shortest first; ties go to the shorter.
        given: Other field that is held fixed -> run -> its length.
    """
    lengths: dict[str, float] = {}
    found = np.empty(len(fields.runs))
    tables: dict[tuple[tuple[str, float], ...], FloatArray] = {}
    for r, run in enumerate(fields.run_names):
        controls = tuple((name, of_run[run]) for name, of_run in given.items())
        if controls not in tables:
            tables[controls] = np.stack(
                [coefficients(fields, (x, at), y, species, method, controls) for at in candidates],
                axis=1,
            )
        per_configuration = tables[controls]
        pick = 0
        if len(candidates) > 1:
            others = np.delete(run_means(per_configuration, fields.runs), r, axis=0)
            pick = int(np.argmax(np.abs(others.mean(axis=0))))
        lengths[run] = candidates[pick]
        own = np.array(fields.runs) == run
        found[own] = per_configuration[own, pick]
    return Chosen(lengths, found)
