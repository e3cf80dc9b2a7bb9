"""Every registered network keeps the contract; and the voxel network its symmetries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from graph_models import GRAPH_MODELS
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.models import MODELS, VoxelRecipe, collate
from gnnglass.models.network import RadialBasis
from gnnglass.testing import check_model, example_snapshot
from gnnglass.trajectories import Snapshot


def logits(recipe, net, snapshot: Snapshot) -> torch.Tensor:
    with torch.no_grad():
        return net(*collate([recipe(snapshot)]))


@pytest.mark.parametrize("name", MODELS.names())
def test_registered_models_honour_the_contract(name):
    check_model(name)


def test_radial_basis_equals_its_formula_and_ends_at_the_cutoff():
    basis = RadialBasis(r_max=2.0, n_radial=8)
    r = torch.tensor([0.7, 1.3, 2.0])
    centers = np.linspace(0.6, 2.0, 8)
    width = centers[1] - centers[0]
    expected = np.exp(-((r.numpy()[:, None] - centers) ** 2) / (2 * width**2))
    expected *= 0.5 * (np.cos(np.pi * r.numpy()[:, None] / 2.0) + 1)
    np.testing.assert_allclose(basis(r), expected, atol=1e-6)
    assert basis(torch.tensor([2.0])).abs().max() < 1e-7


@pytest.mark.parametrize("name", GRAPH_MODELS)
def test_a_single_radial_function_has_no_width(name):
    with pytest.raises(InputError, match="n_radial is 1; expected at least 2"):
        MODELS.create(name, n_species=2, r_max=2.0, n_radial=1)


@pytest.mark.parametrize("dimension", [2, 3])
def test_cnn_is_periodic(dimension):
    """A roll by whole coarse cells changes nothing; features roll along."""
    torch.manual_seed(0)
    net: Any = MODELS.create("voxel-cnn", n_species=2, dimension=dimension, hidden=8).eval()
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
