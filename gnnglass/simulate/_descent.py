"""Steepest descent as a differential equation, for the basin in which a configuration lies."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar, cast

import numpy as np

from gnnglass.systems.potentials import FloatArray

T = TypeVar("T")
Asking = Generator[FloatArray, FloatArray, T]
"""Yields positions of shape [n, d], is sent the forces there, and returns a result."""

#: Largest error of a position in one step, in units of the mean distance. With 2e-4
#: more minima of hot `ka3d` are right, but `wahnstrom3d` asks for forces five times as often.
TOLERANCE = 0.005
#: The descent ends when the largest force moves a particle by this much within the shortest time of
#: relaxation, in units of the mean distance: hardly a barrier is left between it and the minimum.
SETTLED = 2e-5
#: Forces are asked for at most this often; then a minimiser has to do without.
MAX_EVALUATIONS = 20_000
#: The largest curvature is found anew after this many steps.
RENEWED = 10
#: Stages of one step; with more, rounding and the step control become a nuisance.
MAX_STAGES = 100
#: The largest curvature is found from below, and changes within a step.
MARGIN = 1.2
#: Damping of the stability polynomial.
DAMPING = 2 / 13
#: Time step of a minimiser with inertia, in units of the shortest time of vibration over 2π.
MINIMISER_STEP = 1.0


@dataclass(frozen=True, eq=False)
class Descent:
    """Where a steepest descent has led.

    Attributes:
        positions: Shape [n, d], followed without wrapping.
        stiffness: The largest curvature of the energy there, in units of energy / length².
    """

    positions: FloatArray
    stiffness: float


def steepest_descent(start: FloatArray, spacing: float) -> Asking[Descent]:
    """Follow dr/dt = F(r) from a configuration until hardly any force is left.

    The inherent structure is the minimum at the end of this path (Stillinger & Weber, Phys. Rev. A
    25, 978 (1982)). Minimisers with inertia or with long steps cross ridges, and end in other
    minima (Asenjo, Paillusson & Frenkel, Phys. Rev. Lett. 112, 098002 (2014)): from hot liquids
    nearly always. The equation is stiff, as overlaps relax a thousand times faster than
    particles rearrange; it is integrated by the Runge–Kutta–Chebyshev method of second order, whose
    stable step grows with the square of the number of its evaluations (Sommeijer, Shampine &
    Verwer, J. Comput. Appl. Math. 88, 315 (1998)).

    Args:
        start: Positions of n particles, shape [n, d].
        spacing: Mean distance ρ^(−1/d) between the particles, in units of length.
    """
    here, force = start, (yield start)
    mode = np.random.default_rng(0).normal(size=start.shape)
    stiffness, mode = yield from _stiffness(here, force, mode, spacing, 20)
    step, asked, since = 1 / stiffness, 21, 0
    while np.abs(force).max() > SETTLED * stiffness * spacing and asked < MAX_EVALUATIONS:
        step = min(step, ((MAX_STAGES - 1) ** 2 - 1) / (1.54 * MARGIN * stiffness))
        stages = max(2, 1 + math.ceil(math.sqrt(1 + 1.54 * MARGIN * stiffness * step)))
        asked += stages
        there = yield from _chebyshev_step(here, force, step, stages, spacing)
        if there is None:
            share = math.inf
        else:
            ahead = yield there
            error = np.abs(0.8 * (here - there) + 0.4 * step * (force + ahead)).max()
            share = float(error) / (TOLERANCE * spacing)
            if share < 1:
                here, force = there, ahead
        since += 1
        # A step that failed may have been too long for a curvature that was found too small.
        if share >= 1 or since == RENEWED:
            iterations = 3 if share < 1 else 20
            stiffness, mode = yield from _stiffness(here, force, mode, spacing, iterations)
            asked += iterations
            since = 0
        step *= min(3.0, max(0.2, 0.8 * max(share, 1e-9) ** (-1 / 3)))
    return Descent(here, stiffness)


def follow(path: Asking[T], forces: Callable[[FloatArray], FloatArray]) -> T:
    """Where a path leads, if `forces` gives the forces at positions, both of shape [n, d]."""
    try:
        positions = next(path)
        while True:
            positions = path.send(forces(positions))
    except StopIteration as end:
        return cast("T", end.value)


def _stiffness(
    here: FloatArray, force: FloatArray, mode: FloatArray, spacing: float, iterations: int
) -> Asking[tuple[float, FloatArray]]:
    """The largest curvature and its mode, by power iteration with differences of forces."""
    size = 1e-6 * spacing
    for _ in range(iterations):
        shift = size * mode / np.abs(mode).max()
        mode = force - (yield here + shift)
        stiffness = float(np.linalg.norm(mode) / np.linalg.norm(shift))
    return stiffness, mode


def _chebyshev_step(
    here: FloatArray, force: FloatArray, step: float, stages: int, spacing: float
) -> Asking[FloatArray | None]:
    """The positions after one step, or None if it was not stable.

    Forces are never asked for where an unstable step leads: particles many boxes away are not
    found again by an engine that has wrapped them.
    """
    first, others = _coefficients(stages)
    before, now = here, here + first * step * force
    for mu, nu, share, initial in others:
        if not np.abs(now - here).max() < spacing:
            return None
        after = (1 - mu - nu) * here + mu * now + nu * before + step * initial * force
        before, now = now, after + step * share * (yield now)
    return now if np.abs(now - here).max() < spacing else None


@lru_cache(maxsize=MAX_STAGES)
def _coefficients(stages: int) -> tuple[float, tuple[tuple[float, float, float, float], ...]]:
    """μ̃₁ and, for each further stage, (μ, ν, μ̃, γ̃): equation 2.4 of Sommeijer et al."""
    w0 = 1 + DAMPING / stages**2
    t, d, dd = [1.0, w0], [0.0, 1.0], [0.0, 0.0]
    for j in range(2, stages + 1):
        t.append(2 * w0 * t[-1] - t[-2])
        d.append(2 * t[j - 1] + 2 * w0 * d[-1] - d[-2])
        dd.append(4 * d[j - 1] + 2 * w0 * dd[-1] - dd[-2])
    w1 = d[stages] / dd[stages]
    b = [dd[j] / d[j] ** 2 for j in range(2, stages + 1)]
    b = [b[0], b[0], *b]
    rows = []
    for j in range(2, stages + 1):
        mu, share = 2 * b[j] * w0 / b[j - 1], 2 * b[j] * w1 / b[j - 1]
        rows.append((mu, -b[j] / b[j - 2], share, -(1 - b[j - 1] * t[j - 1]) * share))
    return b[1] * w1, tuple(rows)
