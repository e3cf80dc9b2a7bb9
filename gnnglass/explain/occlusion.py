"""Occlusion: what the logit loses when a particle is taken out, computed only where it differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from gnnglass.errors import InputError
from gnnglass.explain.attribution import ATTRIBUTIONS, GraphAttribution
from gnnglass.explain.explained_logit import ExplainedLogit
from gnnglass.models import GraphNet


class ReceptiveField:
    """The features of an intact graph after every layer, and what a missing particle changes.

    A layer of a `GraphNet` reaches direct neighbours, so without particle i the first layer gives
    other features to its neighbours, the next one to theirs, and so on. For these, and no others,
    each layer is run again: on the graph of the particles concerned and all who point to them,
    with the old features where nothing has changed.

    Several particles, each missing from a copy of its own, are computed side by side: entry
    b · n + i of a flat tensor stands for particle i in copy b.

    Args:
        explained: One graph, its logit, and a `GraphNet`.
    """

    def __init__(self, explained: ExplainedLogit) -> None:
        self.explained = explained
        self.model = cast(GraphNet, explained.model)
        geometry = explained.extras[self.model.takes[2]]
        self.edges = self.model.edge_features(geometry)
        self.features = [explained.x]
        for layer in self.model.layers:
            self.features.append(layer(self.features[-1], explained.edge_index, self.edges))
        self.leaving, self.arriving = (
            _EdgesOf(nodes, len(explained.x)) for nodes in explained.edge_index
        )

    def logits_without(self, removed: Tensor) -> Tensor:
        """The logit of the graph without each of some particles, shape [n_removed]."""
        n, copies = len(self.explained.x), len(removed)
        copy = torch.arange(copies, device=removed.device)
        gone = copy * n + removed
        changed, values = self._changed(gone, copies)
        features = self.features[-1].repeat(copies, *[1] * (self.features[-1].dim() - 1))
        features[changed] = values
        left = torch.ones(copies * n, dtype=torch.bool, device=removed.device)
        left[gone] = False
        output = self.model.read_out(features[left], copy.repeat_interleave(n - 1))
        return replace(self.explained, target=self.explained.target.expand(copies)).logit(output)

    def _changed(self, gone: Tensor, copies: int) -> tuple[Tensor, Tensor]:
        """Which entries have other features after the last layer, and these features."""
        n = len(self.explained.x)
        source, target = self.explained.edge_index
        missing = torch.zeros(copies * n, dtype=torch.bool, device=gone.device)
        missing[gone] = True
        changed, values = gone[:0], self.features[0][:0]
        for layer, before in zip(self.model.layers, self.features[:-1], strict=True):
            # Whoever hears of a change, and of those changed before each one again.
            origin = torch.cat([gone, changed])
            edge, place = self.leaving(origin % n)
            hearing = torch.zeros_like(missing)
            hearing[changed] = True
            hearing[(origin - origin % n)[place] + target[edge]] = True
            hearing[gone] = False
            computed = hearing.nonzero()[:, 0]
            if not len(computed):
                return computed, self.features[-1][:0]
            # All that points to them, from particles that are still there.
            edge, place = self.arriving(computed % n)
            speaking = (computed - computed % n)[place] + source[edge]
            there = ~missing[speaking]
            edge, place, speaking = edge[there], place[there], speaking[there]
            involved = hearing.clone()
            involved[speaking] = True
            row = involved.cumsum(0) - 1
            h = before[involved.nonzero()[:, 0] % n]
            h[row[changed]] = values
            edge_index = torch.stack([row[speaking], row[computed[place]]])
            changed, values = computed, layer(h, edge_index, self.edges[edge])[row[computed]]
        return changed, values


class _EdgesOf:
    """The edges of each node: those that leave it, or those that arrive.

    Args:
        nodes: The node of each edge, shape [e].
        n_nodes: Number of nodes.
    """

    def __init__(self, nodes: Tensor, n_nodes: int) -> None:
        self.order = nodes.argsort(stable=True)
        self.count = torch.bincount(nodes, minlength=n_nodes)
        self.start = self.count.cumsum(0) - self.count

    def __call__(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """All edges of some nodes, and the place of each edge's node among those nodes."""
        count = self.count[nodes]
        place = torch.arange(len(nodes), device=nodes.device).repeat_interleave(count)
        first = self.start[nodes] - (count.cumsum(0) - count)
        return self.order[first[place] + torch.arange(len(place), device=nodes.device)], place


#: Edges of all copies of a graph that are computed side by side; it bounds the memory.
EDGES_AT_ONCE = 2**20


@ATTRIBUTIONS.register("occlusion")
class Occlusion(GraphAttribution):
    """The logit with a particle minus the logit without it, exactly and for every particle.

        score_i = y_c(graph) − y_c(graph without particle i and its edges)

    ("Occlusion" after Zeiler & Fergus, ECCV 2014, here without anything put in the hole.) Nothing
    is linearised and no baseline is invented, but the graph without a particle is one that no
    simulation gives, in which the others keep their fields. With mean pooling a score is of the
    order of 1/N_g, because the mean over the others hardly changes. If the particles of a network
    do not look at each other at all (fields alone), it is then (ℓ_i − y) / (N_g − 1), with the
    particle's own logit ℓ_i: Grad-CAM of the last layer, up to factor and offset.

    A graph of n particles needs n forward passes. For a `GraphNet` only the particles whose
    features change are computed anew, as far as the layers reach; any other module runs on whole
    graphs, several at a time if it takes a ``batch``.

    Args:
        batch_size: How many snapshots `compute` prepares at once; they are explained one by one.
    """

    label = "occlusion"
    formula = r"s_i = y(\text{graph}) - y(\text{graph without particle } i \text{ and its edges})"

    def node_scores(self, explained: ExplainedLogit) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n]."""
        scores = explained.x.new_zeros(len(explained.x))
        with torch.no_grad():
            for graph in range(explained.n_graphs):
                nodes = explained.batch == graph
                scores[nodes] = _without_each(explained.kept(nodes))
        return scores


def _without_each(explained: ExplainedLogit) -> Tensor:
    """Scores of the nodes of one graph, shape [n]."""
    n, n_edges = len(explained.x), explained.edge_index.shape[1]
    if n < 2:
        raise InputError(
            "a graph of one particle has nothing left without it; occlusion needs at least two."
        )
    logit = explained.logit(explained.output())
    local = isinstance(explained.model, GraphNet)
    logits_without: Callable[[Tensor], Tensor] = (
        ReceptiveField(explained).logits_without if local else _computed_anew(explained)
    )
    at_once = max(1, EDGES_AT_ONCE // (n + n_edges)) if local or "batch" in explained.extras else 1
    every = torch.arange(n, device=explained.x.device)
    blocks = [every[start : start + at_once] for start in range(0, n, at_once)]
    return logit - torch.cat([logits_without(block) for block in blocks])


def _computed_anew(explained: ExplainedLogit) -> Callable[[Tensor], Tensor]:
    """The logits of one graph without each of some nodes, by running the module on copies."""

    def logits_without(removed: Tensor) -> Tensor:
        copies, n = len(removed), len(explained.x)
        kept = torch.ones(copies, n, dtype=torch.bool, device=removed.device)
        kept.scatter_(1, removed[:, None], False)
        without = explained.repeated(copies).kept(kept.flatten())
        return without.logit(without.output())

    return logits_without
