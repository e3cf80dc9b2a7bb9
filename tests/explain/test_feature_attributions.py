"""Integrated gradients and saliency, against plain quadrature and plain derivatives."""

import numpy as np
import pytest
import torch
from graph_models import GRAPH_MODELS
from stand_ins import (
    POOLINGS,
    Classifier,
    DoubleRecipe,
    GraphNet,
    liquid,
    registered,
    relative_difference,
)

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.explain import IntegratedGradients, Saliency
from gnnglass.models import arguments_for
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

METHODS = [IntegratedGradients, Saliency]


def logits_of(classifier, snapshot, layer, column=1):
    """The features of a layer (or x) of one graph, and the logit as a function of them."""
    model = classifier.model.eval()
    x, *rest = arguments_for(model, [classifier.recipe(snapshot)])
    if layer is None:
        return x, lambda x: model(x, *rest)[0, column]

    def run(change):
        handle = model.get_submodule(layer).register_forward_hook(lambda m, i, o: change(o))
        try:
            return model(x, *rest)[0, column]
        finally:
            handle.remove()

    seen = []
    run(lambda output: seen.append(output.detach().clone()))
    # A copy goes on, because the stand-in works in place.
    return seen[0], lambda features: run(lambda output: features.clone())


def gradient_at(logit, features):
    features = features.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(logit(features), features)
    return gradient


def squeezed(snapshot):
    return Snapshot(0.9 * snapshot.box, 0.9 * snapshot.positions, snapshot.types)


def by_midpoints(logit, features, n_steps):
    """∫ by the rectangles of equal width that everyone would write down first."""
    total = sum(gradient_at(logit, features * (k + 0.5) / n_steps) for k in range(n_steps))
    return (features * total / n_steps).sum(dim=1).numpy()


@pytest.mark.parametrize("pooling", ["mean", "sum", "attention"])
@pytest.mark.parametrize("layer", [None, "first"])
def test_integrated_gradients_equal_the_integral_graph_by_graph(pooling, layer):
    model = GraphNet(pooling).double()
    # Without kinks both quadratures converge fast.
    model.act = torch.nn.Tanh()
    classifier = Classifier(model, DoubleRecipe(2.0))
    snapshots = [liquid(0), liquid(1, n=25), liquid(2, n=1)]
    found = IntegratedGradients(layer, batch_size=2).compute(classifier, snapshots)
    for snapshot, scores in zip(snapshots, found, strict=True):
        features, logit = logits_of(classifier, snapshot, layer)
        assert relative_difference(scores, by_midpoints(logit, features, 100)) < 5e-4


@pytest.mark.parametrize("name", GRAPH_MODELS)
def test_integrated_gradients_of_our_own_networks_equal_the_integral(name):
    """By default the radial counts are interpreted."""
    classifier, snapshot = registered(name, "attention"), example_snapshot(2, 64, 1)
    (found,) = IntegratedGradients().compute(classifier, [snapshot])
    features, logit = logits_of(classifier, snapshot, "counts")
    # The equivariant network takes lengths of vectors, which bend where these turn.
    assert relative_difference(found, by_midpoints(logit, features, 100)) < 2e-3


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", GRAPH_MODELS)
def test_integrated_gradients_add_up_to_the_difference_from_mean_environments(name, pooling):
    """To 1 % for every graph, with the default number of steps, whatever the pooling."""
    classifier = registered(name, pooling)
    # Denser than what the network was standardised for, as another phase would be.
    snapshots = [squeezed(example_snapshot(2, n, n)) for n in (64, 81)]
    found = IntegratedGradients().compute(classifier, snapshots)
    for snapshot, scores in zip(snapshots, found, strict=True):
        features, logit = logits_of(classifier, snapshot, "counts")
        with torch.no_grad():
            difference = (logit(features) - logit(torch.zeros_like(features))).item()
        assert difference != 0
        assert scores.sum() == pytest.approx(difference, rel=0.01)


def test_one_step_does_not_suffice():
    """So that the tests above are about the integral; with one step it is cut into pieces."""
    classifier, snapshot = registered("message-passing", "attention"), example_snapshot(2, 64, 1)
    features, logit = logits_of(classifier, snapshot, "counts")
    exact = by_midpoints(logit, features, 100)
    assert relative_difference(by_midpoints(logit, features, 1), exact) > 0.02
    (found,) = IntegratedGradients(n_steps=1).compute(classifier, [snapshot])
    assert found.sum() == pytest.approx(exact.sum(), rel=0.01)


class Step(GraphNet):
    """A logit that jumps along the path, which no integral of its gradient can tell."""

    def forward(self, x, edge_index, edge_distance, batch=None):
        return super().forward(x, edge_index, edge_distance, batch) + 100 * (x.sum() > 1)


def test_scores_that_do_not_add_up_are_refused():
    with pytest.raises(InputError, match=r"miss up to .* after 256 × 1 steps; give more n_steps"):
        IntegratedGradients(n_steps=1).compute(
            Classifier(Step().double(), DoubleRecipe(2.0)), [liquid(0, n=5)]
        )


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("layer", [None, "first", "second"])
def test_saliency_is_the_length_of_the_gradient(pooling, layer):
    classifier = Classifier(GraphNet(pooling).double(), DoubleRecipe(2.0))
    snapshots = [liquid(0), liquid(1, n=25), liquid(2, n=1)]
    found = Saliency(layer, batch_size=2).compute(classifier, snapshots, "liquid")
    for snapshot, scores in zip(snapshots, found, strict=True):
        features, logit = logits_of(classifier, snapshot, layer, column=0)
        expected = np.linalg.norm(gradient_at(logit, features).numpy(), axis=1)
        assert relative_difference(scores, expected) < 1e-9


@pytest.mark.parametrize("name", GRAPH_MODELS)
def test_saliency_of_our_own_networks_is_by_the_radial_counts(name):
    classifier, snapshot = registered(name, "max"), example_snapshot(2, 64, 1)
    (found,) = Saliency().compute(classifier, [snapshot])
    features, logit = logits_of(classifier, snapshot, "counts")
    expected = np.linalg.norm(gradient_at(logit, features).numpy(), axis=1)
    assert relative_difference(found, expected) < 1e-9
    assert found.min() >= 0


class Aside(GraphNet):
    """A layer whose output nothing depends on."""

    def __init__(self):
        super().__init__()
        self.aside = torch.nn.Linear(2, 3)

    def forward(self, x, edge_index, edge_distance, batch=None):
        self.aside(x)
        return super().forward(x, edge_index, edge_distance, batch)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("third", "no layer 'third'; choose one of: first"),
        ("pool", "one row per node"),
        ("aside", "does not depend on aside"),
    ],
)
def test_layers_that_do_not_fit_are_refused(method, layer, message):
    model = Aside()
    with pytest.raises((InputError, UnknownNameError), match=message):
        method(layer).compute(Classifier(model.double(), DoubleRecipe(2.0)), [liquid(0)])
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_steps_must_be_positive():
    with pytest.raises(InputError, match="n_steps is 0"):
        IntegratedGradients(n_steps=0)
