"""Importance of the package's own network: its definition, and what must not change it."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Batch
from torch_geometric.explain import Explainer, ModelConfig

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


@pytest.mark.parametrize("layer", ["embed", "interactions.0", "interactions.1"])
@pytest.mark.parametrize("pooling", ["mean", "sum", "max", "attention"])
def test_the_package_s_own_network_equals_brute_force(pooling, layer):
    """One graph after the other, one feature after the other, in double precision."""
    one = classifier(2, pooling)
    net = one.model.double()
    members = [one.recipe(example_snapshot(2, n, n)) for n in (49, 100, 64)]
    features: list[torch.Tensor] = []
    hook = net.get_submodule(layer).register_forward_hook(lambda *a: features.append(a[2]))
    expected = []
    for data in members:
        features.clear()
        logits = net(data.x.double(), data.edge_index, data.edge_distance.double())
        (gradient,) = torch.autograd.grad(logits[0, 1], features[0])
        alpha = [sum(gradient[:, k]) / len(gradient) for k in range(gradient.shape[1])]
        expected.append(sum(a * features[0][:, k] for k, a in enumerate(alpha)).detach())
    hook.remove()
    whole = Batch.from_data_list(members)
    explainer = Explainer(
        net,
        algorithm=GraphGradCAM(layer),
        explanation_type="model",
        node_mask_type="object",
        model_config=ModelConfig("multiclass_classification", "graph", "raw"),
    )
    arguments = (whole.x.double(), whole.edge_index)
    options = {"edge_distance": whole.edge_distance.double(), "batch": whole.batch}
    mask = explainer(*arguments, **options).node_mask[:, 0]
    # The explainer explains the class each graph is put into; the two logits sum to zero.
    sign = 2.0 * net(*arguments, **options).argmax(dim=1) - 1
    found = mask * sign[whole.batch]
    scale = torch.cat(expected).abs().max()
    assert (found - torch.cat(expected)).abs().max() < 1e-6 * scale
