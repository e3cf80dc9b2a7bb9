"""Glass formers by name, from a user's TOML file, or from what a trajectory stores of one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import combinations_with_replacement
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gnnglass.errors import InputError
from gnnglass.given import fault, load_toml
from gnnglass.systems.glass_former import GLASS_FORMERS, GlassFormer, Pair
from gnnglass.systems.potential import POTENTIALS, PairPotential, parameters_of


class _Definition(BaseModel):
    """The keys of a definition; what the values must be is checked by what is made of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(pattern=r"^[\w.+-]+$")
    dimension: Literal[2, 3]
    density: float
    species: list[str] = Field(min_length=1)
    fractions: list[float]
    potentials: list[dict[str, Any]]
    citation: str = ""


def glass_former(
    source: str | os.PathLike[str] | Mapping[str, Any] | GlassFormer,
) -> GlassFormer:
    """The mixture that is meant: one of the package's, or a user's own.

    A definition, in a TOML file or as a mapping, has the keys ``name``, ``dimension``,
    ``density``, ``species``, ``fractions``, ``potentials`` and, if there is one, ``citation``::

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
            gives it, or a `GlassFormer`, which is returned as it is.

    Raises:
        UnknownNameError: If no mixture, or no form of potential, has that name.
        FileError: If the file is missing or not TOML.
        InputError: If the definition lacks something or makes no sense, or if its name is that
            of a registered mixture which is another.
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
    try:
        definition = _Definition(**content)
    except TypeError as error:
        raise InputError(
            f"in {origin}, the keys are not those of a glass former: {error}."
        ) from None
    except ValidationError as error:
        known = ", ".join(_Definition.model_fields)
        raise InputError(f"in {origin}, {fault(error)}; the keys are {known}.") from None
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
                f"the {form} of {list(pair)} has the parameters {', '.join(sorted(parameters))}; "
                f"expected {', '.join(known)}."
            )
        found[pair] = kind(**parameters)
    for pair in wanted:
        if pair not in found:
            raise InputError(f"there is no potential for the pair {list(pair)}; add one.")
    return found


def _unambiguous(system: GlassFormer) -> GlassFormer:
    """The mixture; refused if a name that is stored for it would later mean another one."""
    if system.name in GLASS_FORMERS and GLASS_FORMERS.create(system.name) != system:
        raise InputError(
            f"{system.name!r} is the name of a registered glass former that is not this one; "
            "choose another name."
        )
    return system
