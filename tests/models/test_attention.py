"""Attention weights: a softmax over the neighbours of each particle, and what it does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from graph_models import double, untrained
from torch.nn.functional import leaky_relu

from gnnglass.errors import InputError
from gnnglass.models import MODELS
from gnnglass.models.attention import AttentionInteraction
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot


def attention(one, snapshot):
    """The graph of a snapshot and the attention weights on its edges, in double precision."""
    graph = double(one.recipe(snapshot))
    with torch.no_grad():
        found = one.model.double().attention_weights(graph.x, graph.edge_index, graph.edge_distance)
    return graph, found


@pytest.mark.parametrize("dimension", [2, 3])
def test_weights_are_shares_of_what_each_particle_gathers(dimension):
    graph, found = attention(untrained("attention", dimension), example_snapshot(dimension))
    assert len(found) == 2
    for weights in found:
        assert weights.shape == graph.edge_distance.shape
        assert weights.min() >= 0
        total = torch.zeros(graph.num_nodes).double().index_add(0, graph.edge_index[1], weights)
        torch.testing.assert_close(total, torch.ones_like(total), atol=1e-12, rtol=0)
        assert weights.std() > 1e-3


def brute_force(layer: AttentionInteraction, h, neighbors, radial):
    """Weights and update of the last particle of `h`, its neighbours one after the other."""
    heads, width = layer.score.shape
    scores = torch.zeros(len(neighbors), heads).double()
    for row, j in enumerate(neighbors):
        pair = layer.query(h[-1]) + layer.key(h[j]) + layer.distance(radial[row])
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            scores[row, head] = layer.score[head] @ leaky_relu(pair[part], 0.2)
    unscaled = radial.sum(dim=1)[:, None] * torch.exp(scores)
    weights = unscaled / unscaled.sum(dim=0)
    gathered = torch.zeros(heads * width).double()
    for row, j in enumerate(neighbors):
        message = layer.filter(radial[row]) * layer.value(h[j])
        gathered += message * weights[row].repeat_interleave(width)
    return weights, h[-1] + layer.update_features(torch.cat([h[-1], gathered]))


def test_weights_and_update_equal_the_formula():
    torch.manual_seed(0)
    layer = AttentionInteraction(hidden=6, heads=3, n_radial=4, dropout=0.2).double().eval()
    h, radial = torch.randn(5, 6).double(), torch.rand(4, 4).double()
    neighbors = [2, 0, 3, 1]
    edge_index = torch.tensor([[*neighbors, 4], [4, 4, 4, 4, 0]])
    edges = torch.cat([radial, torch.rand(1, 4).double()])
    with torch.no_grad():
        weights, updated = brute_force(layer, h, neighbors, radial)
        torch.testing.assert_close(layer.weights(h, edge_index, edges)[:4], weights)
        torch.testing.assert_close(layer(h, edge_index, edges)[4], updated)


def test_weights_are_those_that_forward_uses_and_asking_for_them_changes_nothing():
    one, snapshot = untrained("attention"), example_snapshot(2)
    one.model.double()
    used = []
    hooks = [
        layer.register_message_forward_pre_hook(
            lambda _layer, inputs: used.append(inputs[0]["weights"].mean(dim=1).detach())
        )
        for layer in one.model.interactions
    ]
    graph = double(one.recipe(snapshot))
    before = one.model(graph.x, graph.edge_index, graph.edge_distance)
    for hook in hooks:
        hook.remove()
    _, found = attention(one, snapshot)
    assert torch.equal(one.model(graph.x, graph.edge_index, graph.edge_distance), before)
    torch.testing.assert_close(found, used[:2], atol=0, rtol=0)


def test_a_neighbour_fades_before_it_leaves():
    """Its weight is a share like any other inside, and vanishes towards the cutoff."""
    one, box = untrained("attention"), [8.0, 8.0]
    shares = []
    for distance in (1.0, 1.6, 1.699):
        snapshot = Snapshot(box, [[0, 0], [1, 0], [0, distance]], [0, 1, 1])
        graph, found = attention(one, snapshot)
        edge = (graph.edge_index == torch.tensor([[2], [0]])).all(dim=0)
        shares.append(float(found[0][edge]))
    assert shares[0] == pytest.approx(0.5, abs=1e-6)
    assert shares[0] > shares[1] > 1e-3 > shares[2]


def test_heads_are_different():
    """Each has weights of its own; averaging them is the caller's view, not the network's."""
    layer = untrained("attention").model.interactions[0]
    graph = untrained("attention").recipe(example_snapshot(2))
    h = torch.randn(graph.num_nodes, 32, generator=torch.Generator().manual_seed(0))
    radial = untrained("attention").model.radial(graph.edge_distance)
    weights = layer.weights(h, graph.edge_index, radial)
    assert weights.shape == (len(graph.edge_distance), 4)
    assert np.abs(np.corrcoef(weights.detach().T.numpy()) - np.eye(4)).max() < 0.95


@pytest.mark.parametrize("heads", [0, 3])
def test_features_that_cannot_be_dealt_to_heads_are_refused(heads):
    with pytest.raises(InputError, match=f"hidden is 32 and heads is {heads}"):
        MODELS.create("attention", n_species=2, r_max=2.0, heads=heads)
