"""Deletion and insertion: the logit while particles are perturbed in the order of a map."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_whole
from gnnglass._show import Told, axes_or_new
from gnnglass.errors import InputError
from gnnglass.explain.attribution import column_of
from gnnglass.explain.explained_logit import still
from gnnglass.explain.faithfulness.maps import Maps, checked_maps
from gnnglass.models import GraphNet, arguments_for, batched
from gnnglass.stats import Interval, mean_over_runs, run_means
from gnnglass.training import TrainedClassifier, as_classifier
from gnnglass.trajectories import RunsLike, Snapshot, TrajectoryLike, as_trajectory, by_run
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BoolArray = NDArray[np.bool_]

#: From a snapshot, which particles each of m versions keeps, shape [m, n], and a source of
#: chance, to the logits of the versions, shape [m, n_classes].
Perturbed = Callable[[Snapshot, BoolArray, np.random.Generator], FloatArray]


class GivesLogits(Protocol):
    """What is asked for its logits: a `gnnglass.training.TrainedClassifier`, or anything alike."""

    @property
    def labels(self) -> Sequence[str]:
        """The classes, in the order of the logits; the last is explained by default."""

    def logits(self, snapshots: Sequence[Snapshot], *, batch_size: int) -> FloatArray:
        """Logits of each snapshot, shape [n_snapshots, n_classes]."""


class Perturbation(ABC):
    """A way to take what particles are out of a snapshot."""

    @abstractmethod
    def prepare(self, classifier: GivesLogits, batch_size: int) -> Perturbed:
        """What gives the classifier's logits for versions of a snapshot.

        Where a version keeps nobody and nothing is left to ask about, its logits are NaN.

        Args:
            classifier: Which classifier.
            batch_size: How many versions it is given at once.

        Raises:
            InputError: If the classifier cannot be treated like this.
        """


@dataclass(frozen=True)
class Removal(Perturbation):
    """Remove the particles; the others stay where they are, in the same box.

    It works for any classifier and takes out all that a particle tells, to itself and to its
    neighbours. But no dense liquid or glass has such holes: every neighbour of a hole misses a
    particle, which is many standard deviations of its counts, and the network is asked about
    configurations far from all it was trained on (Hooker et al., NeurIPS 2019, for pixels). Part
    of any change of the logit is its surprise. The random orders, which make as many holes, carry
    the same part if the holes of the map's order lie as scattered as theirs.
    """

    def prepare(self, classifier: GivesLogits, batch_size: int) -> Perturbed:
        """Logits of what is left of a snapshot; NaN where nothing is."""
        # Holes are what is asked about: no trained classifier was made for them.
        ask = (
            classifier.logits_of_any
            if isinstance(classifier, TrainedClassifier)
            else classifier.logits
        )

        def logits(snapshot: Snapshot, kept: BoolArray, _: np.random.Generator) -> FloatArray:
            result = np.full((len(kept), len(classifier.labels)), np.nan)
            left = kept.any(axis=1)
            versions = [_without_others(snapshot, keep) for keep in kept[left]]
            result[left] = ask(versions, batch_size=batch_size)
            return result

        return logits


def _without_others(snapshot: Snapshot, keep: BoolArray) -> Snapshot:
    return Snapshot(
        snapshot.box, snapshot.positions[keep], snapshot.types[keep], snapshot.type_names
    )


@dataclass(frozen=True)
class Resampling(Perturbation):
    """Give particles the radial counts of particles drawn from reference snapshots.

    A particle's row in the output of the module ``counts`` of a `GraphNet` (its standardised
    radial counts and fields, what the network first sees of its surroundings) is replaced by that
    of a random particle of the same species. Each particle has one such stand-in, the same in all
    orders and at all fractions, so that orders are compared under the same draws.

    Every row is one the network knows from training, and there are no holes. But the rows no
    longer fit each other, and the edges stay as they are: layers that see distances still see
    those of the true configuration, and what a particle tells through them is not taken out. The
    changes are therefore smaller than those of `Removal`.

    Args:
        reference: Snapshots of the classifier's level that stand-ins are drawn from. Of all
            classes, they take the particle's information out; of one class, they put that
            class's in.
    """

    reference: TrajectoryLike = field(repr=False)

    def prepare(self, classifier: GivesLogits, batch_size: int) -> Perturbed:
        """Logits of a snapshot some of whose particles have the counts of others.

        Raises:
            InputError: If the classifier is not a trained network on graphs that looks at its
                radial counts, or no snapshot is given to draw from.
        """
        if not isinstance(classifier, TrainedClassifier) or not isinstance(
            classifier.model, GraphNet
        ):
            given = getattr(classifier, "model", classifier)
            raise InputError(
                f"resampling replaces the radial counts inside a trained network on graphs, and "
                f"{type(given).__name__} is none; remove particles instead."
            )
        model, recipe = classifier.model, classifier.recipe
        pools = _pools(classifier, model, as_trajectory(self.reference), batch_size)

        def logits(snapshot: Snapshot, kept: BoolArray, rng: np.random.Generator) -> FloatArray:
            graph: Any = recipe(snapshot)
            one_hot = graph.x[:, : len(recipe.type_names)]
            stand_ins = _drawn(one_hot, pools, recipe.type_names, rng)
            rows = []
            for start in range(0, len(kept), batch_size):
                part = torch.from_numpy(kept[start : start + batch_size]).to(stand_ins.device)
                versions = [graph] * len(part)

                def exchange(counts: Tensor, part: Tensor = part) -> Tensor:
                    others = stand_ins.repeat(len(part), 1)
                    return torch.where(part.reshape(-1, 1), counts, others)

                rows.append(_logits(model, versions, exchange))
            return torch.cat(rows).double().cpu().numpy()

        return logits


def _pools(
    classifier: TrainedClassifier, model: GraphNet, reference: Sequence[Snapshot], batch_size: int
) -> list[Tensor]:
    """Standardised counts of the reference particles of each species, each [m, n_features]."""
    seen: list[Tensor] = []
    one_hot: list[Tensor] = []
    n_species = len(classifier.recipe.type_names)

    def record(counts: Tensor) -> Tensor:
        seen.append(counts)
        return counts

    for graphs in batched(classifier.recipe, reference, batch_size):
        _logits(model, graphs, record)
        one_hot += [graph.x[:, :n_species] for graph in graphs]
    if sum(map(len, seen)) != sum(map(len, one_hot)):
        raise InputError(
            f"{type(model).__name__} does not look at the radial counts of its particles once, so "
            "they cannot be exchanged; remove particles instead."
        )
    counts = torch.cat(seen)
    species = torch.cat(one_hot).argmax(dim=1).to(counts.device)
    return [counts[species == k] for k in range(n_species)]


def _drawn(
    one_hot: Tensor, pools: Sequence[Tensor], names: Sequence[str], rng: np.random.Generator
) -> Tensor:
    """Counts of a random particle of the same species for each particle, [n, n_features]."""
    species = one_hot.argmax(dim=1).numpy()
    stand_ins = pools[0].new_empty(len(species), pools[0].shape[1])
    for k in np.unique(species):
        if len(pools[k]) == 0:
            raise InputError(
                f"the reference snapshots have no particle of species {names[k]} to draw from; "
                "add a snapshot that has."
            )
        mine = species == k
        stand_ins[mine] = pools[k][rng.integers(len(pools[k]), size=mine.sum())]
    return stand_ins


def _logits(model: GraphNet, graphs: Sequence[Any], change: Callable[[Tensor], Tensor]) -> Tensor:
    """Logits of graphs, with what the module ``counts`` gives changed on its way."""
    network = cast(GraphNet, still(model))
    network.counts.register_forward_hook(lambda _, inputs, counts: change(counts))
    with torch.no_grad():
        return cast(Tensor, network(*arguments_for(model, graphs)))


Mode = Literal["deletion", "insertion"]


@dataclass(frozen=True, eq=False, repr=False)
class FaithfulnessCurve(Told):
    """Logit of a class against the fraction of the particles that were deleted or inserted.

    Attributes:
        mode: ``"deletion"`` or ``"insertion"``.
        target: The class whose logit it is.
        fractions: Share of the particles deleted or inserted, shape [n_fractions].
        logits: In the order of the map, shape [n_configurations, n_fractions]; NaN where no
            particle is left.
        random: In random orders, shape [n_random, n_configurations, n_fractions].
        runs: Run of each configuration.
    """

    mode: Mode
    target: str
    fractions: FloatArray
    logits: FloatArray
    random: FloatArray
    runs: tuple[str, ...]

    @property
    def areas(self) -> FloatArray:
        """Area between the map's curve and the mean random one, shape [n_configurations].

        ∫ (random − logit) df for deletion and ∫ (logit − random) df for insertion, so that
        positive is better than chance for both; in units of the logit.
        """
        from scipy.integrate import trapezoid

        gain = self.logits - self.random.mean(axis=0)
        # At both ends all orders are the same, whether or not there is anything left.
        inside = (self.fractions > 0) & (self.fractions < 1)
        area = trapezoid(np.where(inside, gain, 0.0), self.fractions, axis=1)
        return np.asarray(area if self.mode == "insertion" else -area)

    @property
    def area(self) -> Interval:
        """Mean of `areas` within each run, then over runs, with a 95 % interval over runs."""
        return mean_over_runs(self.areas, self.runs)

    def sentence(self) -> str:
        """How much better than random orders the map is, in one sentence."""
        return (
            f"{self.mode.capitalize()} in the order of the map: area {self.area.sentence('+.3g')} "
            f"between the logit of {self.target} and that in random orders; positive is better "
            f"than chance; {len(self.logits)} configurations."
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per fraction: the logit, and the random one, as means over runs."""
        import pandas as pd

        return pd.DataFrame(
            {
                "mode": self.mode,
                "fraction": self.fractions,
                "logit": run_means(self.logits, self.runs).mean(axis=0),
                "random": run_means(self.random.mean(axis=0), self.runs).mean(axis=0),
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the curve, and the mean and range of those of random orders.

        Args:
            ax: Axes to draw on; a new figure is made without.
        """
        ax = axes_or_new(ax)
        frame = self.to_frame()
        each = np.stack([run_means(order, self.runs).mean(axis=0) for order in self.random])
        ax.fill_between(
            self.fractions, each.min(axis=0), each.max(axis=0), color="0.85", linewidth=0
        )
        ax.plot(self.fractions, frame["random"], color="0.45", label="random orders")
        ax.plot(self.fractions, frame["logit"], color="C0", label="order of the map")
        what = {"deletion": "deleted", "insertion": "inserted"}[self.mode]
        ax.set_xlabel(f"fraction of particles {what}")
        ax.set_ylabel(f"logit of {self.target}")
        ax.set_title(f"{self.mode}, area {self.area.estimate:+.3g}", fontsize="medium")
        ax.legend(frameon=False)
        return ax


FRACTIONS = tuple(k / 20 for k in range(21))


@checks_arguments
def faithfulness_curve(
    classifier: GivesLogits | str | PathLike[str],
    snapshots: RunsLike,
    scores: Maps,
    *,
    runs: Sequence[Hashable] | None = None,
    mode: Mode = "deletion",
    perturbation: Perturbation | None = None,
    target: str | None = None,
    fractions: ArrayLike = FRACTIONS,
    n_random: int = 5,
    batch_size: int = 8,
    seed: int = 0,
) -> FaithfulnessCurve:
    """Follow the logit of a class while particles go, or come, in the order of their scores.

    Deletion perturbs a fraction f of the particles, the highest scores first: where they carry
    the logit, it falls sooner than in random orders. Insertion leaves the fraction f of highest
    scores alone and perturbs all others: the logit rises sooner. Both go from one end to the
    other, and equal scores keep the order of the particles (Petsiuk, Das & Saenko, BMVC 2018, for
    pixels; Samek et al., IEEE Trans. Neural Netw. Learn. Syst. 28, 2660 (2017)).

    It costs (1 + n_random) × n_fractions forward passes per snapshot.

    Args:
        classifier: Whose logit it is, or its file.
        snapshots: Configurations at the classifier's level: one trajectory or file per independent
            run, or snapshots, of which `runs` says the run.
        scores: Scores of each snapshot's particles for the class `target`.
        runs: Independent run of each snapshot; left out with trajectories or files.
        mode: ``"deletion"`` or ``"insertion"``.
        perturbation: What happens to the particles; `Removal` if None.
        target: The class; the classifier's last label if None.
        fractions: Increasing, between 0 and 1, shape [n_fractions]. Of n particles f n are
            perturbed, rounded down.
        n_random: Number of random orders.
        batch_size: How many versions of a snapshot the classifier is given at once.
        seed: Seed of the random orders and of what the perturbation draws.

    Raises:
        InputError: If scores or runs do not fit the snapshots, if mode, fractions or `n_random`
            make no sense, or if the classifier cannot be perturbed like this.
        UnknownNameError: If the classifier has no class `target`.
    """
    if mode not in get_args(Mode):
        raise InputError(f"mode is {mode!r}; expected {' or '.join(get_args(Mode))}.")
    require_whole(1, most=10**6, n_random=n_random)
    require_whole(1, batch_size=batch_size)
    require_whole(0, seed=seed)
    judge: GivesLogits = as_classifier(classifier)
    snapshots, runs = by_run(snapshots, runs)
    grid = _checked_fractions(fractions)
    maps = checked_maps(scores, [len(snapshot) for snapshot in snapshots])
    target = judge.labels[-1] if target is None else target
    column = column_of(target, judge.labels)
    perturbed = (perturbation or Removal()).prepare(judge, batch_size)
    curves = []
    for index, (snapshot, values) in enumerate(zip(snapshots, maps, strict=True)):
        rng = np.random.default_rng([seed, index])
        orders = [
            np.argsort(-values, kind="stable"),
            *(rng.permutation(len(values)) for _ in range(n_random)),
        ]
        kept = np.concatenate([_kept(order, grid, mode) for order in orders])
        logits = perturbed(snapshot, kept, rng)[:, column]
        curves.append(logits.reshape(len(orders), len(grid)))
    together = np.stack(curves, axis=1)
    return FaithfulnessCurve(
        mode=mode,
        target=target,
        fractions=grid,
        logits=together[0],
        random=together[1:],
        runs=tuple(str(run) for run in runs),
    )


def _kept(order: NDArray[np.int64], fractions: FloatArray, mode: Mode) -> BoolArray:
    """Which particles are left alone at each fraction, shape [n_fractions, n]."""
    n = len(order)
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    shares = fractions if mode == "deletion" else 1 - fractions
    # The product of two exact decimals may fall just short of the whole number it is.
    perturbed = np.floor(shares * n + 1e-9)[:, None]
    return place >= perturbed if mode == "deletion" else place < n - perturbed


def _checked_fractions(fractions: ArrayLike) -> FloatArray:
    grid = np.asarray(fractions, dtype=np.float64)
    if (
        grid.ndim != 1
        or len(grid) < 2
        or not np.all(np.diff(grid) > 0)
        or grid[0] < 0
        or grid[-1] > 1
    ):
        raise InputError(
            f"fractions are {grid.tolist()}; expected at least two, increasing from 0 to 1 at most."
        )
    return grid
