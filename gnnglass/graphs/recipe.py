"""How a snapshot becomes a graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch_geometric.data import Data

from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.recipe import Recipe


@dataclass(frozen=True)
class GraphRecipe(Recipe):
    """Every particle is a node, every ordered pair closer than a cutoff is an edge.

    The cutoff is the same for all pairs of species: the types are node features, so the network
    can tell an A–B contact from an A–A one.

    Attributes:
        r_max: Cutoff of the edges, in units of length.
        type_names: The species the network knows, in the order of the one-hot columns.
        dimension: Number of space dimensions, 2 or 3.

    Raises:
        InputError: If a parameter is not meaningful.
    """

    r_max: float
    type_names: tuple[str, ...] = ("A", "B")
    dimension: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("r_max")

    def __call__(self, snapshot: Snapshot) -> Data:
        """The graph of a snapshot of n particles, with e directed edges.

        Distances are measured in double precision and then rounded to float32, in which networks
        compute.

        Returns:
            A graph with ``x`` (one-hot species, shape [n, n_species]), ``edge_index`` (shape
            [2, e]; row 0 the neighbour j, row 1 the centre i; sorted by i, then j),
            ``edge_distance`` (shape [e]), ``edge_vector`` (shortest image of r_j − r_i, shape
            [e, d]), ``pos`` (shape [n, d]) and ``box`` (shape [1, d]).

        Raises:
            InputError: If the snapshot has another dimension, an unknown species, or a box
                shorter than twice the cutoff.
        """
        species = self.species(snapshot)
        pairs = neighbor_pairs(snapshot, self.r_max)
        return Data(
            x=torch.from_numpy(np.eye(len(self.type_names), dtype=np.float32)[species]),
            edge_index=torch.from_numpy(np.stack([pairs.j, pairs.i])),
            edge_distance=torch.from_numpy(pairs.distances.astype(np.float32)),
            edge_vector=torch.from_numpy(pairs.vectors.astype(np.float32)),
            pos=torch.from_numpy(snapshot.positions.astype(np.float32)),
            box=torch.from_numpy(snapshot.box.astype(np.float32)[None]),
        )
