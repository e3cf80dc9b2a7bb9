import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.systems import (
    POTENTIALS,
    ForceShiftedLJ,
    HarmonicSpheres,
    ShiftedLJ,
    SmoothedInversePower,
    SmoothedLJ,
)

EPSILON, SIGMA, CUTOFF = st.floats(0.2, 3), st.floats(0.5, 1.5), st.floats(2.0, 4.0)
FORMS = {
    "force-shifted-lj": st.builds(ForceShiftedLJ, EPSILON, SIGMA, CUTOFF),
    "shifted-lj": st.builds(ShiftedLJ, EPSILON, SIGMA, CUTOFF),
    "smoothed-lj": st.builds(SmoothedLJ, EPSILON, SIGMA, CUTOFF),
    "smoothed-inverse-power": st.builds(
        SmoothedInversePower, EPSILON, SIGMA, st.floats(6, 18), CUTOFF
    ),
    "harmonic-spheres": st.builds(HarmonicSpheres, EPSILON, SIGMA),
}
ANY = st.one_of(*FORMS.values())


def test_every_form_is_tested_and_registered():
    assert set(POTENTIALS) == set(FORMS)
    assert POTENTIALS.create("harmonic-spheres", epsilon=2, sigma=1) == HarmonicSpheres(2, 1)
    with pytest.raises(UnknownNameError, match="unknown pair potential 'morse'; known: force-"):
        POTENTIALS.factory("morse")


@settings(max_examples=60, deadline=None)
@given(potential=ANY, fraction=st.floats(0.3, 0.999))
def test_force_is_minus_the_slope_of_the_energy(potential, fraction):
    r, h = fraction * potential.cutoff, 1e-6
    slope = (potential.energy(r + h) - potential.energy(r - h)) / (2 * h)
    np.testing.assert_allclose(potential.force(r), -slope, rtol=1e-6, atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(potential=ANY)
def test_the_energy_vanishes_continuously_at_the_cutoff(potential):
    beyond = potential.cutoff * np.array([1.0, 1.1, 3.0])
    assert np.all(potential.energy(beyond) == 0)
    assert np.all(potential.force(beyond) == 0)
    below = potential.cutoff * (1 - 1e-9)
    np.testing.assert_allclose(potential.energy(below), 0, atol=1e-7)
    if not isinstance(potential, ShiftedLJ):
        np.testing.assert_allclose(potential.force(below), 0, atol=1e-7)


@settings(max_examples=30, deadline=None)
@given(potential=FORMS["force-shifted-lj"])
def test_force_shifted_lj_is_the_plain_lennard_jones_with_the_linear_shift(potential):
    def plain(r):
        x = potential.sigma / r
        return 4 * potential.epsilon * (x**12 - x**6)

    def plain_slope(r):
        x = potential.sigma / r
        return 4 * potential.epsilon * (-12 * x**12 + 6 * x**6) / r

    r, rc = np.linspace(0.8, 1.9, 7), potential.cutoff
    expected = plain(r) - plain(rc) - (r - rc) * plain_slope(rc)
    np.testing.assert_allclose(potential.energy(r), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", [ForceShiftedLJ, ShiftedLJ])
def test_far_cutoff_gives_the_closed_form_minimum(form):
    potential = form(epsilon=1.7, sigma=0.9, cutoff=200.0)
    r = 2 ** (1 / 6) * 0.9
    assert potential.energy(r) == pytest.approx(-1.7, rel=1e-9)
    assert potential.force(r) == pytest.approx(0, abs=1e-12)


def test_shifted_lj_differs_from_the_plain_one_by_a_constant():
    potential = ShiftedLJ(epsilon=1.0, sigma=1.0, cutoff=2.5)
    # −φ(2.5) = 0.016316891136 is in every text book.
    assert potential.energy(1.0) == pytest.approx(0.016316891136, abs=1e-12)
    assert potential.energy(2 ** (1 / 6)) == pytest.approx(-1 + 0.016316891136, abs=1e-12)
    assert potential.force(2.5 - 1e-12) == pytest.approx(-0.039, abs=5e-5)


def power(potential):
    x = potential.sigma / np.linspace(0.5, 0.99, 9) / potential.cutoff
    return potential.epsilon * x**potential.exponent


def lennard_jones(potential):
    x = potential.sigma / np.linspace(0.5, 0.99, 9) / potential.cutoff
    return 4 * potential.epsilon * (x**12 - x**6)


@pytest.mark.parametrize(
    ("form", "bare"), [("smoothed-inverse-power", power), ("smoothed-lj", lennard_jones)]
)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_smoothed_forms_are_the_bare_ones_with_an_even_polynomial(form, bare, data):
    """What is added to the bare form is a + b r² + c r⁴, and the curvature vanishes too."""
    potential = data.draw(FORMS[form])
    r, without = np.linspace(0.5, 0.99, 9) * potential.cutoff, bare(potential)
    scale = np.abs(without).max()
    design = np.stack([np.ones_like(r), r**2, r**4], axis=1)
    added = (potential.energy(r) - without) / scale
    _, residual, *_ = np.linalg.lstsq(design, added, rcond=None)
    assert residual[0] < 1e-20
    h = 1e-4 * potential.cutoff
    ends = potential.force(potential.cutoff - np.array([h, 2 * h]))
    # Force of third order in the distance from the cutoff, hence four times at twice it.
    assert ends[1] / ends[0] == pytest.approx(4, rel=1e-2)


def test_smoothed_inverse_power_has_the_published_coefficients():
    """Ninarello, Berthier & Coslovich (2017): −28/x¹², 48/x¹⁴, −21/x¹⁶ at x = 1.25."""
    potential, r, x = SmoothedInversePower(1.0, 1.0, 12, 1.25), 1.1, 1.25
    expected = r**-12 - 28 / x**12 + 48 / x**14 * r**2 - 21 / x**16 * r**4
    assert potential.energy(r) == pytest.approx(expected, rel=1e-12)


def test_smoothed_lj_has_the_coefficients_of_the_public_code():
    """Those that Jung, Biroli & Berthier's StructDynGlass states for 2.5 σ, to all its digits."""
    potential, r = SmoothedLJ(epsilon=1.5, sigma=0.8, cutoff=2.0), np.array([0.7, 0.9, 1.3, 1.9])
    x = r / 0.8
    smoothing = 0.04049023795 - 0.00970155098 * x**2 + 0.00062012616 * x**4
    expected = 4 * 1.5 * (x**-12 - x**-6 + smoothing)
    np.testing.assert_allclose(potential.energy(r), expected, rtol=1e-7, atol=1e-8)


def test_harmonic_spheres_in_closed_form():
    potential = HarmonicSpheres(epsilon=3.0, sigma=1.4)
    assert potential.cutoff == 1.4
    assert potential.energy(0.0) == pytest.approx(1.5)
    assert potential.energy(0.7) == pytest.approx(3 / 8)
    assert potential.force(0.7) == pytest.approx(3 / 1.4 / 2)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_shape_is_kept(form):
    kind = POTENTIALS.factory(form)
    arguments: dict[str, float] = {"epsilon": 1, "sigma": 1}
    arguments |= {} if kind is HarmonicSpheres else {"cutoff": 2.5}
    arguments |= {"exponent": 12} if kind is SmoothedInversePower else {}
    potential = kind(**arguments)
    assert potential.energy(1.2).shape == potential.force(1.2).shape == ()
    assert potential.energy(np.ones((3, 2))).shape == (3, 2)
    assert potential.force(np.ones((3, 2))).shape == (3, 2)
    assert eval(repr(potential)) == potential
    assert hash(eval(repr(potential))) == hash(potential)


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "1", True, None])
@pytest.mark.parametrize("name", ["epsilon", "sigma", "cutoff"])
def test_refuses_parameters_that_are_no_positive_numbers(name, value):
    with pytest.raises(InputError, match=f"{name} of ShiftedLJ is .*; expected a positive number"):
        ShiftedLJ(**{**{"epsilon": 1.0, "sigma": 1.0, "cutoff": 2.5}, name: value})
