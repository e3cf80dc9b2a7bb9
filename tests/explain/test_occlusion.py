"""Occlusion, against taking particles out one by one."""

from typing import Any

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
from torch import nn
from torch_geometric.explain import Explainer, ModelConfig

from gnnglass.errors import InputError
from gnnglass.explain import Occlusion, occlusion
from gnnglass.models import GraphRecipe, arguments_for
from gnnglass.testing import example_snapshot


def brute_force(model, graph, which=None, column=1):
    """y(graph) − y(graph without i) for all or some i, one graph after the other."""

    @torch.no_grad()
    def logit(graph):
        return model.eval()(*arguments_for(model, [graph]))[0, column].item()

    n = graph.num_nodes
    which = range(n) if which is None else which
    return np.array([logit(graph) - logit(graph.subgraph(torch.arange(n) != i)) for i in which])


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", GRAPH_MODELS)
def test_the_receptive_field_is_all_that_changes(name, pooling, dimension, monkeypatch):
    """In boxes that are wider than the field, and in blocks that do not divide the particles."""
    monkeypatch.setattr(occlusion, "EDGES_AT_ONCE", 5000)
    r_max, n = {2: (1.2, 120), 3: (1.1, 100)}[dimension]
    classifier = registered(name, pooling, dimension, r_max)
    snapshots = [example_snapshot(dimension, size, size) for size in (n, 64)]
    found = Occlusion().compute(classifier, snapshots)
    for snapshot, scores in zip(snapshots, found, strict=True):
        some = range(0, len(snapshot), 5)
        expected = brute_force(classifier.model, classifier.recipe(snapshot), some)
        assert relative_difference(scores[some], expected) < 1e-9


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", GRAPH_MODELS)
def test_single_precision_is_as_good_as_computing_anew(name, pooling):
    """To 1e-5 of the largest logit, in a dense graph that the field fills."""
    classifier = registered(name, pooling)
    classifier.model.float()
    classifier.recipe = GraphRecipe(1.7)
    snapshot = example_snapshot(2, 64)
    (found,) = Occlusion().compute(classifier, [snapshot])
    graph = classifier.recipe(snapshot)
    expected = brute_force(classifier.model, graph)
    with torch.no_grad():
        logits = classifier.model(*arguments_for(classifier.model, [graph]))
    assert np.abs(found - expected).max() < 1e-5 * max(1, logits.abs().max().item())


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("at_once", [1, 700, 2**20])
def test_any_other_module_is_computed_anew(pooling, at_once, monkeypatch):
    monkeypatch.setattr(occlusion, "EDGES_AT_ONCE", at_once)
    classifier = Classifier(GraphNet(pooling).double(), DoubleRecipe(2.0))
    snapshots = [liquid(0), liquid(1, n=25), liquid(2, n=2)]
    found = Occlusion().compute(classifier, snapshots, "liquid")
    for snapshot, scores in zip(snapshots, found, strict=True):
        expected = brute_force(classifier.model, classifier.recipe(snapshot), column=0)
        assert relative_difference(scores, expected) < 1e-9


def test_particles_without_neighbours_change_the_pooled_features_alone():
    classifier = registered("message-passing", r_max=1.0)
    far_apart = liquid(0, n=6, box=(9.0, 6.0)).replace(
        positions=[[0, 0], [2, 0], [-2, 0], [0, 2], [-4, -2], [-4, -2.9]]
    )
    for snapshot in (far_apart, far_apart.replace(positions=far_apart.positions * [1, 1.2])):
        (found,) = Occlusion().compute(classifier, [snapshot])
        expected = brute_force(classifier.model, classifier.recipe(snapshot))
        assert relative_difference(found, expected) < 1e-9


class OneWay(nn.Module):
    """A module that needs something of every node, edge and graph, and takes no batch."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(3, 1)

    def forward(self, x, edge_index, edge_weight, charge, field, scale):
        source, target = edge_index
        messages = torch.zeros_like(x).index_add(0, target, x[source] * edge_weight[:, None])
        h = torch.cat([x + messages, charge[:, None]], dim=1)
        return self.linear(torch.tanh(scale * h)).mean(dim=0, keepdim=True) * field.sum()


@pytest.mark.parametrize("n_edges", [9, 5])
def test_what_there_is_per_node_edge_and_graph_goes_with_them(n_edges):
    """Also where there are as many edges as nodes, and where edges have a direction."""
    torch.manual_seed(1)
    model = OneWay()
    x, edge_index = torch.rand(5, 2), torch.randint(0, 5, (2, n_edges))
    extras: dict[str, Any] = {
        "edge_weight": torch.rand(n_edges),
        "charge": torch.rand(5),
        "field": torch.rand(1, 3),
        "scale": 2.0,
    }
    explainer = Explainer(
        model,
        algorithm=Occlusion(),
        explanation_type="model",
        node_mask_type="object",
        model_config=ModelConfig("regression", "graph", "raw"),
    )
    found = explainer(x, edge_index, **extras).node_mask[:, 0]
    whole = model(x, edge_index, **extras).item()
    for i in range(5):
        kept = torch.arange(5) != i
        edges = kept[edge_index].all(dim=0)
        relabelled = edge_index[:, edges] - (edge_index[:, edges] > i).long()
        without = {
            "edge_weight": extras["edge_weight"][edges],
            "charge": extras["charge"][kept],
            "field": extras["field"],
            "scale": 2.0,
        }
        expected = whole - model(x[kept], relabelled, **without).item()
        assert found[i].item() == pytest.approx(expected, abs=1e-6)


def test_a_single_particle_is_refused():
    with pytest.raises(InputError, match="nothing left without it"):
        Occlusion().compute(Classifier(GraphNet(), GraphRecipe(2.0)), [liquid(0, n=1)])
