"""Scalars that no rotation changes, vectors that turn along, and angles that are seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from graph_models import double, logits, untrained
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError
from gnnglass.models import MODELS
from gnnglass.models.equivariant import EquivariantInteraction
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot


def orthogonal(dimension: int, seed: int) -> torch.Tensor:
    """A random rotation, with or without a reflection."""
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension)))
    return torch.from_numpy(turn)


@settings(max_examples=10, deadline=None)
@given(dimension=st.sampled_from([2, 3]), seed=st.integers(0, 2**16))
def test_scalars_are_invariant_and_vectors_turn_along(dimension, seed):
    """All edges of a periodic configuration turned at once, by any angle, mirrored or not."""
    one = untrained("equivariant", dimension, n_layers=3)
    net, turn = one.model.double(), orthogonal(dimension, seed)
    graph = double(one.recipe(example_snapshot(dimension, 5**dimension, seed)))
    vectors = graph.edge_vector
    h, turned = graph.x, graph.x
    with torch.no_grad():
        for layer in net.layers[:-1]:
            h = layer(h, graph.edge_index, net.edge_features(vectors))
            turned = layer(turned, graph.edge_index, net.edge_features(vectors @ turn.T))
            torch.testing.assert_close(turned[:, 0], h[:, 0], atol=1e-10, rtol=0)
            expected = torch.einsum("ij,njf->nif", turn, h[:, 1:])
            torch.testing.assert_close(turned[:, 1:], expected, atol=1e-10, rtol=0)
        assert h[:, 1:].abs().max() > 1e-2
        before, after = (net(graph.x, graph.edge_index, v) for v in (vectors, vectors @ turn.T))
        torch.testing.assert_close(after, before, atol=1e-10, rtol=0)


def test_a_turn_of_some_edges_only_is_noticed():
    """So that the invariance is that of a rotation, and not of a network that sees no direction."""
    one = untrained("equivariant")
    graph = one.recipe(example_snapshot(2))
    bent = graph.edge_vector.clone()
    bent[::2] = bent[::2] @ orthogonal(2, 0).float().T
    before, after = (one.model(graph.x, graph.edge_index, v) for v in (graph.edge_vector, bent))
    assert (after - before).abs().max() > 1e-3


def test_it_sees_angles_that_distances_within_the_cutoff_do_not_tell():
    """Two neighbours of one particle, beyond each other's reach, straight across or bent."""

    def chain(degrees):
        end = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
        return Snapshot([9.0, 9.0], [[0, 0], [1, 0], end], [0, 1, 1])

    for name, seen in (("message-passing", False), ("attention", False), ("equivariant", True)):
        one = untrained(name)
        bend = (logits(one, chain(180)) - logits(one, chain(130))).abs().max()
        assert bend > 1e-4 if seen else bend < 1e-6


def brute_force(layer: EquivariantInteraction, s, v, edges):
    """Message and update block of particle 0, component by component and edge by edge."""
    width, dimension = s.shape[1], v.shape[1]
    gathered, vectors = torch.zeros(width).double(), v[0].clone()
    for j, radial, direction in edges:
        to_s, to_vv, to_vs = (layer.source(s[j]) * layer.filter(radial)).split(width)
        gathered += to_s
        for axis in range(dimension):
            vectors[axis] += to_vv * v[j, axis] + to_vs * direction[axis]
    first, second = layer.mix.weight.split(width)
    turned = torch.stack([first @ vectors[axis] for axis in range(dimension)])
    other = torch.stack([second @ vectors[axis] for axis in range(dimension)])
    length = torch.tensor([float(other[:, k].norm()) for k in range(width)]).double()
    gates = layer.gates(torch.cat([s[0], gathered, length])).split(width)
    inner = sum(turned[axis] * other[axis] for axis in range(dimension))
    scalars = s[0] + gates[0] + gates[1] * inner
    return scalars if layer.last else torch.cat([scalars[None], vectors + gates[2] * turned])


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("last", [False, True])
def test_an_interaction_equals_its_formula(dimension, last):
    torch.manual_seed(1)
    layer = EquivariantInteraction(5, n_radial=4, dropout=0.2, last=last).double().eval()
    s, v = torch.randn(4, 5).double(), torch.randn(4, dimension, 5).double()
    radial, direction = torch.rand(3, 4).double(), torch.randn(3, dimension).double()
    edges = list(zip([2, 3, 1], radial, direction, strict=True))
    edge_index = torch.tensor([[2, 3, 1, 0], [0, 0, 0, 2]])
    features = torch.cat([radial, direction], dim=1)
    features = torch.cat([features, torch.rand_like(features[:1])])
    with torch.no_grad():
        found = layer(torch.cat([s[:, None], v], dim=1), edge_index, features)[0]
        torch.testing.assert_close(found, brute_force(layer, s, v, edges))


def test_edges_are_described_by_distance_and_direction():
    net = untrained("equivariant").model
    vectors = torch.tensor([[0.6, 0.8], [-1.2, 0.5]])
    found = net.edge_features(vectors)
    torch.testing.assert_close(found[:, :20], net.radial(torch.tensor([1.0, 1.3])))
    torch.testing.assert_close(found[:, 20:], vectors / torch.tensor([[1.0], [1.3]]))


def test_without_interactions_it_is_refused():
    with pytest.raises(InputError, match="n_layers is 0"):
        MODELS.create("equivariant", n_species=2, r_max=2.0, n_layers=0)
