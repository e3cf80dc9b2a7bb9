"""The baseline is what it says: a logistic regression on what surrounds each particle."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from graph_models import double, untrained

from gnnglass.explain import GraphGradCAM
from gnnglass.models import arguments_for
from gnnglass.testing import example_snapshot


def radial_counts(snapshot) -> np.ndarray:
    """The counts by their definition, from positions: species by species, distance by distance."""
    apart = snapshot.minimum_image(snapshot.positions[:, None] - snapshot.positions)
    r = np.linalg.norm(apart, axis=-1)
    np.fill_diagonal(r, np.inf)
    near = np.where(r < 1.7, r, np.inf)[:, :, None]
    centers = np.linspace(0.6, 1.7, 20)
    with np.errstate(invalid="ignore"):
        terms = np.exp(-((near - centers) ** 2) / (2 * (1.1 / 19) ** 2))
        terms *= 0.5 * (np.cos(np.pi * near / 1.7) + 1)
    terms = np.nan_to_num(terms)
    return np.stack([terms[:, snapshot.types == s].sum(axis=1) for s in (0, 1)], axis=-1)


@pytest.mark.parametrize("dimension", [2, 3])
def test_local_logits_are_a_logistic_regression_per_species(dimension):
    one = untrained("linear", dimension)
    net, snapshot = one.model.double(), example_snapshot(dimension)
    standard = radial_counts(example_snapshot(dimension, seed=9)).reshape(-1, 40)
    counts = radial_counts(snapshot).reshape(-1, 40)
    weight, bias = net.head.linear.weight.detach().numpy(), net.head.linear.bias.detach().numpy()
    training = example_snapshot(dimension, seed=9).types
    expected = np.zeros((len(snapshot), 2))
    for species in (0, 1):
        seen, mine = standard[training == species], snapshot.types == species
        z = (counts[mine] - seen.mean(axis=0)) / seen.std(axis=0, ddof=1).clip(1e-2)
        own = weight[:, 40 * species : 40 * (species + 1)]
        expected[mine] = z @ own.T + weight[:, 80 + species] + bias
    expected -= expected.mean(axis=1, keepdims=True)
    graph = double(one.recipe(snapshot))
    found = net.local_logits(*arguments_for(net, [graph])).detach().numpy()
    # Graphs hold distances, and the network its statistics, in single precision.
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_there_is_nothing_to_learn_but_the_weights_of_the_regression():
    """Per class: a weight per species, neighbour species and distance, one per species, a bias."""
    parameters = untrained("linear").model.parameters()
    assert sum(parameter.numel() for parameter in parameters) == 2 * (2 * 2 * 20 + 2 + 1)


def test_importance_is_the_share_in_the_logit():
    """With mean pooling Grad-CAM of a linear model gives back its local logits, without bias."""
    one = untrained("linear")
    snapshot = example_snapshot(2)
    (importance,) = GraphGradCAM().compute(one, [snapshot])
    with torch.no_grad():
        local = one.model.local_logits(*arguments_for(one.model, [one.recipe(snapshot)]))
        bias = one.model.head.linear.bias
        expected = local[:, 1] - (bias[1] - bias.mean())
    np.testing.assert_allclose(importance * len(snapshot), expected, atol=1e-5)
