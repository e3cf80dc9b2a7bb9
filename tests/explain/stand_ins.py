"""Small networks and classifiers, untrained: attributions must be right for any weights."""

from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import torch
from graph_models import double, untrained
from hypothesis import strategies as st
from torch import nn
from torch_geometric.nn import aggr

from gnnglass.explain import ATTRIBUTIONS
from gnnglass.models import GraphRecipe, arguments_for
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot


@dataclass
class Classifier:
    model: nn.Module
    recipe: object
    labels: tuple[str, ...] = ("liquid", "glass")


class DoubleRecipe(GraphRecipe):
    """Graphs in double precision, so that the comparison is of definitions, not of rounding."""

    def __call__(self, snapshot):
        return double(super().__call__(snapshot))


def registered(name, pooling="mean", dimension=2, r_max=1.7, **options):
    """One of our own networks, untrained but standardised, in double precision."""
    one = untrained(name, dimension, r_max, pooling=pooling, **options)
    made = {field.name: getattr(one.recipe, field.name) for field in fields(one.recipe)}
    return Classifier(one.model.double(), DoubleRecipe(**made))


def features_and_gradient(model, graph, layer, column):
    """A layer's output and the gradient of a logit, by the full backward pass of autograd."""
    kept = []
    handle = dict(model.named_modules())[layer].register_forward_hook(
        lambda module, inputs, output: kept.append(output.clone()) or kept[0].clone()
    )
    model.eval()
    x, *rest = arguments_for(model, [graph])
    logits = model(x.requires_grad_(), *rest)
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[0, column], kept[0])
    return kept[0].detach().numpy(), gradient.numpy()


def relative_difference(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def unequal_snapshots():
    return [liquid(0), liquid(1, n=25), liquid(2, n=1), liquid(3, n=90, box=(9.0, 12.0))]


class Convolution(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.own = nn.Linear(inputs, outputs)
        self.neighbor = nn.Linear(inputs, outputs)

    def forward(self, x, edge_index, weight):
        source, target = edge_index
        messages = self.neighbor(x)[source] * weight[:, None]
        return self.own(x) + torch.zeros_like(self.own(x)).index_add(0, target, messages)


POOLINGS = {
    "mean": lambda width: aggr.MeanAggregation(),
    "sum": lambda width: aggr.SumAggregation(),
    "max": lambda width: aggr.MaxAggregation(),
    "attention": lambda width: aggr.AttentionalAggregation(
        nn.Sequential(nn.Linear(width, 1), nn.Tanh())
    ),
}


class GraphNet(nn.Module):
    explained_layer = "second"

    def __init__(self, pooling="mean", seed=0, n_species=2, width=6, n_outputs=2):
        super().__init__()
        torch.manual_seed(seed)
        self.first = Convolution(n_species, width)
        self.second = Convolution(width, width)
        self.act = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.5)
        self.pool = POOLINGS[pooling](width)
        self.head = nn.Sequential(nn.Linear(width, 5), nn.SiLU(), nn.Linear(5, n_outputs))

    def forward(self, x, edge_index, edge_distance, batch=None):
        if batch is None:
            batch = torch.zeros(len(x), dtype=torch.long)
        weight = torch.exp(-edge_distance)
        h = torch.tanh(self.first(x, edge_index, weight))
        h = self.act(self.second(h, edge_index, weight))
        return self.head(self.pool(self.dropout(h), batch, dim=0))


class PixelNet(nn.Module):
    explained_layer = "features"

    def __init__(self, dimension=2, stride=2, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        convolution = {2: nn.Conv2d, 3: nn.Conv3d}[dimension]
        pool = {2: nn.AvgPool2d, 3: nn.AvgPool3d}[dimension]
        self.features = nn.Sequential(
            convolution(2, 4, 3, padding=1, padding_mode="circular"), nn.SiLU(), pool(stride)
        )
        self.after = convolution(4, 4, 3, padding=1, padding_mode="circular")
        self.head = nn.Linear(4, 2)

    def forward(self, grid):
        h = torch.tanh(self.after(self.features(grid)))
        return self.head(h.flatten(2).mean(dim=2))


@st.composite
def transformed(draw, dimension, n):
    """A configuration, what the symmetries of its box make of it, and the new places' old ones."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    snapshot = example_snapshot(dimension, n, int(rng.integers(2**16)))
    order = rng.permutation(n)
    turn = np.eye(dimension)[rng.permutation(dimension)] * rng.choice([-1, 1], dimension)
    moved = snapshot.positions @ turn.T + rng.uniform(-20, 20, dimension)
    return snapshot, Snapshot(snapshot.box, moved[order], snapshot.types[order]), order


def liquid(seed, n=40, box=(8.0, 8.0)):
    rng = np.random.default_rng(seed)
    box = np.array(box)
    positions = rng.uniform(-box / 2, box / 2, (n, box.size))
    return Snapshot(box, positions, rng.integers(0, 2, n))


@cache
def depends_on_the_class(name):
    """Whether an attribution gives another class other scores, of a network with three classes.

    If it does not, it need not look at the network's output, nor see what is wrong with it.
    """
    one = untrained("attention", r_max=2.0, n_classes=3)
    classifier = Classifier(one.model, one.recipe, ("liquid", "glass", "crystal"))
    attribution = ATTRIBUTIONS.create(name)
    first, *others = (
        attribution.compute(classifier, [liquid(0)], target)[0] for target in classifier.labels
    )
    return any(not np.allclose(first, other) for other in others)
