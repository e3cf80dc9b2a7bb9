"""Names of things, read off the source: completion and checks must not wait for torch."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import gnnglass
from gnnglass._shipped import shipped
from gnnglass.errors import UnknownNameError, unknown

Kind = Literal[
    "systems",
    "engines",
    "formats",
    "models",
    "attributions",
    "indicators",
    "motifs",
    "classifiers",
    "studies",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Registered(NamedTuple):
    """Where a registry is.

    Attributes:
        package: Whose modules register entries; the entry-point group has its name.
        variable: Name of the registry.
        kind: What its entries are called in messages.
    """

    package: str
    variable: str
    kind: str


REGISTRIES: dict[str, Registered] = {
    "systems": Registered("gnnglass.systems", "GLASS_FORMERS", "glass former"),
    "engines": Registered("gnnglass.simulate", "ENGINES", "engine"),
    "formats": Registered("gnnglass.trajectories", "FORMATS", "trajectory format"),
    "models": Registered("gnnglass.models", "MODELS", "model"),
    "attributions": Registered("gnnglass.explain", "ATTRIBUTIONS", "attribution"),
    "indicators": Registered("gnnglass.structure", "INDICATORS", "structural indicator"),
    "motifs": Registered("gnnglass.planted", "MOTIFS", "motif"),
}


def names(kind: Kind) -> tuple[str, ...]:
    """The names of one kind of thing, sorted; nothing is imported for it."""
    if kind == "classifiers":
        return tuple(shipped("classifier"))
    if kind == "studies":
        return tuple(shipped("study"))
    package, variable, _ = REGISTRIES[kind]
    if package in sys.modules and hasattr(sys.modules[package], variable):
        return tuple(getattr(sys.modules[package], variable).names())
    (root,) = gnnglass.__path__
    registers = re.compile(rf'\b{variable}\.register\(\s*"([^"]+)"')
    found = {
        name
        for path in (Path(root) / package.partition(".")[2]).glob("*.py")
        for name in registers.findall(path.read_text(encoding="utf-8"))
    }
    return tuple(sorted(found | {point.name for point in entry_points(group=package)}))


def require_known(kind: Kind, *given: str | None) -> None:
    """Refuse names of registered things that do not exist, before anything is imported for them.

    Raises:
        UnknownNameError: As the registry itself would.
    """
    known = names(kind)
    for name in given:
        # An indicator may be called as its field.
        spelt = name.replace("_", "-") if name and kind == "indicators" else name
        if spelt is not None and not {name, spelt} & set(known):
            raise UnknownNameError(unknown(REGISTRIES[kind].kind, name, known))


def completing(*kinds: Kind) -> Callable[[str], list[str]]:
    """Completes names of some kinds of things in the shell."""

    def complete(incomplete: str) -> list[str]:
        return [name for kind in kinds for name in names(kind) if name.startswith(incomplete)]

    return complete


def completing_among(*choices: str) -> Callable[[str], list[str]]:
    """Completes words that are known beforehand."""

    def complete(incomplete: str) -> list[str]:
        return [choice for choice in choices if choice.startswith(incomplete)]

    return complete
