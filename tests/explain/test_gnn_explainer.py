"""GNNExplainer, against PyG's own, and what it must leave alone."""

import numpy as np
import pytest
import torch
from stand_ins import Classifier, DoubleRecipe, GraphNet, liquid, registered
from torch_geometric.explain import Explainer, GNNExplainer, ModelConfig
from torch_geometric.nn import MessagePassing

from gnnglass.errors import InputError
from gnnglass.explain import GNNExplainerAttribution
from gnnglass.models import GraphRecipe
from gnnglass.testing import example_snapshot

RECIPE = GraphRecipe(2.0)
FEW = {"epochs": 20}
MULTICLASS = ModelConfig("multiclass_classification", "graph", "raw")


def of_pyg(model, graph, target, seed, config=MULTICLASS):
    explainer = Explainer(
        model.eval(),
        algorithm=GNNExplainer(**FEW, lr=0.01),
        explanation_type="phenomenon",
        node_mask_type="object",
        model_config=config,
    )
    torch.manual_seed(seed)
    explanation = explainer(
        graph.x, graph.edge_index, target=target, edge_distance=graph.edge_distance
    )
    return explanation.node_mask[:, 0].numpy()


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("target", ["liquid", "glass"])
@pytest.mark.parametrize("seed", [0, 3])
def test_equals_pyg_graph_by_graph(pooling, target, seed):
    """Every graph of a batch, as PyG explains it alone after the same seed."""
    classifier = Classifier(GraphNet(pooling), RECIPE)
    snapshots = [liquid(0), liquid(1, n=25)]
    found = GNNExplainerAttribution(**FEW, seed=seed).compute(classifier, snapshots, target)
    column = torch.tensor([classifier.labels.index(target)])
    for snapshot, scores in zip(snapshots, found, strict=True):
        expected = of_pyg(GraphNet(pooling), RECIPE(snapshot), column, seed)
        np.testing.assert_allclose(scores, expected, rtol=1e-5)
        assert np.ptp(scores) > 0.01


@pytest.mark.parametrize("mode", ["binary_classification", "regression"])
def test_equals_pyg_for_one_output(mode):
    model, graph = GraphNet(n_outputs=1), RECIPE(liquid(0))
    config = ModelConfig(mode, "graph", "raw")
    target = torch.tensor([1]) if mode.startswith("binary") else torch.tensor([[0.7]])
    explainer = Explainer(
        model,
        algorithm=GNNExplainerAttribution(**FEW),
        explanation_type="phenomenon",
        node_mask_type="object",
        model_config=config,
    )
    found = explainer(
        graph.x, graph.edge_index, target=target, edge_distance=graph.edge_distance
    ).node_mask[:, 0]
    expected = of_pyg(model, graph, target, 0, config)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_our_own_network_stays_finite_and_is_left_without_masks():
    """The mask multiplies the species, and standardised counts are divided by them."""
    classifier = registered("message-passing")
    modules = [m for m in classifier.model.modules() if isinstance(m, MessagePassing)]
    before = torch.random.get_rng_state()
    (scores,) = GNNExplainerAttribution().compute(classifier, [example_snapshot(2, 64)])
    assert torch.random.get_rng_state().equal(before)
    assert 0 < scores.min() < scores.max() < 1
    assert all(m.explain is None and m._edge_mask is None for m in modules)
    assert all(p.grad is None and p.requires_grad for p in classifier.model.parameters())


def test_a_mask_that_reaches_zero_is_refused():
    classifier = registered("message-passing")
    attribution = GNNExplainerAttribution(epochs=20, lr=1e3)
    with pytest.raises(InputError, match=r"not finite after 20 epochs at lr 1000.*lower lr"):
        attribution.compute(classifier, [example_snapshot(2, 64)])


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"lr": 0.0}])
def test_epochs_and_learning_rate_must_be_positive(wrong):
    with pytest.raises(InputError, match=r"expected at least 1|expected a positive"):
        GNNExplainerAttribution(**wrong)


def test_the_seed_matters_a_little_and_the_batch_does_not():
    classifier = Classifier(GraphNet().double(), DoubleRecipe(2.0))
    snapshots = [liquid(0), liquid(1)]
    one, two = (
        GNNExplainerAttribution(**FEW, batch_size=size).compute(classifier, snapshots)
        for size in (1, 2)
    )
    other = GNNExplainerAttribution(**FEW, seed=1).compute(classifier, snapshots)
    for alone, together, differing in zip(one, two, other, strict=True):
        np.testing.assert_allclose(alone, together, rtol=1e-12)
        assert not np.array_equal(alone, differing)
