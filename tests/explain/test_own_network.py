"""Importance of the package's own networks: its definition, and what must not change it."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from graph_models import GRAPH_MODELS, double, untrained
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Batch, Data
from torch_geometric.explain import Explainer, ModelConfig

from gnnglass.explain import GraphGradCAM
from gnnglass.models import GraphNet, arguments_for
from gnnglass.models.network import POOLINGS
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

SIZES = {2: 64, 3: 125}


def importance(one: SimpleNamespace, snapshot: Snapshot, layer: str | None = None) -> np.ndarray:
    return GraphGradCAM(layer).compute(one, [snapshot])[0]


def assert_same(changed: np.ndarray, reference: np.ndarray) -> None:
    # Scores are small (each particle is one of many), so closeness is asked relatively as well.
    assert np.abs(changed - reference).max() < 1e-4
    assert np.abs(changed - reference).max() < 1e-3 * np.abs(reference).max()


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", GRAPH_MODELS)
@settings(max_examples=5, deadline=None)
@given(
    dimension=st.sampled_from([2, 3]),
    shift=st.floats(-20, 20),
    seed=st.integers(0, 2**16),
    flip=st.booleans(),
)
def test_importance_follows_the_particles(name, pooling, dimension, shift, seed, flip):
    """Translation through the box, quarter turns, reflection; relabelling permutes."""
    one = untrained(name, dimension, pooling=pooling)
    snapshot = example_snapshot(dimension, SIZES[dimension], seed)
    order = np.random.default_rng(seed).permutation(len(snapshot))
    signs = (1, *[-1 if flip else 1] * (dimension - 1))
    moved = snapshot.positions[order][:, ::-1] * signs + shift
    changed = Snapshot(snapshot.box, moved, snapshot.types[order])
    for layer in one.model.particle_layers:
        assert_same(importance(one, changed, layer), importance(one, snapshot, layer)[order])


@pytest.mark.parametrize("name", GRAPH_MODELS)
@settings(max_examples=8, deadline=None)
@given(angle=st.floats(0, 2 * math.pi), seed=st.integers(0, 2**16))
def test_importance_is_invariant_under_any_rotation(name, angle, seed):
    """A cluster that does not touch its periodic images may be turned by any angle."""
    one = untrained(name)
    cluster = example_snapshot(2, 64, seed)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    before = Snapshot(cluster.box * 3, cluster.positions, cluster.types)
    after = Snapshot(cluster.box * 3, cluster.positions @ turn.T, cluster.types)
    assert_same(importance(one, after), importance(one, before))


@pytest.mark.parametrize("name", GRAPH_MODELS)
def test_with_mean_pooling_importance_is_the_local_logit_without_bias(name):
    """What labels of single particles train is then the very map that is shown."""
    one, snapshot = untrained(name), example_snapshot(2)
    with torch.no_grad():
        local = one.model.local_logits(*arguments_for(one.model, [one.recipe(snapshot)]))
        bias = one.model.head.linear.bias
        expected = (local[:, 1] - (bias[1] - bias.mean())).numpy()
    np.testing.assert_allclose(importance(one, snapshot) * len(snapshot), expected, atol=1e-4)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", GRAPH_MODELS)
def test_the_package_s_own_networks_equal_brute_force(name, pooling):
    """One graph after the other, one feature after the other, in double precision."""
    one = untrained(name, pooling=pooling)
    net = one.model.double()
    members = [double(one.recipe(example_snapshot(2, n, n))) for n in (49, 100, 64)]
    for layer in net.particle_layers:
        expected = torch.cat([brute_force(net, graph, layer) for graph in members])
        found = explained(net, members, layer)
        assert (found - expected).abs().max() < 1e-6 * expected.abs().max()


def brute_force(net: GraphNet, graph: Data, layer: str) -> torch.Tensor:
    """Grad-CAM of the second logit of one graph by the definition."""
    graph, features = graph.clone(), []
    graph.x.requires_grad_()
    hook = net.get_submodule(layer).register_forward_hook(lambda *a: features.append(a[2]))
    logits = net(*arguments_for(net, [graph]))
    hook.remove()
    (gradient,) = torch.autograd.grad(logits[0, 1], features[0])
    alpha = [sum(gradient[:, k]) / len(gradient) for k in range(gradient.shape[1])]
    return sum(a * features[0][:, k] for k, a in enumerate(alpha)).detach()


def explained(net: GraphNet, graphs: list[Data], layer: str) -> torch.Tensor:
    """Grad-CAM of the second logit of all graphs at once, asked for through PyG's explainer."""
    explainer = Explainer(
        net,
        algorithm=GraphGradCAM(layer),
        explanation_type="model",
        node_mask_type="object",
        model_config=ModelConfig("multiclass_classification", "graph", "raw"),
    )
    whole = Batch.from_data_list(graphs)
    options = {name: whole[name] for name in net.takes[2:]}
    mask = explainer(whole.x, whole.edge_index, **options).node_mask[:, 0]
    # The explainer explains the class each graph is put into; the two logits sum to zero.
    sign = 2.0 * net(whole.x, whole.edge_index, **options).argmax(dim=1) - 1
    return mask * sign[whole.batch]
