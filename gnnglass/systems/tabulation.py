"""Tables of pair potentials for engines that lack a formula, with a measured error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gnnglass._arguments import checks_arguments
from gnnglass.errors import InputError
from gnnglass.systems.potentials import FloatArray, PairPotential

#: Energy of a pair, in reduced units, that does not occur in liquids: the fraction of pairs beyond
#: it is of the order of exp(−10⁴/kT). Only particles placed at random come as close as that.
CORE_ENERGY = 1e4
#: Where energies stay below it, tables begin at this fraction of the cutoff instead.
SMALLEST_FRACTION = 0.05
#: Larger tables do not fit into the CPU cache.
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


@checks_arguments
def inner_radius(potential: PairPotential) -> float:
    """A distance that is smaller than any pair distance in a liquid, in units of length.

    It is the largest distance at which the energy reaches `CORE_ENERGY` (with a relative error of
    1e-3), or 5 % of the cutoff if there is none.
    """
    r = np.geomspace(SMALLEST_FRACTION * potential.cutoff, potential.cutoff, 3000)
    above = np.flatnonzero(potential.energy(r) >= CORE_ENERGY)
    return float(r[above[-1]] if above.size else r[0])


@checks_arguments
def linear_table(potential: PairPotential, tolerance: float = 3e-7) -> Table:
    """A table for linear interpolation: r uniform up to the cutoff, which is left out.

    It begins at zero if the energy is finite there, because some engines exert no force below a
    table and particles could pass through each other; otherwise at the `inner_radius`.

    ``hoomd.md.pair.Table`` of HOOMD-blue takes such tables; energy and force are zero at the
    cutoff. If the force of a potential jumps there, the last interval replaces the jump by a ramp,
    which is not included in the error.

    Args:
        potential: The potential to tabulate.
        tolerance: The largest error, as in `Table`.

    Raises:
        InputError: If no table of at most 2¹⁸ distances is that accurate.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        bounded = np.isfinite(potential.energy(0.0)) and np.isfinite(potential.force(0.0))
    start = 0.0 if bounded else inner_radius(potential)

    def table_of(n: int) -> Table:
        r = np.linspace(start, potential.cutoff, n, endpoint=False)
        energy, force = potential.energy(r), potential.force(r)
        middle = (r[1:] + r[:-1]) / 2
        pairs = [
            (np.interp(middle, r, energy), potential.energy(middle)),
            (np.interp(middle, r, force), potential.force(middle)),
        ]
        return Table(r, energy, force, _error(middle, pairs))

    return _refined(table_of, potential, tolerance, 1024)


@checks_arguments
def spline_table(potential: PairPotential, tolerance: float = 5e-10, fewest: int = 8192) -> Table:
    """A table for cubic splines: r² uniform from the inner radius to the cutoff, both included.

    ``pair_style table spline`` of LAMMPS takes such tables, and interpolates U and f / r as
    functions of r².

    Args:
        potential: The potential to tabulate.
        tolerance: The largest error, as in `Table`.
        fewest: The smallest number of distances.

    Raises:
        InputError: If no table of at most 2¹⁸ distances is that accurate.
    """
    # Only one engine uses it, and it is slow to import.
    from scipy.interpolate import CubicSpline

    start = inner_radius(potential)

    def table_of(n: int) -> Table:
        square = np.linspace(start**2, potential.cutoff**2, n)
        r = np.sqrt(square)
        # The last force is the limit from below the cutoff, which may differ from zero.
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

    return _refined(table_of, potential, tolerance, fewest)


def _refined(
    table_of: Callable[[int], Table], potential: PairPotential, tolerance: float, n: int
) -> Table:
    table = table_of(n)
    while not table.error <= tolerance:
        # Larger tables are slower, so the length is increased in steps smaller than a factor of 2.
        n = round(n * 2**0.5)
        if n > MOST_POINTS:
            raise InputError(
                f"a table of {len(table.r)} distances gives {potential!r} with an error of "
                f"{table.error:.1g}, not {tolerance:g}; use a potential without kinks."
            )
        table = table_of(n)
    return table


def _error(r: FloatArray, pairs: list[tuple[FloatArray, FloatArray]]) -> float:
    outer = r >= (r[0] + 2 * r[-1]) / 3
    errors = [
        np.abs(mine - exact) / np.maximum(np.abs(exact), np.abs(exact[outer]).max())
        for mine, exact in pairs
    ]
    return float(np.max(errors))
