"""Glass formers: species, composition, interactions and density; definitions by users."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gnnglass._arguments import checks_arguments
from gnnglass._toml import fault, load_toml
from gnnglass.errors import InputError, UnknownNameError, did_you_mean
from gnnglass.registry import Registry
from gnnglass.systems.potentials import POTENTIALS, FloatArray, PairPotential, parameters_of
from gnnglass.trajectories import (
    Material,
    Snapshot,
    SnapshotLike,
    Trajectory,
    as_snapshot,
    neighbor_pairs,
)

Pair = tuple[str, str]


@checks_arguments
@dataclass(frozen=True, eq=False, repr=False)
class GlassFormer:
    """A mixture with everything an engine needs to simulate it; all masses are 1.

    Two are equal, and have equal hashes, if all their attributes are equal, including the order
    of the species.

    Attributes:
        name: The registered name, or one chosen by the user.
        dimension: 2 or 3.
        composition: Number fraction of each species, in the order of the type index.
        density: Number density n / V, in units of length^−d.
        potentials: One per unordered pair of species, keyed ``("A", "B")`` as HOOMD does.
        citation: The paper the parameters are taken from.

    Raises:
        InputError: If a pair lacks a potential, the fractions do not sum to one, or a number is
            not positive.
    """

    name: str
    dimension: int
    composition: Mapping[str, float]
    density: float
    potentials: Mapping[Pair, PairPotential]
    citation: str = ""

    def __post_init__(self) -> None:
        # Copies, because mixtures may share the mappings they are made from.
        object.__setattr__(self, "composition", dict(self.composition))
        object.__setattr__(self, "potentials", dict(self.potentials))
        if self.dimension not in (2, 3):
            raise InputError(f"{self.name!r} has {self.dimension!r} dimensions; expected 2 or 3.")
        if not (np.isfinite(self.density) and self.density > 0):
            raise InputError(
                f"the density of {self.name!r} is {self.density:g}; expected a positive number."
            )
        for species, fraction in self.composition.items():
            if not 0 < fraction <= 1:
                raise InputError(
                    f"the fraction of {species} in {self.name!r} is {fraction:g}; expected a "
                    "number above 0 and not above 1."
                )
        total = sum(self.composition.values())
        if not np.isclose(total, 1):
            raise InputError(f"the composition of {self.name!r} sums to {total:g}; expected 1.")
        wanted = set(combinations_with_replacement(self.species, 2))
        if set(self.potentials) != wanted:
            raise InputError(
                f"{self.name!r} has potentials for {sorted(self.potentials)}; "
                f"expected one for each of {sorted(wanted)}."
            )

    def __repr__(self) -> str:
        shares = ", ".join(f"{name} {share:g}" for name, share in self.composition.items())
        return (
            f"<GlassFormer {self.name!r}: {self.dimension}D, {shares}, "
            f"number density {self.density:g}>"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GlassFormer) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    @property
    def _content(self) -> tuple[Any, ...]:
        return (
            self.name,
            self.dimension,
            tuple(self.composition.items()),
            self.density,
            frozenset(self.potentials.items()),
            self.citation,
        )

    @property
    def identity(self) -> str | dict[str, Any]:
        """A JSON-like value that identifies it: ``glass_former(x.identity) == x``.

        The registered name if it is a registered mixture, otherwise its whole definition, with the
        keys of a TOML file for `glass_former`.

        Raises:
            InputError: If the form of a potential is not registered.
        """
        if self.name in GLASS_FORMERS and GLASS_FORMERS.create(self.name) == self:
            return self.name
        return {
            "name": self.name,
            "dimension": self.dimension,
            "density": self.density,
            "species": list(self.species),
            "fractions": list(self.composition.values()),
            "potentials": [
                {"pair": list(pair), **_described(potential)}
                for pair, potential in self.potentials.items()
            ],
            "citation": self.citation,
        }

    @property
    def species(self) -> tuple[str, ...]:
        """Names of the species, in the order of the type index."""
        return tuple(self.composition)

    @property
    def material(self) -> Material:
        """What configurations of it are made of, whatever their temperature and level."""
        try:
            system = self.identity
        except InputError:
            # With a form of potential that is not registered, it has no more than a name.
            system = self.name
        return Material(
            dimension=self.dimension,
            composition={name: (share, share) for name, share in self.composition.items()},
            density=(self.density, self.density),
            system=system,
        )

    @property
    def r_max(self) -> float:
        """The longest cutoff of any pair."""
        return max(potential.cutoff for potential in self.potentials.values())

    def contact(self, first: str, second: str) -> float:
        """The diameter σ_ab of the potential of two species, in units of length.

        Raises:
            InputError: If there is no such species, or their potential has no diameter.
        """
        pair = (first, second) if (first, second) in self.potentials else (second, first)
        if pair not in self.potentials:
            raise InputError(
                f"{self.name!r} has the species {', '.join(self.species)}; there is no potential "
                f"of {first} and {second}."
            )
        sigma: float | None = getattr(self.potentials[pair], "sigma", None)
        if sigma is None:
            raise InputError(
                f"{type(self.potentials[pair]).__name__}, the potential of {first} and {second} in "
                f"{self.name!r}, has no diameter sigma; give it one, or give lengths instead of "
                "the system."
            )
        return sigma

    def counts(self, n_particles: int) -> tuple[int, ...]:
        """Particles of each species in a system of `n_particles`; the first takes the rounding."""
        rest = [round(n_particles * fraction) for fraction in list(self.composition.values())[1:]]
        return (n_particles - sum(rest), *rest)

    def box(self, n_particles: int) -> FloatArray:
        """Edge lengths of the square or cubic box at the mixture's density, shape [d]."""
        edge = (n_particles / self.density) ** (1 / self.dimension)
        return np.full(self.dimension, edge)

    def types_of(self, snapshot: SnapshotLike) -> NDArray[np.int32]:
        """Type of each particle in this mixture's own order, matched by name, shape [n].

        Raises:
            InputError: If the snapshot has another dimension, or a species not in the mixture.
        """
        snapshot = as_snapshot(snapshot)
        if snapshot.dimension != self.dimension:
            raise InputError(
                f"a {snapshot.dimension}D snapshot was given to {self.name!r}, "
                f"which is {self.dimension}D."
            )
        types = snapshot.types_among(self.species)
        unknown = [snapshot.type_names[k] for k in np.unique(snapshot.types[types < 0])]
        if unknown:
            raise InputError(
                f"{self.name!r} has the species {', '.join(self.species)}; "
                f"the snapshot also holds {', '.join(unknown)}."
            )
        return types.astype(np.int32)

    def energies(self, snapshot: SnapshotLike) -> FloatArray:
        """Potential energy of each particle, half of each of its pairs, shape [n]."""
        snapshot = as_snapshot(snapshot)
        pairs, groups = self._pairs(snapshot)
        energy = np.zeros(len(pairs))
        for potential, members in groups:
            energy[members] = potential.energy(pairs.distances[members])
        return np.asarray(np.bincount(pairs.i, weights=energy / 2, minlength=len(snapshot)))

    def forces(self, snapshot: SnapshotLike) -> FloatArray:
        """Force on each particle, shape [n, d]."""
        snapshot = as_snapshot(snapshot)
        pairs, groups = self._pairs(snapshot)
        magnitude = np.zeros(len(pairs))
        for potential, members in groups:
            magnitude[members] = potential.force(pairs.distances[members])
        along = -pairs.vectors * (magnitude / pairs.distances)[:, None]
        forces = [
            np.bincount(pairs.i, weights=along[:, k], minlength=len(snapshot))
            for k in range(self.dimension)
        ]
        return np.stack(forces, axis=1)

    def virial(self, snapshot: SnapshotLike) -> float:
        """W = Σ r f(r) over the pairs of particles, with f = −dU/dr, in units of energy."""
        pairs, groups = self._pairs(as_snapshot(snapshot))
        # Each pair is listed twice.
        return (
            sum(
                float(pairs.distances[members] @ potential.force(pairs.distances[members]))
                for potential, members in groups
            )
            / 2
        )

    def pressure(self, snapshot: SnapshotLike, kT: float) -> float:
        """P = ρ kT + W / (d V) at the snapshot's density ρ, in units of energy / length^d.

        W is the `virial` (Allen & Tildesley, Computer Simulation of Liquids, 2nd ed., Oxford
        (2017), section 2.4); there is no correction for the cutoff.

        Args:
            snapshot: Configuration of n particles.
            kT: Temperature of the velocities, in units of energy; 0 for an inherent structure.
        """
        snapshot = as_snapshot(snapshot)
        volume = float(np.prod(snapshot.box))
        return snapshot.density * kT + self.virial(snapshot) / (self.dimension * volume)

    def _pairs(self, snapshot: Snapshot):  # type: ignore[no-untyped-def]
        types = self.types_of(snapshot)
        pairs = neighbor_pairs(snapshot, self.r_max)
        first = np.minimum(types[pairs.i], types[pairs.j])
        second = np.maximum(types[pairs.i], types[pairs.j])
        groups = [
            (
                potential,
                (first == self.species.index(a))
                & (second == self.species.index(b))
                & (pairs.distances < potential.cutoff),
            )
            for (a, b), potential in self.potentials.items()
        ]
        return pairs, groups


GLASS_FORMERS: Registry[GlassFormer] = Registry("glass former", "gnnglass.systems")


def _described(potential: PairPotential) -> dict[str, Any]:
    kind = type(potential)
    for form in POTENTIALS:
        if POTENTIALS.factory(form) is kind:
            return {"form": form, **{key: getattr(potential, key) for key in parameters_of(kind)}}
    raise InputError(
        f"a mixture with a {kind.__name__} cannot be stored, because that form of potential has no "
        "name; register it with @POTENTIALS.register."
    )


class _Definition(BaseModel):
    """The keys of a definition; most values are checked by `GlassFormer` and the potentials."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(pattern=r"^[\w.+-]+$")
    dimension: Literal[2, 3]
    density: float
    # Pairs are a list that grows with their square; nobody writes down the potentials of so many.
    species: list[str] = Field(min_length=1, max_length=64)
    fractions: list[float]
    potentials: list[dict[str, Any]]
    citation: str = ""


SystemLike: TypeAlias = str | os.PathLike[str] | Mapping[str, Any] | GlassFormer
"""A glass former, its registered name, its TOML file or its definition: what `glass_former` takes.
"""


@checks_arguments
def glass_former(source: SystemLike) -> GlassFormer:
    """A registered mixture, or one that the user defines.

    A definition, in a TOML file or as a mapping, has the keys ``name``, ``dimension``,
    ``density``, ``species``, ``fractions``, ``potentials`` and optionally ``citation``::

        name = "my-mixture"
        dimension = 2
        density = 1.2
        species = ["A", "B"]
        fractions = [0.65, 0.35]

        [[potentials]]
        pair = ["A", "A"]
        form = "force-shifted-lj"
        epsilon = 1.0
        sigma = 1.0
        cutoff = 2.5

    and so on for every pair of species.

    Args:
        source: A registered name, a path that ends in ``.toml``, a definition as `identity`
            gives it, or a `GlassFormer`, which is returned unchanged.

    Raises:
        UnknownNameError: If no mixture, or no form of potential, has that name.
        FileError: If the file is missing or not TOML.
        InputError: If the definition is incomplete or invalid, or if it has the name of a
            registered mixture that differs from it.
    """
    if isinstance(source, GlassFormer):
        return _unambiguous(source)
    if isinstance(source, Mapping):
        return _defined(source, "the definition of the glass former")
    if isinstance(source, os.PathLike) or (isinstance(source, str) and source.endswith(".toml")):
        return _defined(load_toml(source), str(source))
    if isinstance(source, str):
        return GLASS_FORMERS.create(source)
    raise InputError(
        f"a glass former cannot be made from a {type(source).__name__}; give a registered name, a "
        "TOML file, a definition, or a GlassFormer."
    )


def _defined(content: Mapping[str, Any], origin: str) -> GlassFormer:
    odd = [key for key in content if not isinstance(key, str)]
    if odd:
        raise InputError(f"in {origin}, the key {odd[0]!r} is not a text.")
    try:
        definition = _Definition(**content)
    except ValidationError as error:
        known = ", ".join(_Definition.model_fields)
        raise InputError(
            f"in {origin}, {fault(error, _Definition)}; the keys are {known}."
        ) from None
    species, fractions = definition.species, definition.fractions
    if len(set(species)) != len(species) or len(fractions) != len(species):
        raise InputError(
            f"in {origin}, species are {species} and fractions {fractions}; expected distinct "
            "names and one fraction for each."
        )
    try:
        potentials = _potentials(definition, origin)
        return _unambiguous(
            GlassFormer(
                name=definition.name,
                dimension=definition.dimension,
                composition=dict(zip(species, fractions, strict=True)),
                density=definition.density,
                potentials=potentials,
                citation=definition.citation,
            )
        )
    except InputError as error:
        raise InputError(f"in {origin}, {error}") from None


def _potentials(definition: _Definition, origin: str) -> dict[Pair, PairPotential]:
    wanted = list(combinations_with_replacement(definition.species, 2))
    found: dict[Pair, PairPotential] = {}
    for entry in definition.potentials:
        parameters = dict(entry)
        names, form = parameters.pop("pair", None), parameters.pop("form", None)
        pair = next((p for p in wanted if names in (list(p), list(reversed(p)))), None)
        if pair is None:
            raise InputError(
                f"a potential is for the pair {names!r}; expected one of "
                f"{', '.join(map(str, map(list, wanted)))}."
            )
        if pair in found:
            raise InputError(f"there are two potentials for the pair {list(pair)}; give one.")
        kind = POTENTIALS.factory(str(form))
        known = parameters_of(kind) if isinstance(kind, type) else ()
        if set(parameters) != set(known):
            raise InputError(
                f"the {form} of {list(pair)} has the parameters {', '.join(sorted(parameters))}"
                f"{did_you_mean(next(iter(set(parameters) - set(known)), ''), known)}; expected "
                f"{', '.join(known)}."
            )
        found[pair] = kind(**parameters)
    for pair in wanted:
        if pair not in found:
            raise InputError(f"there is no potential for the pair {list(pair)}; add one.")
    return found


def stated_mixture(
    trajectory: Trajectory, material: Material, accept: Collection[str] = ()
) -> tuple[GlassFormer | None, str, dict[str, str]]:
    """The mixture that a trajectory names, for what can do without one.

    Args:
        trajectory: The configurations.
        material: Theirs.
        accept: Names of differences from the mixture that are meant.

    Returns:
        The mixture, or None and the reason, a clause; and the differences that were accepted.

    Raises:
        InputError: If the configurations are not like the mixture, so that species or units are
            wrong.
    """
    stated = trajectory.metadata.get("system")
    if stated is None:
        return None, "no glass former is stated", {}
    try:
        former = glass_former(stated)
    except (InputError, UnknownNameError) as error:
        return None, str(error).rstrip("."), {}
    accepted = material.require_fit(
        former.material,
        whose="the trajectory",
        made_for=f"{former.name!r}, which it states",
        accept=accept,
    )
    return former, "", accepted


def _unambiguous(system: GlassFormer) -> GlassFormer:
    """The mixture, unless its name, stored in a file, would later stand for another one."""
    if system.name in GLASS_FORMERS and GLASS_FORMERS.create(system.name) != system:
        raise InputError(
            f"{system.name!r} is the name of a registered glass former that is not this one; "
            "choose another name."
        )
    return system
