"""How sparse a map is: closed forms, and a definition by pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError
from gnnglass.explain.faithfulness import gini, half_share


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_extremes(n):
    assert gini(np.full(n, -0.3)) == pytest.approx(0, abs=1e-12)
    assert half_share(np.full(n, -0.3)) == pytest.approx(np.ceil(n / 2) / n)
    one_hot = np.zeros(n)
    one_hot[n // 2] = -5
    assert gini(one_hot) == pytest.approx(1 - 1 / n)
    assert half_share(one_hot) == pytest.approx(1 / n)


def test_half_is_reached_exactly_in_spite_of_rounding():
    for n in (12, 20, 30):
        assert half_share([1.0] * n) == 0.5
    assert half_share([3, 1, 1, 1]) == 0.25
    assert half_share([2.9, 1, 1, 1]) == 0.5


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**16), n=st.integers(2, 40), scale=st.sampled_from([1e-300, 1, 1e300]))
def test_mean_difference_of_pairs_whatever_scale_sign_and_numbering(seed, n, scale):
    """G = Σ_ij ||s_i| − |s_j|| / (2 n Σ|s|), the definition of economists."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=n)
    sizes = np.abs(scores)
    pairs = np.abs(sizes[:, None] - sizes[None, :]).sum() / (2 * n * sizes.sum())
    assert gini(scores) == pytest.approx(pairs, abs=1e-12)
    shuffled = rng.permutation(scores) * rng.choice([-1, 1], n) * scale
    assert gini(shuffled) == pytest.approx(pairs, abs=1e-12)
    assert half_share(shuffled) == half_share(scores)


@pytest.mark.parametrize("measure", [gini, half_share])
def test_bad_maps_are_refused(measure):
    with pytest.raises(InputError, match="all 4 scores are zero"):
        measure(np.zeros(4))
    with pytest.raises(InputError, match="NaN or infinite for 1 of 2"):
        measure([1.0, np.nan])
    with pytest.raises(InputError, match=r"has shape \[2, 2\]; expected \[n > 0\]"):
        measure(np.ones((2, 2)))
    with pytest.raises(InputError, match=r"has shape \[0\]"):
        measure([])
