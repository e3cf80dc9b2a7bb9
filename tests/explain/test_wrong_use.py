"""Each mistake ends in one sentence, whatever the attribution."""

import numpy as np
import pytest
import torch
from graph_models import untrained
from stand_ins import Classifier, GraphNet, PixelNet, depends_on_the_class, liquid

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.explain import ATTRIBUTIONS, GraphAttribution
from gnnglass.models import GraphRecipe, VoxelRecipe

GRAPH, VOXEL = GraphRecipe(2.0), VoxelRecipe(0.25, 0.25)
OF_GRAPHS = [name for name in ATTRIBUTIONS if ATTRIBUTIONS.create(name).kinds == ("graph",)]
OF_VOXELS = [name for name in ATTRIBUTIONS if ATTRIBUTIONS.create(name).kinds == ("voxel",)]
BATCHED = [name for name in OF_GRAPHS if isinstance(ATTRIBUTIONS.create(name), GraphAttribution)]
LABELS = ("liquid", "glass", "crystal")


class NodeLevel(GraphNet):
    particle_layers = ("first", "second")

    def forward(self, x, edge_index, edge_distance, batch=None):
        return self.second(self.first(x, edge_index, edge_distance), edge_index, edge_distance)


class CellLevel(PixelNet):
    def forward(self, grid):
        return self.after(self.features(grid))


def with_attention():
    """A network on graphs that all attributions can explain."""
    return untrained("attention", r_max=GRAPH.r_max).model


def explain(name, model, recipe, target="glass", labels=LABELS[:2], **options):
    attribution = ATTRIBUTIONS.create(name, **options)
    return attribution.compute(Classifier(model, recipe, labels), [liquid(0)], target)


@pytest.mark.parametrize("name", OF_GRAPHS)
def test_a_network_on_grids(name):
    with pytest.raises(InputError, match="explains graph models, but this classifier is a voxel"):
        explain(name, PixelNet(), VOXEL)


@pytest.mark.parametrize("name", OF_VOXELS)
def test_a_network_on_graphs(name):
    with pytest.raises(InputError, match="explains voxel models, but this classifier is a graph"):
        explain(name, GraphNet(), GRAPH)


@pytest.fixture(params=BATCHED)
def of_a_class(request):
    if not depends_on_the_class(request.param):
        pytest.skip(f"{request.param} is the same for all classes")
    return request.param


def test_most_attributions_depend_on_the_class():
    assert depends_on_the_class("graph-gradcam") and depends_on_the_class("saliency")
    assert not depends_on_the_class("attention-rollout")


def test_a_network_on_graphs_without_pooling(of_a_class):
    with pytest.raises(InputError, match=r"shape \[40, 6\] for 1 graphs; .* needs a pooling"):
        explain(of_a_class, NodeLevel(), GRAPH)


@pytest.mark.parametrize("name", OF_VOXELS)
def test_a_network_on_grids_without_pooling(name):
    with pytest.raises(InputError, match=r"shape \[1, 4, 16, 16\] for 1 grids"):
        explain(name, CellLevel(), VOXEL)


def test_a_class_for_which_the_network_has_no_logit(of_a_class):
    model = GraphNet()
    model.particle_layers = ("first", "second")
    with pytest.raises(InputError, match=r"holds the classes \[2\]; GraphNet knows 0 to 1"):
        explain(of_a_class, model, GRAPH, "crystal", LABELS)


@pytest.mark.parametrize("name", OF_VOXELS)
def test_a_class_for_which_the_network_on_grids_has_no_logit(name):
    with pytest.raises(InputError, match="class 2 is explained"):
        explain(name, PixelNet(), VOXEL, "crystal", LABELS)


@pytest.mark.parametrize("name", ATTRIBUTIONS.names())
def test_a_class_that_the_classifier_does_not_know(name):
    model, recipe = (PixelNet(), VOXEL) if name in OF_VOXELS else (with_attention(), GRAPH)
    with pytest.raises(UnknownNameError, match=r"unknown class 'crystal'.*: liquid, glass"):
        explain(name, model, recipe, "crystal")


@pytest.mark.parametrize("name", ["graph-gradcam++", "graph-hirescam", "integrated-gradients",
                                  "saliency", "voxel-hirescam"])  # fmt: skip
def test_a_layer_that_is_not_there(name):
    model, recipe = (PixelNet(), VOXEL) if name in OF_VOXELS else (GraphNet(), GRAPH)
    with pytest.raises(UnknownNameError, match=r"has no layer 'third'; choose one of: \w+, \w+"):
        explain(name, model, recipe, layer="third")


@pytest.mark.parametrize("name", BATCHED)
def test_a_batch_of_nothing(name):
    with pytest.raises(InputError, match="batch_size is 0; expected at least 1"):
        ATTRIBUTIONS.create(name, batch_size=0)


def test_a_network_that_gives_no_tensor(of_a_class):
    class Pair(GraphNet):
        particle_layers = ("first", "second")

        def forward(self, *inputs):
            return super().forward(*inputs), None

    with pytest.raises(InputError, match="Pair gives a tuple; expected one tensor of logits"):
        explain(of_a_class, Pair(), GRAPH)


@pytest.mark.parametrize("name", ATTRIBUTIONS.names())
def test_no_snapshots_are_refused(name):
    model, recipe = (PixelNet(), VOXEL) if name in OF_VOXELS else (with_attention(), GRAPH)
    with pytest.raises(InputError, match="the trajectory is empty"):
        ATTRIBUTIONS.create(name).compute(Classifier(model, recipe), [])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
@pytest.mark.parametrize("name", [name for name in OF_GRAPHS if name != "gnn-explainer"])
def test_gpu_gives_what_the_cpu_gives(name):
    model = with_attention()
    (on_cpu,) = explain(name, model, GRAPH)
    (on_gpu,) = explain(name, model.cuda(), GRAPH)
    np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-4 * np.abs(on_cpu).max())
