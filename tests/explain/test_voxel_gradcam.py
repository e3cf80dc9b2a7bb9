import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_ins import Classifier, GraphNet, PixelNet, liquid
from torch import nn

from gnnglass.errors import InputError
from gnnglass.explain import VoxelGradCAM, VoxelHiResCAM
from gnnglass.models import GraphRecipe, VoxelRecipe
from gnnglass.trajectories import Snapshot

RECIPE = VoxelRecipe(0.25, 0.25)
RECIPE_3D = VoxelRecipe(0.5, 0.35, dimension=3)


class DensityNet(nn.Module):
    """A network whose logit is the mean density of one species: its map is that density."""

    explained_layer = "pool"

    def __init__(self, dimension, stride):
        super().__init__()
        self.pool = {2: nn.AvgPool2d, 3: nn.AvgPool3d}[dimension](stride)

    def forward(self, grid):
        h = self.pool(grid).flatten(2).mean(dim=2)
        return torch.stack([h[:, 0], h[:, 1]], dim=1)


@pytest.mark.parametrize(
    ("method", "definition"),
    [
        (VoxelGradCAM, lambda h, g: torch.einsum("k,kxy->xy", g.flatten(1).mean(dim=1), h)),
        (VoxelHiResCAM, lambda h, g: torch.einsum("kxy,kxy->xy", g, h)),
    ],
)
def test_without_copies_it_is_the_definition_sampled_at_the_particles(method, definition):
    model, snapshot = PixelNet(), liquid(0)
    kept = []
    handle = model.features.register_forward_hook(lambda m, i, o: kept.append(o))
    logits = model(RECIPE(snapshot)[None])
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[0, 1], kept[0])
    expected = definition(kept[0][0], gradient[0]).detach().numpy()
    (found,) = method(n_shifts=1, flips=False).compute(Classifier(model, RECIPE), [snapshot])
    np.testing.assert_allclose(
        found, RECIPE.sample(expected, snapshot), atol=1e-6 * np.abs(expected).max()
    )


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("flips", [False, True])
def test_a_planted_particle_is_found_where_it_is(dimension, stride, flips):
    """The particle sees the peak; probes at equal distance on either side see the same."""
    recipe = {2: RECIPE, 3: RECIPE_3D}[dimension]
    box = np.full(dimension, {2: 8.0, 3: 8.0}[dimension])
    rng = np.random.default_rng(stride)
    planted = rng.uniform(-4, 4, dimension)
    arms = 1.5 * recipe.voxel_size * stride * np.vstack([np.eye(dimension), -np.eye(dimension)])
    # The probes are of the other species, which the explained class does not look at.
    snapshot = Snapshot(
        box, np.vstack([planted, planted + arms]), [1] + [0] * len(arms), ("A", "B")
    )
    attribution = VoxelGradCAM(n_shifts=stride, flips=flips)
    classifier = Classifier(DensityNet(dimension, stride), recipe)
    (scores,) = attribution.compute(classifier, [snapshot], "glass")
    assert scores[0] > 2 * scores[1:].max()
    plus, minus = np.split(scores[1:], 2)
    np.testing.assert_allclose(plus, minus, atol=0.1 * scores[0])


def test_averaging_over_shifts_centres_the_map_on_the_particle():
    """The map's centre of mass, probed on a line through the particle, is the particle."""
    offsets = np.linspace(-3, 3, 121)
    errors: dict[int, list[float]] = {}
    for n_shifts in (1, 4):
        errors[n_shifts] = []
        for x in (0.0, 0.3, 0.7):
            line = np.stack([x + offsets, np.full_like(offsets, 0.1)], axis=1)
            snapshot = Snapshot(
                [8.0, 8.0], np.vstack([[x, 0.1], line]), [1] + [0] * len(line), ("A", "B")
            )
            classifier = Classifier(DensityNet(2, 4), RECIPE)
            attribution = VoxelGradCAM(n_shifts=n_shifts, flips=False)
            scores = attribution.compute(classifier, [snapshot])[0][1:]
            errors[n_shifts].append(abs(np.average(offsets, weights=scores)))
    assert max(errors[4]) < 0.02
    assert max(errors[4]) < max(errors[1])


@pytest.mark.parametrize("method", [VoxelGradCAM, VoxelHiResCAM])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), dimension=st.sampled_from([2, 3]))
def test_all_shifts_and_flips_make_scores_follow_the_grid_symmetries(method, seed, dimension):
    rng = np.random.default_rng(seed)
    snapshot = liquid(seed, n=15, box=(8.0,) * dimension)
    recipe = {2: RECIPE, 3: RECIPE_3D}[dimension]
    order = rng.permutation(len(snapshot))
    mirror = rng.choice([-1, 1], dimension)
    shift = rng.integers(-20, 20, dimension) * recipe.voxel_size
    moved = snapshot.replace(
        positions=(snapshot.positions * mirror + shift)[order], types=snapshot.types[order]
    )
    classifier = Classifier(PixelNet(dimension, seed=seed), recipe)
    before, after = method(n_shifts=2).compute(classifier, [snapshot, moved])
    np.testing.assert_allclose(after, before[order], atol=1e-4 * np.abs(before).max())


def test_shift_by_the_stride_changes_nothing_even_without_copies():
    snapshot = liquid(1)
    moved = snapshot.replace(positions=snapshot.positions + np.array([1.0, -2.0]))
    classifier = Classifier(PixelNet(stride=4), RECIPE)
    before, after = VoxelGradCAM(n_shifts=1, flips=False).compute(classifier, [snapshot, moved])
    np.testing.assert_allclose(after, before, atol=1e-5 * np.abs(before).max())


def test_batch_size_does_not_matter_and_boxes_may_differ():
    snapshots = [liquid(0), liquid(1, box=(8.0, 12.0))]
    classifier = Classifier(PixelNet(), RECIPE)
    one = VoxelGradCAM(batch_size=1).compute(classifier, snapshots)
    many = VoxelGradCAM(batch_size=64).compute(classifier, snapshots)
    for left, right in zip(one, many, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5 * np.abs(left).max())


def test_grid_that_the_stride_does_not_divide_is_refused():
    classifier = Classifier(PixelNet(stride=3), RECIPE)
    with pytest.raises(InputError, match=r"32 × 32 voxels becomes 10 × 10.*multiple"):
        VoxelGradCAM().compute(classifier, [liquid(0)])


def test_wrong_kind_and_wrong_layer_are_refused():
    with pytest.raises(InputError, match="explains voxel models, but this classifier is a graph"):
        VoxelGradCAM().compute(Classifier(GraphNet(), GraphRecipe(2.0)), [liquid(0)])
    with pytest.raises(InputError, match="before the pooling over space"):
        VoxelGradCAM("head").compute(Classifier(PixelNet(), RECIPE), [liquid(0)])
    with pytest.raises(InputError, match="n_shifts"):
        VoxelGradCAM(n_shifts=0)
