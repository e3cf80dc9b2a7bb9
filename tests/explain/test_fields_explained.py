"""Attributions of networks that see structural indicators: as right as of those that do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from graph_models import FIELDS, GRAPH_MODELS
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_ins import features_and_gradient, registered, relative_difference, transformed
from torch_geometric.data import Batch
from torch_geometric.explain import Explainer, ModelConfig

from gnnglass.errors import GnnglassError
from gnnglass.explain import ATTRIBUTIONS, GraphGradCAM, IntegratedGradients, Occlusion, Saliency
from gnnglass.models import arguments_for
from gnnglass.testing import example_snapshot

every_model = pytest.mark.parametrize("name", GRAPH_MODELS)
FIELDS_ALONE = ("linear", "message-passing", "attention")


def fed(name, pooling="mean", dimension=2, **options):
    return registered(name, pooling, dimension, indicators=FIELDS, **options)


def alone(name):
    return fed(name, n_radial=0, **({} if name == "linear" else {"n_layers": 0}))


def logit_of(classifier, graph):
    with torch.no_grad():
        return classifier.model(*arguments_for(classifier.model, [graph]))[0, 1].item()


OF_GRAPHS = [name for name in ATTRIBUTIONS if "graph" in ATTRIBUTIONS.create(name).kinds]


@pytest.mark.parametrize("attribution", OF_GRAPHS)
@every_model
def test_every_attribution_gives_finite_scores(attribution, name):
    method, classifier = ATTRIBUTIONS.create(attribution), fed(name)
    try:
        method.check(classifier.model)
    except GnnglassError:
        return
    snapshots = [example_snapshot(2, n) for n in (64, 100)]
    for snapshot, scores in zip(snapshots, method.compute(classifier, snapshots), strict=True):
        assert scores.shape == (len(snapshot),) and np.isfinite(scores).all()
        assert scores.any()


def changed_to_usual(classifier, snapshot):
    """The logit with the output of ``counts``, fields included, at the mean of the species."""
    handle = classifier.model.counts.register_forward_hook(lambda m, i, o: torch.zeros_like(o))
    try:
        return logit_of(classifier, classifier.recipe(snapshot))
    finally:
        handle.remove()


@pytest.mark.parametrize("pooling", ["mean", "attention"])
@every_model
def test_integrated_gradients_are_complete(pooling, name):
    classifier, snapshot = fed(name, pooling), example_snapshot(2, 64, 1)
    (scores,) = IntegratedGradients().compute(classifier, [snapshot])
    whole = logit_of(classifier, classifier.recipe(snapshot))
    difference = whole - changed_to_usual(classifier, snapshot)
    assert scores.sum() == pytest.approx(difference, rel=0.01)


def test_integrated_gradients_of_the_linear_network_are_weights_times_deviations():
    """Without counts, w_s · z_i / N: the share of every particle's own fields."""
    classifier, snapshot = alone("linear"), example_snapshot(2)
    (scores,) = IntegratedGradients().compute(classifier, [snapshot])
    model, graph = classifier.model, classifier.recipe(snapshot)
    z = model.counts(graph.x, graph.edge_index, model.radial(graph.edge_distance))
    weight = model.head.weight
    expected = (z @ (weight[1] - weight.mean(dim=0))[: z.shape[1]]) / len(z)
    np.testing.assert_allclose(scores, expected.detach(), atol=1e-12)


@every_model
def test_saliency_is_the_length_of_the_gradient_with_respect_to_counts_and_fields(name):
    classifier, snapshot = fed(name, "attention"), example_snapshot(2, 64, 1)
    _, gradient = features_and_gradient(
        classifier.model, classifier.recipe(snapshot), "counts", column=1
    )
    (found,) = Saliency().compute(classifier, [snapshot])
    assert relative_difference(found, np.linalg.norm(gradient, axis=1)) < 1e-9


@pytest.mark.parametrize("pooling", ["mean", "max", "attention"])
@every_model
def test_occlusion_takes_a_particle_with_its_fields_out(pooling, name):
    """And leaves the others the fields they have: the graph is what changes."""
    classifier, snapshot = fed(name, pooling, r_max=1.2), example_snapshot(2, 100)
    (found,) = Occlusion().compute(classifier, [snapshot])
    graph = classifier.recipe(snapshot)
    whole, some = logit_of(classifier, graph), range(0, 100, 9)
    expected = [whole - logit_of(classifier, graph.subgraph(torch.arange(100) != i)) for i in some]
    assert relative_difference(found[some], np.array(expected)) < 1e-9


@pytest.mark.parametrize("name", FIELDS_ALONE)
def test_networks_of_fields_alone_are_explained_too(name):
    classifier, snapshot = alone(name), example_snapshot(2, 64)
    graph, whole = classifier.recipe(snapshot), logit_of(classifier, classifier.recipe(snapshot))
    (found,) = Occlusion().compute(classifier, [snapshot])
    expected = [whole - logit_of(classifier, graph.subgraph(torch.arange(64) != i)) for i in (0, 7)]
    assert relative_difference(found[[0, 7]], np.array(expected)) < 1e-9
    (scores,) = IntegratedGradients().compute(classifier, [snapshot])
    difference = whole - changed_to_usual(classifier, snapshot)
    assert scores.sum() == pytest.approx(difference, rel=0.01)


@every_model
def test_explainer_of_pyg_takes_them(name):
    classifier = fed(name)
    graphs = [classifier.recipe(example_snapshot(2, n)) for n in (64, 81)]
    batch = Batch.from_data_list(graphs)
    explainer = Explainer(
        classifier.model,
        algorithm=GraphGradCAM(),
        explanation_type="phenomenon",
        node_mask_type="object",
        model_config=ModelConfig("multiclass_classification", "graph", "raw"),
    )
    options = {key: batch[key] for key in classifier.model.takes[2:]}
    target = torch.ones(2, dtype=torch.long)
    found = explainer(batch.x, batch.edge_index, target=target, **options).node_mask[:, 0]
    expected = GraphGradCAM().compute(classifier, [example_snapshot(2, n) for n in (64, 81)])
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-12)


@pytest.mark.parametrize("attribution", [GraphGradCAM(), IntegratedGradients(), Occlusion()])
@every_model
@settings(max_examples=2, deadline=None)
@given(data=st.data(), dimension=st.sampled_from([2, 3]))
def test_scores_follow_the_particles(attribution, name, data, dimension):
    before, after, order = data.draw(transformed(dimension, 64))
    # In 3D the cells of so few particles touch their own images.
    one, other = attribution.compute(
        registered(name, "mean", dimension, indicators=("coordination-number",)), [before, after]
    )
    assert relative_difference(other, one[order]) < 1e-4
