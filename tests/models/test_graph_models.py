"""What holds for every network on graphs: what must not change its answer, and what must."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from graph_models import GRAPH_MODELS, double, logits, untrained
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Batch

from gnnglass.models import arguments_for
from gnnglass.models.network import POOLINGS
from gnnglass.systems import GLASS_FORMERS
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

INVARIANCE = 1e-4

every_model = pytest.mark.parametrize("name", GRAPH_MODELS)


@pytest.mark.parametrize("pooling", POOLINGS)
@every_model
@settings(max_examples=6, deadline=None)
@given(
    dimension=st.sampled_from([2, 3]),
    shift=st.floats(-20, 20),
    seed=st.integers(0, 2**16),
    flip=st.booleans(),
)
def test_logits_have_the_symmetries_of_the_box(name, pooling, dimension, shift, seed, flip):
    """Translation through the box, quarter turns, reflection and relabelling change nothing."""
    one = untrained(name, dimension, pooling=pooling)
    snapshot = example_snapshot(dimension, {2: 64, 3: 125}[dimension], seed)
    order = np.random.default_rng(seed).permutation(len(snapshot))
    moved = snapshot.positions[order][:, ::-1] * (1, *[-1 if flip else 1] * (dimension - 1))
    changed = Snapshot(snapshot.box, moved + shift, snapshot.types[order])
    difference = logits(one, changed) - logits(one, snapshot)
    # A sum over particles is as large as the system, and so is its rounding.
    scale = len(snapshot) if pooling == "sum" else 1
    assert difference.abs().max() < INVARIANCE * scale


@every_model
@settings(max_examples=10, deadline=None)
@given(dimension=st.sampled_from([2, 3]), seed=st.integers(0, 2**16))
def test_logits_do_not_change_under_any_rotation_or_reflection(name, dimension, seed):
    """A cluster that does not touch its periodic images may be turned and mirrored at will."""
    one = untrained(name, dimension)
    cluster = example_snapshot(dimension, 64, seed)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension)))
    box = cluster.box * 3
    before = Snapshot(box, cluster.positions, cluster.types)
    after = Snapshot(box, cluster.positions @ turn.T, cluster.types)
    assert (logits(one, before) - logits(one, after)).abs().max() < INVARIANCE


@every_model
def test_logits_depend_on_types_and_distances(name):
    one = untrained(name)
    snapshot = example_snapshot(2, 100)
    swapped = snapshot.replace(types=1 - snapshot.types)
    squeezed = Snapshot(snapshot.box * 0.97, snapshot.positions * 0.97, snapshot.types)
    for other in (swapped, squeezed):
        assert (logits(one, other) - logits(one, snapshot)).abs().max() > 10 * INVARIANCE


@every_model
def test_a_batch_gives_what_its_members_give_alone(name):
    one = untrained(name, pooling="attention")
    members = [example_snapshot(2, n, n) for n in (64, 100, 81)]
    alone = torch.cat([logits(one, member) for member in members])
    assert alone.std(dim=0).min() > 1e-3
    torch.testing.assert_close(logits(one, *members), alone, atol=1e-5, rtol=0)


@every_model
def test_logits_sum_to_zero(name):
    """So that the logit of one class has no part that softmax would not see."""
    assert logits(untrained(name), example_snapshot(2)).sum().abs() < 1e-6


@every_model
def test_mean_pooling_of_local_logits_is_the_graph_logit(name):
    """Head and mean commute, so that local labels train the same function."""
    net = untrained(name).model
    arguments = arguments_for(net, [untrained(name).recipe(example_snapshot(2, 100))])
    torch.testing.assert_close(
        net.local_logits(*arguments).mean(dim=0), net(*arguments)[0], atol=1e-6, rtol=1e-5
    )


@every_model
def test_ball_logits_are_means_over_a_particle_and_its_neighbours(name):
    one = untrained(name)
    members = [example_snapshot(2, 64), example_snapshot(2, 100)]
    arguments = arguments_for(one.model, [one.recipe(member) for member in members])
    neighbor, center = arguments[1]
    with torch.no_grad():
        sites = one.model.local_logits(*arguments)
        balls = one.model.ball_logits(*arguments)
    for i, ball in enumerate(balls):
        inside = [i, *neighbor[center == i].tolist()]
        torch.testing.assert_close(ball, sites[inside].mean(dim=0), atol=1e-5, rtol=0)


@every_model
def test_nothing_happens_abruptly_at_the_cutoff(name):
    """Logits are continuous where a second neighbour crosses the cutoff, and it matters inside."""
    one = untrained(name)
    box = np.array([8.0, 8.0])
    inside, just_in, just_out = (
        logits(one, Snapshot(box, [[0, 0], [1, 0], [0, 1.7 + d]], [0, 1, 0]))
        for d in (-0.5, -1e-5, 1e-5)
    )
    assert (just_in - just_out).abs().max() < INVARIANCE
    assert (inside - just_out).abs().max() > 1e-3


@every_model
def test_single_precision_is_enough(name):
    one = untrained(name)
    snapshot = example_snapshot(2)
    single = logits(one, snapshot)
    graph = double(one.recipe(snapshot))
    exact = one.model.double()(*arguments_for(one.model, [graph]))
    assert exact.dtype == torch.float64
    assert (single - exact).abs().max() < INVARIANCE


def hops_from(particle: int, edge_index: torch.Tensor, n: int) -> torch.Tensor:
    """Length of the shortest path along edges to every particle, shape [n]."""
    hops = torch.full((n,), n)
    hops[particle] = 0
    for step in range(1, n):
        reached = edge_index[1][hops[edge_index[0]] < step]
        hops[reached] = hops[reached].clamp_max(step)
    return hops


@every_model
def test_a_particle_matters_as_far_as_there_are_layers(name):
    """Every layer widens the reach by direct neighbours, and together they are the features."""
    one = untrained(name)
    net = one.model.double()
    graph = double(one.recipe(example_snapshot(2, 400)))
    hops = hops_from(7, graph.edge_index, 400)
    geometry = graph[net.takes[2]]
    before, after = graph.x, graph.x.clone()
    after[7] = 1 - after[7]
    with torch.no_grad():
        for reach, layer in enumerate(net.layers, start=1):
            before, after = (
                layer(h, graph.edge_index, net.edge_features(geometry)) for h in (before, after)
            )
            changed = (before != after).flatten(1).any(dim=1)
            assert hops[changed].max() == reach < hops.max()
        torch.testing.assert_close(before, net.features(graph.x, graph.edge_index, geometry))


@every_model
def test_a_particle_without_neighbours_is_no_trouble(name):
    """Finite logits and gradients, though there is nothing to sum, to average or to point at."""
    one = untrained(name)
    net = one.model
    lonely = one.recipe(Snapshot([9.0, 9.0], [[0, 0], [4, 4], [4, 3]], [0, 1, 0]))
    net(*arguments_for(net, [lonely]))[0, 1].backward()
    gradients = [parameter.grad for parameter in net.parameters()]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@every_model
def test_batch_of_pyg_is_accepted_as_it_is(name):
    """The forward signature is PyG's own, so that its tools work on our models."""
    one = untrained(name)
    batch = Batch.from_data_list([one.recipe(example_snapshot(2, n)) for n in (64, 81)])
    geometry = {name: batch[name] for name in one.model.takes[2:]}
    assert one.model(batch.x, batch.edge_index, **geometry).shape == (2, 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
@every_model
def test_gpu_gives_what_the_cpu_gives(name):
    one = untrained(name)
    on_cpu = logits(one, example_snapshot(2, 100))
    one.model.cuda()
    on_gpu = logits(one, example_snapshot(2, 100)).cpu()
    torch.testing.assert_close(on_gpu, on_cpu, atol=1e-4, rtol=1e-4)


@every_model
def test_torch_scatter_changes_nothing(name, monkeypatch):
    """PyG takes the optional accelerator when it is there; the figures must not notice."""
    pytest.importorskip("torch_scatter", reason="the extra 'scatter' is not installed")
    one = untrained(name, pooling="attention")
    found = []
    for there in (True, False):
        monkeypatch.setattr("torch_geometric.typing.WITH_TORCH_SCATTER", there)
        found.append(logits(one, example_snapshot(2)))
    torch.testing.assert_close(found[0], found[1], atol=1e-6, rtol=0)


def test_standardised_counts_have_no_mean_and_unit_spread_per_species():
    one = untrained("message-passing")
    net, data = one.model, one.recipe(example_snapshot(2, 144, 9))
    counts = net.counts(data.x, data.edge_index, net.radial(data.edge_distance))
    spread = net.counts.deviation
    for species, columns in enumerate(counts.chunk(2, dim=1)):
        is_mine = data.x[:, species] > 0
        assert not columns[~is_mine].any()
        mine = columns[is_mine]
        seen = spread[species] > 1e-2
        assert mine.mean(dim=0).abs().max() < 1e-4
        torch.testing.assert_close(
            mine.std(dim=0)[seen], torch.ones(int(seen.sum())), rtol=1e-3, atol=0
        )


def test_a_linear_function_of_the_counts_is_the_energy():
    """Fitted on some particles of a mixture, it gives the energies of others."""
    system, one = (
        GLASS_FORMERS.create("kam2d"),
        untrained("message-passing", r_max=2.5, n_radial=32),
    )
    rng = np.random.default_rng(0)
    counts, energies = [], []
    for seed in range(8):
        lattice = example_snapshot(2, 144, seed)
        # Half the noise of the example, in which some particles all but coincide.
        sites = np.floor((lattice.positions / lattice.box + 0.5) * 12) + 0.5
        places = (sites + rng.uniform(-0.07, 0.07, sites.shape)) / 12 - 0.5
        snapshot = lattice.replace(positions=places * lattice.box)
        data = one.recipe(snapshot)
        with torch.no_grad():
            radial = one.model.radial(data.edge_distance)
            found = one.model.counts(data.x, data.edge_index, radial)
        counts.append(torch.cat([data.x, found], dim=1).double().numpy())
        energies.append(system.energies(snapshot))
    weights, *_ = np.linalg.lstsq(np.concatenate(counts[:6]), np.concatenate(energies[:6]))
    error = np.concatenate(counts[6:]) @ weights - np.concatenate(energies[6:])
    assert error.std() < 1e-2 * np.concatenate(energies).std()


def test_stored_message_passing_classifiers_still_find_their_weights():
    """Names under which the weights of classifiers were stored before there were other networks."""
    names = set(untrained("message-passing", n_layers=1, pooling="attention").model.state_dict())
    assert names == {
        "counts.mean", "counts.deviation", "embed.1.weight", "embed.1.bias",
        "interactions.0.filter.weight", "interactions.0.source.weight",
        *(f"interactions.0.update_features.{k}.{part}" for k in (0, 1, 4)
          for part in ("weight", "bias")),
        "pool.gate_nn.weight", "pool.gate_nn.bias", "head.linear.weight", "head.linear.bias",
    }  # fmt: skip
