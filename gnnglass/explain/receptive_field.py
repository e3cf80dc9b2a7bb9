"""What a network says of a graph without one particle, computed only where it differs."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from gnnglass.explain.question import Question
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
        question: A question about one graph, to a `GraphNet`.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.model = cast(GraphNet, question.model)
        geometry = question.extras[self.model.takes[2]]
        self.edges = self.model.edge_features(geometry)
        self.features = [question.x]
        for layer in self.model.layers:
            self.features.append(layer(self.features[-1], question.edge_index, self.edges))
        self.leaving, self.arriving = (
            _EdgesOf(nodes, len(question.x)) for nodes in question.edge_index
        )

    def logits_without(self, removed: Tensor) -> Tensor:
        """The logit of the graph without each of some particles, shape [n_removed]."""
        n, copies = len(self.question.x), len(removed)
        copy = torch.arange(copies, device=removed.device)
        gone = copy * n + removed
        changed, values = self._changed(gone, copies)
        features = self.features[-1].repeat(copies, *[1] * (self.features[-1].dim() - 1))
        features[changed] = values
        left = torch.ones(copies * n, dtype=torch.bool, device=removed.device)
        left[gone] = False
        output = self.model.read_out(features[left], copy.repeat_interleave(n - 1))
        return replace(self.question, target=self.question.target.expand(copies)).logit(output)

    def _changed(self, gone: Tensor, copies: int) -> tuple[Tensor, Tensor]:
        """Which entries have other features after the last layer, and these features."""
        n = len(self.question.x)
        source, target = self.question.edge_index
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
