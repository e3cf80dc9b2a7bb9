"""File formats: recognising them by content, and what their readers have in common."""

from __future__ import annotations

import io
import string
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import FileError, InputError
from gnnglass.registry import Registry
from gnnglass.trajectories.snapshot import FloatArray, IntArray, Trajectory

HEAD_BYTES = 512


class Format(ABC):
    """One file format: recognises its files by their content, and reads them."""

    @abstractmethod
    def matches(self, path: Path, head: bytes) -> bool:
        """Whether the file at `path`, whose first bytes are `head`, is of this format.

        Raises:
            FileError: If it is one of several related formats, but too damaged to tell which.
        """

    @abstractmethod
    def read(self, path: Path) -> Trajectory:
        """Read a file for which `matches` returned True.

        Raises:
            FileError: If the file is damaged or cut off.
            InputError: If it holds something that a snapshot cannot represent.
        """


FORMATS: Registry[Format] = Registry("trajectory format", "gnnglass.trajectories")


def read(path: str | PathLike[str]) -> Trajectory:
    """Read a trajectory; the format is recognised from the content, whatever the file's name.

    Raises:
        FileError: If the file is missing, a folder, empty, damaged or of no known format.
        InputError: If a frame is not a periodic configuration (NaN positions, a tilted box).
    """
    path = Path(path)
    if path.is_dir():
        raise FileError(f"{path} is a folder; give the path of one trajectory file.")
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise FileError(f"there is no file {path}; check its name and folder.") from error
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}; check its permissions.") from error
    if not head:
        raise FileError(f"{path} is empty (0 bytes); the program that wrote it probably failed.")
    for known in map(FORMATS.create, filter(FORMATS.available, FORMATS)):
        if known.matches(path, head):
            return replace(known.read(path), source=path)
    raise FileError(
        f"{path} is of no trajectory format known here ({', '.join(FORMATS)}); "
        "convert it to one of them."
    )


class DamagedError(ValueError):
    """Content that an intact file of its format cannot have.

    Readers raise it, and `errors_naming` turns it into a `FileError` that names the file. Nothing
    else is taken for damage, so that a mistake in a reader shows up as one.
    """


class CutOffError(DamagedError, EOFError):
    """The content ends too early."""


@contextmanager
def errors_naming(what: str | Path) -> Iterator[None]:
    """Name the file or frame that is being read in the message of any error about it.

    NumPy's warnings about NaN and overflow are silenced: such numbers are refused later on.

    Args:
        what: The file or frame, such as ``"frame 3 of run.dump"``.

    Raises:
        FileError: In place of `DamagedError` and of errors of the operating system.
        InputError: In place of one whose message does not name the file.
    """
    try:
        with np.errstate(invalid="ignore", over="ignore"):
            yield
    except FileError:
        raise
    except InputError as error:
        raise InputError(f"{what}: {error}") from error
    except DamagedError as error:
        raise FileError(f"cannot read {what}, which seems damaged: {_reason(error)}.") from error
    except OSError as error:
        raise FileError(f"cannot read {what}: {error.strerror or _reason(error)}.") from error


@contextmanager
def damaged_if(*kinds: type[Exception]) -> Iterator[None]:
    """Wrap one call into a library that raises `kinds` on damaged content.

    Raises:
        DamagedError: In place of these.
    """
    try:
        yield
    except kinds as error:
        raise DamagedError(_reason(error)) from error


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


GZIP_MAGIC = b"\x1f\x8b"
COMPRESSED_MAGICS = (GZIP_MAGIC, b"\x78\x01", b"\x78\x9c", b"\x78\xda")
#: Tells zlib to accept the headers of both gzip and zlib.
EITHER_HEADER = zlib.MAX_WBITS | 32
CHUNK = 1 << 16
#: Decompressing to this many bytes is harmless, however small the file.
HARMLESS_BYTES = 1 << 26
LARGEST_RATIO = 100


def decompressed_limit(n_bytes: int) -> int:
    """The largest size to which a compressed file of `n_bytes` may decompress.

    Coordinates shrink threefold as text and hardly at all as binary numbers, while a malicious
    file decompresses to a thousand times its size.
    """
    return max(HARMLESS_BYTES, LARGEST_RATIO * n_bytes)


@contextmanager
def open_decompressed(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading; if it is compressed with gzip or zlib, decompress it on the way.

    Reading raises `CutOffError` where the compressed data end too early, and `DamagedError` where
    they are damaged or decompress to more than `decompressed_limit`.
    """
    with path.open("rb") as raw:
        if raw.peek(2).startswith(COMPRESSED_MAGICS):
            yield io.BufferedReader(_Decompressing(raw, path.stat().st_size), CHUNK)
        else:
            yield raw


def decompressed_head(path: Path, head: bytes) -> bytes:
    """The first bytes of the content of the file at `path`, whose own first bytes are `head`.

    Empty if the file looks compressed but is not.
    """
    if not head.startswith(COMPRESSED_MAGICS):
        return head
    try:
        with errors_naming(path), open_decompressed(path) as stream:
            return stream.read(len(head))
    except FileError:
        return b""


class _Decompressing(io.RawIOBase):
    """The content of a compressed stream of `size` bytes; gzip members may follow each other."""

    def __init__(self, compressed: BinaryIO, size: int) -> None:
        self._compressed = compressed
        self._decoder = zlib.decompressobj(EITHER_HEADER)
        self._left = decompressed_limit(size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        content = b""
        while not content:
            if self._decoder.eof:
                more = self._decoder.unused_data or self._compressed.read(CHUNK)
                if not more.strip(b"\0"):
                    return 0
                self._decoder = zlib.decompressobj(EITHER_HEADER)
            else:
                more = self._decoder.unconsumed_tail or self._compressed.read(CHUNK)
            with damaged_if(zlib.error):
                content = self._decoder.decompress(more, len(buffer))
            if not more and not content and not self._decoder.eof:
                raise CutOffError("the compressed data end too early")
        self._left -= len(content)
        if self._left < 0:
            raise DamagedError(f"it decompresses to more than {LARGEST_RATIO} times its size")
        buffer[: len(content)] = content
        return len(content)


#: Names for species that a file only numbers.
LETTERS = tuple(string.ascii_uppercase)


def whole_number(text: str | bytes) -> int:
    """The 64-bit integer that a text spells.

    Raises:
        DamagedError: If it spells none.
    """
    with damaged_if(ValueError):
        number = int(text)
    if abs(number) >= 2**63:
        raise DamagedError(f"the number {str(text)[:20]}… is too large")
    return number


def real_numbers(words: Sequence[str]) -> list[float]:
    """The numbers that words spell.

    Raises:
        DamagedError: If one spells none.
    """
    with damaged_if(ValueError):
        return [float(word) for word in words]


def read_columns(lines: Sequence[bytes], names: Sequence[str]) -> dict[str, FloatArray | list[str]]:
    """Split lines into columns: numbers where every line has one, words otherwise.

    Args:
        lines: One line for each of n particles.
        names: Name of each column.

    Returns:
        Column name to n numbers or n words.

    Raises:
        DamagedError: If some line has more or fewer columns, or two columns have the same name.
    """
    if len(set(names)) != len(names):
        raise DamagedError(f"some columns have the same name ({' '.join(names)})")
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
        raise DamagedError(
            f"expected {len(lines)} lines of {len(names)} columns ({' '.join(names)})"
        )
    numbers = dict(zip(likely, table.T, strict=True))
    return {
        name: numbers[k] if k in numbers else _numbers_or_words([line.split()[k] for line in lines])
        for k, name in enumerate(names)
    }


def order_by_id(ids: FloatArray) -> NDArray[np.intp]:
    """The order that sorts particles by id.

    Raises:
        DamagedError: If two particles have the same id.
    """
    if len(np.unique(ids)) != len(ids):
        raise DamagedError("some atom ids occur twice")
    return np.argsort(ids)


def types_from_numbers(numbers: FloatArray) -> IntArray:
    """Species numbered 1, 2, … as indices into `LETTERS`.

    Raises:
        DamagedError: If a number is not that of a letter.
    """
    if not np.all(np.isin(numbers, np.arange(1, len(LETTERS) + 1))):
        raise DamagedError("atom types must be 1 to 26, to be named A to Z")
    return numbers.astype(np.int32) - 1


def as_integers(values: FloatArray, what: str) -> IntArray:
    """The same values as 32-bit integers.

    Args:
        values: Whole numbers, any shape.
        what: What messages call them.

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


def _numbers_or_words(words: list[bytes]) -> FloatArray | list[str]:
    try:
        return _numbers(words, [0])[:, 0]
    except ValueError:
        return [word.decode(errors="replace") for word in words]


def _numbers(lines: Sequence[bytes], usecols: list[int] | None) -> NDArray[np.float64]:
    return np.loadtxt(lines, comments=None, ndmin=2, usecols=usecols)  # type: ignore[arg-type]
