"""Where methods are one and the same, as the book says, and where they are not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from graph_models import FIELDS, GRAPH_MODELS
from stand_ins import features_and_gradient, registered, relative_difference

from gnnglass.explain import (
    GraphGradCAM,
    GraphHiResCAM,
    IntegratedGradients,
    Occlusion,
    Saliency,
    VoxelGradCAM,
    VoxelHiResCAM,
)
from gnnglass.models import arguments_for, create_model, recipe_for
from gnnglass.testing import example_snapshot

SAME = 1e-6
every_model = pytest.mark.parametrize("name", GRAPH_MODELS)
FIELDS_ALONE = pytest.mark.parametrize("name", ["linear", "message-passing", "attention"])


def gradient_times_activation(classifier, snapshot, layer):
    graph = classifier.recipe(snapshot)
    features, gradient = features_and_gradient(classifier.model, graph, layer, column=1)
    return (features * gradient).reshape(len(features), -1).sum(axis=1)


@pytest.mark.parametrize("pooling", ["mean", "sum"])
@every_model
def test_before_mean_or_sum_pooling_gradcam_is_gradient_times_activation(name, pooling):
    classifier, snapshot = registered(name, pooling), example_snapshot(2, 64)
    expected = gradient_times_activation(classifier, snapshot, classifier.model.explained_layer)
    for method in (GraphGradCAM(), GraphHiResCAM()):
        (found,) = method.compute(classifier, [snapshot])
        assert relative_difference(found, expected) < SAME


@pytest.mark.parametrize("pooling", ["max", "attention"])
@every_model
def test_before_other_poolings_it_is_not(name, pooling):
    classifier, snapshot = registered(name, pooling), example_snapshot(2, 64)
    expected = gradient_times_activation(classifier, snapshot, classifier.model.explained_layer)
    (found,) = GraphGradCAM().compute(classifier, [snapshot])
    assert relative_difference(found, expected) > 0.01


@pytest.mark.parametrize("name", [name for name in GRAPH_MODELS if name != "linear"])
def test_nor_at_an_earlier_layer(name):
    classifier, snapshot = registered(name), example_snapshot(2, 64)
    layer = classifier.model.particle_layers[0]
    expected = gradient_times_activation(classifier, snapshot, layer)
    (found,) = GraphGradCAM(layer).compute(classifier, [snapshot])
    assert relative_difference(found, expected) > 0.01


@pytest.mark.parametrize(("pooling", "same"), [("mean", True), ("sum", True), ("attention", False)])
def test_of_grids_too(pooling, same):
    recipe = recipe_for("voxel-cnn", 2)
    torch.manual_seed(0)
    net = create_model("voxel-cnn", recipe, {"hidden": 8, "pooling": pooling}).eval()
    net.standardise([recipe(example_snapshot(2, seed=9))])
    explained = type("Explained", (), {"model": net, "recipe": recipe, "labels": ("a", "b")})
    one, other = (
        method(n_shifts=1, flips=False).compute(explained, [example_snapshot(2)])[0]
        for method in (VoxelGradCAM, VoxelHiResCAM)
    )
    difference = relative_difference(one, other)
    assert difference < 1e-5 if same else difference > 0.01


def without_offsets(scores, types):
    """Scores less the mean of their species."""
    return scores - np.array([scores[types == s].mean() for s in (0, 1)])[types]


@pytest.mark.parametrize("options", [{}, {"indicators": FIELDS}], ids=["counts", "fields"])
@pytest.mark.parametrize("pooling", ["mean", "sum"])
def test_of_the_linear_network_integrated_gradients_are_gradcam(pooling, options):
    classifier, snapshot = registered("linear", pooling, **options), example_snapshot(2)
    gradcam, integrated, saliency = (
        without_offsets(method.compute(classifier, [snapshot])[0], snapshot.types)
        for method in (GraphGradCAM(), IntegratedGradients(), Saliency())
    )
    assert relative_difference(integrated, gradcam) < SAME
    assert np.abs(saliency).max() < SAME * np.abs(gradcam).max()


@FIELDS_ALONE
def test_of_fields_alone_occlusion_is_the_particle_s_own_logit(name):
    options = {} if name == "linear" else {"n_layers": 0}
    classifier = registered(name, indicators=FIELDS, n_radial=0, **options)
    snapshot, model = example_snapshot(2, 64), classifier.model
    with torch.no_grad():
        arguments = arguments_for(model, [classifier.recipe(snapshot)])
        local = model.local_logits(*arguments)[:, 1].numpy()
    (found,) = Occlusion().compute(classifier, [snapshot])
    assert relative_difference(found, (local - local.mean()) / 63) < SAME
    (gradcam,) = GraphGradCAM().compute(classifier, [snapshot])
    assert relative_difference(64 / 63 * (gradcam - gradcam.mean()), found) < SAME
