"""Options that users give, checked where they enter: numbers, quantities, memory and disk."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Collection
from numbers import Integral, Real
from pathlib import Path

from gnnglass.errors import FileError, InputError, shown

#: Larger than any number of things that one machine goes through, and a signed 64-bit integer.
MOST = 2**62


def require_whole(least: int, most: int = MOST, **numbers: object) -> None:
    """Refuse what is not a number of things, or a seed, within bounds.

    Args:
        least: The smallest that makes sense.
        most: The largest that makes sense.
        **numbers: The options by name.

    Raises:
        InputError: If one is not a whole number from `least` to `most`.
    """
    for name, value in numbers.items():
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise InputError(f"{name} is {shown(value)}; expected a whole number.")
        number = int(value)
        if number < least:
            raise InputError(f"{name} is {number}; expected at least {least}.")
        if number > most:
            raise InputError(f"{name} is {shown(number)}; expected at most {most:.3g}.")


def require_positive(most: float = math.inf, **quantities: object) -> None:
    """Refuse what is not a positive, finite number.

    Args:
        most: The largest that makes sense.
        **quantities: The options by name.

    Raises:
        InputError: If one is not.
    """
    for name, value in quantities.items():
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or not 0 < float(value) < math.inf:  # type: ignore[arg-type]
            raise InputError(f"{name} is {shown(value)}; expected a positive, finite number.")
        if float(value) > most:  # type: ignore[arg-type]
            raise InputError(f"{name} is {value!r}; expected at most {most:.3g}.")


def require_probability(**values: float) -> None:
    """Refuse values that are not in [0, 1].

    Raises:
        InputError: If one is not.
    """
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise InputError(f"{name} is {value:g}; expected a probability between 0 and 1.")


def require_classes(names: Collection[str]) -> None:
    """Refuse to train on fewer than two classes.

    Raises:
        InputError: If there are fewer.
    """
    if len(names) < 2:
        raise InputError(
            f"training needs at least two classes; got {', '.join(names) or 'none'}: "
            "give trajectories of both phases."
        )


def require_one_level(levels: Collection[str]) -> None:
    """Refuse to train on two levels at once.

    Raises:
        InputError: If there are two.
    """
    if len(set(levels)) > 1:
        raise InputError(
            "thermal and inherent trajectories are mixed; a classifier of one would tell "
            "vibrations, not phases: give one level."
        )


def require_disk(folder: Path, n_bytes: float) -> None:
    """Refuse what the disk has no room for, before it is begun.

    Args:
        folder: Where files go; it need not exist.
        n_bytes: What they take at least.

    Raises:
        FileError: If the disk has less room.
    """
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if n_bytes > free:
        raise FileError(
            f"files in {folder} would take at least {n_bytes / 2**30:.3g} GiB, and the disk has "
            f"{free / 2**30:.3g} GiB left; make room, or ask for less."
        )


def require_memory(n_bytes: float, what: str) -> None:
    """Refuse what cannot fit into this machine, before it is begun.

    Args:
        n_bytes: What it takes at least.
        what: What takes it, for the message.

    Raises:
        InputError: If the machine has less.
    """
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if n_bytes > there:
        raise InputError(
            f"{what} would take at least {n_bytes / 2**30:.3g} GiB of memory, and this machine has "
            f"{there / 2**30:.3g} GiB; choose smaller sizes."
        )
