"""Parts and copies of a explained ask the same of fewer or more graphs."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch_geometric.explain.config import ModelMode

from gnnglass.explain import ExplainedLogit


def some_question(seed, n_graphs, n_edges):
    chance = torch.Generator().manual_seed(seed)
    n = 4 * n_graphs
    # Nodes of the graphs are mixed, and edges stay within graphs.
    batch = torch.arange(n_graphs).repeat(4)
    pairs = torch.randint(0, 4, (2, n_edges), generator=chance) * n_graphs
    edge_index = pairs + torch.randint(0, n_graphs, (n_edges,), generator=chance)
    return ExplainedLogit(
        model=nn.Identity(),
        x=torch.rand(n, 2, generator=chance),
        edge_index=edge_index,
        extras={
            "edge_weight": torch.rand(n_edges, 3, generator=chance),
            "batch": batch,
            "charge": torch.rand(n, generator=chance),
            "box": torch.rand(n_graphs, 2, generator=chance),
            "scale": 2.0,
        },
        batch=batch,
        by_keyword=True,
        target=torch.randint(0, 2, (n_graphs,), generator=chance),
        mode=ModelMode.multiclass_classification,
    )


def assert_same(one, other):
    for name in ("x", "edge_index", "batch", "target"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name
    assert list(one.extras) == list(other.extras)
    for name, value in one.extras.items():
        same = torch.equal if isinstance(value, torch.Tensor) else float.__eq__
        assert same(value, other.extras[name]), name


questions = st.builds(
    some_question,
    seed=st.integers(0, 2**16),
    n_graphs=st.integers(1, 3),
    # As many edges as nodes is among them.
    n_edges=st.integers(13, 30),
)


@given(explained=questions, times=st.integers(1, 3), data=st.data())
def test_one_copy_of_several_is_the_question_itself(explained, times, data):
    copies = explained.repeated(times)
    assert copies.n_graphs == times * explained.n_graphs
    which = data.draw(st.integers(0, times - 1))
    copy = torch.arange(times).repeat_interleave(len(explained.x))
    assert_same(copies.kept(copy == which), explained)


@given(explained=questions, data=st.data())
def test_what_is_kept_of_a_graph_is_what_belongs_to_it(explained, data):
    graph = data.draw(st.integers(0, explained.n_graphs - 1))
    part = explained.kept(explained.batch == graph)
    mine = explained.batch == graph
    edges = mine[explained.edge_index[0]]
    assert torch.equal(part.x, explained.x[mine])
    assert torch.equal(part.extras["charge"], explained.extras["charge"][mine])
    assert torch.equal(part.extras["edge_weight"], explained.extras["edge_weight"][edges])
    assert torch.equal(part.extras["box"], explained.extras["box"][graph : graph + 1])
    assert torch.equal(part.target, explained.target[graph : graph + 1])
    assert not part.batch.any()
    # Edges join the same nodes, by what these hold.
    assert torch.equal(part.x[part.edge_index], explained.x[explained.edge_index[:, edges]])
