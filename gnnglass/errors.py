"""What gnnglass raises: one sentence that says what was given, what was expected, what to do.

Every error the package raises on purpose derives from `GnnglassError`, so that the
command line can print it without a traceback and callers can catch it in one place.
Each class also derives from the built-in exception that a Python user would expect.
Any other exception that comes out of the package is a bug in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

#: Added to the traceback of an exception that is not a `GnnglassError`.
REPORT_BUG = "this is a bug in gnnglass; please report it with the lines above"


#: So much of a value is shown in a message.
MOST_SHOWN = 80


def shown(value: object) -> str:
    """A value as messages show it: as Python writes it, and its beginning if that is long.

    What takes several lines, such as a table, is called by the name of its type.
    """
    text = repr(value)
    if "\n" in text:
        return f"a {type(value).__name__}"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


#: So many names are suggested for one that is not known.
MOST_SUGGESTED = 3


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Names close to one that is not known, to follow it in a sentence.

    Capitals, dashes and underscores make no difference, and a part of a name is close to it.

    Args:
        name: What was given.
        known: The names there are.

    Returns:
        Such as ``" (did you mean 'kam2d'?)"``; empty if none is close.
    """
    spelt = {_plain(one): one for one in known}
    plain = _plain(str(name))
    close = [one for one in spelt if plain in one] if len(plain) >= _SHORTEST_PART else []
    close = close or get_close_matches(plain, spelt, n=MOST_SUGGESTED, cutoff=_LEAST_ALIKE)
    meant = " or ".join(repr(spelt[one]) for one in close[:MOST_SUGGESTED])
    return f" (did you mean {meant}?)" if meant else ""


_SHORTEST_PART = 3
#: Least likeness of names, as `difflib` measures it, by which one may stand for the other.
_LEAST_ALIKE = 0.7


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """The sentence about a name that is not known.

    Args:
        kind: What it should be the name of, such as "engine".
        name: What was given.
        known: The names there are.

    Returns:
        Such as "unknown engine 'lamps' (did you mean 'lammps'?); known: hoomd, lammps."
    """
    names = list(known)
    return (
        f"unknown {kind} {shown(name)}{did_you_mean(name, names)}; "
        f"known: {', '.join(names) or 'none'}."
    )


class GnnglassError(Exception):
    """Base class: its message is meant to be read by a physicist, not a programmer."""


class InputError(GnnglassError, ValueError):
    """An argument, a file's content or a data set that the called code cannot accept."""


class FileError(GnnglassError, OSError):
    """A file that is missing, broken, of an unknown format, or that cannot be written."""


class UnknownNameError(GnnglassError, LookupError):
    """A name unknown to a registry, study file or classifier; the message lists the known ones."""


class MissingExtraError(GnnglassError, ImportError):
    """An optional package is needed and missing; the message says how to install it."""


class NotComputedError(GnnglassError, AttributeError):
    """A result was asked for before `compute` was called."""


class SimulationError(GnnglassError, RuntimeError):
    """An engine failed or a run ended in a state that is not physical."""


class GnnglassWarning(UserWarning):
    """What is remarkable about a file and yet does not stop its reader; one sentence."""
