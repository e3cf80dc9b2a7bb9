"""Structural indicators as the input of networks: computed anew, standardised per species."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from graph_models import FIELDS, GRAPH_MODELS, double, logits, untrained
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.models import (
    GraphRecipe,
    VoxelRecipe,
    arguments_for,
    create_model,
    recipe_for,
    recipe_from_dict,
)
from gnnglass.structure import (
    INDICATORS,
    PotentialEnergy,
    TongTanaka,
    VoronoiDensity,
    angular_spectrum,
)
from gnnglass.systems import glass_former
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

BOTH = ("potential-energy", "tong-tanaka")
SYSTEMS = {2: "kam2d", 3: "ka3d"}

every_model = pytest.mark.parametrize("name", GRAPH_MODELS)


def voxels(dimension: int = 2, **changes) -> VoxelRecipe:
    return VoxelRecipe(0.3, 0.25, dimension=dimension, multiple=2, **changes)


@pytest.mark.parametrize("dimension", [2, 3])
def test_fields_follow_the_species(dimension):
    snapshot, system = example_snapshot(dimension), SYSTEMS[dimension]
    x = GraphRecipe(1.7, dimension=dimension, indicators=BOTH, system=system)(snapshot).x
    assert torch.equal(x[:, :2], GraphRecipe(1.7, dimension=dimension)(snapshot).x)
    for column, indicator in ((2, PotentialEnergy(system)), (3, TongTanaka(system))):
        np.testing.assert_allclose(x[:, column], indicator.compute(snapshot).values, rtol=1e-6)


def test_fields_are_those_of_the_positions_and_not_those_that_are_stored():
    """What a file holds may be of another level, or of other positions."""
    recipe = GraphRecipe(1.7, indicators=BOTH, system="kam2d")
    snapshot = example_snapshot(2)
    stale = snapshot.with_fields(potential_energy=np.zeros(144), tong_tanaka=np.ones(144))
    assert torch.equal(recipe(stale).x, recipe(snapshot).x)


def test_a_configuration_with_holes_has_fields_too():
    """Of no material that its indicators are made for, but attributions ask what it would give."""
    snapshot = example_snapshot(2)
    half = Snapshot(snapshot.box, snapshot.positions[::2], snapshot.types[::2])
    fields = GraphRecipe(1.7, indicators=BOTH, system="kam2d").fields(half)
    assert fields.shape == (72, 2) and np.isfinite(fields).all()


@every_model
def test_standardised_fields_are_in_the_columns_of_the_own_species(name):
    one = untrained(name, indicators=FIELDS)
    data = one.recipe(example_snapshot(2, 144, 9))
    with torch.no_grad():
        seen = one.model.counts(
            data.x, data.edge_index, one.model.radial(data.edge_distance)
        ).double()
    for species, columns in enumerate(seen.chunk(2, dim=1)):
        mine, fields = data.x[:, species] > 0, data.x[:, 2:].double()
        assert not columns[~mine].any()
        expected = (fields[mine] - fields[mine].mean(dim=0)) / fields[mine].std(dim=0)
        torch.testing.assert_close(columns[mine][:, -2:], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_the_unit_of_a_field_does_not_matter(unit, monkeypatch):
    given = logits(untrained("linear", indicators=("voronoi-density",)), example_snapshot(2))
    measure = VoronoiDensity.measure
    monkeypatch.setattr(VoronoiDensity, "measure", lambda s, x: unit * measure(s, x))
    found = logits(untrained("linear", indicators=("voronoi-density",)), example_snapshot(2))
    torch.testing.assert_close(found, given, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["linear", "voxel-cnn"])
def test_a_field_that_did_not_vary_in_training_is_not_blown_up(kind, monkeypatch):
    monkeypatch.setattr(VoronoiDensity, "measure", lambda s, x: np.full(len(x), 1 / 3))
    recipe = recipe_for(kind, 2, indicators=["voronoi-density"])
    net: Any = create_model(kind, recipe, {})
    net.standardise([recipe(example_snapshot(2, seed=9))])
    assert (net.counts if kind == "linear" else net).deviation[..., -1].min() == 1


@pytest.mark.parametrize("pooling", ["mean", "attention"])
@every_model
@settings(max_examples=4, deadline=None)
@given(
    dimension=st.sampled_from([2, 3]),
    shift=st.floats(-20, 20),
    seed=st.integers(0, 2**16),
    flip=st.booleans(),
)
def test_logits_keep_the_symmetries_of_the_box(name, pooling, dimension, shift, seed, flip):
    one = untrained(name, dimension, pooling=pooling, indicators=FIELDS)
    snapshot = example_snapshot(dimension, {2: 64, 3: 125}[dimension], seed)
    order = np.random.default_rng(seed).permutation(len(snapshot))
    moved = snapshot.positions[order][:, ::-1] * (1, *[-1 if flip else 1] * (dimension - 1))
    changed = Snapshot(snapshot.box, moved + shift, snapshot.types[order])
    difference = logits(one, changed) - logits(one, snapshot)
    assert difference.abs().max() < 1e-4


@every_model
@settings(max_examples=5, deadline=None)
@given(dimension=st.sampled_from([2, 3]), seed=st.integers(0, 2**16))
def test_logits_do_not_change_under_any_rotation(name, dimension, seed):
    """Of a cluster that does not touch its images; distances within it are the same."""
    one = untrained(name, dimension, indicators=("coordination-number",))
    cluster = example_snapshot(dimension, 64, seed)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension)))
    before = Snapshot(cluster.box * 3, cluster.positions, cluster.types)
    after = before.replace(positions=cluster.positions @ turn.T)
    assert (logits(one, before) - logits(one, after)).abs().max() < 1e-4


@every_model
def test_fields_matter(name):
    """With the same graph but for them."""
    one = untrained(name, indicators=FIELDS)
    graph = one.recipe(example_snapshot(2))
    other = graph.clone()
    other.x[:, 2:] *= 1.1
    with torch.no_grad():
        both = one.model(*arguments_for(one.model, [graph, other]))
    assert (both[0] - both[1]).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["linear", "message-passing", "attention"])
def test_without_radial_functions_a_particle_is_judged_by_its_fields_alone(name):
    options = {} if name == "linear" else {"n_layers": 0}
    one = untrained(name, indicators=FIELDS, n_radial=0, **options)
    graph = double(one.recipe(example_snapshot(2)))
    net = one.model.double()
    with torch.no_grad():
        given = net.local_logits(*arguments_for(net, [graph]))
        graph.edge_distance = 0.9 * graph.edge_distance
        assert torch.equal(net.local_logits(*arguments_for(net, [graph])), given)
        alone = graph.subgraph(torch.tensor([5]))
        torch.testing.assert_close(net.local_logits(*arguments_for(net, [alone]))[0], given[5])


def test_linear_on_fields_alone_is_a_logistic_regression_on_them():
    one = untrained("linear", indicators=FIELDS, n_radial=0)
    net = one.model.double()
    assert net.head.linear.weight.shape == (2, 2 * 2 + 2)
    weight, bias = net.head.weight.detach(), net.head.linear.bias.detach()
    training, graph = (double(one.recipe(example_snapshot(2, seed=s))) for s in (9, 0))
    expected = torch.empty(144, 2, dtype=torch.float64)
    for species in (0, 1):
        seen = training.x[training.x[:, species] > 0, 2:]
        mine = graph.x[:, species] > 0
        z = (graph.x[mine, 2:] - seen.mean(dim=0)) / seen.std(dim=0)
        own = weight[:, 2 * species : 2 * species + 2]
        expected[mine] = z @ own.T + weight[:, 4 + species] + bias
    expected -= expected.mean(dim=1, keepdim=True)
    found = net.local_logits(*arguments_for(net, [graph])).detach()
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dimension", [2, 3])
def test_grids_of_a_field_are_weighted_densities(dimension):
    """Each particle's Gaussian times its field, in the channel of its species."""
    snapshot = example_snapshot(dimension, {2: 64, 3: 125}[dimension])
    recipe = voxels(dimension, indicators=FIELDS, system=SYSTEMS[dimension])
    fields, grid = recipe.fields(snapshot), recipe(snapshot)
    shape = grid.shape[1:]
    assert grid.shape == (6, *shape)
    assert torch.equal(grid[:2], voxels(dimension)(snapshot))
    edges = snapshot.box / shape
    axes = [(np.arange(m) + 0.5) * h - m * h / 2 for m, h in zip(shape, edges, strict=True)]
    centers = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dimension)
    expected = np.zeros((6, len(centers)))
    for i, position in enumerate(snapshot.positions):
        apart = snapshot.minimum_image(centers - position)
        density = np.exp(-(apart**2).sum(axis=1) / (2 * 0.25**2))
        density /= (2 * np.pi * 0.25**2) ** (dimension / 2)
        for k, value in enumerate([1.0, *fields[i]]):
            expected[2 * k + snapshot.types[i]] += value * density
    for k, channel in enumerate(expected.reshape(grid.shape)):
        np.testing.assert_allclose(grid[k], channel, atol=2e-5 * np.abs(channel).max())


def test_the_convolutional_network_sees_deviations_from_the_mean_of_each_species():
    recipe = voxels(indicators=("voronoi-density", "tong-tanaka"), system="kam2d")
    members = [example_snapshot(2, seed=seed) for seed in (0, 1)]
    net: Any = create_model("voxel-cnn", recipe, {"n_halvings": 1})
    net.standardise([recipe(one) for one in members])
    fields = np.concatenate([recipe.fields(one) for one in members])
    types = np.concatenate([one.types for one in members])
    usual = [fields[types == species, k].mean() for k in (0, 1) for species in (0, 1)]
    np.testing.assert_allclose(net.usual, usual, rtol=1e-4)
    with torch.no_grad():
        seen = net._deviations(recipe(members[0])[None])[0]
    mean = np.array(usual).reshape(2, 2)[:, members[0].types].T
    recipe_of_rest = recipe.fields(members[0]) - mean
    volume = np.prod(members[0].box / seen.shape[1:])
    for k, species in ((0, 0), (0, 1), (1, 0), (1, 1)):
        total = recipe_of_rest[members[0].types == species, k].sum()
        assert seen[2 + 2 * k + species].sum() * volume == pytest.approx(total, abs=1e-2)


def test_a_definition_is_kept_whole_and_a_system_that_nobody_needs_is_not():
    changed = replace(glass_former("kam2d"), name="mine", density=1.1).identity
    recipe = GraphRecipe(1.7, indicators=["potential-energy"], system=changed)
    assert recipe.system == glass_former(changed).identity
    again = recipe_from_dict(recipe.to_dict())
    assert again == recipe and again.hash == recipe.hash and hash(again) == hash(recipe)
    assert recipe.hash != GraphRecipe(1.7, indicators=["potential-energy"], system="kam2d").hash
    assert GraphRecipe(1.7, indicators=["voronoi-density"], system="kam2d").system is None
    assert GraphRecipe(1.7, system="kam2d") == GraphRecipe(1.7)
    order = GraphRecipe(1.7, indicators=("tong-tanaka", "potential-energy"), system="kam2d")
    assert order.hash != GraphRecipe(1.7, indicators=BOTH, system="kam2d").hash


@pytest.mark.parametrize("recipe", [lambda **p: GraphRecipe(1.7, **p), voxels])
@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"indicators": "tong-tanaka", "system": "kam2d"}, "indicators is 'tong-tanaka'; expected"),
        ({"indicators": ["tong-tanaka"] * 2, "system": "kam2d"}, "expected distinct names"),
        ({"indicators": [1]}, r"indicators is \[1\]; expected distinct names"),
        ({"indicators": {}}, r"indicators is \{\}; expected"),
        ({"indicators": ["potential-energy"]}, "'potential-energy' needs to know the glass former"),
        ({"indicators": ["potential-energy"], "system": "ka3d"}, "is defined in 3D here, and"),
        ({"indicators": ["potential-energy"], "system": 3}, "cannot be made from a int"),
        ({"indicators": ["hexatic-order"], "dimension": 3}, "is defined in 2D here, and"),
    ],
)
def test_indicators_that_cannot_be_computed_are_refused(recipe, parameters, said):
    with pytest.raises(InputError, match=said) as caught:
        recipe(**parameters)
    assert "\n" not in str(caught.value)


def test_unknown_names_are_refused():
    with pytest.raises(UnknownNameError, match="energy"):
        GraphRecipe(1.7, indicators=["energy"])
    with pytest.raises(UnknownNameError, match="ka17d"):
        GraphRecipe(1.7, indicators=["tong-tanaka"], system="ka17d")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"system": "elsewhere.toml"}, "has an unknown glass former 'elsewhere.toml'; known: "),
        ({"system": "kam2d"}, "has a system, which none of its indicators needs"),
        ({"indicators": None}, "indicators is None; expected"),
    ],
)
def test_a_stored_recipe_is_taken_for_what_it_says(change, said):
    with pytest.raises(InputError, match=said):
        recipe_from_dict({**GraphRecipe(1.7).to_dict(), **change})


def test_a_field_that_is_no_number_is_refused(monkeypatch):
    monkeypatch.setattr(VoronoiDensity, "measure", lambda s, x: np.full(len(x), np.nan))
    with pytest.raises(InputError, match="not a finite number for 144 of 144 particles"):
        GraphRecipe(1.7, indicators=["voronoi-density"])(example_snapshot(2))


@every_model
def test_networks_that_would_see_nothing_are_refused(name):
    none = {} if name == "linear" else {"n_layers": 0}
    if name != "equivariant":
        with pytest.raises(InputError, match="would see nothing but species; give the recipe"):
            create_model(name, recipe_for(name, 2), {"n_radial": 0, **none})
    if name != "linear":
        recipe = recipe_for(name, 2, indicators=["voronoi-density"])
        with pytest.raises(InputError, match="interactions filter by distance"):
            create_model(name, recipe, {"n_radial": 0})


@pytest.mark.parametrize("indicator", INDICATORS.names())
def test_every_registered_indicator_may_be_a_field(indicator):
    for dimension in (2, 3):
        try:
            recipe = GraphRecipe(
                1.7, dimension=dimension, indicators=[indicator], system=SYSTEMS[dimension]
            )
        except InputError as error:
            assert "is defined in" in str(error)
            continue
        assert recipe(example_snapshot(dimension)).x.shape[1] == 3


@pytest.mark.parametrize("dimension", [2, 3])
@every_model
def test_angles_follow_the_indicators(name, dimension):
    recipe = recipe_for(name, dimension, r_max=1.7, n_angular=3, indicators=["coordination-number"])
    snapshot = example_snapshot(dimension, 125)
    x = recipe(snapshot).x
    assert x.shape == (125 if dimension == 3 else len(snapshot), 2 + 1 + 3 * 4 * 3)
    np.testing.assert_allclose(x[:, 3:], angular_spectrum(snapshot, 1.7, 3), rtol=1e-6, atol=1e-6)
    swapped = snapshot.replace(types=1 - snapshot.types, type_names=("B", "A"))
    torch.testing.assert_close(recipe(swapped).x, x)
    net = create_model(name, recipe, {})
    net.standardise([recipe(example_snapshot(dimension, seed=9))])
    assert torch.isfinite(net(*arguments_for(net, [recipe(snapshot)]))).all()
    assert recipe_from_dict(recipe.to_dict()) == recipe


@every_model
@settings(max_examples=4, deadline=None)
@given(dimension=st.sampled_from([2, 3]), seed=st.integers(0, 2**16))
def test_networks_with_angles_do_not_change_under_any_rotation(name, dimension, seed):
    recipe = recipe_for(name, dimension, r_max=1.7, n_angular=7)
    torch.manual_seed(0)
    net = create_model(name, recipe, {}).eval()
    net.head.linear.reset_parameters()  # type: ignore[operator, union-attr]
    net.standardise([recipe(example_snapshot(dimension, seed=9))])
    cluster = example_snapshot(dimension, 64, seed)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension)))
    before = Snapshot(cluster.box * 3, cluster.positions, cluster.types)
    after = before.replace(positions=cluster.positions @ turn.T)
    with torch.no_grad():
        one, other = net(*arguments_for(net, [recipe(before), recipe(after)]))
    assert (one - other).abs().max() < 1e-4 * max(1, one.abs().max())


@pytest.mark.parametrize("wrong", [-1, 21, 2.5, True, "all"])
def test_numbers_of_orders_that_make_no_sense(wrong):
    with pytest.raises(InputError, match="n_angular is"):
        recipe_for("linear", 2, n_angular=wrong)
