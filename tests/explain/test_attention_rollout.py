"""Attention rollout, against the product of dense matrices."""

import numpy as np
import pytest
import torch
from graph_models import untrained
from stand_ins import Classifier, DoubleRecipe, GraphNet, liquid, registered, unequal_snapshots
from torch import nn

from gnnglass.errors import InputError
from gnnglass.explain import AttentionRollout
from gnnglass.models import GraphRecipe


def dense(model, graph):
    """Σ_j R_ji with R = Π ½ (1 + W), every matrix written out."""
    n = graph.num_nodes
    rollout = np.eye(n)
    for weights in model.attention_weights(graph.x, graph.edge_index, graph.edge_distance):
        matrix = np.zeros((n, n))
        matrix[graph.edge_index[1], graph.edge_index[0]] = weights.detach()
        rollout = 0.5 * (np.eye(n) + matrix) @ rollout
    return rollout.sum(axis=0)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_equals_the_product_of_dense_matrices(n_layers, batch_size):
    model = untrained("attention", r_max=2.5, n_layers=n_layers).model.double()
    classifier = Classifier(model, DoubleRecipe(2.5))
    # Here every particle has a neighbour, so that all rows of attention sum to one.
    snapshots = [liquid(0), liquid(3, n=90, box=(9.0, 12.0))]
    found = AttentionRollout(batch_size).compute(classifier, snapshots)
    for snapshot, scores in zip(snapshots, found, strict=True):
        np.testing.assert_allclose(scores, dense(model, classifier.recipe(snapshot)), rtol=1e-9)
        assert scores.min() >= 0
        assert np.ptp(scores) > 0.1


def test_the_mean_score_of_a_graph_is_one_with_and_without_neighbours():
    snapshots = [*unequal_snapshots(), liquid(4, n=8, box=(20.0, 20.0))]
    classifier = untrained("attention", r_max=1.0)
    for scores in AttentionRollout().compute(classifier, snapshots):
        assert scores.mean() == pytest.approx(1, abs=1e-6)
    (alone,) = AttentionRollout().compute(classifier, [liquid(2, n=1)])
    assert alone == pytest.approx([1])


class Uniform(nn.Module):
    def attention_weights(self, x, edge_index, edge_distance):
        degree = torch.bincount(edge_index[1], minlength=len(x))
        return [1 / degree[edge_index[1]].double()] * 3

    def forward(self, x, edge_index, edge_distance, batch):
        return x.new_zeros(int(batch.max()) + 1, 2)


def test_equal_attention_on_a_lattice_gives_every_particle_one():
    side = np.arange(6.0)
    lattice = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    snapshot = liquid(0, n=36, box=(6.0, 6.0)).replace(positions=lattice - 2.5)
    (scores,) = AttentionRollout().compute(Classifier(Uniform(), DoubleRecipe(1.1)), [snapshot])
    np.testing.assert_allclose(scores, 1, rtol=1e-12)


def test_all_classes_get_the_same_scores():
    classifier = registered("attention")
    one, other = (AttentionRollout().compute(classifier, [liquid(0)], c) for c in classifier.labels)
    np.testing.assert_array_equal(one, other)


def test_a_network_without_attention_is_refused():
    with pytest.raises(InputError, match=r"GraphNet has no attention_weights\(x, edge_index"):
        AttentionRollout().compute(Classifier(GraphNet(), GraphRecipe(2.0)), [liquid(0)])
