"""Fields of many configurations; each is checked, smoothed and standardised once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gnnglass.compare.smoothing import smooth_at_lengths
from gnnglass.errors import InputError, did_you_mean
from gnnglass.stats import among_largest, standard_scores
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

BoolArray = NDArray[np.bool_]

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
        censored: For a field that is not known of every particle, the name of the field of its
            marks: 1 where the value is only a lower bound, NaN where there is none (and the field
            itself is NaN), else 0. Those marked 1 are tied at the top of their configuration.
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
        self._defined: dict[str, list[BoolArray] | None] = {}
        self._scores: dict[tuple[str, float, str, Method, str | None], list[FloatArray]] = {}

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
        for name, values in zip(names, bare, strict=True):
            if 0.0 in lengths:
                found[name, 0.0] = values
            if any(lengths):
                self._require_finite(name, values)
        smoothing = [at for at in lengths if at != 0]
        for k, snapshot in enumerate(self.snapshots if smoothing else ()):
            together = np.stack([values[k] for values in bare], axis=1)
            at_lengths = smooth_at_lengths(
                snapshot, together, smoothing, same_species=self.same_species
            )
            for at, smoothed in zip(smoothing, at_lengths, strict=True):
                for column, name in enumerate(names):
                    found[name, at].append(smoothed[:, column])
        self._values.update(found)

    def values(
        self, name: str, length: float = 0.0, *, target: str | None = None
    ) -> list[FloatArray]:
        """The field `name` smoothed over `length`, one array [n] per configuration.

        Raises:
            InputError: If a configuration lacks the field, or it is NaN for a particle, if a
                `target` is named for one that has a value of that; the message names both.
        """
        self.prepare([name], [length])
        found = self._values[name, length]
        self._require_finite(name, found, target)
        return found

    def defined(self, name: str) -> list[BoolArray] | None:
        """Which particles have a value of a field, one array [n] each; None if all have.

        Raises:
            InputError: If the marks of the field are none.
        """
        if name not in self._defined:
            marks = [self._mark(k, name) for k in range(len(self.snapshots))]
            found = [~np.isnan(mark) for mark in marks]
            self._defined[name] = None if all(each.all() for each in found) else found
        return self._defined[name]

    def scores(
        self, name: str, length: float, species: str, method: Method, target: str
    ) -> list[FloatArray]:
        """Standardised values (or ranks) of one species, one array per configuration.

        Only particles that have a value of the target count.

        Raises:
            InputError: Like `values`, or if the species is unknown.
            UndefinedCorrelationError: If in some configuration there are fewer than three
                particles of the species or the field is constant over them.
        """
        key = (name, length, species, method, target if self.defined(target) else None)
        if key not in self._scores:
            members = self._members(species, target)
            self._scores[key] = [
                self._scores_of(k, name, values[members[k]], species, method)
                for k, values in enumerate(self.values(name, length, target=target))
            ]
        return self._scores[key]

    def pooled(
        self, name: str, lengths: Mapping[str, float], species: str, target: str
    ) -> FloatArray:
        """Like `scores`, the values of all configurations, each smoothed over its run's length."""
        members = self._members(species, target)
        values = {at: self.values(name, at, target=target) for at in set(lengths.values())}
        return np.concatenate(
            [values[lengths[run]][k][members[k]] for k, run in enumerate(self.runs)]
        )

    def censored_share(self, name: str, species: str) -> float | None:
        """Share of a species' particles with a value whose value is censored; None without marks.

        It is NaN if none has a value.
        """
        if name not in self.censored:
            return None
        members = self._members(species, name)
        marks = np.concatenate([self._mark(k, name)[each] for k, each in enumerate(members)])
        return float(marks.mean()) if len(marks) else np.nan

    def undefined_share(self, name: str, species: str) -> float:
        """Share of a species' particles that have no value of a field."""
        n_with = sum(each.sum() for each in self._members(species, name))
        return 1 - float(n_with / sum(s.of_type(species).sum() for s in self.snapshots))

    def describe(self, k: int) -> str:
        """Configuration `k` in words, for messages."""
        return f"configuration {k} (run {self.runs[k]}, step {self.snapshots[k].step})"

    def _bare(self, name: str) -> list[FloatArray]:
        found = []
        for k, snapshot in enumerate(self.snapshots):
            if name not in snapshot.fields:
                known = ", ".join(snapshot.fields) or "none"
                raise InputError(
                    f"no field {name!r}{did_you_mean(name, snapshot.fields)} in "
                    f"{self.describe(k)}; it has: {known}."
                )
            values = snapshot.fields[name]
            top = np.nextafter(np.fmax.reduce(values, initial=-np.inf), np.inf)
            found.append(np.where(self._mark(k, name) == 1, top, values))
        return found

    def _require_finite(
        self, name: str, values: Sequence[FloatArray], target: str | None = None
    ) -> None:
        """Refuse NaN and infinity, but for particles that have no value of the target."""
        kept = None if target is None else self.defined(target)
        for k, each in enumerate(values):
            bad = ~np.isfinite(each) if kept is None else kept[k] & ~np.isfinite(each)
            if bad.any():
                raise InputError(
                    f"field {name!r} is NaN or infinite for {bad.sum()} of {len(each)} particles "
                    f"in {self.describe(k)}; compare fields that have a value for every particle, "
                    "or for all that have one of the target by its marks of censoring."
                )

    def _mark(self, k: int, name: str) -> FloatArray:
        """1 where a value is censored, NaN where there is none, else 0; 0 for all without marks."""
        snapshot = self.snapshots[k]
        if name not in self.censored:
            return np.zeros(len(snapshot))
        mark = snapshot.field(self.censored[name])
        without = np.isnan(mark)
        known = np.isin(mark[~without], (0, 1)).all()
        if not known or np.isfinite(snapshot.field(name)[without]).any():
            raise InputError(
                f"field {self.censored[name]!r} in {self.describe(k)} should mark censored "
                f"particles of {name!r} with 1, those for which that is NaN with NaN and the "
                "others with 0, but holds other values."
            )
        return mark

    def _members(self, species: str, target: str) -> list[BoolArray]:
        """Particles of a species that have a value of the target, one array [n] each."""
        members = [snapshot.of_type(species) for snapshot in self.snapshots]
        kept = self.defined(target)
        return members if kept is None else [a & b for a, b in zip(members, kept, strict=True)]

    def _scores_of(
        self, k: int, name: str, chosen: FloatArray, species: str, method: Method
    ) -> FloatArray:
        if len(chosen) < FEWEST_PARTICLES:
            raise UndefinedCorrelationError(
                f"{self.describe(k)} has {len(chosen)} {species} particles with a value; a "
                f"correlation of {name!r} needs at least {FEWEST_PARTICLES}."
            )
        scores = scores_for(chosen, method)
        if scores is None:
            raise UndefinedCorrelationError(
                f"field {name!r} is constant ({chosen[0]:g}) over the {len(chosen)} {species} "
                f"particles of {self.describe(k)}, so its correlation is undefined; leave that "
                "configuration or field out."
            )
        return scores
