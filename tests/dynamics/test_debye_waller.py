import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.dynamics import DebyeWaller, IsoconfigurationalEnsemble
from gnnglass.errors import InputError, NotComputedError
from gnnglass.testing import example_snapshot

TIMES = np.array([0.5, 1.0, 10.0])


def ensemble_of(seed, dimension=2):
    initial = example_snapshot(dimension, {2: 36, 3: 64}[dimension], seed=seed)
    moved = np.random.default_rng(seed).normal(size=(4, len(TIMES), *initial.positions.shape))
    return IsoconfigurationalEnsemble(initial, moved, TIMES)


def test_mean_square_of_known_displacements_at_the_lag_that_is_asked_for():
    """Two clones that go 3 and 4 at the second lag, and far away at the others."""
    moved = np.full((2, 3, 144, 2), 50.0)
    moved[:, 1] = 0
    moved[0, 1, :, 0], moved[1, 1, :, 1] = 3, 4
    ensemble = IsoconfigurationalEnsemble(example_snapshot(2), moved, TIMES)
    plain = DebyeWaller(1.0, cage_relative=False).compute(ensemble)
    np.testing.assert_allclose(plain.values, 12.5)
    np.testing.assert_allclose(DebyeWaller(1.0).compute(ensemble).values, 0, atol=1e-12)


@pytest.mark.parametrize("dimension", [2, 3])
def test_cage_relative_equals_the_definition(dimension):
    ensemble = ensemble_of(1, dimension)
    initial, moved = ensemble.initial, ensemble.displacements[:, 1]
    expected = []
    for i in range(len(initial)):
        r = np.linalg.norm(initial.minimum_image(initial.positions - initial.positions[i]), axis=1)
        cage = np.flatnonzero((r < 1.3) & (r > 0))
        relative = moved[:, i] - (moved[:, cage].mean(axis=1) if cage.size else 0)
        expected.append((relative**2).sum(axis=1).mean())
    computed = DebyeWaller(1.0, neighbors={"r_max": 1.3}).compute(ensemble).values
    np.testing.assert_allclose(computed, expected, rtol=1e-12)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), shift=st.lists(st.floats(-30, 30), min_size=2, max_size=2))
def test_translation_changes_nothing_and_relabelling_permutes(seed, shift):
    ensemble = ensemble_of(seed)
    initial, moved = ensemble.initial, ensemble.displacements
    before = DebyeWaller(0.5).compute(ensemble).values
    order = np.random.default_rng(seed).permutation(len(initial))
    other = initial.replace(
        positions=(initial.positions + np.array(shift))[order], types=initial.types[order]
    )
    ensemble = IsoconfigurationalEnsemble(other, moved[:, :, order], TIMES)
    np.testing.assert_allclose(DebyeWaller(0.5).compute(ensemble).values, before[order], rtol=1e-9)


def test_order_of_calls_and_bad_input():
    factor = DebyeWaller(1.0)
    for ask in (lambda: factor.values, factor.plot):
        with pytest.raises(NotComputedError, match="call compute first"):
            ask()
    ensemble = ensemble_of(0)
    assert factor.compute(ensemble) is factor
    np.testing.assert_array_equal(eval(repr(factor)).compute(ensemble).values, factor.values)
    with pytest.raises(InputError, match=r"no lag t = 2 in this ensemble; it has 0\.5, 1, 10"):
        DebyeWaller(2.0).compute(ensemble)
    with pytest.raises(InputError, match="cutoff 50 does not fit the box"):
        DebyeWaller(1.0, neighbors={"r_max": 50.0}).compute(ensemble)


def test_plot_draws_the_values():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, ax = pyplot.subplots()
    factor = DebyeWaller(1.0).compute(ensemble_of(0))
    assert factor.plot(ax) is ax
    np.testing.assert_allclose(np.sort(ax.collections[-1].get_array()), np.sort(factor.values))
    pyplot.close(figure)
