"""Graphs of whole trajectories as a PyG data set, made once and kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch_geometric.data import InMemoryDataset

from gnnglass.errors import InputError
from gnnglass.graphs.recipe import GraphRecipe
from gnnglass.trajectories import Trajectory
from gnnglass.trajectories.files import written_whole


class SnapshotDataset(InMemoryDataset):  # type: ignore[misc]
    """Every snapshot of some trajectories as a labelled graph, for PyG's own loaders and models.

    The processed folder is named by the recipe's hash and by the configurations, so changing
    either makes new graphs and going back finds the old ones.

    Each graph carries, beside what `GraphRecipe` gives, ``y`` (class index, shape [1]) and
    ``trajectory`` (index into `trajectories`, shape [1]): snapshots of one run are not
    independent, so split by it.

    Args:
        root: Folder of the cache.
        trajectories: The runs.
        recipe: How a snapshot becomes a graph.
        labels: Class index of each trajectory.

    Raises:
        InputError: If there is not one label per trajectory, or a snapshot does not fit the
            recipe.
        FileError: If the cache cannot be written.
    """

    def __init__(
        self,
        root: str | Path,
        trajectories: Sequence[Trajectory],
        recipe: GraphRecipe,
        labels: Sequence[int],
    ) -> None:
        if not trajectories or len(labels) != len(trajectories):
            raise InputError(
                f"there are {len(labels)} labels for {len(trajectories)} trajectories; expected "
                "at least one trajectory and one label for each."
            )
        self.trajectories = trajectories
        self.recipe = recipe
        self.labels = [int(label) for label in labels]
        self._content = _content_hash(trajectories, self.labels)
        super().__init__(str(root), log=False)
        self.load(self.processed_paths[0])

    @property
    def processed_dir(self) -> str:
        """Folder of the graphs of this recipe and these configurations."""
        return str(Path(self.root) / f"graphs-{self.recipe.hash[:16]}-{self._content[:16]}")

    @property
    def processed_file_names(self) -> str:
        """The one file that holds all graphs."""
        return "graphs.pt"

    def process(self) -> None:
        """Make the graphs and write them; called by PyG when they are not on disk."""
        graphs = []
        for index, (trajectory, label) in enumerate(
            zip(self.trajectories, self.labels, strict=True)
        ):
            for snapshot in trajectory:
                graph = self.recipe(snapshot)
                graph.y = torch.tensor([label])
                graph.trajectory = torch.tensor([index])
                graphs.append(graph)
        with written_whole(self.processed_paths[0]) as path:
            self.save(graphs, str(path))


def _content_hash(trajectories: Sequence[Trajectory], labels: Sequence[int]) -> str:
    digest = hashlib.sha256(repr(list(labels)).encode())
    for trajectory in trajectories:
        digest.update(f"{len(trajectory)} frames".encode())
        for snapshot in trajectory:
            digest.update(f"{len(snapshot)} {snapshot.type_names}".encode())
            for array in (snapshot.box, snapshot.positions, snapshot.types):
                digest.update(array.tobytes())
    return digest.hexdigest()
