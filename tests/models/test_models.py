"""Networks: what must not change their answer, and what must."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Batch

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.graphs import GraphRecipe
from gnnglass.models import MODELS, collate
from gnnglass.models.radial_basis import RadialBasis
from gnnglass.models.readout import POOLINGS
from gnnglass.systems import GLASS_FORMERS
from gnnglass.testing import check_model, example_snapshot
from gnnglass.trajectories import Snapshot
from gnnglass.voxels import VoxelRecipe

INVARIANCE = 1e-4


def message_passing(dimension: int, **options):
    torch.manual_seed(0)
    recipe = GraphRecipe(r_max=1.7, dimension=dimension)
    net = MODELS.create("message-passing", n_species=2, r_max=1.7, **options).eval()
    net.standardise([recipe(example_snapshot(dimension, seed=9))])
    return recipe, net


def logits(recipe, net, snapshot: Snapshot) -> torch.Tensor:
    with torch.no_grad():
        return net(*collate([recipe(snapshot)]))


@pytest.mark.parametrize("name", MODELS.names())
def test_registered_models_honour_the_contract(name):
    check_model(name)


@pytest.mark.parametrize("pooling", POOLINGS)
@settings(max_examples=15, deadline=None)
@given(
    dimension=st.sampled_from([2, 3]),
    shift=st.floats(-20, 20),
    seed=st.integers(0, 2**16),
    flip=st.booleans(),
)
def test_message_passing_is_invariant(pooling, dimension, shift, seed, flip):
    """Translation through the box, quarter turns, reflection and relabelling change nothing."""
    recipe, net = message_passing(dimension, pooling=pooling)
    snapshot = example_snapshot(dimension, {2: 100, 3: 216}[dimension], seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(snapshot))
    moved = snapshot.positions[order][:, ::-1] * (1, *[-1 if flip else 1] * (dimension - 1))
    changed = Snapshot(snapshot.box, moved + shift, snapshot.types[order])
    difference = logits(recipe, net, changed) - logits(recipe, net, snapshot)
    # A sum over particles is as large as the system, and so is its rounding.
    scale = len(snapshot) if pooling == "sum" else 1
    assert difference.abs().max() < INVARIANCE * scale


@settings(max_examples=15, deadline=None)
@given(angle=st.floats(0, 2 * math.pi), seed=st.integers(0, 2**16))
def test_message_passing_is_invariant_under_any_rotation(angle, seed):
    """A cluster that does not touch its periodic images may be turned by any angle."""
    recipe, net = message_passing(2)
    cluster = example_snapshot(2, 64, seed)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    box = cluster.box * 3
    before = Snapshot(box, cluster.positions, cluster.types)
    after = Snapshot(box, cluster.positions @ turn.T, cluster.types)
    assert (logits(recipe, net, before) - logits(recipe, net, after)).abs().max() < INVARIANCE


def test_message_passing_sees_types_and_distances():
    recipe, net = message_passing(2)
    snapshot = example_snapshot(2, 100)
    swapped = snapshot.replace(types=1 - snapshot.types)
    squeezed = Snapshot(snapshot.box * 0.97, snapshot.positions * 0.97, snapshot.types)
    reference = logits(recipe, net, snapshot)
    for other in (swapped, squeezed):
        assert (logits(recipe, net, other) - reference).abs().max() > 100 * INVARIANCE


def test_a_batch_gives_what_its_members_give_alone():
    recipe, net = message_passing(2, pooling="attention")
    members = [example_snapshot(2, n, n) for n in (64, 100, 81)]
    together = net(*collate([recipe(member) for member in members]))
    alone = torch.cat([logits(recipe, net, member) for member in members])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_logits_sum_to_zero():
    """So that the logit of one class has no part that softmax would not see."""
    recipe, net = message_passing(2)
    assert logits(recipe, net, example_snapshot(2)).sum().abs() < 1e-6


def test_mean_pooling_of_local_logits_is_the_graph_logit():
    """Head and mean commute, so that local labels train the same function."""
    recipe, net = message_passing(2)
    arguments = collate([recipe(example_snapshot(2, 100))])
    torch.testing.assert_close(
        net.local_logits(*arguments).mean(dim=0), net(*arguments)[0], atol=1e-6, rtol=1e-5
    )


def test_nothing_happens_abruptly_at_the_cutoff():
    """The logits are continuous where a neighbour crosses the cutoff, and the pair matters."""
    recipe, net = message_passing(2)
    box = np.array([8.0, 8.0])
    inside, just_in, just_out = (
        logits(recipe, net, Snapshot(box, [[0, 0], [1.7 + d, 0]], [0, 1]))
        for d in (-0.5, -1e-5, 1e-5)
    )
    assert (just_in - just_out).abs().max() < 1e-4
    assert (inside - just_out).abs().max() > 1e-3


def test_standardised_counts_have_no_mean_and_unit_spread_per_species():
    recipe, net = message_passing(2)
    data = recipe(example_snapshot(2, 144, 9))
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
    system, recipe = GLASS_FORMERS.create("kam2d"), GraphRecipe(r_max=2.5)
    net = MODELS.create("message-passing", n_species=2, r_max=2.5, n_radial=32)
    rng = np.random.default_rng(0)
    counts, energies = [], []
    for seed in range(8):
        lattice = example_snapshot(2, 144, seed)
        # Half the noise of the example, in which some particles all but coincide.
        sites = np.floor((lattice.positions / lattice.box + 0.5) * 12) + 0.5
        places = (sites + rng.uniform(-0.07, 0.07, sites.shape)) / 12 - 0.5
        snapshot = lattice.replace(positions=places * lattice.box)
        data = recipe(snapshot)
        with torch.no_grad():
            found = net.counts(data.x, data.edge_index, net.radial(data.edge_distance))
        counts.append(torch.cat([data.x, found], dim=1).double().numpy())
        energies.append(system.energies(snapshot))
    weights, *_ = np.linalg.lstsq(np.concatenate(counts[:6]), np.concatenate(energies[:6]))
    error = np.concatenate(counts[6:]) @ weights - np.concatenate(energies[6:])
    assert error.std() < 1e-2 * np.concatenate(energies).std()


def test_radial_basis_equals_its_formula_and_ends_at_the_cutoff():
    basis = RadialBasis(r_max=2.0, n_radial=8)
    r = torch.tensor([0.7, 1.3, 2.0])
    centers = np.linspace(0.6, 2.0, 8)
    width = centers[1] - centers[0]
    expected = np.exp(-((r.numpy()[:, None] - centers) ** 2) / (2 * width**2))
    expected *= 0.5 * (np.cos(np.pi * r.numpy()[:, None] / 2.0) + 1)
    np.testing.assert_allclose(basis(r), expected, atol=1e-6)
    assert basis(torch.tensor([2.0])).abs().max() < 1e-7


@pytest.mark.parametrize("dimension", [2, 3])
def test_cnn_is_periodic(dimension):
    """A roll by whole coarse cells changes nothing; features roll along."""
    torch.manual_seed(0)
    net = MODELS.create("voxel-cnn", n_species=2, dimension=dimension, hidden=8).eval()
    grid = torch.rand(1, 2, *[16] * dimension)
    rolled = torch.roll(grid, [8] * dimension, dims=list(range(2, 2 + dimension)))
    with torch.no_grad():
        torch.testing.assert_close(net(grid), net(rolled), atol=1e-5, rtol=0)
        torch.testing.assert_close(
            torch.roll(net.features(grid), [2] * dimension, dims=list(range(2, 2 + dimension))),
            net.features(rolled),
            atol=1e-5,
            rtol=0,
        )


@settings(max_examples=10, deadline=None)
@given(shift=st.floats(-30, 30), seed=st.integers(0, 1000))
def test_cnn_is_nearly_invariant_under_any_translation(shift, seed):
    """A shift by part of a coarse cell changes the logits far less than another particle does."""
    torch.manual_seed(0)
    net = MODELS.create("voxel-cnn", n_species=2, dimension=2).eval()
    recipe = VoxelRecipe(voxel_size=0.2, width=0.2, multiple=4)
    snapshot = example_snapshot(2, 100, seed)
    net.standardise([recipe(snapshot)])
    reference = logits(recipe, net, snapshot)
    moved = logits(recipe, net, snapshot.replace(positions=snapshot.positions + shift))
    swapped = logits(recipe, net, snapshot.replace(types=1 - snapshot.types))
    assert (moved - reference).abs().max() < 0.2 * (swapped - reference).abs().max()


def test_unknown_model_and_pooling_name_the_known_ones():
    with pytest.raises(UnknownNameError, match="message-passing, voxel-cnn"):
        MODELS.create("transformer")
    with pytest.raises(InputError, match="mean, sum, max, attention"):
        MODELS.create("message-passing", n_species=2, r_max=2.0, pooling="median")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_gpu_gives_what_the_cpu_gives():
    recipe, net = message_passing(2)
    arguments = collate([recipe(example_snapshot(2, 100))])
    on_gpu = net.cuda()(*(argument.cuda() for argument in arguments)).cpu()
    torch.testing.assert_close(on_gpu, net.cpu()(*arguments), atol=1e-4, rtol=1e-4)


def test_batch_of_pyg_is_accepted_as_it_is():
    """The forward signature is PyG's own, so that its tools work on our models."""
    recipe, net = message_passing(2)
    batch = Batch.from_data_list([recipe(example_snapshot(2, 64)), recipe(example_snapshot(2, 81))])
    assert net(batch.x, batch.edge_index, batch.edge_distance, batch.batch).shape == (2, 2)


def test_torch_scatter_changes_nothing(monkeypatch):
    """PyG takes the optional accelerator when it is there; the figures must not notice."""
    pytest.importorskip("torch_scatter", reason="the extra 'scatter' is not installed")
    recipe, net = message_passing(2, pooling="attention")
    snapshot = example_snapshot(2)
    found = []
    for there in (True, False):
        monkeypatch.setattr("torch_geometric.typing.WITH_TORCH_SCATTER", there)
        found.append(logits(recipe, net, snapshot))
    torch.testing.assert_close(found[0], found[1], atol=1e-6, rtol=0)
