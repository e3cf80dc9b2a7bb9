import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_ins import (
    POOLINGS,
    Classifier,
    DoubleRecipe,
    GraphNet,
    PixelNet,
    features_and_gradient,
    liquid,
    relative_difference,
    unequal_snapshots,
)
from torch import nn
from torch_geometric.data import Batch
from torch_geometric.explain import Explainer, ModelConfig

from gnnglass.errors import GnnglassError, InputError, UnknownNameError
from gnnglass.explain import ATTRIBUTIONS, GraphGradCAM
from gnnglass.models import GraphRecipe, VoxelRecipe

RECIPE = GraphRecipe(2.0)


def brute_force(model, graph, layer, column):
    """Grad-CAM of one graph by the definition."""
    features, gradient = features_and_gradient(model, graph, layer, column)
    n, width = features.shape
    scores = np.zeros(n)
    for k in range(width):
        alpha = sum(float(gradient[i, k]) for i in range(n)) / n
        scores += alpha * features[:, k]
    return scores


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("layer", ["first", "second"])
@pytest.mark.parametrize("batch_size", [3, 8])
def test_equals_the_definition_graph_by_graph(pooling, layer, batch_size):
    model = GraphNet(pooling).double()
    classifier = Classifier(model, DoubleRecipe(2.0))
    snapshots = unequal_snapshots()
    found = GraphGradCAM(layer, batch_size=batch_size).compute(classifier, snapshots, "liquid")
    assert [len(scores) for scores in found] == [40, 25, 1, 90]
    for snapshot, scores in zip(snapshots, found, strict=True):
        expected = brute_force(model, classifier.recipe(snapshot), layer, column=0)
        assert scores.dtype == np.float64
        assert relative_difference(scores, expected) < 1e-9


@pytest.mark.parametrize("pooling", POOLINGS)
def test_single_precision_keeps_six_digits(pooling):
    model = GraphNet(pooling)
    snapshots = unequal_snapshots()
    found = GraphGradCAM().compute(Classifier(model, RECIPE), snapshots)
    for snapshot, scores in zip(snapshots, found, strict=True):
        expected = brute_force(model, RECIPE(snapshot), "second", column=1)
        assert relative_difference(scores, expected) < 2e-6


def test_it_is_not_gradient_times_activation():
    """With max pooling the two differ, which is where public implementations go wrong."""
    model, graph = GraphNet("max"), RECIPE(liquid(0))
    kept = []
    handle = model.second.register_forward_hook(lambda m, i, o: kept.append(o) or o.clone())
    logits = model.eval()(graph.x, graph.edge_index, graph.edge_distance)
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[0, 1], kept[0])
    product = (gradient * kept[0]).sum(dim=1).detach().numpy()
    (found,) = GraphGradCAM().compute(Classifier(model, RECIPE), [liquid(0)])
    assert np.corrcoef(found, product)[0, 1] < 0.9


def test_relu_keeps_the_positive_part():
    classifier = Classifier(GraphNet(), RECIPE)
    for target in classifier.labels:
        signed = np.concatenate(
            GraphGradCAM("first").compute(classifier, unequal_snapshots(), target)
        )
        positive = np.concatenate(
            GraphGradCAM("first", relu=True).compute(classifier, unequal_snapshots(), target)
        )
        assert signed.min() < 0 < signed.max()
        np.testing.assert_array_equal(positive, np.maximum(signed, 0))


@pytest.mark.parametrize("trainable", [True, False])
def test_the_model_is_left_as_it_was(trainable):
    model = GraphNet("attention").requires_grad_(trainable)
    model.train()
    model.pool.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    classifier = Classifier(model, RECIPE)
    with torch.no_grad():
        first = GraphGradCAM().compute(classifier, [liquid(0)])
        second = GraphGradCAM().compute(classifier, [liquid(0)])
    np.testing.assert_array_equal(first[0], second[0])
    assert model.training
    assert model.second.training
    assert not model.pool.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(parameter.requires_grad == trainable for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_hooks_are_removed_when_the_model_fails():
    model = GraphNet(n_species=3)
    with pytest.raises(RuntimeError):
        GraphGradCAM().compute(Classifier(model, RECIPE), [liquid(0)])
    assert not any(module._forward_hooks for module in model.modules())
    assert model.training


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), pooling=st.sampled_from(sorted(POOLINGS)))
def test_scores_follow_the_symmetries_of_the_box(seed, pooling):
    rng = np.random.default_rng(seed)
    snapshot = liquid(seed)
    order = rng.permutation(len(snapshot))
    turn = np.eye(2)[rng.permutation(2)] * rng.choice([-1, 1], 2)
    transformed = snapshot.replace(
        box=np.abs(turn) @ snapshot.box,
        positions=(snapshot.positions @ turn.T + rng.normal(size=2) * 10)[order],
        types=snapshot.types[order],
    )
    classifier = Classifier(GraphNet(pooling, seed=seed), RECIPE)
    before, after = GraphGradCAM().compute(classifier, [snapshot, transformed])
    np.testing.assert_allclose(after, before[order], atol=1e-4 * np.abs(before).max())


def explain(model, mode, graphs, algorithm=None, **arguments):
    explainer = Explainer(
        model,
        algorithm=algorithm or GraphGradCAM(),
        explanation_type="model",
        node_mask_type="object",
        model_config=ModelConfig(mode=mode, task_level="graph", return_type="raw"),
    )
    batch = Batch.from_data_list(graphs)
    arguments = {"edge_distance": batch.edge_distance, "batch": batch.batch, **arguments}
    return explainer(batch.x, batch.edge_index, **arguments)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_explainer_gives_the_scores_of_the_predicted_class(pooling):
    model = GraphNet(pooling, seed=2)
    snapshots = unequal_snapshots()
    explanation = explain(model, "multiclass_classification", [RECIPE(s) for s in snapshots])
    classifier = Classifier(model, RECIPE)
    columns = [GraphGradCAM().compute(classifier, snapshots, name) for name in classifier.labels]
    expected = [columns[c][g] for g, c in enumerate(explanation.target.tolist())]
    assert explanation.node_mask.shape == (156, 1)
    assert explanation.node_mask.min() < 0
    np.testing.assert_allclose(
        explanation.node_mask[:, 0], np.concatenate(expected), rtol=1e-5, atol=1e-7
    )


def test_explainer_of_a_phenomenon_explains_the_given_class():
    model, graph = GraphNet(), RECIPE(liquid(0))
    explainer = Explainer(
        model,
        algorithm=GraphGradCAM(),
        explanation_type="phenomenon",
        node_mask_type="object",
        model_config=ModelConfig("multiclass_classification", "graph", "raw"),
    )
    inputs = (graph.x, graph.edge_index)
    for column in (0, 1):
        target = torch.tensor([column])
        mask = explainer(*inputs, target=target, edge_distance=graph.edge_distance).node_mask
        expected = brute_force(model, RECIPE(liquid(0)), "second", column)
        np.testing.assert_allclose(mask[:, 0], expected, rtol=1e-4, atol=1e-7)
    with pytest.raises(InputError, match="target has shape"):
        explainer(*inputs, target=torch.tensor([0, 1]), edge_distance=graph.edge_distance)


@pytest.mark.parametrize("mode", ["binary_classification", "regression"])
def test_explainer_of_one_output(mode):
    """A binary logit speaks for class 1; regression explains the output itself."""
    model = GraphNet(n_outputs=1, seed=1)
    snapshots = unequal_snapshots()
    explanation = explain(model, mode, [RECIPE(s) for s in snapshots])
    expected = []
    for snapshot, output in zip(snapshots, explanation.prediction, strict=True):
        sign = 1 if mode == "regression" or output > 0 else -1
        expected.append(sign * brute_force(model, RECIPE(snapshot), "second", 0))
    np.testing.assert_allclose(
        explanation.node_mask[:, 0], np.concatenate(expected), rtol=1e-4, atol=1e-7
    )


def test_explainer_index_leaves_the_other_graphs_out():
    graphs = [RECIPE(s) for s in unequal_snapshots()]
    everything = explain(GraphNet(), "multiclass_classification", graphs).node_mask
    some = explain(GraphNet(), "multiclass_classification", graphs, index=1).node_mask
    torch.testing.assert_close(some[40:65], everything[40:65])
    assert not some[:40].any()
    assert not some[65:].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"node_mask_type": "attributes"}, "node_mask_type="),
        ({"edge_mask_type": "object"}, "edge_mask_type=None"),
        ({"model_config": ("regression", "node", "raw")}, 'task_level="graph"'),
        ({"model_config": ("multiclass_classification", "graph", "probs")}, 'return_type="raw"'),
    ],
)
def test_explainer_settings_that_do_not_fit_are_refused(changes, message):
    settings = {"node_mask_type": "object", "model_config": ("regression", "graph", "raw")}
    settings |= changes
    settings["model_config"] = ModelConfig(*settings["model_config"])
    with pytest.raises(InputError, match=message):
        Explainer(GraphNet(), algorithm=GraphGradCAM(), explanation_type="model", **settings)


def test_explainer_without_batch_for_node_level_output_is_refused():
    graphs = [RECIPE(liquid(0))]
    with pytest.raises(InputError, match=r"target has shape \[40\].*pass batch="):
        explain(NodeLevel(), "multiclass_classification", graphs, GraphGradCAM("first"))


class NodeLevel(GraphNet):
    def forward(self, x, edge_index, edge_distance, batch=None):
        return self.first(x, edge_index, edge_distance)


class TupleLayer(nn.Module):
    def forward(self, x):
        return x, x


class Odd(GraphNet):
    """Layers that cannot be explained."""

    def __init__(self):
        super().__init__()
        self.pair = TupleLayer()
        self.twice = nn.Tanh()
        self.aside = nn.Linear(2, 3)
        self.never = nn.Linear(2, 3)

    def forward(self, x, edge_index, edge_distance, batch=None):
        self.aside(x)
        x, _ = self.pair(self.twice(self.twice(x)))
        return super().forward(x, edge_index, edge_distance, batch)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("third", "Odd has no layer 'third'; choose one of: first"),
        ("pair", "layer 'pair' gives a tuple"),
        ("twice", "ran 2 times"),
        ("never", "ran 0 times"),
        ("aside", "does not depend"),
        ("head", "one row per node"),
        ("pool", "one row per node"),
    ],
)
@pytest.mark.parametrize("trainable", [True, False])
def test_layers_that_do_not_fit_are_refused(layer, message, trainable):
    model = Odd().requires_grad_(trainable)
    with pytest.raises(GnnglassError, match=message):
        GraphGradCAM(layer).compute(Classifier(model, RECIPE), [liquid(0), liquid(1)])
    assert not any(module._forward_hooks for module in model.modules())


def test_a_model_that_names_no_layer_lists_its_layers():
    model = GraphNet()
    model.explained_layer = None
    with pytest.raises(UnknownNameError, match=r"no explained_layer.*first, first\.own"):
        GraphGradCAM().compute(Classifier(model, RECIPE), [liquid(0)])


def test_wrong_kind_of_model_unknown_class_and_no_snapshot_are_refused():
    attribution = ATTRIBUTIONS.create("graph-gradcam")
    with pytest.raises(InputError, match="explains graph models, but this classifier is a voxel"):
        attribution.compute(Classifier(PixelNet(), VoxelRecipe(0.5, 0.5)), [liquid(0)])
    classifier = Classifier(GraphNet(), RECIPE)
    with pytest.raises(UnknownNameError, match=r"'crystal'.*liquid, glass"):
        attribution.compute(classifier, [liquid(0)], "crystal")
    with pytest.raises(InputError, match="3D"):
        attribution.compute(classifier, [liquid(0, box=(8.0, 8.0, 8.0))])
    with pytest.raises(InputError, match="is empty"):
        attribution.compute(classifier, [])
