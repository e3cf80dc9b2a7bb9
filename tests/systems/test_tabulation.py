from dataclasses import dataclass

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from gnnglass.errors import InputError
from gnnglass.systems import (
    GLASS_FORMERS,
    HarmonicSpheres,
    PairPotential,
    ShiftedLJ,
    SmoothedInversePower,
    inner_radius,
    linear_table,
    spline_table,
)

SOFT = SmoothedInversePower(epsilon=1.0, sigma=1.2, exponent=12, cutoff=3.0)
EVERY = sorted(
    {p for name in GLASS_FORMERS for p in GLASS_FORMERS.create(name).potentials.values()}, key=repr
)


def relative(mine, exact, r):
    """The error as `Table` states it."""
    outer = np.abs(exact[r >= (r[0] + 2 * r[-1]) / 3]).max()
    return (np.abs(mine - exact) / np.maximum(np.abs(exact), outer)).max()


@dataclass(frozen=True)
class Kinked(PairPotential):
    """A linear ramp in two pieces."""

    cutoff: float = 2.0

    def energy(self, r):
        r = np.asarray(r, dtype=float)
        return np.where(r < self.cutoff, np.maximum(2 - r, 3 - 2 * r), 0.0)

    def force(self, r):
        r = np.asarray(r, dtype=float)
        return np.where(r < self.cutoff, np.where(r < 1, 2.0, 1.0), 0.0)


@pytest.mark.parametrize("potential", EVERY, ids=repr)
def test_the_stated_error_holds_for_linear_interpolation(potential):
    """Interpolated anew, at distances the table did not measure its error at."""
    table = linear_table(potential)
    assert table.error <= 3e-7
    step = table.r[1] - table.r[0]
    np.testing.assert_allclose(np.diff(table.r), step, rtol=1e-6)
    assert table.r[-1] + step == pytest.approx(potential.cutoff, rel=1e-12)
    r = np.random.default_rng(0).uniform(table.r[0], table.r[-1], 200_000)
    r = np.sort(np.append(r, [table.r[0], table.r[-1]]))
    for column, exact in ((table.energy, potential.energy(r)), (table.force, potential.force(r))):
        assert relative(np.interp(r, table.r, column), exact, r) < 3e-7


@pytest.mark.parametrize("potential", [SOFT, ShiftedLJ(1.0, 1.0, 2.5)], ids=repr)
def test_the_stated_error_holds_for_splines(potential):
    table = spline_table(potential)
    assert table.error <= 5e-10
    square = table.r**2
    np.testing.assert_allclose(np.diff(square), square[1] - square[0], rtol=1e-7)
    assert table.r[-1] == potential.cutoff
    r = np.sort(np.random.default_rng(0).uniform(table.r[0], table.r[-1], 100_000))
    energy, force = (
        CubicSpline(square, table.energy)(r**2),
        CubicSpline(square, table.force / table.r)(r**2) * r,
    )
    assert relative(energy, potential.energy(r), r) < 5e-10
    assert relative(force, potential.force(r), r) < 5e-10


def test_a_table_ends_with_the_force_from_within():
    potential = ShiftedLJ(1.0, 1.0, 2.5)
    assert spline_table(potential).force[-1] == pytest.approx(-0.039, abs=5e-5)


def test_tables_begin_where_no_liquid_gets():
    assert inner_radius(SOFT) == pytest.approx(1.2 * 1e4 ** (-1 / 12), rel=1e-3)
    for table in (linear_table(SOFT), spline_table(SOFT)):
        assert table.r[0] == inner_radius(SOFT)
        assert table.energy[0] == pytest.approx(1e4, rel=0.02)


def test_tables_of_bounded_potentials_leave_no_hole_at_zero():
    potential = HarmonicSpheres(1.0, 1.4)
    assert inner_radius(potential) == pytest.approx(0.07)
    assert linear_table(potential).r[0] == 0


def test_more_precision_takes_more_distances():
    assert len(spline_table(SOFT, 1e-6).r) < len(spline_table(SOFT, 1e-9).r)
    assert len(spline_table(SOFT, 1e-6, fewest=9000).r) == 9000
    assert linear_table(SOFT, 1e-4).error > linear_table(SOFT, 1e-6).error


@pytest.mark.parametrize("table", [linear_table, spline_table])
def test_refuses_what_no_table_can_hold(table):
    with pytest.raises(InputError, match=r"gives Kinked\(cutoff=2.0\) with an error of .* kinks"):
        table(Kinked())
