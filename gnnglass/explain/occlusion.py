"""Occlusion: what the logit loses when a particle is taken out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gnnglass.errors import InputError
from gnnglass.explain.attribution import ATTRIBUTIONS
from gnnglass.explain.evaluating import evaluating
from gnnglass.explain.graph_attribution import GraphAttribution
from gnnglass.explain.question import Question
from gnnglass.explain.receptive_field import ReceptiveField
from gnnglass.models import GraphNet

#: Edges of all copies of a graph that are computed side by side; it bounds the memory.
EDGES_AT_ONCE = 2**20


@ATTRIBUTIONS.register("occlusion")
class Occlusion(GraphAttribution):
    """The logit with a particle minus the logit without it, exactly and for every particle.

        score_i = y_c(graph) − y_c(graph without particle i and its edges)

    ("Occlusion" after Zeiler & Fergus, ECCV 2014, here without anything put in the hole.) Nothing
    is linearised and no baseline is invented, but the graph without a particle is one that no
    simulation gives. With mean pooling a score is of the order of 1/N_g, because the mean over
    the others hardly changes.

    A graph of n particles needs n forward passes. For a `GraphNet` only the particles whose
    features change are computed anew, as far as the layers reach; any other module runs on whole
    graphs, several at a time if it takes a ``batch``.

    Args:
        batch_size: How many snapshots `compute` prepares at once; they are explained one by one.
    """

    def node_scores(self, question: Question) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n]."""
        scores = question.x.new_zeros(len(question.x))
        with evaluating(question.model), torch.no_grad():
            for graph in range(question.n_graphs):
                nodes = question.batch == graph
                scores[nodes] = _without_each(question.kept(nodes))
        return scores


def _without_each(question: Question) -> Tensor:
    """Scores of the nodes of one graph, shape [n]."""
    n, n_edges = len(question.x), question.edge_index.shape[1]
    if n < 2:
        raise InputError(
            "a graph of one particle has nothing left without it; occlusion needs at least two."
        )
    logit = question.logit(question.output())
    local = isinstance(question.model, GraphNet)
    logits_without: Callable[[Tensor], Tensor] = (
        ReceptiveField(question).logits_without if local else _computed_anew(question)
    )
    at_once = max(1, EDGES_AT_ONCE // (n + n_edges)) if local or "batch" in question.extras else 1
    every = torch.arange(n, device=question.x.device)
    blocks = [every[start : start + at_once] for start in range(0, n, at_once)]
    return logit - torch.cat([logits_without(block) for block in blocks])


def _computed_anew(question: Question) -> Callable[[Tensor], Tensor]:
    """The logits of one graph without each of some nodes, by running the module on copies."""

    def logits_without(removed: Tensor) -> Tensor:
        copies, n = len(removed), len(question.x)
        kept = torch.ones(copies, n, dtype=torch.bool, device=removed.device)
        kept.scatter_(1, removed[:, None], False)
        without = question.repeated(copies).kept(kept.flatten())
        return without.logit(without.output())

    return logits_without
