"""Scores belong to particles: the symmetries of the box move them along and change nothing."""

import numpy as np
import pytest
from graph_models import GRAPH_MODELS
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_ins import registered, relative_difference, transformed

from gnnglass.explain import (
    AttentionRollout,
    GraphGradCAMAveraged,
    GraphGradCAMPlusPlus,
    GraphHiResCAM,
    IntegratedGradients,
    Occlusion,
    Saliency,
)

# Boxes just larger than twice the cutoff, in which every particle sees most of the others.
SIZE = 64
# Distances are rounded to single precision, whatever the network computes in.
CLOSE = 1e-4

deterministic = pytest.mark.parametrize(
    "attribution",
    [
        GraphGradCAMAveraged(),
        GraphGradCAMPlusPlus(),
        GraphHiResCAM(),
        IntegratedGradients(),
        Occlusion(),
        Saliency(),
    ],
    ids=lambda attribution: type(attribution).__name__,
)


@deterministic
@pytest.mark.parametrize("name", GRAPH_MODELS)
@settings(max_examples=3, deadline=None)
@given(data=st.data(), dimension=st.sampled_from([2, 3]))
def test_scores_follow_the_particles(attribution, name, data, dimension):
    before, after, order = data.draw(transformed(dimension, SIZE))
    one, other = attribution.compute(registered(name, "attention", dimension), [before, after])
    assert relative_difference(other, one[order]) < CLOSE


@settings(max_examples=10, deadline=None)
@given(data=st.data(), dimension=st.sampled_from([2, 3]))
def test_attention_rollout_follows_the_particles(data, dimension):
    before, after, order = data.draw(transformed(dimension, SIZE))
    classifier = registered("attention", dimension=dimension)
    one, other = AttentionRollout().compute(classifier, [before, after])
    assert relative_difference(other, one[order]) < CLOSE
    assert np.ptp(one) > 1e-3
