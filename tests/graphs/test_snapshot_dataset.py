from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.loader import DataLoader

from gnnglass.errors import InputError
from gnnglass.graphs import GraphRecipe, SnapshotDataset
from gnnglass.trajectories import Snapshot, Trajectory


def run(seed, n_frames=3):
    rng = np.random.default_rng(seed)
    return Trajectory(
        [
            Snapshot([8, 8], rng.uniform(-4, 4, (20 + k, 2)), rng.integers(0, 2, 20 + k))
            for k in range(n_frames)
        ]
    )


def test_graphs_are_those_of_the_recipe(tmp_path):
    runs, recipe = [run(0), run(1, n_frames=2)], GraphRecipe(2.0)
    dataset = SnapshotDataset(tmp_path, runs, recipe, [0, 1])
    assert dataset.y.tolist() == [0, 0, 0, 1, 1]
    assert dataset.trajectory.tolist() == [0, 0, 0, 1, 1]
    for graph, snapshot in zip(dataset, [*runs[0], *runs[1]], strict=True):
        assert all(torch.equal(graph[key], value) for key, value in recipe(snapshot))
    batch = next(iter(DataLoader(dataset, batch_size=5)))
    assert batch.num_nodes == 20 + 21 + 22 + 20 + 21


def test_graphs_are_made_once_per_recipe_and_configuration(tmp_path, monkeypatch):
    SnapshotDataset(tmp_path, [run(0)], GraphRecipe(2.0), [0])
    SnapshotDataset(tmp_path, [run(0)], GraphRecipe(2.5), [0])
    SnapshotDataset(tmp_path, [run(1)], GraphRecipe(2.0), [0])
    SnapshotDataset(tmp_path, [run(0)], GraphRecipe(2.0), [1])
    assert len(list(Path(tmp_path).iterdir())) == 4

    def refuse(self, snapshot):
        raise AssertionError("made again")

    monkeypatch.setattr(GraphRecipe, "__call__", refuse)
    assert len(SnapshotDataset(tmp_path, [run(0)], GraphRecipe(2.0), [0])) == 3


def test_labels_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match="2 labels for 1 trajectories"):
        SnapshotDataset(tmp_path, [run(0)], GraphRecipe(2.0), [0, 1])
    with pytest.raises(InputError, match="at least one"):
        SnapshotDataset(tmp_path, [], GraphRecipe(2.0), [])
