"""Text files by others: unpacked within bounds, and columns of numbers and words."""

from __future__ import annotations

import io
import string
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.trajectories.snapshot import FloatArray, IntArray

GZIP_MAGIC = b"\x1f\x8b"
MAGICS = (GZIP_MAGIC, b"\x78\x01", b"\x78\x9c", b"\x78\xda")
#: What zlib calls "tell gzip and zlib apart yourself".
EITHER = zlib.MAX_WBITS | 32
CHUNK = 1 << 16
HARMLESS_BYTES = 1 << 26
MOST_TIMES = 100


def most_bytes(packed: int) -> int:
    """How many bytes a file of `packed` bytes may hold.

    Coordinates shrink threefold as text and hardly at all as numbers, while a file made to do
    harm unpacks to a thousand times its size.
    """
    return max(HARMLESS_BYTES, MOST_TIMES * packed)


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, unpacking it on the way if it is packed.

    Reading raises EOFError where the packed data end too early, zlib.error where they are
    damaged, and ValueError where they unpack to more than `most_bytes`.
    """
    with path.open("rb") as raw:
        if raw.peek(2).startswith(MAGICS):
            yield io.BufferedReader(_Unpacking(raw, path.stat().st_size), CHUNK)
        else:
            yield raw


def unpacked_head(path: Path, head: bytes) -> bytes:
    """The first bytes of what is in the file at `path`, itself beginning with `head`.

    Empty if the file only looks as if it were packed.
    """
    if not head.startswith(MAGICS):
        return head
    try:
        with unpacked(path) as stream:
            return stream.read(len(head))
    except (EOFError, OSError, ValueError, zlib.error):
        return b""


class _Unpacking(io.RawIOBase):
    """What is in a packed stream of `size` bytes; gzip members may follow each other."""

    def __init__(self, packed: BinaryIO, size: int) -> None:
        self._packed = packed
        self._decoder = zlib.decompressobj(EITHER)
        self._left = most_bytes(size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        content = b""
        while not content:
            if self._decoder.eof:
                more = self._decoder.unused_data or self._packed.read(CHUNK)
                if not more.strip(b"\0"):
                    return 0
                self._decoder = zlib.decompressobj(EITHER)
            else:
                more = self._decoder.unconsumed_tail or self._packed.read(CHUNK)
            content = self._decoder.decompress(more, len(buffer))
            if not more and not content and not self._decoder.eof:
                raise EOFError("the packed data end too early")
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(f"it unpacks to more than {MOST_TIMES} times its size")
        buffer[: len(content)] = content
        return len(content)


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
