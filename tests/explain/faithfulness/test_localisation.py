"""Finding planted particles: against sklearn, counted by hand, and for a trained network."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from gnnglass.errors import InputError
from gnnglass.explain import GraphGradCAM
from gnnglass.explain.faithfulness import localisation_auc, precision_at_k


def truth_and_scores(seed, n=30):
    rng = np.random.default_rng(seed)
    truth = [rng.permutation(np.arange(n) < k) for k in rng.integers(1, n - 1, 2)]
    return truth, [(field + rng.normal(size=n)).round(1) for field in truth]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_auc_is_sklearn_s_and_neither_sees_monotone_maps_or_numbering(seed):
    truth, scores = truth_and_scores(seed)
    expected = [roc_auc_score(t, s) for t, s in zip(truth, scores, strict=True)]
    np.testing.assert_allclose(localisation_auc(scores, truth), expected, atol=1e-12)
    order = np.random.default_rng(seed).permutation(30)
    for measure in (localisation_auc, precision_at_k):
        before = measure(scores, truth)
        mapped = [np.exp(values[order]) for values in scores]
        after = measure(mapped, [field[order].astype(int) for field in truth])
        np.testing.assert_allclose(after, before, atol=1e-12)


def test_precision_counts_the_k_highest():
    truth = [[True, True, False, False, False], [0, 0, 1, 0, 0]]
    found = precision_at_k([[3, 1, 2, 0, -1], [0, 1, 2, -3, 1]], truth)
    np.testing.assert_allclose(found, [0.5, 1])


def test_precision_of_tied_scores_is_the_mean_over_all_orders():
    scores, truth = np.array([2, 1, 1, 1, 0]), np.array([1, 1, 0, 1, 0])
    shares = []
    for tied in itertools.permutations([1, 2, 3]):
        order = [0, *tied, 4]
        shares.append(truth[order[:3]].mean())
    assert precision_at_k([scores], [truth])[0] == pytest.approx(np.mean(shares))
    assert precision_at_k([np.ones(5)], [truth])[0] == pytest.approx(3 / 5)


def test_a_trained_network_finds_the_half_that_differs(trained, glasses, truth):
    maps = GraphGradCAM().compute(trained, glasses)
    assert (localisation_auc(maps, truth) > 0.8).all()
    assert (precision_at_k(maps, truth) > 0.7).all()
    backwards = [-scores for scores in maps]
    np.testing.assert_allclose(
        localisation_auc(backwards, truth), 1 - localisation_auc(maps, truth)
    )


@pytest.mark.parametrize("measure", [localisation_auc, precision_at_k])
def test_bad_input_is_refused(measure):
    scores = [np.arange(4.0)]
    with pytest.raises(InputError, match="truth of configuration 0 holds the values 1; expected 1"):
        measure(scores, [np.ones(4, bool)])
    with pytest.raises(InputError, match=r"holds the values 0, 0\.5, 1; expected"):
        measure(scores, [[0, 0.5, 1, 1]])
    with pytest.raises(InputError, match=r"configuration 0 has shape \[4\]; expected \[3\]"):
        measure(scores, [[0, 1, 1]])
    with pytest.raises(InputError, match="NaN or infinite"):
        measure([[0, 1, np.nan]], [[0, 1, 1]])
    with pytest.raises(InputError, match="1 maps were given; expected 2"):
        measure(scores, [[0, 1, 1, 0]] * 2)
