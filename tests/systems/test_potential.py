import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.systems import ForceShiftedLJ

potentials = st.builds(
    ForceShiftedLJ,
    epsilon=st.floats(0.2, 3),
    sigma=st.floats(0.5, 1.5),
    cutoff=st.floats(2.0, 4.0),
)


@settings(max_examples=30, deadline=None)
@given(potential=potentials, fraction=st.floats(0.3, 0.999))
def test_force_is_minus_the_slope_of_the_energy(potential, fraction):
    r, h = fraction * potential.cutoff, 1e-6
    slope = (potential.energy(r + h) - potential.energy(r - h)) / (2 * h)
    np.testing.assert_allclose(potential.force(r), -slope, rtol=1e-6, atol=1e-7)


@settings(max_examples=30, deadline=None)
@given(potential=potentials)
def test_energy_and_force_vanish_continuously_at_the_cutoff(potential):
    beyond = potential.cutoff * np.array([1.0, 1.1, 3.0])
    assert np.all(potential.energy(beyond) == 0)
    assert np.all(potential.force(beyond) == 0)
    below = potential.cutoff * (1 - 1e-9)
    np.testing.assert_allclose(potential.energy(below), 0, atol=1e-12)
    np.testing.assert_allclose(potential.force(below), 0, atol=1e-7)


@settings(max_examples=30, deadline=None)
@given(potential=potentials)
def test_energy_is_the_plain_lennard_jones_with_the_linear_shift(potential):
    def plain(r):
        x = potential.sigma / r
        return 4 * potential.epsilon * (x**12 - x**6)

    def plain_slope(r):
        x = potential.sigma / r
        return 4 * potential.epsilon * (-12 * x**12 + 6 * x**6) / r

    r, rc = np.linspace(0.8, 1.9, 7), potential.cutoff
    expected = plain(r) - plain(rc) - (r - rc) * plain_slope(rc)
    np.testing.assert_allclose(potential.energy(r), expected, rtol=1e-12, atol=1e-12)


def test_far_cutoff_gives_the_closed_form_minimum():
    potential = ForceShiftedLJ(epsilon=1.7, sigma=0.9, cutoff=200.0)
    r = 2 ** (1 / 6) * 0.9
    assert potential.energy(r) == pytest.approx(-1.7, rel=1e-9)
    assert potential.force(r) == pytest.approx(0, abs=1e-12)


def test_shape_is_kept():
    potential = ForceShiftedLJ(1.0, 1.0, 2.5)
    assert potential.energy(1.2).shape == ()
    assert potential.force(np.ones((3, 2))).shape == (3, 2)
