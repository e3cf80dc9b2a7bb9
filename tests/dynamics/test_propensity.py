import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.dynamics import IsoconfigurationalEnsemble, Propensity
from gnnglass.errors import InputError, NotComputedError
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

TIMES = np.array([1.0, 10.0])


def random_ensemble(seed, dimension=2, n_clones=5):
    initial = example_snapshot(dimension, {2: 64, 3: 125}[dimension], seed=seed)
    rng = np.random.default_rng(seed)
    moved = rng.normal(size=(n_clones, len(TIMES), *initial.positions.shape))
    return IsoconfigurationalEnsemble(initial, moved, TIMES)


def test_mean_length_of_known_displacements():
    """Two clones that go 3 and 4 along x and y, twice as far at the second lag."""
    initial = example_snapshot(2)
    moved = np.zeros((2, 2, 144, 2))
    moved[0, :, :, 0] = 3 * np.array([[1], [2]])
    moved[1, :, :, 1] = 4 * np.array([[1], [2]])
    propensity = Propensity().compute(IsoconfigurationalEnsemble(initial, moved, TIMES))
    np.testing.assert_allclose(propensity.values, np.repeat([[3.5], [7.0]], 144, axis=1))
    np.testing.assert_allclose(propensity.at(10.0), 7.0)
    np.testing.assert_array_equal(propensity.times, TIMES)


def test_mean_length_of_gaussian_displacements_is_that_of_a_rayleigh_law():
    rng = np.random.default_rng(0)
    initial = example_snapshot(2)
    scales = rng.uniform(0.5, 2.0, 144)
    moved = rng.normal(size=(4000, 1, 144, 2)) * scales[:, None]
    propensity = Propensity().compute(IsoconfigurationalEnsemble(initial, moved, TIMES[:1]))
    np.testing.assert_allclose(propensity.values[0], scales * np.sqrt(np.pi / 2), rtol=0.04)


@pytest.mark.parametrize("dimension", [2, 3])
def test_cage_relative_equals_the_definition(dimension):
    ensemble = random_ensemble(1, dimension)
    initial = ensemble.initial
    computed = Propensity(cage_relative=True, neighbors={"r_max": 1.3}).compute(ensemble).values
    expected = np.zeros_like(computed)
    for i in range(len(initial)):
        r = np.linalg.norm(initial.minimum_image(initial.positions - initial.positions[i]), axis=1)
        cage = np.flatnonzero((r < 1.3) & (np.arange(len(initial)) != i))
        moved = ensemble.displacements[:, :, i]
        if cage.size:
            moved = moved - ensemble.displacements[:, :, cage].mean(axis=2)
        expected[:, i] = np.linalg.norm(moved, axis=-1).mean(axis=0)
    np.testing.assert_allclose(computed, expected, rtol=1e-12)


def test_a_uniform_displacement_is_not_cage_relative_motion():
    ensemble = random_ensemble(2)
    drift = np.random.default_rng(3).normal(0, 9, (5, 2, 1, 2))
    drifting = IsoconfigurationalEnsemble(ensemble.initial, ensemble.displacements + drift, TIMES)
    relative = Propensity(cage_relative=True)
    before = relative.compute(ensemble).values
    np.testing.assert_allclose(relative.compute(drifting).values, before, atol=1e-12)
    assert Propensity().compute(drifting).values.mean() > 3


def test_a_long_wave_is_suppressed_as_lattice_theory_says():
    """On a square lattice the cage of i moves by its own displacement × mean cos(k·δ)."""
    edge, amplitude = 24, 2.0
    sites = np.array(list(itertools.product(range(edge), repeat=2)), dtype=float)
    initial = Snapshot([edge, edge], sites, np.zeros(edge**2))
    k = 2 * np.pi / edge
    wave = np.zeros((2, 1, edge**2, 2))
    wave[..., 1] = amplitude * np.sin(k * sites[:, 0])
    ensemble = IsoconfigurationalEnsemble(initial, wave, TIMES[:1])
    plain = Propensity().compute(ensemble).values[0]
    np.testing.assert_allclose(plain, np.abs(wave[0, 0, :, 1]), atol=1e-12)
    # Eight neighbours within 1.5: two at δx = 0, three at each of δx = ±1.
    left = 1 - (2 + 6 * np.cos(k)) / 8
    relative = Propensity(cage_relative=True).compute(ensemble).values[0]
    np.testing.assert_allclose(relative, plain * left, atol=1e-12)
    assert left < 0.03


def test_without_neighbours_there_is_no_cage_to_follow():
    initial = Snapshot([20, 20], [[0, 0], [5, 0], [5, 1]], [0, 0, 0])
    moved = np.ones((2, 1, 3, 2))
    ensemble = IsoconfigurationalEnsemble(initial, moved, TIMES[:1])
    relative = Propensity(cage_relative=True).compute(ensemble).values[0]
    np.testing.assert_allclose(relative, [np.sqrt(2), 0, 0])


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 99),
    shift=st.lists(st.floats(-30, 30), min_size=2, max_size=2),
    relative=st.booleans(),
)
def test_translation_changes_nothing_and_relabelling_permutes(seed, shift, relative):
    ensemble = random_ensemble(seed)
    initial, moved = ensemble.initial, ensemble.displacements
    propensity = Propensity(cage_relative=relative, neighbors={"r_max": 1.41})
    before = propensity.compute(ensemble).values
    translated = initial.replace(positions=initial.positions + np.array(shift))
    after = propensity.compute(IsoconfigurationalEnsemble(translated, moved, TIMES)).values
    np.testing.assert_allclose(after, before, atol=1e-12)
    order = np.random.default_rng(seed).permutation(len(initial))
    other = initial.replace(positions=initial.positions[order], types=initial.types[order])
    after = propensity.compute(IsoconfigurationalEnsemble(other, moved[:, :, order], TIMES)).values
    np.testing.assert_allclose(after, before[:, order], atol=1e-12)


def test_published_runs_give_the_published_mean(real_data):
    """BOTAN configuration 1: mean propensity of A at the α-relaxation time is 0.6986."""
    path = real_data / "botan_ka3d_T0.44" / "isoconfig_N4096T0.44_1_tc07.npz"
    with np.load(path) as data:
        start, end, types = data["initial_positions"], data["positions"], data["types"]
    initial = Snapshot(np.full(3, 15.05658), start, types)
    ensemble = IsoconfigurationalEnsemble(initial, (end - start)[:, None], np.array([4120.0]))
    propensity = Propensity().compute(ensemble).values[0]
    assert propensity[initial.of_type("A")].mean() == pytest.approx(0.6986, abs=1e-4)


def test_order_of_calls_and_plot():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    propensity = Propensity(cage_relative=True, neighbors={"r_max": 1.3})
    for ask in (lambda: propensity.values, lambda: propensity.at(1.0), propensity.plot):
        with pytest.raises(NotComputedError, match="call compute first"):
            ask()
    ensemble = random_ensemble(0)
    assert propensity.compute(ensemble) is propensity
    again = eval(repr(propensity))
    np.testing.assert_array_equal(again.compute(ensemble).values, propensity.values)
    figure, ax = pyplot.subplots()
    assert propensity.plot(ax, time=1.0) is ax
    shown = ax.collections[-1].get_array()
    np.testing.assert_allclose(np.sort(shown), np.sort(propensity.at(1.0)))
    pyplot.close(figure)


@pytest.mark.parametrize(
    ("neighbors", "message"),
    [
        ({"num_neighbors": 6}, r"neighbors are {'num_neighbors': 6}; expected a cutoff"),
        ({"r_max": 50.0}, "cutoff 50 does not fit the box"),
        ({"r_max": -1.0}, "cutoff -1 does not fit the box"),
    ],
)
def test_bad_neighbours_are_refused(neighbors, message):
    with pytest.raises(InputError, match=message):
        Propensity(cage_relative=True, neighbors=neighbors).compute(random_ensemble(0))


def test_a_time_that_is_no_lag_is_refused():
    with pytest.raises(InputError, match="no lag t = 2 in this ensemble; it has 1, 10"):
        Propensity().compute(random_ensemble(0)).at(2.0)
