import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError
from gnnglass.models import GraphRecipe, VoxelRecipe
from gnnglass.trajectories import Snapshot


def liquid(seed, n=60, dimension=2, type_names=("A", "B")):
    rng = np.random.default_rng(seed)
    box = rng.uniform(6, 9, dimension)
    positions = rng.uniform(-box / 2, box / 2, (n, dimension))
    return Snapshot(box, positions, rng.integers(0, 2, n), type_names)


def brute_edges(snapshot, r_max):
    edges = {}
    images = np.array(list(itertools.product((-1, 0, 1), repeat=snapshot.dimension)))
    for i, j in itertools.permutations(range(len(snapshot)), 2):
        vectors = snapshot.positions[j] - snapshot.positions[i] + images * snapshot.box
        lengths = np.linalg.norm(vectors, axis=1)
        if lengths.min() < r_max:
            edges[j, i] = vectors[lengths.argmin()]
    return edges


@pytest.mark.parametrize("dimension", [2, 3])
def test_graph_equals_the_search_over_all_images(dimension):
    snapshot = liquid(dimension, dimension=dimension)
    data = GraphRecipe(2.0, dimension=dimension)(snapshot)
    edges = brute_edges(snapshot, 2.0)
    assert set(map(tuple, data.edge_index.T.tolist())) == set(edges)
    assert data.edge_index.shape == (2, len(edges))
    expected = np.array([edges[tuple(pair)] for pair in data.edge_index.T.tolist()])
    np.testing.assert_allclose(data.edge_vector, expected, atol=1e-6)
    np.testing.assert_allclose(data.edge_distance, np.linalg.norm(expected, axis=1), atol=1e-6)


def test_shapes_and_types_of_the_graph():
    snapshot = liquid(0)
    data = GraphRecipe(1.5)(snapshot)
    assert data.num_nodes == 60
    assert data.x.argmax(dim=1).tolist() == snapshot.types.tolist()
    assert data.x.sum(dim=1).tolist() == [1] * 60
    np.testing.assert_allclose(data.box, snapshot.box[None], rtol=1e-6)
    np.testing.assert_allclose(data.pos, snapshot.positions, atol=1e-6)
    floats = (data.x, data.pos, data.box, data.edge_distance, data.edge_vector)
    assert all(value.dtype == torch.float32 for value in floats)
    assert data.edge_index.dtype == torch.int64
    assert data.validate()


def test_a_lone_particle_is_a_graph_without_edges():
    data = GraphRecipe(1.0)(Snapshot([5, 5], [[0, 0]], [1]))
    assert data.num_nodes == 1
    assert data.edge_index.shape == (2, 0)
    assert data.edge_vector.shape == (0, 2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), dimension=st.sampled_from([2, 3]))
def test_translation_through_the_box_changes_no_edge(seed, dimension):
    snapshot = liquid(seed, dimension=dimension)
    shift = np.random.default_rng(seed).normal(size=dimension) * 20
    moved = snapshot.replace(positions=snapshot.positions + shift)
    recipe = GraphRecipe(1.7, dimension=dimension)
    before, after = recipe(snapshot), recipe(moved)
    assert torch.equal(before.edge_index, after.edge_index)
    torch.testing.assert_close(before.edge_vector, after.edge_vector, atol=1e-5, rtol=0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_quarter_turns_and_reflections_turn_the_edge_vectors(seed):
    snapshot = liquid(seed, dimension=3)
    rng = np.random.default_rng(seed)
    turn = np.eye(3)[rng.permutation(3)] * rng.choice([-1, 1], 3)
    turned = snapshot.replace(
        box=np.abs(turn) @ snapshot.box, positions=snapshot.positions @ turn.T
    )
    recipe = GraphRecipe(1.7, dimension=3)
    before, after = recipe(snapshot), recipe(turned)
    assert torch.equal(before.edge_index, after.edge_index)
    torch.testing.assert_close(before.edge_distance, after.edge_distance, atol=1e-5, rtol=0)
    expected = before.edge_vector @ torch.from_numpy(turn.T.astype(np.float32))
    torch.testing.assert_close(after.edge_vector, expected, atol=1e-5, rtol=0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_relabelling_relabels_the_edges(seed):
    snapshot = liquid(seed)
    order = np.random.default_rng(seed).permutation(len(snapshot))
    relabelled = snapshot.replace(positions=snapshot.positions[order], types=snapshot.types[order])
    recipe = GraphRecipe(1.7)
    before, after = recipe(snapshot), recipe(relabelled)
    edges = set(map(tuple, before.edge_index.T.tolist()))
    assert {tuple(order[pair]) for pair in after.edge_index.T.numpy()} == edges
    assert torch.equal(after.x, before.x[torch.from_numpy(order)])


def test_types_are_matched_by_name():
    snapshot = liquid(3)
    swapped = snapshot.replace(types=1 - snapshot.types, type_names=("B", "A"))
    recipe = GraphRecipe(1.7)
    assert torch.equal(recipe(snapshot).x, recipe(swapped).x)
    spare = snapshot.replace(type_names=("A", "B", "unused"))
    assert torch.equal(recipe(snapshot).x, recipe(spare).x)


def test_unknown_species_names_what_the_model_knows():
    snapshot = liquid(3, type_names=("A", "Ni"))
    with pytest.raises(InputError, match=r"species Ni.*knows A, B"):
        GraphRecipe(1.7)(snapshot)


def test_other_dimension_is_refused():
    with pytest.raises(InputError, match=r"3D.*2D"):
        GraphRecipe(1.7)(liquid(3, dimension=3))


def test_cutoff_over_half_the_box_is_refused():
    with pytest.raises(InputError, match="half"):
        GraphRecipe(5.0)(liquid(3))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"r_max": 0.0}, "r_max"),
        ({"r_max": float("nan")}, "r_max"),
        ({"r_max": 2.0, "dimension": 4}, "dimension"),
        ({"r_max": 2.0, "type_names": ()}, "type_names"),
        ({"r_max": 2.0, "type_names": ("A", "A")}, "type_names"),
        ({"r_max": 2.0, "type_names": "AB"}, "type_names"),
    ],
)
def test_meaningless_parameters_are_refused(parameters, message):
    with pytest.raises(InputError, match=message):
        GraphRecipe(**parameters)


def test_hash_tells_recipes_apart_and_survives_storage():
    recipe = GraphRecipe(2, ("A", "B"))
    assert recipe.hash == GraphRecipe(2.0, ["A", "B"]).hash
    others = (
        GraphRecipe(2.1),
        GraphRecipe(2, ("B", "A")),
        GraphRecipe(2, dimension=3),
        VoxelRecipe(2, 2),
    )
    assert len({recipe.hash, *(other.hash for other in others)}) == 5
    assert GraphRecipe.from_dict(recipe.to_dict()) == recipe
    assert len(recipe.hash) == 64


@pytest.mark.parametrize(
    "change", [{"recipe": "VoxelRecipe"}, {"format_version": 99}, {"colour": "red"}]
)
def test_foreign_stored_recipe_is_refused(change):
    with pytest.raises(InputError, match="stored"):
        GraphRecipe.from_dict({**GraphRecipe(2.0).to_dict(), **change})
