"""Arguments of public functions, held against their annotations where they enter.

A wrong kind of argument is answered in one sentence, for all functions here; what functions ask of
a right one, such as a range, is theirs. What is called ``…Like`` is converted inside, by a function
with messages of its own.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache, wraps
from numbers import Integral, Real
from os import PathLike
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import numpy as np

from gnnglass.errors import InputError, shown

Public = TypeVar("Public", bound=Callable[..., Any])


NUMBERS = {float: Real, int: Integral}


class Numbers:
    """Stands for what NumPy makes an array of numbers of."""


class _MisfitError(Exception):
    """A value is not of a kind."""


def checks_arguments(public: Public) -> Public:
    """Make a function, or the constructor of a class, refuse arguments of a wrong kind.

    A single name stands for a list of one, any iterable of names or numbers for a list, and a
    scalar of NumPy's for the number it is.

    Raises:
        InputError: When it is called with an argument that is not of the kind in its annotation.
    """
    if isinstance(public, type):
        public.__init__ = checks_arguments(public.__init__)  # type: ignore[misc]
        return public
    signature = inspect.signature(public)

    @wraps(public)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            # Python says what is missing or too much, and of which function.
            return public(*args, **kwargs)
        for name, value in bound.arguments.items():
            parameter = signature.parameters[name]
            kind = _kind(public, parameter.annotation)
            if parameter.kind is parameter.VAR_POSITIONAL:
                bound.arguments[name] = tuple(_fitted(name, one, kind) for one in value)
            elif parameter.kind is parameter.VAR_KEYWORD:
                bound.arguments[name] = {k: _fitted(k, one, kind) for k, one in value.items()}
            else:
                bound.arguments[name] = _fitted(name, value, kind)
        return public(*bound.args, **bound.kwargs)

    return call  # type: ignore[return-value]


#: These say all there is to say.
AS_THEY_ARE = ("PathLike", "ClassifierLike")


@cache
def _kind(public: Callable[..., Any], annotation: Any) -> Any:
    """The type of an annotation; `Any` where only type checkers know it."""
    if annotation is inspect.Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    names = inspect.unwrap(public).__globals__
    converted = {name: Any for name in names if name.endswith("Like") and name not in AS_THEY_ARE}
    with suppress(NameError):
        return eval(annotation, names, {**converted, "ArrayLike": Numbers})
    return Any


def _fitted(name: str, value: Any, kind: Any) -> Any:
    try:
        return _fit(value, kind)
    except _MisfitError:
        hint = f"; give an object of it, {value.__name__}()" if isinstance(value, type) else ""
        raise InputError(f"{name} is {shown(value)}; expected {_in_words(kind)}{hint}.") from None


def _fit(value: Any, kind: Any) -> Any:  # noqa: PLR0912 - a case each
    """The value, as functions want one of this kind."""
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any or isinstance(kind, TypeVar):
        return value
    if origin in (Union, types.UnionType):
        for one in args:
            with suppress(_MisfitError):
                return _fit(value, one)
        raise _MisfitError
    if kind is Numbers or origin is np.ndarray:
        return _numbers(value, as_array=kind is not Numbers)
    if origin is Literal:
        fits = isinstance(value, tuple({type(one) for one in args}))
    elif origin in (Mapping, dict):
        fits = isinstance(value, Mapping)
        for pair in value.items() if fits and args else ():
            for one, part in zip(pair, args, strict=True):
                _fit(one, part)
    elif isinstance(origin, type) and issubclass(origin, Iterable):
        return _several(value, origin, args)
    elif kind is float or kind is int:
        fits = isinstance(value, Real if kind is float else Integral) and not isinstance(
            value, bool
        )
        try:
            number = kind(_if(fits, value))
        except OverflowError:
            raise _MisfitError from None
        return number if isinstance(value, np.generic) else value
    elif kind is bool:
        fits = isinstance(value, bool | np.bool_)
    elif kind is None or kind is types.NoneType:
        fits = value is None
    elif origin is not None:
        plain = origin is Callable or not isinstance(origin, type)
        fits = callable(value) if origin is Callable else plain or isinstance(value, origin)
    elif getattr(kind, "_is_protocol", False):
        members = {*getattr(kind, "__annotations__", ()), *vars(kind)}
        found = [getattr(value, name, None) for name in members if not name.startswith("_")]
        # A class has properties where its objects have values.
        fits = not any(one is None or isinstance(one, property) for one in found)
    else:
        fits = not isinstance(kind, type) or isinstance(value, kind)
    return _if(fits, value)


def _if(fits: bool, value: Any) -> Any:
    if not fits:
        raise _MisfitError
    return value


def _several(value: Any, origin: type, args: tuple[Any, ...]) -> Any:
    """A collection: its members are looked at, unless a sequence reads them only when asked."""
    fixed = origin is tuple and args[-1:] != (...,)
    member = args[0] if args else Any
    if isinstance(value, str):
        # A single name for a list of one; but a text is no pair, and no list of numbers.
        value = (_if(not fixed and _takes_names(member), value),)
    if isinstance(value, bytes) or not isinstance(value, Iterable):
        raise _MisfitError
    if isinstance(value, Mapping) and issubclass(origin, Sequence):
        raise _MisfitError
    looked_at = member in PLAIN or member is Hashable or get_origin(member) is Literal
    if isinstance(value, Sequence) and not isinstance(value, list | tuple) and not looked_at:
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        raise _MisfitError
    # An array of arrays stays one: functions tell it from a list of arrays.
    if not isinstance(value, Collection) or (hasattr(value, "__array__") and looked_at):
        value = tuple(value)
    if fixed and len(value) != len(args):
        raise _MisfitError
    for one, part in zip(value, args if fixed else [member] * len(value), strict=True):
        _fit(one, part)
    return tuple(value) if isinstance(value, set | frozenset) and origin is Sequence else value


def _takes_names(member: Any) -> bool:
    if member is Any:
        return False
    if get_origin(member) is Literal:
        return True
    return member in (str, Hashable) or any(map(_takes_names, get_args(member)))


def _numbers(value: Any, *, as_array: bool) -> Any:
    if value is None or isinstance(value, str | bytes | Mapping):
        raise _MisfitError
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        # Ragged, or no numbers; torch refuses tensors of a graph with a RuntimeError.
        raise _MisfitError from None
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        raise _MisfitError
    return array if as_array else value


PLAIN = {
    str: "text", int: "a whole number", float: "a number", bool: "True or False",
    types.NoneType: "None", Numbers: "numbers, such as an array",
}  # fmt: skip
MEMBERS = {str: "names", Hashable: "names", int: "whole numbers", float: "numbers"}


def _in_words(kind: Any) -> str:  # noqa: PLR0911 - a case each
    origin, args = get_origin(kind), get_args(kind)
    if kind in PLAIN:
        return PLAIN[kind]
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_in_words, args)))
    if origin is Literal:
        return " or ".join(map(repr, args))
    if origin is np.ndarray:
        return PLAIN[Numbers]
    if origin in (Mapping, dict):
        return f"a dict of {_in_words(args[1])} by {_in_words(args[0])}" if args else "a dict"
    if origin is PathLike or kind is PathLike:
        return "a path"
    if origin is Callable:
        return "a function"
    if isinstance(origin, type) and issubclass(origin, Iterable):
        if origin is tuple and args[-1:] != (...,):
            return f"({', '.join(map(_in_words, args))})"
        return f"a list of {MEMBERS.get(args[0]) or _in_words(args[0])}" if args else "a list"
    if kind is Any:
        return "any value"
    name = getattr(kind, "__name__", str(kind))
    return f"{'an' if name[0] in 'AEIO' else 'a'} {name}"
