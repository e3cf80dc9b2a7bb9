"""Importance of the package's own network: what must not change it, and what permutes it."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.explain import GraphGradCAM
from gnnglass.graphs import GraphRecipe
from gnnglass.models import MODELS
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

SIZES = {2: 100, 3: 216}


def classifier(dimension: int, pooling: str, layer_count: int = 2) -> SimpleNamespace:
    torch.manual_seed(0)
    recipe = GraphRecipe(r_max=1.7, dimension=dimension)
    net = MODELS.create(
        "message-passing", n_species=2, r_max=1.7, pooling=pooling, n_layers=layer_count
    )
    net.standardise([recipe(example_snapshot(dimension, seed=9))])
    return SimpleNamespace(model=net.eval(), recipe=recipe, labels=("liquid", "glass"))


def importance(one: SimpleNamespace, snapshot: Snapshot, layer: str | None = None) -> np.ndarray:
    return GraphGradCAM(layer).compute(one, [snapshot])[0]


def assert_same(changed: np.ndarray, reference: np.ndarray) -> None:
    # Scores are small (each particle is one of many), so closeness is asked relatively as well.
    assert np.abs(changed - reference).max() < 1e-4
    assert np.abs(changed - reference).max() < 1e-3 * np.abs(reference).max()


@pytest.mark.parametrize("pooling", ["mean", "sum", "max", "attention"])
@settings(max_examples=10, deadline=None)
@given(
    dimension=st.sampled_from([2, 3]),
    shift=st.floats(-20, 20),
    seed=st.integers(0, 2**16),
    flip=st.booleans(),
)
def test_importance_follows_the_particles(pooling, dimension, shift, seed, flip):
    """Translation through the box, quarter turns, reflection; relabelling permutes."""
    one = classifier(dimension, pooling)
    snapshot = example_snapshot(dimension, SIZES[dimension], seed)
    order = np.random.default_rng(seed).permutation(len(snapshot))
    signs = (1, *[-1 if flip else 1] * (dimension - 1))
    moved = snapshot.positions[order][:, ::-1] * signs + shift
    changed = Snapshot(snapshot.box, moved, snapshot.types[order])
    for layer in (None, "interactions.0", "embed"):
        assert_same(importance(one, changed, layer), importance(one, snapshot, layer)[order])


@settings(max_examples=15, deadline=None)
@given(angle=st.floats(0, 2 * math.pi), seed=st.integers(0, 2**16))
def test_importance_is_invariant_under_any_rotation(angle, seed):
    """A cluster that does not touch its periodic images may be turned by any angle."""
    one = classifier(2, "mean")
    cluster = example_snapshot(2, 64, seed)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    before = Snapshot(cluster.box * 3, cluster.positions, cluster.types)
    after = Snapshot(cluster.box * 3, cluster.positions @ turn.T, cluster.types)
    assert_same(importance(one, after), importance(one, before))
