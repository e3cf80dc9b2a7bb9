"""The baseline is what it says: a logistic regression on what surrounds each particle."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from graph_models import double, untrained
from sklearn.linear_model import LogisticRegression

from gnnglass.models import MODELS, arguments_for
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
    weight, bias = net.head.weight.detach().numpy(), net.head.linear.bias.detach().numpy()
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


def test_local_labels_train_what_scikit_learn_would():
    """At scikit-learn's weights the loss on the labels of all particles balances its penalty."""
    one = untrained("linear")
    net = one.model.double()
    graphs = [double(one.recipe(example_snapshot(2, seed=seed))) for seed in (0, 1)]
    arguments = arguments_for(net, graphs)
    targets = arguments[-1]
    features = net.features(*arguments[:3]).numpy()
    oracle = LogisticRegression(solver="newton-cholesky", tol=1e-10)
    oracle.fit(features, targets.numpy())
    mixing = net.head.mixing.numpy()
    with torch.no_grad():
        for row, sign in ((0, -0.5), (1, 0.5)):
            of_mixed = np.linalg.solve(mixing, oracle.coef_[0])
            net.head.linear.weight[row] = sign * torch.from_numpy(of_mixed)
            net.head.linear.bias[row] = sign * oracle.intercept_[0]
    local = net.local_logits(*arguments)
    difference = (local[:, 1] - local[:, 0]).detach().numpy()
    np.testing.assert_allclose(difference, oracle.decision_function(features), atol=1e-8)
    torch.nn.functional.cross_entropy(local, targets).backward()
    slope = net.head.linear.weight.grad[1].numpy()
    np.testing.assert_allclose(slope, -mixing @ oracle.coef_[0] / len(features), atol=1e-8)
    assert np.abs(slope).max() > 1e-4


def test_descent_is_given_uncorrelated_features():
    one = untrained("linear")
    net = one.model.double()
    graphs = [double(one.recipe(example_snapshot(2, seed=seed))) for seed in (0, 1)]
    net.standardise(graphs)
    features = net.features(*arguments_for(net, graphs)[:3]).numpy()
    moments = features.T @ features / len(features)
    mixed = features @ net.head.mixing.numpy()
    found = mixed.T @ mixed / len(features)
    # Of combinations that vary by the variance v, v / (v + 1e-4 of the mean) is left.
    variances = np.linalg.eigvalsh(moments).clip(0)
    expected = np.sort(variances / (variances + 1e-4 * variances.mean()))
    np.testing.assert_allclose(np.linalg.eigvalsh(found), expected, atol=1e-6)
    assert np.linalg.cond(found + 1e-9 * np.eye(len(found))) < np.linalg.cond(
        moments + 1e-9 * np.eye(len(found))
    )


def test_training_begins_without_an_opinion():
    net = MODELS.create("linear", n_species=2, r_max=1.7)
    graph = untrained("linear").recipe(example_snapshot(2))
    assert not net.local_logits(*arguments_for(net, [graph])).any()
