"""The relatives of Grad-CAM, each against its definition, particle by particle."""

import numpy as np
import pytest
import torch
from graph_models import GRAPH_MODELS
from stand_ins import (
    POOLINGS,
    Classifier,
    DoubleRecipe,
    GraphNet,
    features_and_gradient,
    liquid,
    registered,
    relative_difference,
    unequal_snapshots,
)

from gnnglass.errors import UnknownNameError
from gnnglass.explain import GraphGradCAM, GraphGradCAMAveraged, GraphGradCAMPlusPlus, GraphHiResCAM
from gnnglass.models import GraphRecipe
from gnnglass.testing import example_snapshot

RECIPE = GraphRecipe(2.0)


def hirescam(features, gradient):
    n, width = features.shape
    return np.array([sum(gradient[i, k] * features[i, k] for k in range(width)) for i in range(n)])


def gradcam_plus_plus(features, gradient):
    """Eqs. 19 and 7 of the paper, with second and third powers as they stand there."""
    n, width = features.shape
    scores = np.zeros(n)
    for k in range(width):
        total = sum(features[:, k])
        weight = 0.0
        for g in gradient[:, k]:
            denominator = 2 * g**2 + g**3 * total
            if denominator != 0:
                weight += g**2 / denominator * max(g, 0)
        scores += weight * features[:, k]
    return scores


DEFINITIONS = {GraphHiResCAM: hirescam, GraphGradCAMPlusPlus: gradcam_plus_plus}


@pytest.mark.parametrize("method", DEFINITIONS)
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("layer", ["first", "second"])
@pytest.mark.parametrize("batch_size", [3, 8])
def test_equals_the_definition_graph_by_graph(method, pooling, layer, batch_size):
    model = GraphNet(pooling).double()
    classifier = Classifier(model, DoubleRecipe(2.0))
    snapshots = unequal_snapshots()
    found = method(layer, batch_size=batch_size).compute(classifier, snapshots)
    expected = [
        DEFINITIONS[method](*features_and_gradient(model, classifier.recipe(s), layer, 1))
        for s in snapshots
    ]
    assert relative_difference(np.concatenate(found), np.concatenate(expected)) < 1e-9


@pytest.mark.parametrize("method", DEFINITIONS)
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", GRAPH_MODELS)
def test_equals_the_definition_on_our_own_networks(name, pooling, method):
    classifier = registered(name, pooling)
    snapshots = [example_snapshot(2, n, n) for n in (49, 64)]
    for layer in classifier.model.particle_layers:
        found = method(layer).compute(classifier, snapshots)
        for snapshot, scores in zip(snapshots, found, strict=True):
            graph = classifier.recipe(snapshot)
            features, gradient = features_and_gradient(classifier.model, graph, layer, 1)
            expected = DEFINITIONS[method](features, gradient)
            assert relative_difference(scores, expected) < 1e-9


@pytest.mark.parametrize("pooling", ["mean", "sum"])
def test_right_before_mean_or_sum_pooling_hirescam_is_gradcam(pooling):
    classifier = registered("message-passing", pooling)
    snapshots = [example_snapshot(2, n, n) for n in (49, 64)]
    last = classifier.model.particle_layers[-1]
    for one, other in zip(
        GraphHiResCAM(last).compute(classifier, snapshots),
        GraphGradCAM(last).compute(classifier, snapshots),
        strict=True,
    ):
        assert relative_difference(one, other) < 1e-9


def test_hirescam_adds_up_to_the_logit_where_all_that_follows_is_linear():
    """Our head is linear, so that mean pooling of the last layer is; its bias is the constant."""
    classifier = registered("message-passing")
    snapshots = [example_snapshot(2, n, n) for n in (49, 64)]
    bias = classifier.model.head(torch.zeros(1, 32, dtype=torch.double))[0, 1].item()
    for snapshot, scores in zip(
        snapshots, GraphHiResCAM().compute(classifier, snapshots), strict=True
    ):
        graph = classifier.recipe(snapshot)
        with torch.no_grad():
            logit = classifier.model(graph.x, graph.edge_index, graph.edge_distance)[0, 1].item()
        assert scores.sum() == pytest.approx(logit - bias, rel=1e-9)


def test_gradcam_plus_plus_is_finite_where_its_denominator_vanishes():
    """2 + g Σh is exactly zero for the first feature, whose weight is then zero."""
    features = torch.tensor([[-1.0, 2.0], [-3.0, 1.0]])
    gradient = torch.tensor([[0.5, 1.0], [0.0, -1.0]])
    found = GraphGradCAMPlusPlus().combine(features, gradient, torch.tensor([0, 0]))
    # The second feature: α = 1 / (2 + 3) for the first node, no weight from the other.
    torch.testing.assert_close(found, torch.tensor([0.4, 0.2]))


def test_gradcam_plus_plus_survives_gradients_whose_squares_vanish():
    features, batch = torch.ones(3, 2), torch.zeros(3, dtype=torch.long)
    found = GraphGradCAMPlusPlus().combine(features, torch.full((3, 2), 1e-25), batch)
    torch.testing.assert_close(found, torch.full((3,), 3e-25), rtol=1e-5, atol=0)


@pytest.mark.parametrize("layers", [None, ["second"], ["first", "second"]])
@pytest.mark.parametrize("relu", [False, True])
def test_averaged_is_the_mean_of_the_layers_maps(layers, relu):
    model = GraphNet("attention")
    model.particle_layers = ("first", "second")
    classifier, snapshots = Classifier(model, RECIPE), unequal_snapshots()
    found = GraphGradCAMAveraged(layers, relu).compute(classifier, snapshots)
    maps = [
        GraphGradCAM(layer, relu).compute(classifier, snapshots)
        for layer in layers or model.particle_layers
    ]
    for scores, *each in zip(found, *maps, strict=True):
        np.testing.assert_allclose(scores, np.mean(each, axis=0), rtol=1e-5, atol=1e-8)


def test_averaged_refuses_layers_that_are_not_there_or_not_named():
    classifier = Classifier(GraphNet(), RECIPE)
    with pytest.raises(UnknownNameError, match=r"names no particle_layers.*: first, first\.own"):
        GraphGradCAMAveraged().compute(classifier, [liquid(0)])
    with pytest.raises(UnknownNameError, match=r"no layer 'third'; choose one of: first"):
        GraphGradCAMAveraged(["first", "third"]).compute(classifier, [liquid(0)])
