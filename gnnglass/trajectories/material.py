"""What configurations are made of, and whether two sets of them are of the same material."""

from __future__ import annotations

import string
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np

from gnnglass._arguments import checks_arguments
from gnnglass.errors import InputError, did_you_mean
from gnnglass.trajectories.snapshot import (
    FloatArray,
    Snapshot,
    Trajectory,
    TrajectoryLike,
    as_trajectory,
)

Range: TypeAlias = tuple[float, float]
"""The lowest and the highest of some values."""

System: TypeAlias = str | dict[str, Any]
"""A glass former as metadata name or define it; see `gnnglass.systems.GlassFormer.identity`."""

#: How far a value may lie outside the range it is held against: shares of species by this much,
SHARE_TOLERANCE = 0.05
#: densities by this factor (a length that is off by 2 % in 3D, by 3 % in 2D),
DENSITY_TOLERANCE = 1.06
#: distances of nearest neighbours by this one, since they depend on temperature and level too,
DISTANCE_TOLERANCE = 1.12
#: and temperatures by this one.
TEMPERATURE_TOLERANCE = 1.5

#: Nobody counts the neighbours within fewer nearest-neighbour distances, or within more.
NEAREST, FARTHEST = 1.05, 10.0

#: What may be found to differ, and what to do if it should not; whatever is listed here may be
#: accepted by its name.
DIFFERENCES: Mapping[str, str] = {
    "system": "state the system (--system) if the file states it wrongly",
    "level": "give the trajectory of the other level",
    "composition": "map the species (--species) if their names are exchanged",
    "density": "give the unit of length (--length-unit) if lengths are in another one",
    "distance": "give the unit of length (--length-unit) if lengths are in another one",
    "temperature": "use what was made for this temperature",
}


@dataclass(frozen=True)
class Material:
    """What a set of configurations says of itself, and what can be measured on it.

    Attributes:
        dimension: 2 or 3.
        composition: Species to its share of the particles, over all configurations.
        density: Number density, over all configurations, in units of length^−d.
        distance: Median distance of a particle to its nearest neighbour, over all
            configurations, in units of length; None if no configuration has two particles.
        system: The glass former; None if nobody says.
        level: ``"thermal"`` or ``"inherent"``; None if nobody says.
        temperature: kT, over all runs that state it; None if none does.
    """

    dimension: int
    composition: dict[str, Range]
    density: Range
    distance: Range | None = None
    system: System | None = None
    level: str | None = None
    temperature: Range | None = None

    @classmethod
    def of(cls, trajectories: Iterable[Trajectory]) -> Material:
        """That of all frames of some trajectories, which state the same system and level.

        Raises:
            InputError: If there is no frame, or frames differ in dimension.
        """
        parts = [cls._of_one(trajectory) for trajectory in trajectories]
        if not parts:
            raise InputError("there is no configuration; give at least one.")
        joined = parts[0]
        for part in parts[1:]:
            joined = joined._joined(part)
        return joined

    @classmethod
    def _of_one(cls, trajectory: Trajectory) -> Material:
        facts = trajectory.metadata
        kT = facts.get("kT")
        stated = {
            "system": facts.get("system"),
            "level": facts.get("level"),
            "temperature": (float(kT),) * 2 if isinstance(kT, int | float) else None,
        }
        joined: Material | None = None
        for snapshot in trajectory:
            part = cls._of_frame(snapshot, stated)
            joined = part if joined is None else joined._joined(part)
        assert joined is not None  # a trajectory has a frame
        return joined

    @classmethod
    def _of_frame(cls, snapshot: Snapshot, stated: Mapping[str, Any]) -> Material:
        counts = np.bincount(snapshot.types, minlength=len(snapshot.type_names))
        shares = (counts / len(snapshot)).tolist()
        distance = snapshot.nearest_distance
        return cls(
            dimension=snapshot.dimension,
            composition={
                name: (share, share)
                for name, share in zip(snapshot.type_names, shares, strict=True)
                if share > 0
            },
            density=(snapshot.density,) * 2,
            distance=None if distance is None else (distance,) * 2,
            **stated,
        )

    def _joined(self, other: Material) -> Material:
        if self.dimension != other.dimension:
            raise InputError(
                f"some configurations are {self.dimension}D and some {other.dimension}D; give "
                "those of one dimension."
            )
        absent = (0.0, 0.0)
        names = dict.fromkeys([*self.composition, *other.composition])
        return Material(
            dimension=self.dimension,
            composition={
                name: _hull(self.composition.get(name, absent), other.composition.get(name, absent))
                for name in names
            },
            density=_hull(self.density, other.density),
            distance=_hull_of_known(self.distance, other.distance),
            system=self.system,
            level=self.level,
            temperature=_hull_of_known(self.temperature, other.temperature),
        )

    def in_words(self) -> str:
        """What is known of it, in a row."""
        known = {
            "": self.level,
            "number density ": _range(self.density),
            "kT ": self.temperature and _range(self.temperature),
        }
        told = [f"{name}{value}" for name, value in known.items() if value]
        system = f"{_name(self.system)}, " if self.system else ""
        return f"{system}{self.dimension}D, {_shares(self.composition)}, {', '.join(told)}"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-like value of which `from_dict` makes an equal one."""
        value = asdict(self)
        value["composition"] = {name: list(shares) for name, shares in self.composition.items()}
        for key in ("density", "distance", "temperature"):
            value[key] = None if value[key] is None else list(value[key])
        return value

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Material:
        """The material that `to_dict` described."""
        ranges = {
            key: None if value[key] is None else (value[key][0], value[key][1])
            for key in ("density", "distance", "temperature")
        }
        shares = {name: (low, high) for name, (low, high) in value["composition"].items()}
        return cls(**{**value, **ranges, "composition": shares})

    def differences(self, expected: Material) -> dict[str, str]:
        """Where this material is not the expected one, with both figures.

        What one of the two does not say or have is not held against the other.

        Returns:
            Some of the keys of `DIFFERENCES`, each with what was found against what was expected.
        """
        found = {}
        if None not in (self.system, expected.system) and self.system != expected.system:
            found["system"] = f"system {_name(self.system)} against {_name(expected.system)}"
        if None not in (self.level, expected.level) and self.level != expected.level:
            found["level"] = f"level {self.level} against {expected.level}"
        if any(
            _outside(
                self.composition.get(name, (0.0, 0.0)),
                expected.composition.get(name, (0.0, 0.0)),
                SHARE_TOLERANCE,
            )
            for name in {*self.composition, *expected.composition}
        ):
            found["composition"] = (
                f"composition {_shares(self.composition)} against {_shares(expected.composition)}"
            )
        for key, what, factor in (
            ("density", "number density", DENSITY_TOLERANCE),
            ("distance", "nearest-neighbour distance", DISTANCE_TOLERANCE),
            ("temperature", "kT", TEMPERATURE_TOLERANCE),
        ):
            mine, theirs = getattr(self, key), getattr(expected, key)
            if None not in (mine, theirs) and _outside(
                np.log(np.maximum(mine, 1e-300)), np.log(np.maximum(theirs, 1e-300)), np.log(factor)
            ):
                found[key] = f"{what} {_range(mine)} against {_range(theirs)}"
        return found

    def require_fit(
        self, expected: Material, *, whose: str, made_for: str, accept: Collection[str] = ()
    ) -> dict[str, str]:
        """Refuse what is not of the expected material, unless that is accepted by name.

        Args:
            expected: What it is held against.
            whose: What is looked at, as the subject of a sentence, such as "run.gsd".
            made_for: What it is held against, such as "what the classifier was trained on".
            accept: Which of `DIFFERENCES` are accepted.

        Returns:
            The differences that were accepted, to be recorded with whatever is made of it.

        Raises:
            InputError: If the dimension differs or something that is not accepted, with both
                figures, or if there is no such difference to accept.
        """
        accepted = checked_differences(accept)
        if self.dimension != expected.dimension:
            raise InputError(
                f"{whose} is {self.dimension}D, but {made_for} is {expected.dimension}D."
            )
        unknown = [name for name in self.composition if name not in expected.composition]
        if unknown:
            raise InputError(
                f"{whose} also holds {', '.join(unknown)}, but {made_for} knows "
                f"{', '.join(expected.composition)}; map the species (--species) if they have "
                "other names there."
            )
        found = self.differences(expected)
        refused = [key for key in found if key not in accepted]
        if refused:
            advice = dict.fromkeys(DIFFERENCES[key] for key in refused)
            options = " ".join(f"--accept {key}" for key in refused)
            raise InputError(
                f"{whose} is not like {made_for}: {'; '.join(found[key] for key in refused)}; "
                f"{', or '.join(advice)}, or accept the difference by name ({options})."
            )
        return found


def require_reach(
    material: Material, reach: float | None, *, whose: str, accept: Collection[str] = ()
) -> None:
    """Refuse a distance within which neighbours are counted where lengths are in another unit.

    Args:
        material: That of the configurations.
        reach: The distance, in units of length; None if there is none.
        whose: What counts, as the subject of a sentence.
        accept: With ``"distance"`` any will do.

    Raises:
        InputError: With the figures of both.
    """
    nearest = material.distance
    if (
        reach is not None
        and nearest is not None
        and "distance" not in accept
        # A length that makes no sense has a message of its own.
        and 0 < reach < np.inf
        and not NEAREST * nearest[1] <= reach <= FARTHEST * nearest[0]
    ):
        raise InputError(
            f"{whose} counts neighbours within {reach:g}, but the nearest neighbour of a "
            f"particle is {nearest[1]:.3g} away; {DIFFERENCES['distance']}, give a length that "
            "fits, or accept the difference by name (--accept distance)."
        )


def checked_differences(accept: Collection[str]) -> Collection[str]:
    """The names of accepted differences, if there are such.

    Raises:
        InputError: If one is not of `DIFFERENCES`, or a single text is given for several.
    """
    accept = [accept] if isinstance(accept, str) else accept
    unknown = [name for name in accept if name not in DIFFERENCES]
    if unknown:
        raise InputError(
            f"accept names {', '.join(map(repr, unknown))}"
            f"{did_you_mean(unknown[0], DIFFERENCES)}; what can be accepted is "
            f"{', '.join(DIFFERENCES)}."
        )
    return accept


def require_one_material(
    runs: Mapping[str, Sequence[Snapshot] | Trajectory],
    *,
    among: Collection[str] = ("system", "level", "composition", "density"),
    accept: Collection[str] = (),
) -> tuple[Material, dict[str, str]]:
    """Refuse runs of different materials, unless the difference is accepted by name.

    Args:
        runs: Name of each run to its configurations.
        among: In what runs may not differ.
        accept: Which of `DIFFERENCES` are accepted.

    Returns:
        The material of all runs together, and the differences that were accepted.

    Raises:
        InputError: If two runs differ, with the figures of both.
    """
    accepted = checked_differences(accept)
    whole = {
        name: Material.of([one if isinstance(one, Trajectory) else Trajectory(one)])
        for name, one in runs.items()
    }
    if not whole:
        raise InputError("there is no run; give at least one.")
    first_name, first = next(iter(whole.items()))
    joined = first
    found: dict[str, str] = {}
    for name, other in whole.items():
        joined = joined._joined(other)
        for key, words in other.differences(first).items():
            if key not in among:
                continue
            if key not in accepted:
                raise InputError(
                    f"runs {first_name!r} and {name!r} are not of one material: {words}; give runs "
                    f"of one, {DIFFERENCES[key]}, or accept the difference by name "
                    f"(--accept {key})."
                )
            found.setdefault(key, f"runs {name} and {first_name}: {words}")
    return joined, found


@checks_arguments
def restated(
    trajectory: TrajectoryLike,
    *,
    system: System | None = None,
    species: Mapping[str, str] | None = None,
    length_unit: float | None = None,
) -> Trajectory:
    """The trajectory as its user says it is to be read; what that changes is kept in the metadata.

    Args:
        trajectory: As its file states it, or the file.
        system: The glass former; another one that is stated goes to ``accepted``.
        species: Name or number of a species in the file to its right name; others keep theirs. The
            mapping is kept as ``species``.
        length_unit: The unit of length, in that of the file: positions and edges are divided by
            it. Fields are left as they are. It is kept as ``length_unit``.

    Raises:
        InputError: If no such species is there, two would have one name, or the unit is not a
            positive number or was given before.
    """
    found = trajectory = as_trajectory(trajectory)
    facts = trajectory.metadata
    if length_unit is not None:
        if not (np.isfinite(length_unit) and length_unit > 0):
            raise InputError(f"the unit of length is {length_unit:g}; expected a positive number.")
        if "length_unit" in facts:
            raise InputError(
                f"lengths are in units of {facts['length_unit']:g} already; leave the unit out."
            )
        found = found.stating(length_unit=length_unit)
    if species:
        found = found.stating(species={**facts.get("species", {}), **species})
    if system is not None:
        stated = facts.get("system")
        if stated not in (None, system):
            found = found.accepting({"system": f"stated {_name(stated)}, read as {_name(system)}"})
        found = found.stating(system=system)
    if length_unit is None and not species:
        return found
    unit, names = length_unit or 1.0, species or {}
    return found.map(
        lambda snapshot: snapshot.replace(
            box=snapshot.box / unit,
            positions=snapshot.positions / unit,
            type_names=_renamed(snapshot.type_names, names),
        )
    )


def _renamed(names: Sequence[str], species: Mapping[str, str]) -> tuple[str, ...]:
    species = {_name_of_number(old, names): new for old, new in species.items()}
    unknown = [name for name in species if name not in names]
    if unknown:
        raise InputError(
            f"there is no species {', '.join(unknown)}{did_you_mean(unknown[0], names)} to be "
            f"renamed; there are {', '.join(names)}."
        )
    renamed = tuple(species.get(name, name) for name in names)
    if len(set(renamed)) < len(renamed):
        raise InputError(
            f"the species {', '.join(names)} would be called {', '.join(renamed)}; give each a "
            "name of its own."
        )
    return renamed


def _name_of_number(species: str, names: Sequence[str]) -> str:
    """The letter that readers give a species that a file only numbers, if it is none of `names`."""
    numbers = dict(enumerate(string.ascii_uppercase, start=1))
    if species in names or not species.isdecimal():
        return species
    return numbers.get(int(species), species)


def _hull(first: Range, second: Range) -> Range:
    return min(first[0], second[0]), max(first[1], second[1])


def _hull_of_known(first: Range | None, second: Range | None) -> Range | None:
    return _hull(first, second) if first and second else first or second


def _outside(found: Range | FloatArray, expected: Range | FloatArray, tolerance: float) -> bool:
    return bool(found[0] < expected[0] - tolerance or found[1] > expected[1] + tolerance)


def _range(values: Range) -> str:
    low, high = (f"{value:.3g}" for value in values)
    return low if low == high else f"{low} to {high}"


def _shares(composition: Mapping[str, Range]) -> str:
    return ", ".join(f"{name} {_range(shares)}" for name, shares in sorted(composition.items()))


def _name(system: System | None) -> str:
    """A system as messages show it."""
    return str(system.get("name", "without a name") if isinstance(system, dict) else system)[:60]
