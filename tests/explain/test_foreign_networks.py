"""Networks by others, and torch in any mode: the right map, or one sentence; nothing is touched."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import numpy as np
import pytest
import torch
from stand_ins import Classifier, GraphNet, PixelNet, liquid, relative_difference
from torch import nn
from torch_geometric.data import Batch
from torch_geometric.explain import Explainer, ModelConfig
from torch_geometric.nn import (
    GCNConv,
    GraphNorm,
    LayerNorm,
    SAGEConv,
    TopKPooling,
    global_mean_pool,
)

from gnnglass.errors import GnnglassError, InputError
from gnnglass.explain import ATTRIBUTIONS, GraphAttribution, GraphGradCAM
from gnnglass.models import GraphRecipe, VoxelRecipe

RECIPE = GraphRecipe(2.0)
OPTIONS = {"gnn-explainer": {"epochs": 3}, "integrated-gradients": {"n_steps": 8}}
#: Those that explain any network on graphs.
NAMES = [
    name
    for name in ATTRIBUTIONS
    if isinstance(ATTRIBUTIONS.create(name), GraphAttribution) and name != "attention-rollout"
]
LAYER = {"graph-gradcam-averaged": {"layers": ["second"]}}


class Foreign(nn.Module):
    """A usual PyG network: convolutions, a pooling, a perceptron."""

    explained_layer = "second"
    particle_layers = ("second",)

    def __init__(self, n_outputs=2, width=8, x_features=2):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.first = GCNConv(x_features, width)
            self.second = GCNConv(width, width)
            self.head = nn.Sequential(
                nn.Linear(width, width), nn.SiLU(), nn.Linear(width, n_outputs)
            )

    def forward(self, x, edge_index, edge_distance=None, batch=None):
        h = self.first(x, edge_index).tanh()
        return self.last(self.between(self.second(h, edge_index), edge_index, batch), batch)

    def between(self, h, edge_index, batch):
        return h.tanh()

    def last(self, h, batch):
        return self.head(global_mean_pool(h, batch))


class NormAfter(Foreign):
    def __init__(self, norm, pass_batch):
        super().__init__()
        self.norm, self.pass_batch = norm(8), pass_batch

    def between(self, h, edge_index, batch):
        return self.norm(h, batch) if self.pass_batch else self.norm(h)


class NormBefore(NormAfter):
    def forward(self, x, edge_index, edge_distance=None, batch=None):
        h = self.first(x, edge_index)
        h = self.norm(h, batch) if self.pass_batch else self.norm(h)
        return self.last(self.second(h.tanh(), edge_index).tanh(), batch)


class Ends(Foreign):
    """With something at its end."""

    def __init__(self, end, n_outputs=2):
        super().__init__(n_outputs)
        self.end = end

    def last(self, h, batch):
        return self.end(super().last(h, batch))


def graphs(*sizes, same=False):
    return Batch.from_data_list(
        [RECIPE(liquid(0 if same else k, n=n, box=(8, 9))) for k, n in enumerate(sizes)]
    )


def ask(
    model,
    whole,
    name="graph-gradcam",
    target=None,
    mode="multiclass_classification",
    index=None,
    **changes,
):
    """Scores of all nodes, by way of PyG's explainer."""
    explainer = Explainer(
        model,
        algorithm=ATTRIBUTIONS.create(name, **OPTIONS.get(name, {})),
        explanation_type="phenomenon",
        node_mask_type="object",
        model_config=ModelConfig(mode, "graph", "raw"),
    )
    inputs = {"x": whole.x, "edge_index": whole.edge_index, "batch": whole.batch, **changes}
    if target is None:
        target = torch.ones(whole.num_graphs, dtype=torch.long)
    return explainer(target=target, index=index, **inputs).node_mask[:, 0]


def each_alone(model, whole, name="graph-gradcam"):
    return torch.cat(
        [ask(model, Batch.from_data_list([graph]), name) for graph in whole.to_data_list()]
    )


def assert_close(found, expected, tolerance=1e-4):
    assert relative_difference(np.asarray(found), np.asarray(expected)) < tolerance


# --- graphs of a batch


# Integrated gradients begin at features that are all alike, which no norm can scale.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "integrated-gradients"])
@pytest.mark.parametrize("norm", [GraphNorm, lambda width: LayerNorm(width, mode="graph")])
def test_explaining_a_batch_is_explaining_each_graph_alone(name, norm):
    model, whole = NormAfter(norm, pass_batch=True), graphs(40, 25, 30)
    assert_close(ask(model, whole, name), each_alone(model, whole, name), 1e-3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [NormBefore, NormAfter])
@pytest.mark.parametrize("norm", [GraphNorm, lambda width: LayerNorm(width, mode="graph")])
def test_graphs_that_influence_each_other_are_refused(name, kind, norm):
    model, whole = kind(norm, pass_batch=False), graphs(40, 25, 30)
    with pytest.raises(InputError, match=r"members of a batch influence each other; give batch"):
        ask(model, whole, name)


def test_each_alone_they_may_be_explained():
    model, whole = NormAfter(GraphNorm, pass_batch=False), graphs(40, 25, 30)
    snapshots = [liquid(k, n=n, box=(8, 9)) for k, n in enumerate((40, 25, 30))]
    found = GraphGradCAM(batch_size=1).compute(Classifier(model, RECIPE), snapshots)
    assert_close(np.concatenate(found), each_alone(model, whole))
    with pytest.raises(InputError, match="batch_size=1"):
        GraphGradCAM().compute(Classifier(model, RECIPE), snapshots)


def test_influence_is_found_among_copies_of_one_graph():
    """Of two equal graphs and a third, the first two are looked at; their statistics agree."""
    model = NormAfter(GraphNorm, pass_batch=False)
    graph, other = (RECIPE(liquid(k, n=200, box=(16, 16))) for k in (0, 1))
    with pytest.raises(InputError, match="influence each other"):
        ask(model, Batch.from_data_list([graph, graph.clone(), other]))


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
@pytest.mark.parametrize("seed", range(5))
def test_rounding_is_not_taken_for_influence(scale, seed):
    """Logits that nearly cancel, or are large: sums over neighbours in another order differ."""
    model = GraphNet("sum", seed=seed)
    nn.init.normal_(model.head[2].weight, std=scale)
    whole = graphs(40, 25, 30)
    ask(model, whole, edge_distance=whole.edge_distance)


def test_a_network_for_graphs_of_one_size_is_explained():
    class OneSize(Foreign):
        def last(self, h, batch):
            return self.head(h.view(-1, 100, 8).mean(dim=1))

    whole = graphs(100, 100)
    assert_close(ask(OneSize(), whole), ask(Foreign(), whole))


# --- rows of the layer


class PerEdge(Foreign):
    """A layer with a row per edge, of which there are as many as nodes."""

    explained_layer = "edges"
    particle_layers = ("edges",)

    def __init__(self):
        super().__init__()
        self.edges = nn.Linear(8, 8)

    def between(self, h, edge_index, batch):
        on_edges = self.edges(h[edge_index[0]])
        return torch.zeros_like(h).index_add(0, edge_index[1], on_edges)


class Shuffled(Foreign):
    """A layer that sorts its rows."""

    explained_layer = "sort"
    particle_layers = ("sort",)

    class Sort(nn.Module):
        def forward(self, h):
            return h[h[:, 0].argsort()]

    def __init__(self):
        super().__init__()
        self.sort = self.Sort()

    def between(self, h, edge_index, batch):
        return self.sort(h)


class Pooled(Foreign):
    """A pooling that keeps all nodes, sorted by score, as the ratio 1 does."""

    explained_layer = "third"
    particle_layers = ("third",)

    def __init__(self, ratio):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.choose, self.third = TopKPooling(8, ratio), nn.Linear(8, 8)

    def last(self, h, batch):
        return super().last(self.third(h), batch)

    def between(self, h, edge_index, batch):
        return h

    def forward(self, x, edge_index, edge_distance=None, batch=None):
        h = self.second(self.first(x, edge_index).tanh(), edge_index).tanh()
        h, _, _, batch, _, _ = self.choose(h, edge_index, None, batch)
        return self.last(h, batch)


def as_many_edges_as_nodes(n):
    rng = np.random.default_rng(n)
    whole = graphs(n)
    whole.x = torch.from_numpy(rng.normal(size=(n, 2)).astype(np.float32))
    source, target = rng.integers(n, size=(2, n))
    whole.edge_index = torch.from_numpy(np.stack([source, np.sort(target)]))
    return whole


CAMS = [name for name in NAMES if "cam" in name] + ["saliency"]


def of_layer(name, layer):
    """The options that make an attribution look at a layer."""
    return {"layers": [layer]} if name == "graph-gradcam-averaged" else {"layer": layer}


@pytest.mark.parametrize("name", CAMS)
@pytest.mark.parametrize(
    "model", [PerEdge(), Shuffled(), Pooled(1.0)], ids=lambda m: type(m).__name__
)
@pytest.mark.parametrize("n", [30, 100])
def test_rows_that_are_not_the_nodes_in_order_are_refused(name, model, n):
    attribution = ATTRIBUTIONS.create(name, **of_layer(name, model.explained_layer))
    explainer = Explainer(
        model,
        algorithm=attribution,
        explanation_type="phenomenon",
        node_mask_type="object",
        model_config=ModelConfig("multiclass_classification", "graph", "raw"),
    )
    whole = as_many_edges_as_nodes(n)
    with pytest.raises(InputError, match=r"stay with its node|one row per node"):
        explainer(whole.x, whole.edge_index, target=torch.tensor([1]))


def test_rows_that_are_dropped_are_refused():
    with pytest.raises(InputError, match=r"gives shape \[20, 8\]; expected \[40, n_features\]"):
        ask(Pooled(0.5), graphs(40))


@pytest.mark.parametrize("name", NAMES)
def test_permuting_nodes_permutes_the_map(name):
    if name == "gnn-explainer":
        pytest.skip("its first mask is drawn anew for each node")
    whole = graphs(40, 25)
    order = torch.cat([torch.randperm(40), 40 + torch.randperm(25)])
    number = torch.empty_like(order)
    number[order] = torch.arange(65)
    moved = ask(Foreign(), whole, name, x=whole.x[order], edge_index=number[whole.edge_index])
    assert_close(moved, ask(Foreign(), whole, name)[order])


@pytest.mark.parametrize("name", NAMES)
def test_nodes_of_graphs_may_be_mixed(name):
    if name == "gnn-explainer":
        pytest.skip("its first mask is drawn anew for each node")
    whole, order = graphs(40, 25), torch.randperm(65)
    number = torch.empty_like(order)
    number[order] = torch.arange(65)
    changes = {"edge_index": number[whole.edge_index], "batch": whole.batch[order]}
    moved = ask(Foreign(), whole, name, x=whole.x[order], **changes)
    assert_close(moved, ask(Foreign(), whole, name)[order])


def test_aggregations_that_depend_on_the_order_of_neighbours_are_explained():
    class Ordered(Foreign):
        def __init__(self):
            super().__init__()
            with torch.random.fork_rng():
                torch.manual_seed(0)
                self.second = SAGEConv(8, 8, aggr="lstm")

    # They need edges sorted by target, as recipes give them.
    assert_close(ask(Ordered(), graphs(40)), brute_force(Ordered(), graphs(40)))


def test_influence_on_one_graph_only_is_found():
    """PyG pads neighbours to the most that any node has, and an LSTM reads the padding too."""

    class Padded(Foreign):
        def between(self, h, edge_index, batch):
            degree = torch.bincount(edge_index[1], minlength=len(h))
            return (h * degree.max()).tanh()

    for sizes in [(40, 25), (25, 40)]:
        whole = graphs(*sizes)
        with pytest.raises(InputError, match="influence each other"):
            ask(Padded(), whole)


# --- what the network gives


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("end", "n_outputs", "mode"),
    [
        (nn.Softmax(dim=1), 2, "multiclass_classification"),
        (nn.LogSoftmax(dim=1), 3, "multiclass_classification"),
        (lambda y: y.exp() / y.exp().sum(dim=1, keepdim=True), 2, "multiclass_classification"),
        (lambda y: y - torch.logsumexp(y, dim=1, keepdim=True), 2, "multiclass_classification"),
        (torch.sigmoid, 2, "multiclass_classification"),
        (torch.sigmoid, 1, "binary_classification"),
        (lambda y: y.sigmoid().squeeze(1), 1, "binary_classification"),
        (nn.LogSigmoid(), 1, "binary_classification"),
    ],
)
def test_probabilities_and_their_logarithms_are_refused(name, end, n_outputs, mode):
    with pytest.raises(
        InputError, match="gives probabilities or their logarithms; expected logits"
    ):
        ask(Ends(end, n_outputs), graphs(20, 15), name, mode=mode)


def test_in_regression_the_output_may_be_what_it_is():
    whole = graphs(20, 15)
    model, target = Ends(torch.sigmoid, 1), torch.zeros(2)
    assert ask(model, whole, mode="regression", target=target).any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (lambda y: (y, y), "tuple"),
        (lambda y: {"logits": y}, "dict"),
        (lambda y: y.argmax(dim=1), "int64"),
        (lambda y: y.detach().numpy(), "ndarray"),
    ],
)
def test_what_is_not_one_tensor_of_logits_is_refused(name, end, kind):
    with pytest.raises(InputError, match=f"Ends gives a .*{kind}; expected one tensor of logits"):
        ask(Ends(end), graphs(20), name)


@pytest.mark.parametrize("name", NAMES)
def test_one_logit_for_several_classes_is_refused(name):
    with pytest.raises(InputError, match=r'one logit per class.*mode="binary_classification"'):
        ask(Foreign(n_outputs=1), graphs(20, 15), name, target=torch.tensor([0, 0]))


@pytest.mark.parametrize("name", NAMES)
def test_another_number_of_classes_than_labels_is_refused(name):
    attribution = ATTRIBUTIONS.create(name, **OPTIONS.get(name, {}))
    with pytest.raises(InputError, match="gives 3 logits, and the classifier has the 2 classes"):
        attribution.compute(Classifier(Foreign(n_outputs=3), RECIPE), [liquid(0)])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_output_that_is_no_number_is_refused(name, value):
    model = Foreign()
    nn.init.constant_(list(model.head.parameters())[-1], value)
    with pytest.raises(InputError, match="gives nan or infinity; expected finite logits"):
        ask(model, graphs(20, 15), name)


def test_dropout_that_does_not_end_with_training_is_refused():
    class Random(Foreign):
        def between(self, h, edge_index, batch):
            return nn.functional.dropout(h.tanh(), 0.5)

    for sizes in [(40,), (40, 30)]:
        with pytest.raises(InputError, match="another output each time it runs"):
            ask(Random(), graphs(*sizes))


# --- what it is given


@pytest.mark.parametrize("name", NAMES)
def test_float_targets_are_refused(name):
    with pytest.raises(InputError, match=r"target is torch\.float32; expected the number of a cl"):
        ask(Foreign(), graphs(20, 15), name, target=torch.tensor([0.0, 1.0]))


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.bool])
def test_whole_targets_of_any_kind_are_understood(dtype):
    whole, target = graphs(20, 15), torch.tensor([0, 1])
    expected = ask(Foreign(), whole, target=target)
    assert torch.equal(ask(Foreign(), whole, target=target.to(dtype)), expected)


EMPTY = torch.zeros(2, 0, dtype=torch.long)


@pytest.mark.parametrize("name", ["graph-gradcam", "occlusion", "gnn-explainer"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": torch.zeros(0, 2), "edge_index": EMPTY, "batch": None}, "at least one node"),
        ({"batch": torch.tensor([0] * 20 + [2] * 15)}, "graph 1 of the batch has no nodes"),
        ({"batch": torch.zeros(34, dtype=torch.long)}, r"batch is \[34\]; expected.*\[35\]"),
        ({"batch": torch.zeros(35)}, r"batch is torch.float32; expected whole numbers"),
        ({"batch": [0] * 35}, "batch is list; expected"),
        ({"batch": torch.arange(35) % 2}, "joins nodes of two graphs"),
        ({"batch": torch.full((35,), -1)}, "batch holds -1; expected"),
        ({"edge_index": torch.tensor([[0], [35]])}, "edge_index holds 35; .* from 0 on below 35"),
        ({"edge_index": torch.zeros(3, 2, dtype=torch.long)}, r"edge_index has shape \[3, 2\]"),
        ({"edge_index": torch.eye(35).to_sparse()}, r"edge_index has shape \[35, 35\]"),
        ({"edge_index": torch.zeros(2, 4)}, "edge_index is torch.float32"),
        ({"x": {"A": torch.zeros(35, 2)}}, "x is a dict; expected a tensor"),
        ({"target": 1}, "target is a int; expected a tensor"),
        ({"index": torch.tensor([True])}, "index is .*; expected graphs of the batch, 0 to 1"),
        ({"index": torch.tensor([0.5])}, "index is .*; expected graphs of the batch, 0 to 1"),
        ({"index": torch.tensor([2])}, "index is .*; expected graphs of the batch, 0 to 1"),
    ],
)  # fmt: skip
def test_what_is_no_batch_of_graphs_is_refused(name, changes, message):
    with pytest.raises(InputError, match=message):
        ask(Foreign(), graphs(20, 15), name, **changes)


@pytest.mark.parametrize("name", NAMES)
def test_another_precision_than_the_network_s_is_refused(name):
    whole = graphs(20, 15)
    message = r"x is torch\.float64, the model's parameters are torch\.float32; convert one"
    with pytest.raises(InputError, match=message):
        ask(Foreign(), whole, name, x=whole.x.double())


@pytest.mark.parametrize("name", [*NAMES, "attention-rollout"])
def test_networks_in_double_precision_are_given_graphs_in_theirs(name):
    if name == "attention-rollout":
        from graph_models import untrained

        model = untrained("attention", r_max=2.0).model
    else:
        model = GraphNet()
        model.particle_layers = ("first", "second")
    attribution = ATTRIBUTIONS.create(name, **OPTIONS.get(name, {}))
    (single,) = attribution.compute(Classifier(model, RECIPE), [liquid(0)])
    (twice,) = attribution.compute(Classifier(model.double(), RECIPE), [liquid(0)])
    assert_close(single, twice)


@pytest.mark.parametrize("name", ["saliency", "integrated-gradients", "gnn-explainer"])
def test_whole_numbers_for_features_are_not_differentiated(name):
    class Embedded(Foreign):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(3, 2)

        def forward(self, x, *others, **more):
            return super().forward(self.embed(x[:, 0]), *others, **more)

    whole = graphs(20, 15)
    kinds = whole.x.long()
    with pytest.raises(InputError, match=r"x is torch\.int64"):
        ask(Embedded(), whole, name, x=kinds)
    assert ask(Embedded(), whole, x=kinds).any()


# --- the state that torch is in


MODES: dict[str, Callable[[], AbstractContextManager]] = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_maps_are_the_same_in_any_mode_of_torch(name, mode):
    whole = graphs(20, 15)
    expected = ask(Foreign(), whole, name)
    with MODES[mode]():
        # Inputs, network and all may be made in it.
        found = ask(Foreign(), Batch.from_data_list(whole.to_data_list()), name)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("mode", MODES)
def test_classifiers_are_explained_in_any_mode_of_torch(mode):
    for attribution, classifier in [
        (ATTRIBUTIONS.create("graph-gradcam"), Classifier(GraphNet(), RECIPE)),
        (ATTRIBUTIONS.create("voxel-gradcam"), Classifier(PixelNet(), VoxelRecipe(0.25, 0.25))),
    ]:
        (expected,) = attribution.compute(classifier, [liquid(0)])
        with MODES[mode]():
            (found,) = attribution.compute(classifier, [liquid(0)])
        np.testing.assert_array_equal(found, expected)


def state(model):
    flags = [module.training for module in model.modules()]
    hooks = [len(module._forward_hooks) for module in model.modules()]
    wanted = [value.requires_grad for value in model.parameters()]
    grads = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    return flags, hooks, wanted, grads, {k: v.clone() for k, v in model.state_dict().items()}


class Remembering(GraphNet):
    """A network that counts its calls and keeps its features."""

    particle_layers = ("first", "second")

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.kept = None

    def forward(self, x, edge_index, edge_distance, batch=None):
        self.calls += 1
        self.kept = x
        if len(x) == 7:
            raise KeyError("broken")
        x *= 1  # In place.
        return super().forward(x, edge_index, edge_distance, batch)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_network_is_not_touched(name, fails):
    model = Remembering()
    model.first.requires_grad_(False)
    model.pool.eval()
    model.second.register_forward_hook(lambda *inputs: None)
    for value in model.head.parameters():
        value.grad = torch.ones_like(value)
    before, random = state(model), torch.get_rng_state()
    attribution = ATTRIBUTIONS.create(name, **OPTIONS.get(name, {}))
    classifier = Classifier(model, RECIPE)
    if fails:
        with pytest.raises(KeyError, match="broken"):
            attribution.compute(classifier, [liquid(0, n=7)])
    else:
        attribution.compute(classifier, [liquid(0)])
    after = state(model)
    assert before[:3] == after[:3]
    for one, other in zip(before[3], after[3], strict=True):
        assert one is other is None or torch.equal(one, other)
    assert all(torch.equal(value, after[4][key]) for key, value in before[4].items())
    assert model.kept is None
    assert torch.equal(torch.get_rng_state(), random)


def test_the_caller_s_tensors_are_not_changed():
    class InPlace(Foreign):
        def forward(self, x, edge_index, edge_distance=None, batch=None):
            x *= 2
            return super().forward(x, edge_index, edge_distance, batch)

    whole = graphs(20, 15)
    x = whole.x.clone()
    for name in NAMES:
        found = ask(InPlace(), whole, name)
        assert torch.equal(whole.x, x)
        if "cam" in name or name in ("occlusion", "integrated-gradients"):
            assert_close(found, ask(Foreign(), whole, name, x=2 * x))


@pytest.mark.parametrize("name", [*NAMES, "voxel-gradcam"])
def test_several_threads_explain_one_network_that_is_in_training(name):
    voxel = name.startswith("voxel")
    model = PixelNet() if voxel else Remembering()
    classifier = Classifier(model.train(), VoxelRecipe(0.25, 0.25) if voxel else RECIPE)
    attribution = ATTRIBUTIONS.create(name, **OPTIONS.get(name, {}))
    snapshots = [liquid(k) for k in range(8)]
    expected = [attribution.compute(classifier, [one])[0] for one in snapshots]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda one: attribution.compute(classifier, [one])[0], snapshots))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert all(module.training for module in model.modules())


def test_layers_whose_shape_is_not_known_yet_are_refused():
    class Lazy(Foreign):
        def __init__(self):
            super().__init__()
            self.first = GCNConv(-1, 8)

    with pytest.raises(InputError, match="run it once before it is explained"):
        ask(Lazy(), graphs(20))


def test_parametrised_recurrent_and_compiled_parts_are_explained():
    class Parts(Foreign):
        def __init__(self):
            super().__init__()
            self.memory = nn.GRU(8, 8)
            self.compiled = torch.jit.script(nn.Linear(8, 8))
            self.shared = self.compiled
            nn.utils.parametrizations.weight_norm(self.head[0])

        def between(self, h, edge_index, batch):
            return self.shared(self.memory(h[None])[0][0])

    model = Parts().train()
    scores = ask(model, graphs(20))
    assert_close(scores, brute_force(model, graphs(20)))
    assert model.compiled.training


def brute_force(model, whole):
    """α_k by the full backward pass, and the map."""
    kept = []
    handle = model.second.register_forward_hook(lambda m, i, o: kept.append(o) or o.clone())
    logits = model.eval()(whole.x, whole.edge_index)
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[0, 1], kept[0])
    model.train()
    return (gradient.mean(dim=0) * kept[0]).sum(dim=1).detach()


# --- networks on grids


@pytest.mark.parametrize("name", ["voxel-gradcam", "voxel-hirescam"])
@pytest.mark.parametrize(
    ("end", "message"),
    [
        (lambda y: y.softmax(dim=1), "gives probabilities or their logarithms"),
        (lambda y: y.log_softmax(dim=1), "gives probabilities or their logarithms"),
        (lambda y: (y,), "gives a tuple"),
        (lambda y: y * float("nan"), "gives nan or infinity"),
        (lambda y: y - y.mean(dim=0) * (len(y) > 1), "influence each other"),
        (lambda y: y + torch.rand(1), "another output each time"),
        (lambda y: torch.cat([y, y], dim=1), "gives 4 logits, and the classifier has the 2"),
    ],
)
def test_networks_on_grids_that_cannot_be_explained(name, end, message):
    class Ending(PixelNet):
        def forward(self, grid):
            return end(super().forward(grid))

    classifier = Classifier(Ending(), VoxelRecipe(0.25, 0.25))
    with pytest.raises(InputError, match=message):
        ATTRIBUTIONS.create(name).compute(classifier, [liquid(0)])


def test_whatever_is_refused_is_refused_in_one_sentence():
    for model in (NormAfter(GraphNorm, False), Shuffled(), Ends(nn.Softmax(dim=1))):
        with pytest.raises(GnnglassError) as error:
            ask(model, graphs(20, 15))
        assert str(error.value).endswith(".")
        assert "\n" not in str(error.value)
