"""The particles of a text file: lines of columns, most of them numbers."""

from __future__ import annotations

import string
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.trajectories.snapshot import FloatArray, IntArray

#: Names of species that the file only numbers.
LETTERS = tuple(string.ascii_uppercase)


def read_columns(lines: Sequence[bytes], names: Sequence[str]) -> dict[str, FloatArray | list[str]]:
    """Split lines into columns: numbers where every line has one, words otherwise.

    Args:
        lines: One line for each of n particles.
        names: Name of each column.

    Returns:
        Column name to n numbers or n words.

    Raises:
        ValueError: If some line has more or fewer columns, or two columns have one name.
    """
    if len(set(names)) != len(names):
        raise ValueError(f"some columns have the same name ({' '.join(names)})")
    if not lines:
        return {name: np.empty(0) for name in names}
    likely = [k for k, word in enumerate(lines[0].split()) if _is_number(word)]
    try:
        # Without a column of text this also counts the columns, and is all there is to do.
        table = _numbers(lines, likely if len(likely) < len(names) else None)
    except ValueError:
        likely, table = [], np.empty((len(lines), 0))
    if table.shape != (len(lines), len(names)) and not all(
        len(line.split()) == len(names) for line in lines
    ):
        raise ValueError(f"expected {len(lines)} lines of {len(names)} columns ({' '.join(names)})")
    numbers = dict(zip(likely, table.T, strict=True))
    return {
        name: numbers[k] if k in numbers else _if_numbers([line.split()[k] for line in lines])
        for k, name in enumerate(names)
    }


def order_of(ids: FloatArray) -> NDArray[np.intp]:
    """The order that sorts particles by id.

    Raises:
        ValueError: If two particles have the same id.
    """
    if len(np.unique(ids)) != len(ids):
        raise ValueError("some atom ids occur twice")
    return np.argsort(ids)


def type_indices(types: FloatArray) -> IntArray:
    """Species numbered 1, 2, … as indices into `LETTERS`.

    Raises:
        ValueError: If there are no letters for them.
    """
    if not np.all(np.isin(types, np.arange(1, len(LETTERS) + 1))):
        raise ValueError("atom types must be 1 to 26, to be named A to Z")
    return types.astype(np.int32) - 1


def whole_numbers(values: FloatArray, what: str) -> IntArray:
    """The same values as 32-bit integers.

    Raises:
        InputError: If some are not whole, or too large.
    """
    if not np.all((np.abs(values) < 2**31) & (values == np.round(values))):
        raise InputError(f"some {what} are not whole numbers below 2^31.")
    return values.astype(np.int32)


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _if_numbers(words: list[bytes]) -> FloatArray | list[str]:
    try:
        return _numbers(words, [0])[:, 0]
    except ValueError:
        return [word.decode(errors="replace") for word in words]


def _numbers(lines: Sequence[bytes], usecols: list[int] | None) -> NDArray[np.float64]:
    return np.loadtxt(lines, comments=None, ndmin=2, usecols=usecols)  # type: ignore[arg-type]
