"""Base classes of the networks: features of sites, pooling over sites, and class logits."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, ClassVar, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import MessagePassing, aggr
from torch_geometric.utils import scatter

from gnnglass._options import require_memory, require_positive, require_probability, require_whole
from gnnglass.errors import InputError, unknown
from gnnglass.registry import Registry
from gnnglass.trajectories import Snapshot, neighbor_pairs

#: Area and volume of balls of radius 1.
UNIT_BALL = {2: math.pi, 3: 4 / 3 * math.pi}

#: Default arguments of a graph network's `forward`.
GRAPH_INPUTS = ("x", "edge_index", "edge_distance", "batch")


class ClassifierNet(nn.Module, ABC):
    """A network that maps graphs or grids to class logits, with layers that can be explained.

    The constructor arguments of a subclass must be JSON-like, so that they can be stored with the
    weights. It must be possible to create it on torch's meta device, where tensors have shapes but
    no values: a stored classifier is compared with its weights before memory is allocated.
    `forward` returns one row of logits per configuration. `local_logits` returns one row per *site*
    (particle or grid cell), and `ball_logits` one row per site averaged over its neighbourhood,
    from the same features and the same head; training with local labels uses these. A neighbourhood
    of a radius does not depend on the weights, so `ball` finds it once per configuration.

    Attributes:
        kind: Kind of its recipe, ``"graph"`` or ``"voxel"``.
        default_recipe: Parameters of its recipe that work for dense liquids in reduced units.
        takes: Attributes of a graph that `forward` takes, in this order; not used for grids.
        explained_layer: Name, in `named_modules`, of the layer that attributions use by default.
        particle_layers: Names of all layers whose outputs have a row per site, first to last.
    """

    kind: ClassVar[Literal["graph", "voxel"]]
    default_recipe: ClassVar[Mapping[str, float]]
    takes: ClassVar[tuple[str, ...]] = GRAPH_INPUTS
    explained_layer: str
    particle_layers: tuple[str, ...]

    @abstractmethod
    def standardise(self, inputs: Sequence[Any], balls: Sequence[Tensor] = ()) -> None:
        """Set the fixed input normalisation from training inputs (PyG Data, or grids).

        Inputs are normalised with statistics of the training set and not of a batch: BatchNorm over
        configurations of a single phase would remove the phase.

        Args:
            inputs: Those of the training configurations.
            balls: What `ball` gives for each, if labels are of balls of a radius.
        """

    @abstractmethod
    def forward(self, *inputs: Any) -> Tensor:
        """Logits, shape [n_configurations, n_classes]."""

    @abstractmethod
    def local_logits(self, *inputs: Any) -> Tensor:
        """Logits of every site, shape [n_sites, n_classes]."""

    @abstractmethod
    def ball(self, made: Any, snapshot: Snapshot, radius: float) -> Tensor:
        """Which sites are within a radius of each site, in the form that `ball_logits` takes.

        Args:
            made: What the recipe made of the snapshot.
            snapshot: The configuration.
            radius: In units of length.

        Raises:
            InputError: If the radius reaches beyond half the box, or memory does not suffice.
        """

    @abstractmethod
    def ball_logits(self, *inputs: Any, **options: Any) -> Tensor:
        """Mean of the logits in a ball around every site, shape [n_sites, n_classes].

        Args:
            *inputs: As `forward` takes them.
            **options: ``ball``, what the method `ball` gives for each member of the batch, joined
                by `join_balls`; if None, a ball is a site and those next to it.
        """


MODELS: Registry[ClassifierNet] = Registry("model", "gnnglass.models")


def require_within_box(snapshot: Snapshot, radius: float) -> None:
    """Refuse a ball that would meet its own image.

    Raises:
        InputError: If so.
    """
    # As far as neighbours can be found.
    half = float(snapshot.box.min()) / 2 * (1 - 1e-6)
    if radius >= half:
        raise InputError(
            f"ball_radius is {radius:g}; expected less than half the shortest edge of the box "
            f"({half:.4g}): give a smaller one, or a larger system."
        )


#: What a layer takes beside its weights, at least, for being an object of torch.
LAYER_BYTES = 20_000


def require_room(n_weights: int, n_layers: int = 1) -> None:
    """Refuse a network that has too many weights or layers for this machine.

    Args:
        n_weights: How many weights it has at least.
        n_layers: How many layers it has.

    Raises:
        InputError: If so.
    """
    require_memory(4 * n_weights + LAYER_BYTES * n_layers, "a network of these options")


def require_interactions(
    n_species: int, hidden: int, n_layers: int, n_radial: int, n_fields: int
) -> None:
    """Refuse numbers and widths of interactions that make no sense or do not fit this machine.

    Raises:
        InputError: If so.
    """
    require_whole(0, n_layers=n_layers, n_radial=n_radial, n_fields=n_fields)
    require_whole(1, n_species=n_species, hidden=hidden)
    if n_layers and not n_radial:
        raise InputError(
            f"n_radial is 0 and n_layers is {n_layers}; interactions filter by distance: expected "
            "at least 2 radial functions, or no interactions (n_layers = 0)."
        )
    embedding = hidden * n_species * (n_radial * n_species + n_fields)
    require_room(embedding + n_layers * hidden * (hidden + n_radial), n_layers)


class Head(nn.Module):
    """Linear class logits that sum to zero.

    Softmax does not determine the common part of all logits, and an explanation of one class's
    logit would show it. With the sum fixed, the logit of a class is the evidence for that class.

    Args:
        hidden: Width of the features.
        n_classes: Number of classes.
    """

    def __init__(self, hidden: int, n_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, n_classes)

    def forward(self, features: Tensor) -> Tensor:
        """Logits, shape [..., hidden] -> [..., n_classes]."""
        logits = self.linear(features)
        return logits - logits.mean(dim=-1, keepdim=True)


POOLINGS = ("mean", "sum", "max", "attention")


def make_pooling(name: str, hidden: int) -> nn.Module:
    """A PyG aggregation called as ``pool(features, batch)``.

    Args:
        name: One of `POOLINGS`; ``"attention"`` learns a softmax weight per site.
        hidden: Width of the features.

    Raises:
        InputError: On an unknown name.
    """
    if name == "attention":
        return aggr.AttentionalAggregation(nn.Linear(hidden, 1))
    if name not in POOLINGS:
        raise InputError(unknown("pooling", name, POOLINGS))
    return {"mean": aggr.MeanAggregation, "sum": aggr.SumAggregation, "max": aggr.MaxAggregation}[
        name
    ]()


def scale_of_fields(spread: Tensor, largest: Tensor) -> Tensor:
    """What deviations of fields are divided by: their spread, or 1 where nothing varies.

    Fields have any unit, so it is rounding, and no number, that a spread is compared with.

    Args:
        spread: Standard deviation of each field.
        largest: Largest absolute value of each field, of the same shape.
    """
    return spread.masked_fill(spread <= 1e-6 * largest, 1.0)


class RadialBasis(nn.Module):
    """Gaussians of the distance, each fading smoothly to zero at the cutoff.

    e_k(r) = exp[−(r − μ_k)² / 2w²] · ½[cos(π r / r_max) + 1]: Behler–Parrinello radial
    functions (Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007), eqs. 3 and 4). Because
    of the envelope, the features are continuous when a neighbour crosses the cutoff.

    Args:
        r_max: Cutoff, in units of length.
        n_radial: Number of Gaussians, at least 2, because their width is their spacing; 0 for none.
        r_min: Centre of the first Gaussian; closer pairs do not occur in dense liquids.

    Raises:
        InputError: If there is a single Gaussian.
    """

    centers: Tensor

    def __init__(self, r_max: float, n_radial: int, r_min: float = 0.6) -> None:
        super().__init__()
        # In single precision nothing is larger.
        require_positive(most=1e30, r_max=r_max)
        require_whole(0, n_radial=n_radial)
        if r_max <= r_min:
            raise InputError(
                f"r_max is {r_max:g}; expected more than {r_min:g}, where the radial functions "
                "begin."
            )
        if n_radial == 1:
            raise InputError(
                "n_radial is 1; expected at least 2 radial functions, because their spacing is "
                "their width, or 0 for none."
            )
        self.r_max = r_max
        self.register_buffer("centers", torch.linspace(r_min, r_max, n_radial), persistent=False)
        self.width = (r_max - r_min) / max(n_radial - 1, 1)

    def forward(self, distance: Tensor) -> Tensor:
        """Features of each distance, shape [n_pairs] -> [n_pairs, n_radial]."""
        gaussians = torch.exp(-0.5 * ((distance[:, None] - self.centers) / self.width).square())
        # Strained distances may be beyond the cutoff.
        envelope = 0.5 * (torch.cos(math.pi * (distance / self.r_max).clamp_max(1.0)) + 1)
        return gaussians * envelope[:, None]


class RadialCounts(MessagePassing):
    """What a network first sees of each particle: its neighbours, and its fields.

    c_i,(k,b) = Σ_{j of species b} e_k(r_ij), the number of neighbours of each species at each
    distance, followed by the particle's fields; then z_i = (c_i − mean) / deviation, with the mean
    and standard deviation over the training particles of the *same species as i*. The raw counts
    are nearly equal in both phases and would hide the small shifts that distinguish them.

    A particle's values are in the columns of its own species, and all other columns are zero. A
    linear layer then has separate weights for every species, because the meaning of a neighbour
    depends on whose neighbour it is (a network per element: Artrith, Morawietz & Behler, Phys. Rev.
    B 83, 153101 (2011)). The energy of a particle is then a linear function of the counts.

    Args:
        n_species: Number of species, whose one-hot columns come first in `x`.
        n_radial: Radial functions per pair; with none there are no counts.
        n_fields: Number of fields, the columns of `x` that follow.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, n_species: int, n_radial: int, n_fields: int = 0) -> None:
        super().__init__(aggr="sum")
        self.n_species = n_species
        self.n_counts = n_species * n_radial
        n_values = self.n_counts + n_fields
        self.n_features = n_species * n_values
        self.register_buffer("mean", torch.zeros(n_species, n_values))
        self.register_buffer("deviation", torch.ones(n_species, n_values))

    def standardise(self, graphs: Iterable[tuple[Tensor, Tensor, Tensor]]) -> None:
        """Set mean and deviation, per species, from (x, edge_index, radial) of training graphs."""
        counts, x = [], []
        with torch.no_grad():
            for features, edge_index, radial in graphs:
                counts.append(self.counts(features, edge_index, radial))
                x.append(self.one_hot(features))
        stacked, species = torch.cat(counts).double(), torch.cat(x).argmax(dim=1)
        for k in range(len(self.mean)):
            mine = stacked[species == k]
            if len(mine) > 1:
                spread = mine.std(dim=0)
                of_counts, of_fields = spread.tensor_split([self.n_counts])
                largest = mine[:, self.n_counts :].abs().amax(dim=0)
                self.mean[k] = mine.mean(dim=0)
                # Radial functions that no pair reaches do not vary; avoid dividing by zero.
                self.deviation[k] = torch.cat(
                    [of_counts.clamp_min(1e-2), scale_of_fields(of_fields, largest)]
                )

    def forward(self, x: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """Standardised values in the columns of the own species, shape [n, n_features]."""
        one_hot = self.one_hot(x)
        counts = self.counts(x, edge_index, radial)
        standard = (counts - one_hot @ self.mean) / (one_hot @ self.deviation)
        return (one_hot[:, :, None] * standard[:, None, :]).flatten(1)

    def one_hot(self, x: Tensor) -> Tensor:
        """The one-hot species, without the fields that follow them, shape [n, n_species]."""
        return x[:, : self.n_species]

    def counts(self, x: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """Counts and fields before standardisation, [n, n_species * n_radial + n_fields]."""
        one_hot, fields = x.tensor_split([self.n_species], dim=1)
        counted = self.propagate(edge_index, x=one_hot, radial=radial)
        return torch.cat([counted, fields], dim=1)

    def message(self, x_j: Tensor, radial: Tensor) -> Tensor:
        """Radial features of the pair, in the columns of the neighbour's species."""
        return (radial[:, :, None] * x_j[:, None, :]).flatten(1)


#: Maps particle features, edges and edge features to new particle features.
Layer = Callable[[Tensor, Tensor, Tensor], Tensor]


class GraphNet(ClassifierNet):
    """A network of `layers` that update particles from their neighbours, followed by pooling.

    A layer updates a particle's features from its direct neighbours alone, so the number of layers
    limits how far the effect of a particle reaches; local explanations rely on this.

    Args:
        n_species: Number of species in the one-hot input.
        r_max: Cutoff of the graph, in units of length.
        n_radial: Radial functions per pair.
        width: Width of the particle features that are pooled.
        pooling: ``"mean"``, ``"sum"``, ``"max"`` or ``"attention"``.
        n_classes: Number of classes.
        n_fields: Number of fields that follow the one-hot species in `x`.

    Attributes:
        features_are_fixed: Whether no weight comes before the head, so that a training computes
            the features of each configuration only once; see `FixedFeatures`.

    Raises:
        InputError: If a number makes no sense, or there is nothing to look at but the species.
    """

    kind = "graph"
    default_recipe: ClassVar = {"r_max": 2.0}
    features_are_fixed: ClassVar[bool] = False

    def __init__(
        self,
        n_species: int,
        r_max: float,
        n_radial: int,
        width: int,
        pooling: str,
        n_classes: int,
        n_fields: int,
    ) -> None:
        super().__init__()
        require_whole(1, n_species=n_species, hidden=width)
        require_whole(0, n_radial=n_radial, n_fields=n_fields)
        require_whole(2, n_classes=n_classes)
        require_room(
            n_radial * (1 + 2 * n_species**2) + 2 * n_species * n_fields + width * n_classes
        )
        if not n_radial and not n_fields:
            raise InputError(
                "n_radial is 0 and the recipe has no fields, so the network would see nothing "
                "but species; give the recipe indicators, or at least 2 radial functions."
            )
        self.radial = RadialBasis(r_max, n_radial)
        self.counts = RadialCounts(n_species, n_radial, n_fields)
        self.pool = make_pooling(pooling, width)
        self.head = Head(width, n_classes)

    @property
    @abstractmethod
    def layers(self) -> Sequence[Layer]:
        """The layers in order; the input of the first is the one-hot species and the fields.

        Each is called with the particle features, shape [n, ...], the edges, shape [2, e], and
        `edge_features`, shape [e, ...]; the features returned by the last are pooled.
        """

    def edge_features(self, geometry: Tensor) -> Tensor:
        """Edge features, shape [e, ...], from the entry of `takes` that describes the edges."""
        return cast(Tensor, self.radial(geometry))

    def standardise(self, inputs: Sequence[Data], balls: Sequence[Tensor] = ()) -> None:
        """Set mean and deviation of counts and fields, per species, from training graphs."""
        self.counts.standardise(
            (data.x, data.edge_index, self.radial(data.edge_distance)) for data in inputs
        )

    def features(self, x: Tensor, edge_index: Tensor, geometry: Tensor) -> Tensor:
        """Features of every particle after the last layer, shape [n, width]."""
        edges = self.edge_features(geometry)
        return reduce(lambda h, layer: layer(h, edge_index, edges), self.layers, x)

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_distance: Tensor, batch: Tensor | None = None
    ) -> Tensor:
        """Graph logits.

        Args:
            x: One-hot species, then fields, shape [n, n_species + n_fields].
            edge_index: Source (neighbour) and target (centre) of each edge, shape [2, e].
            edge_distance: Pair distances, shape [e].
            batch: Graph of each particle, shape [n]; one graph if None.

        Returns:
            Logits, shape [n_graphs, n_classes].
        """
        return self.read_out(self.features(x, edge_index, edge_distance), batch)

    def read_out(self, features: Tensor, batch: Tensor | None = None) -> Tensor:
        """Graph logits, shape [n_graphs, n_classes], from the features of all particles."""
        if batch is None:
            batch = torch.zeros(len(features), dtype=torch.long, device=features.device)
        return cast(Tensor, self.head(self.pool(features, batch)))

    def local_logits(
        self, x: Tensor, edge_index: Tensor, geometry: Tensor, batch: Tensor | None = None
    ) -> Tensor:
        """Logits of every particle, shape [n, n_classes]."""
        return cast(Tensor, self.head(self.features(x, edge_index, geometry)))

    def ball(self, made: Data, snapshot: Snapshot, radius: float) -> Tensor:
        """Every pair of particles closer than the radius, once, shape [2, n_pairs], int32."""
        require_within_box(snapshot, radius)
        n, dimension = len(snapshot), snapshot.dimension
        around = n / float(np.prod(snapshot.box)) * UNIT_BALL[dimension] * radius**dimension
        # Both orders of a pair, with their vectors and distances.
        require_memory(
            n * around * 8 * (dimension + 3), f"the pairs of {n} particles within {radius:g}"
        )
        pairs = neighbor_pairs(snapshot, radius)
        once = pairs.i < pairs.j
        return torch.from_numpy(np.stack([pairs.i[once], pairs.j[once]]).astype(np.int32))

    def ball_logits(
        self,
        x: Tensor,
        edge_index: Tensor,
        geometry: Tensor,
        batch: Tensor | None = None,
        *,
        ball: Tensor | None = None,
    ) -> Tensor:
        """Mean logits of every particle and those around it, shape [n, n_classes].

        Args:
            x: One-hot species, then fields, shape [n, n_species + n_fields].
            edge_index: Source (neighbour) and target (centre) of each edge, shape [2, e].
            geometry: What the network takes of the edges, shape [e, ...].
            batch: Graph of each particle, shape [n].
            ball: Pairs of particles in each other's ball, each once, shape [2, n_pairs]; the
                neighbours in the graph if None.
        """
        return mean_in_balls(self.local_logits(x, edge_index, geometry, batch), edge_index, ball)


class FixedFeatures(nn.Module):
    """What there is to train of a graph network without weights before its head.

    It is called with what `of` computes once: the features of every particle, and their means over
    balls. The head is linear, so the logits of such a mean are the mean of the logits.

    Args:
        net: The network, with its inputs standardised; it is trained in place.
    """

    kind: ClassVar[Literal["graph"]] = "graph"
    takes: ClassVar[tuple[str, ...]] = ("x", "around", "batch")

    def __init__(self, net: GraphNet) -> None:
        super().__init__()
        self.net = net

    def of(self, graph: Data, ball: Tensor | None, *, with_balls: bool) -> Data:
        """The features of a graph's particles, and their means over balls if labels are of these.

        Args:
            graph: What the recipe made of a configuration.
            ball: As `mean_in_balls` takes it.
            with_balls: Whether labels are of balls.
        """
        # The last thing a network takes is which graph of a batch each particle is of.
        x, edge_index, geometry = (graph[name] for name in self.net.takes[:-1])
        with torch.no_grad():
            features = self.net.features(x, edge_index, geometry)
            around = mean_in_balls(features, edge_index, ball) if with_balls else features
        return Data(x=features, around=around)

    def forward(self, features: Tensor, around: Tensor, batch: Tensor) -> Tensor:
        """Logits, shape [n_graphs, n_classes]."""
        return self.net.read_out(features, batch)

    def local_logits(self, features: Tensor, around: Tensor, batch: Tensor) -> Tensor:
        """Logits of every particle, shape [n, n_classes]."""
        return cast(Tensor, self.net.head(features))

    def ball_logits(
        self, features: Tensor, around: Tensor, batch: Tensor, *, ball: Tensor | None = None
    ) -> Tensor:
        """Mean logits in the balls that `of` was given, shape [n, n_classes]."""
        return cast(Tensor, self.net.head(around))


def mean_in_balls(values: Tensor, edge_index: Tensor, ball: Tensor | None) -> Tensor:
    """Mean of the values of every particle and of those in its ball, shape [n, k].

    Args:
        values: Shape [n, k].
        edge_index: The edges of the graph, in both directions, shape [2, e].
        ball: Pairs of particles in each other's ball, each once, shape [2, n_pairs]; the
            neighbours in the graph if None.
    """
    return mean_with_others(values, (edge_index,) if ball is None else both_ways(ball))


def both_ways(ball: Tensor) -> tuple[Tensor, Tensor]:
    """The pairs of a ball in both directions."""
    return ball.long(), ball.flip(0).long()


def mean_with_others(values: Tensor, ways: Iterable[Tensor]) -> Tensor:
    """Mean of the values of every particle and of those that it is paired with.

    Args:
        values: Shape [n, k].
        ways: Sets of directed pairs, row 0 the other and row 1 the particle, shape [2, n_pairs].
    """
    total, size = values, torch.ones_like(values[:, 0])
    for other, particle in ways:
        total = total + scatter(values[other], particle, dim_size=len(values), reduce="sum")
        size = size + torch.bincount(particle, minlength=len(values))
    return total / size[:, None]


def normalised_mlp(inputs: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    """LayerNorm and a perceptron with one hidden layer.

    LayerNorm acts on each particle alone, so that no statistic is shared between particles,
    graphs or phases.

    Args:
        inputs: Width of the input.
        hidden: Width of the hidden layer.
        outputs: Width of the output.
        dropout: Probability of dropping a value of the hidden layer in training.
    """
    return nn.Sequential(
        nn.LayerNorm(inputs),
        nn.Linear(inputs, hidden),
        nn.SiLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, outputs),
    )


class Interaction(MessagePassing):
    """One residual update by continuous-filter messages.

    m_i = Σ_j F(e(r_ij)) ⊙ V h_j (Schütt et al., SchNet, NeurIPS 2017, eq. 2), followed by
    h_i ← h_i + MLP(LayerNorm[h_i, m_i]).
    """

    def __init__(self, hidden: int, n_radial: int, dropout: float) -> None:
        super().__init__(aggr="sum")
        self.filter = nn.Linear(n_radial, hidden, bias=False)
        self.source = nn.Linear(hidden, hidden, bias=False)
        self.update_features = normalised_mlp(2 * hidden, hidden, hidden, dropout)

    def forward(self, h: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """Updated features, shape [n, hidden]."""
        gathered = self.propagate(edge_index, h=self.source(h), filters=self.filter(radial))
        return h + self.update_features(torch.cat([h, gathered], dim=1))

    def message(self, h_j: Tensor, filters: Tensor) -> Tensor:
        """The neighbour's features, filtered by the distance."""
        return h_j * filters


class InteractionNet(GraphNet):
    """A network that embeds what it sees of each particle, and then lets neighbours interact.

    h_i = SiLU(W [x_i, z_i] + b), with the one-hot species x_i and the standardised radial counts
    and fields z_i of `RadialCounts`; every interaction then updates h from the direct neighbours.

    Args:
        n_species: Number of species in the one-hot input.
        r_max: Cutoff of the graph, in units of length.
        hidden: Width of the particle features.
        n_radial: Radial functions per pair.
        pooling: ``"mean"``, ``"sum"``, ``"max"`` or ``"attention"``.
        dropout: Probability of dropping an input of the embedding in training.
        n_classes: Number of classes.
        n_fields: Number of fields that follow the one-hot species in `x`.
        interactions: The layers after the embedding, first to last.
    """

    def __init__(
        self,
        n_species: int,
        r_max: float,
        hidden: int,
        n_radial: int,
        pooling: str,
        dropout: float,
        n_classes: int,
        n_fields: int,
        interactions: Iterable[nn.Module],
    ) -> None:
        super().__init__(n_species, r_max, n_radial, hidden, pooling, n_classes, n_fields)
        require_probability(dropout=dropout)
        self.embed = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(n_species + self.counts.n_features, hidden), nn.SiLU()
        )
        self.interactions = nn.ModuleList(interactions)
        names = [f"interactions.{k}" for k in range(len(self.interactions))]
        self.particle_layers = ("embed", *names)
        self.explained_layer = self.particle_layers[-1]

    @property
    def layers(self) -> Sequence[Layer]:
        """The embedding of species, radial counts and fields, then the interactions."""
        return [self.embedding, *self.interactions]

    def embedding(self, x: Tensor, edge_index: Tensor, radial: Tensor) -> Tensor:
        """Initial features of every particle, shape [n, hidden]."""
        counts = self.counts(x, edge_index, radial)
        return cast(Tensor, self.embed(torch.cat([self.counts.one_hot(x), counts], dim=1)))
