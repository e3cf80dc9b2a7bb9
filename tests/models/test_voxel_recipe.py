import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError
from gnnglass.models import VoxelRecipe, sample_periodic
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

SHAPE = {2: (24, 30), 3: (14, 16, 12)}


def liquid(seed, n=20, dimension=2):
    rng = np.random.default_rng(seed)
    box = 0.5 * np.array(SHAPE[dimension], dtype=float)
    return Snapshot(box, rng.uniform(-box / 2, box / 2, (n, dimension)), rng.integers(0, 2, n))


def recipe_for(dimension, **changes):
    return VoxelRecipe(**{"voxel_size": 0.5, "width": 0.4, "dimension": dimension, **changes})


def direct_sum(snapshot, shape, width):
    """Untruncated Gaussians of all near images, summed voxel by voxel."""
    edges = snapshot.box / shape
    axes = [(np.arange(m) + 0.5) * h - m * h / 2 for m, h in zip(shape, edges, strict=True)]
    centres = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    grid = np.zeros((2, *shape))
    norm = (2 * np.pi * width**2) ** (snapshot.dimension / 2)
    for position, species in zip(snapshot.positions, snapshot.types, strict=True):
        for image in itertools.product((-1, 0, 1), repeat=snapshot.dimension):
            squared = np.sum((centres - position - np.array(image) * snapshot.box) ** 2, axis=-1)
            grid[species] += np.exp(-squared / (2 * width**2)) / norm
    return grid


@pytest.mark.parametrize("dimension", [2, 3])
def test_deposition_equals_the_direct_sum(dimension):
    snapshot = liquid(1, dimension=dimension)
    grid = recipe_for(dimension)(snapshot)
    assert grid.shape == (2, *SHAPE[dimension])
    assert grid.dtype == torch.float32
    expected = direct_sum(snapshot, SHAPE[dimension], 0.4)
    np.testing.assert_allclose(grid, expected, atol=2e-6 * expected.max())


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    dimension=st.sampled_from([2, 3]),
    width=st.floats(1 / 3, 0.49),
)
def test_particles_are_conserved(seed, dimension, width):
    snapshot = liquid(seed, dimension=dimension)
    grid = recipe_for(dimension, width=width)(snapshot).double()
    totals = grid.flatten(1).sum(dim=1).numpy() * 0.5**dimension
    np.testing.assert_allclose(totals, np.bincount(snapshot.types, minlength=2), rtol=1e-3)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), dimension=st.sampled_from([2, 3]))
def test_a_shift_by_whole_voxels_rolls_the_grid(seed, dimension):
    snapshot = liquid(seed, dimension=dimension)
    shift = np.random.default_rng(seed).integers(-40, 40, dimension)
    recipe = recipe_for(dimension)
    moved = recipe(snapshot.replace(positions=snapshot.positions + 0.5 * shift))
    rolled = recipe(snapshot).roll(shift.tolist(), tuple(range(1, dimension + 1)))
    torch.testing.assert_close(moved, rolled, atol=1e-5, rtol=0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), dimension=st.sampled_from([2, 3]))
def test_relabelling_changes_nothing_and_reflection_flips(seed, dimension):
    snapshot = liquid(seed, dimension=dimension)
    order = np.random.default_rng(seed).permutation(len(snapshot))
    recipe = recipe_for(dimension)
    grid = recipe(snapshot)
    relabelled = snapshot.replace(positions=snapshot.positions[order], types=snapshot.types[order])
    torch.testing.assert_close(recipe(relabelled), grid, atol=1e-5, rtol=0)
    mirrored = snapshot.replace(positions=snapshot.positions * [-1, *[1] * (dimension - 1)])
    torch.testing.assert_close(recipe(mirrored), grid.flip(1), atol=1e-5, rtol=0)


def test_the_grid_is_smooth_below_a_voxel():
    """The centre of mass of a deposited particle follows it, without steps at voxel faces."""
    box = [10.0, 10.0]
    recipe = VoxelRecipe(0.25, 0.25, ("A",))
    centres = (np.arange(40) + 0.5) * 0.25 - 5
    for x in np.linspace(-0.3, 0.3, 25):
        grid = recipe(Snapshot(box, [[x, 0.1]], [0], ("A",)))[0].double().numpy()
        mean = (grid.sum(axis=1) @ centres) / grid.sum()
        assert mean == pytest.approx(x, abs=1e-5)


def test_grids_deposited_in_blocks_are_the_same(monkeypatch):
    snapshot = liquid(4, n=50)
    whole = recipe_for(2)(snapshot)
    monkeypatch.setattr("gnnglass.models.inputs._BLOCK", 1)
    torch.testing.assert_close(recipe_for(2)(snapshot), whole)


def test_counts_are_rounded_to_the_multiple():
    snapshot = Snapshot([10.3, 14.8], [[0, 0]], [0])
    assert VoxelRecipe(0.5, 0.4)(snapshot).shape == (2, 21, 30)
    assert VoxelRecipe(0.5, 0.4, multiple=4)(snapshot).shape == (2, 20, 28)


@pytest.mark.parametrize("dimension", [2, 3])
def test_sampling_is_exact_at_cell_centres_and_linear_between(dimension):
    rng = np.random.default_rng(5)
    shape = SHAPE[dimension]
    grid = rng.normal(size=(3, *shape))
    cell = rng.integers(0, 12, (7, dimension))
    at_centres = sample_periodic(grid, (cell + 0.5) / shape)
    np.testing.assert_allclose(at_centres, grid[(slice(None), *cell.T)], atol=1e-12)
    following = (cell + np.eye(dimension, dtype=int)[0]) % shape
    between = sample_periodic(grid, (cell + 0.5 + 0.25 * np.eye(dimension)[0]) / shape)
    expected = 0.75 * at_centres + 0.25 * grid[(slice(None), *following.T)]
    np.testing.assert_allclose(between, expected, atol=1e-12)


@pytest.mark.parametrize("cells", [60, 120])
def test_sampling_follows_a_periodic_function_across_the_face(cells):
    """Linear interpolation of a wave errs by (2π/m)²/8 at most; twice as fine, four times less."""
    snapshot = liquid(6, n=400)
    centres = (np.arange(cells) + 0.5) / cells - 0.5
    wave = np.cos(2 * np.pi * centres)[:, None] + np.sin(2 * np.pi * centres)[None, :]
    x, y = (snapshot.positions / snapshot.box).T
    expected = np.cos(2 * np.pi * x) + np.sin(2 * np.pi * y)
    found = recipe_for(2).sample(wave, snapshot)
    assert np.abs(found - expected).max() <= 2 * (2 * np.pi / cells) ** 2 / 8


def test_sampling_wraps_and_keeps_leading_axes():
    grid = np.random.default_rng(0).normal(size=(2, 3, 8, 6))
    places = np.array([[0.01, 0.99], [0.5, 0.2]])
    found = sample_periodic(grid, places)
    assert found.shape == (2, 3, 2)
    np.testing.assert_allclose(found, sample_periodic(grid, places + np.array([2, -3])), atol=1e-12)
    with pytest.raises(InputError, match="at least 2 axes"):
        sample_periodic(np.zeros(4), places)


def test_too_small_a_box_is_refused():
    with pytest.raises(InputError, match="too small"):
        recipe_for(2)(Snapshot([3.0, 20.0], [[0, 0]], [0]))


def test_other_dimension_and_unknown_species_are_refused():
    with pytest.raises(InputError, match="3D"):
        recipe_for(2)(liquid(0, dimension=3))
    with pytest.raises(InputError, match="species Ni"):
        recipe_for(2)(Snapshot([10, 10], [[0, 0]], [0], ("Ni",)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"voxel_size": -1.0}, "voxel_size"),
        ({"width": 0.0}, "width"),
        ({"width": 0.2}, "too narrow"),
        ({"multiple": 0}, "multiple"),
        ({"type_names": ("A", "A")}, "type_names"),
    ],
)
def test_meaningless_parameters_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        recipe_for(2, **changes)


def test_width_that_rounding_makes_too_narrow_is_refused():
    with pytest.raises(InputError, match="too narrow"):
        VoxelRecipe(1.0, 0.7, multiple=8)(Snapshot([11.9, 11.9], [[0, 0]], [0]))


def test_hash_and_storage():
    recipe = recipe_for(2)
    assert VoxelRecipe.from_dict(recipe.to_dict()) == recipe
    assert recipe.hash != recipe_for(2, width=0.45).hash


@pytest.mark.parametrize("parameters", [{"voxel_size": 1e-9}, {"multiple": 10**15}])
def test_a_grid_that_no_memory_holds_is_refused(parameters):
    recipe = VoxelRecipe(**{"voxel_size": 0.2, "width": 0.2, **parameters})
    with pytest.raises(InputError, match=r"a grid of .* voxels would take at least .* GiB"):
        recipe(example_snapshot(2))
