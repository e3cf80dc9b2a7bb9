"""Every attribution of graph networks is an algorithm of PyG's Explainer."""

import numpy as np
import pytest
import torch
from graph_models import untrained
from stand_ins import Classifier, depends_on_the_class, liquid
from torch_geometric.data import Batch
from torch_geometric.explain import Explainer, ModelConfig

from gnnglass.errors import InputError
from gnnglass.explain import ATTRIBUTIONS, GraphAttribution
from gnnglass.models import GraphRecipe

RECIPE = GraphRecipe(2.0)
OPTIONS = {"gnn-explainer": {"epochs": 10}}


def is_for_graphs(name):
    factory = ATTRIBUTIONS.factory(name)
    return isinstance(factory, type) and issubclass(factory, GraphAttribution)


OF_GRAPHS = [name for name in ATTRIBUTIONS if is_for_graphs(name)]


def explainer_of(model, name):
    return Explainer(
        model,
        algorithm=ATTRIBUTIONS.create(name, **OPTIONS.get(name, {})),
        explanation_type="phenomenon",
        node_mask_type="object",
        model_config=ModelConfig("multiclass_classification", "graph", "raw"),
    )


def network():
    """One that all attributions can explain."""
    return untrained("attention", r_max=RECIPE.r_max).model


@pytest.mark.parametrize("name", OF_GRAPHS)
def test_it_gives_the_scores_of_the_class_of_each_graph(name):
    model = network()
    snapshots = [liquid(0), liquid(1, n=25), liquid(3, n=30)]
    batch = Batch.from_data_list([RECIPE(snapshot) for snapshot in snapshots])
    explanation = explainer_of(model, name)(
        batch.x,
        batch.edge_index,
        target=torch.tensor([1, 0, 1]),
        edge_distance=batch.edge_distance,
        batch=batch.batch,
    )
    attribution = ATTRIBUTIONS.create(name, **OPTIONS.get(name, {}))
    classifier = Classifier(model, RECIPE)
    liquids, glasses = (attribution.compute(classifier, snapshots, c) for c in classifier.labels)
    expected = np.concatenate([glasses[0], liquids[1], glasses[2]])
    assert explanation.node_mask.shape == (95, 1)
    found = explanation.node_mask[:, 0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", OF_GRAPHS)
@pytest.mark.parametrize("moved", ["x", "edge_index", "edge_distance", "batch"])
def test_inputs_on_another_device_than_the_model_are_refused(name, moved):
    graph = Batch.from_data_list([RECIPE(liquid(0))])
    inputs = {key: graph[key] for key in ("x", "edge_index", "edge_distance", "batch")}
    inputs[moved] = inputs[moved].to("meta")
    with pytest.raises(InputError, match=f"{moved} is on meta, the model on cpu; move one"):
        explainer_of(network(), name)(**inputs, target=torch.tensor([1]))


@pytest.mark.parametrize("name", OF_GRAPHS)
def test_a_class_that_the_model_does_not_know_is_refused(name):
    if not depends_on_the_class(name):
        pytest.skip(f"{name} is the same for all classes")
    graph = RECIPE(liquid(0))
    with pytest.raises(InputError, match=r"holds the classes \[2\]; AttentionNet knows 0 to 1"):
        explainer_of(network(), name)(
            graph.x,
            graph.edge_index,
            target=torch.tensor([2]),
            edge_distance=graph.edge_distance,
            batch=torch.zeros(40, dtype=torch.long),
        )
