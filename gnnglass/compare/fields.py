"""Fields of many configurations; each is checked, smoothed and standardised once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Literal

import numpy as np

from gnnglass.compare.smoothing import smooth_at_lengths
from gnnglass.errors import InputError
from gnnglass.stats import among_largest, standard_scores
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

Method = Literal["spearman", "pearson", "top-decile", "bottom-decile"]
CORRELATIONS: tuple[Method, ...] = ("spearman", "pearson")
SHARES: tuple[Method, ...] = ("top-decile", "bottom-decile")
FEWEST_PARTICLES = 3


class UndefinedCorrelationError(InputError):
    """A correlation that has no value: a constant field, or fewer than three particles."""


def scores_for(values: FloatArray, method: Method) -> FloatArray | None:
    """Scores such that the coefficient of two fields is their dot product, shape [n].

    For Pearson's and Spearman's coefficient: the values, or their average ranks, with zero mean
    and unit length. For shares of deciles: membership in the top or bottom tenth divided by √k, for
    k members.

    Returns:
        The scores; None if the values are constant, so that no coefficient exists.
    """
    if method not in SHARES:
        return standard_scores(values, ranked=method == "spearman")
    if np.ptp(values) == 0:
        return None
    k = max(1, round(len(values) / 10))
    member = among_largest(values if method == "top-decile" else -values, k)
    return np.asarray(member / np.sqrt(member.sum()))


def scores_of_predictor(method: Method) -> Method:
    """How to score the predictor: for shares of deciles, always by its top tenth."""
    return "top-decile" if method in SHARES else method


class FieldSet:
    """Annotated configurations of one or more runs, with cached values and scores of their fields.

    Args:
        snapshots: Configurations, each holding the fields to compare.
        runs: Name of the independent run each configuration belongs to.
        censored: For a field with censored values, the name of the field that marks them with 1
            (others 0). Marked particles are tied at the top of their configuration.
        same_species: Smooth over particles of the same species only.
    """

    def __init__(
        self,
        snapshots: Sequence[Snapshot],
        runs: Sequence[Hashable],
        censored: Mapping[str, str] | None = None,
        *,
        same_species: bool = False,
    ) -> None:
        self.snapshots = list(snapshots)
        self.runs = tuple(str(run) for run in runs)
        self.censored = dict(censored or {})
        self.same_species = same_species
        self._values: dict[tuple[str, float], list[FloatArray]] = {}
        self._scores: dict[tuple[str, float, str, Method], list[FloatArray]] = {}

    @property
    def run_names(self) -> tuple[str, ...]:
        """The distinct runs, in order of appearance."""
        return tuple(dict.fromkeys(self.runs))

    @property
    def species(self) -> tuple[str, ...]:
        """The species present in the first configuration."""
        first = self.snapshots[0]
        return tuple(name for name in first.type_names if first.of_type(name).any())

    def prepare(self, names: Sequence[str], lengths: Sequence[float]) -> None:
        """Smooth several fields at several lengths, finding the pairs only once."""
        names = [
            name
            for name in dict.fromkeys(names)
            if any((name, at) not in self._values for at in lengths)
        ]
        if not names:
            return
        bare = [self._bare(name) for name in names]
        found: dict[tuple[str, float], list[FloatArray]] = {
            (name, at): [] for name in names for at in lengths
        }
        for k, snapshot in enumerate(self.snapshots):
            together = np.stack([values[k] for values in bare], axis=1)
            at_lengths = smooth_at_lengths(
                snapshot, together, lengths, same_species=self.same_species
            )
            for at, smoothed in zip(lengths, at_lengths, strict=True):
                for column, name in enumerate(names):
                    found[name, at].append(smoothed[:, column])
        self._values.update(found)

    def values(self, name: str, length: float = 0.0) -> list[FloatArray]:
        """The field `name` smoothed over `length`, one array [n] per configuration.

        Raises:
            InputError: If a configuration lacks the field or it holds NaN; the message names both.
        """
        self.prepare([name], [length])
        return self._values[name, length]

    def scores(self, name: str, length: float, species: str, method: Method) -> list[FloatArray]:
        """Standardised values (or ranks) of one species, one array per configuration.

        Raises:
            InputError: Like `values`, or if the species is unknown.
            UndefinedCorrelationError: If in some configuration there are fewer than three
                particles of the species or the field is constant over them.
        """
        key = (name, length, species, method)
        if key not in self._scores:
            self._scores[key] = [
                self._scores_of(k, name, values, species, method)
                for k, values in enumerate(self.values(name, length))
            ]
        return self._scores[key]

    def pooled(self, name: str, lengths: Mapping[str, float], species: str) -> FloatArray:
        """Values of one species of all configurations, smoothed over the length of their run."""
        return np.concatenate(
            [
                self.values(name, lengths[run])[k][snapshot.of_type(species)]
                for k, (snapshot, run) in enumerate(zip(self.snapshots, self.runs, strict=True))
            ]
        )

    def censored_share(self, name: str, species: str) -> float | None:
        """Share of the particles of a species whose value is censored; None without a mask."""
        if name not in self.censored:
            return None
        marks = [
            self._mask(k, name)[snapshot.of_type(species)]
            for k, snapshot in enumerate(self.snapshots)
        ]
        return float(np.concatenate(marks).mean())

    def describe(self, k: int) -> str:
        """Configuration `k` in words, for messages."""
        return f"configuration {k} (run {self.runs[k]}, step {self.snapshots[k].step})"

    def _bare(self, name: str) -> list[FloatArray]:
        found = []
        for k, snapshot in enumerate(self.snapshots):
            if name not in snapshot.fields:
                known = ", ".join(snapshot.fields) or "none"
                raise InputError(f"no field {name!r} in {self.describe(k)}; it has: {known}.")
            values = snapshot.fields[name]
            bad = ~np.isfinite(values)
            if bad.any():
                raise InputError(
                    f"field {name!r} is NaN or infinite for {bad.sum()} of {len(values)} particles "
                    f"in {self.describe(k)}; compare fields that have a value for every particle."
                )
            if name in self.censored:
                mask = self._mask(k, name)
                values = np.where(mask, np.nextafter(values.max(), np.inf), values)
            found.append(values)
        return found

    def _mask(self, k: int, name: str) -> FloatArray:
        mask = self.snapshots[k].field(self.censored[name])
        if not np.isin(mask, (0, 1)).all():
            raise InputError(
                f"field {self.censored[name]!r} in {self.describe(k)} should mark censored "
                f"particles of {name!r} with 1 and the others with 0, but holds other values."
            )
        return mask

    def _scores_of(
        self, k: int, name: str, values: FloatArray, species: str, method: Method
    ) -> FloatArray:
        chosen = values[self.snapshots[k].of_type(species)]
        if len(chosen) < FEWEST_PARTICLES:
            raise UndefinedCorrelationError(
                f"{self.describe(k)} has {len(chosen)} {species} particles; a correlation of "
                f"{name!r} needs at least {FEWEST_PARTICLES}."
            )
        scores = scores_for(chosen, method)
        if scores is None:
            raise UndefinedCorrelationError(
                f"field {name!r} is constant ({chosen[0]:g}) over the {len(chosen)} {species} "
                f"particles of {self.describe(k)}, so its correlation is undefined; leave that "
                "configuration or field out."
            )
        return scores
