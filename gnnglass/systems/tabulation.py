"""Pair potentials as tables, for engines that lack a formula, with an error that is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gnnglass.errors import InputError
from gnnglass.systems.potentials import FloatArray, PairPotential

#: Energy of a pair, in reduced units, that no liquid reaches: the share of pairs beyond it is of
#: the order of exp(−10⁴/kT). Only particles put down at random are as close as that.
CORE_ENERGY = 1e4
#: What takes its place, as a fraction of the cutoff, where energies stay below it.
SMALLEST_FRACTION = 0.05
#: Beyond this, tables no longer fit the caches.
MOST_POINTS = 2**18


@dataclass(frozen=True)
class Table:
    """Energy and force of a pair at n distances from an inner radius towards the cutoff.

    Attributes:
        r: Distances, increasing, shape [n], in units of length.
        energy: U(r), shape [n].
        force: −dU/dr, shape [n]; at the cutoff its limit from within.
        error: The largest error of interpolation that was measured between the distances, of
            energy or force. Errors are relative to the exact value, or, where that is smaller,
            to the largest value in the outer third of the table.
    """

    r: FloatArray
    energy: FloatArray
    force: FloatArray
    error: float


def inner_radius(potential: PairPotential) -> float:
    """The distance below which no pair of a liquid comes, in units of length.

    It is where the energy falls below `CORE_ENERGY` for good (found to 1e-3 of itself), or 5 % of
    the cutoff where it is never above.
    """
    r = np.geomspace(SMALLEST_FRACTION * potential.cutoff, potential.cutoff, 3000)
    above = np.flatnonzero(potential.energy(r) >= CORE_ENERGY)
    return float(r[above[-1]] if above.size else r[0])


def linear_table(potential: PairPotential, tolerance: float = 3e-7) -> Table:
    """A table for linear interpolation: r uniform up to the cutoff, which is left out.

    It begins at zero where the energy is finite there, else at the `inner_radius`: engines that
    exert no force below a table then let no pair through.

    This is what HOOMD-blue's ``hoomd.md.pair.Table`` takes; energy and force are zero at the
    cutoff. Where a potential's force ends with a jump there, the last interval replaces the jump
    by a ramp, and is not part of the error.

    Args:
        potential: What to tabulate.
        tolerance: The largest error, as in `Table`.

    Raises:
        InputError: If no table of at most 2¹⁸ distances is that accurate.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        bounded = np.isfinite(potential.energy(0.0)) and np.isfinite(potential.force(0.0))
    start = 0.0 if bounded else inner_radius(potential)

    def tried(n: int) -> Table:
        r = np.linspace(start, potential.cutoff, n, endpoint=False)
        energy, force = potential.energy(r), potential.force(r)
        middle = (r[1:] + r[:-1]) / 2
        pairs = [
            (np.interp(middle, r, energy), potential.energy(middle)),
            (np.interp(middle, r, force), potential.force(middle)),
        ]
        return Table(r, energy, force, _error(middle, pairs))

    return _refined(tried, potential, tolerance, 1024)


def spline_table(potential: PairPotential, tolerance: float = 5e-10, fewest: int = 8192) -> Table:
    """A table for cubic splines: r² uniform from the inner radius to the cutoff, both included.

    This is what LAMMPS' ``pair_style table spline`` takes, which interpolates U and f / r as
    functions of r².

    Args:
        potential: What to tabulate.
        tolerance: The largest error, as in `Table`.
        fewest: The fewest distances.

    Raises:
        InputError: If no table of at most 2¹⁸ distances is that accurate.
    """
    # It is used by one engine, and slow to import.
    from scipy.interpolate import CubicSpline

    start = inner_radius(potential)

    def tried(n: int) -> Table:
        square = np.linspace(start**2, potential.cutoff**2, n)
        r = np.sqrt(square)
        # The last force is that from within, which may differ from the zero beyond.
        inside = np.append(r[:-1], np.nextafter(potential.cutoff, 0))
        energy, force = potential.energy(inside), potential.force(inside)
        slopes = -force / (2 * r)
        ends = ((1, slopes[0]), (1, slopes[-1]))
        between = np.sqrt((square[:-1, None] + np.diff(square)[:, None] * [0.25, 0.5]).ravel())
        pairs = [
            (CubicSpline(square, energy, bc_type=ends)(between**2), potential.energy(between)),
            (CubicSpline(square, force / r)(between**2) * between, potential.force(between)),
        ]
        return Table(r, energy, force, _error(between, pairs))

    return _refined(tried, potential, tolerance, fewest)


def _refined(
    tried: Callable[[int], Table], potential: PairPotential, tolerance: float, n: int
) -> Table:
    table = tried(n)
    while not table.error <= tolerance:
        # Memory that a table fills is paid for in speed: double no more than needed.
        n = round(n * 2**0.5)
        if n > MOST_POINTS:
            raise InputError(
                f"a table of {len(table.r)} distances gives {potential!r} with an error of "
                f"{table.error:.1g}, not {tolerance:g}; use a potential without kinks."
            )
        table = tried(n)
    return table


def _error(r: FloatArray, pairs: list[tuple[FloatArray, FloatArray]]) -> float:
    outer = r >= (r[0] + 2 * r[-1]) / 3
    errors = [
        np.abs(mine - exact) / np.maximum(np.abs(exact), np.abs(exact[outer]).max())
        for mine, exact in pairs
    ]
    return float(np.max(errors))
