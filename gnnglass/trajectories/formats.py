"""File formats: recognising them by content, and what their readers have in common."""

from __future__ import annotations

import bz2
import io
import lzma
import re
import string
import warnings
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnnglass._arguments import checks_arguments
from gnnglass.errors import FileError, GnnglassWarning, InputError, MissingExtraError
from gnnglass.registry import Registry
from gnnglass.trajectories.snapshot import (
    UNKNOWN_ID,
    FloatArray,
    IdArray,
    IntArray,
    Snapshot,
    Trajectory,
    edges_of,
)

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


class BoxlessFormat(Format):
    """One whose files may state no box, so that one can be given."""

    @abstractmethod
    def read(self, path: Path, box: FloatArray | None = None) -> Trajectory:
        """Read a file for which `matches` returned True.

        Args:
            path: The file.
            box: Two or three edges of the box, in units of length; None if the file states them.

        Raises:
            FileError: If the file is damaged or cut off.
            InputError: If it holds something that a snapshot cannot represent, states no box and
                none is given, or states one and one is given.
        """


FORMATS: Registry[Format] = Registry("trajectory format", "gnnglass.trajectories")


@checks_arguments
def read(path: str | PathLike[str], *, box: Any = None) -> Trajectory:
    """Read a trajectory; the format is recognised from the content, whatever the file's name.

    Args:
        path: The file.
        box: Edges of the box, two or three, for files that state none, such as plain XYZ.

    Raises:
        FileError: If the file is missing, a folder, empty, damaged or of no known format.
        InputError: If a frame is not a periodic configuration (NaN positions, a tilted box), if it
            states no box and none is given, or the other way round.
        MissingExtraError: If a package is needed to read it that is not installed.
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
    edges = None if box is None else edges_of(box)
    if edges is not None and not np.all((edges > 0) & np.isfinite(edges)):
        raise InputError(f"the box is {edges.tolist()}; expected 2 or 3 positive edge lengths.")
    for known in map(FORMATS.create, filter(FORMATS.available, FORMATS)):
        if known.matches(path, head):
            if edges is None:
                found = known.read(path)
            elif isinstance(known, BoxlessFormat):
                found = known.read(path, edges)
            else:
                raise InputError(f"{path} states its own box; leave box (--box) out.")
            return replace(found, source=path)
    raise FileError(
        f"{path} is of no trajectory format known here ({', '.join(FORMATS)}): "
        f"{_seen(decompressed_head(path, head))}; convert it to one of them, or open it with ASE, "
        "MDAnalysis or OVITO in Python and give what they return to gnnglass.as_trajectory."
    )


def files_in(folder: Path) -> list[Path]:
    """The trajectories in a folder, sorted by name; a note names files that are none.

    Folders in it and hidden files are not looked at.

    Raises:
        FileError: If there are none, or it cannot be read.
    """
    known = [FORMATS.create(name) for name in filter(FORMATS.available, FORMATS)]
    found = []
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
        for path in (path for path in files if not path.name.startswith(".")):
            with path.open("rb") as stream:
                head = stream.read(HEAD_BYTES)
            if any(one.matches(path, head) for one in known):
                found.append(path)
            else:
                note(path, "it is no trajectory, and is left out")
    except OSError as error:
        raise FileError(
            f"cannot read {folder}: {error.strerror}; check its permissions."
        ) from error
    if not found:
        raise FileError(
            f"{folder} is a folder without trajectories; give a file, or a folder of files, one "
            "independent run each."
        )
    return found


#: How files begin that are not read here, and what they are.
OTHERS = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"CDF\x01": "a NetCDF file",
    b"CDF\x02": "a NetCDF file",
    b"CDF\x05": "a NetCDF file",
    b"\x54\0\0\0CORD": "a DCD file, which does not tell species",
    b"\0\0\0\x54CORD": "a DCD file, which does not tell species",
    b"\0\0\x07\xcb": "an XTC file, which does not tell species",
    b"\0\0\x07\xc9": "a TRR file, which does not tell species",
}


def _seen(head: bytes) -> str:
    """What a file that nobody reads looks like."""
    kind = next((kind for magic, kind in OTHERS.items() if head.startswith(magic)), None)
    if kind is not None:
        return f"it is {kind}"
    lines = head.decode(errors="replace").split("\n")
    # The last of several is cut off.
    texts = [line.strip().replace("\t", " ") for line in lines[:-1] or lines]
    is_text = all(line.isprintable() and "\ufffd" not in line for line in texts)
    first = next(filter(None, texts), "")
    return f"it begins with {shown(first)}" if is_text and first else "its content is binary"


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
        if str(what) in str(error):
            raise
        raise InputError(f"{what}: {_shortened(str(error))}") from error
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
    return _shortened((str(error).splitlines() or [type(error).__name__])[0].rstrip("."))


def _shortened(text: str) -> str:
    """A message in which something of a file may be quoted in full."""
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"


LONGEST_REASON = 500
MOST_SHOWN = 60


def shown(content: object) -> str:
    """Content of a file as a message quotes it: in quotes, and not more than a few words."""
    text = content.decode(errors="replace") if isinstance(content, bytes) else str(content)
    return repr(text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…")


def note(path: Path, said: str) -> None:
    """Tell the user what is remarkable about a file that is read all the same."""
    warnings.warn(f"{path}: {said}.", GnnglassWarning, stacklevel=2)


def note_not_kept(path: Path, what: Iterable[str]) -> None:
    """Name the things in a file that a trajectory has no place for, if there are any."""
    names = [shown(name)[1:-1] for name in dict.fromkeys(what)]
    if names:
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        note(path, f"not read, for want of a place: {', '.join(names[:MOST_NAMED])}{more}")


MOST_NAMED = 12


CHUNK = 1 << 16
#: Decompressing to this many bytes is harmless, however small the file.
HARMLESS_BYTES = 1 << 26
LARGEST_RATIO = 100
#: What a decoder may use for its own; xz -9 makes files that take 65 MiB.
DECODER_MEMORY = 1 << 27


def decompressed_limit(n_bytes: int) -> int:
    """The largest size to which a compressed file of `n_bytes` may decompress.

    Coordinates shrink threefold as text and hardly at all as binary numbers, while a malicious
    file decompresses to a thousand times its size.
    """
    return max(HARMLESS_BYTES, LARGEST_RATIO * n_bytes)


class _Decoder(Protocol):
    """What decompresses a piece at a time, as the decoders of bz2, lzma and zstd do."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _ZlibDecoder:
    """zlib's decoder, for which one has to keep what it has not read yet."""

    def __init__(self) -> None:
        # The headers of both gzip and zlib.
        self._inner = zlib.decompressobj(zlib.MAX_WBITS | 32)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _zstd() -> tuple[_Decoder, type[Exception]]:
    try:
        from backports import zstd
    except ImportError as error:
        raise MissingExtraError(
            "files compressed with Zstandard need backports.zstd, which is not installed; run: "
            "pip install backports.zstd"
        ) from error
    window = DECODER_MEMORY.bit_length() - 1
    decoder = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: window})
    return decoder, zstd.ZstdError


def _xz() -> tuple[_Decoder, type[Exception]]:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=DECODER_MEMORY), lzma.LZMAError


#: How compressed content begins; a new decoder for it, and what that raises on damaged data.
DECODERS: tuple[tuple[re.Pattern[bytes], Callable[[], tuple[_Decoder, type[Exception]]]], ...] = (
    (re.compile(rb"\x1f\x8b|\x78[\x01\x9c\xda]"), lambda: (_ZlibDecoder(), zlib.error)),
    (re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), lambda: (bz2.BZ2Decompressor(), OSError)),
    (re.compile(rb"\xfd7zXZ\x00"), _xz),
    (re.compile(rb"\x28\xb5\x2f\xfd"), _zstd),
)
LONGEST_MAGIC = 16


def _decoder_of(head: bytes) -> Callable[[], tuple[_Decoder, type[Exception]]] | None:
    return next((make for magic, make in DECODERS if magic.match(head)), None)


@contextmanager
def open_decompressed(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading; if it is compressed, decompress it on the way.

    Known are gzip, zlib, bzip2, xz and, with backports.zstd, Zstandard. Reading raises
    `CutOffError` where the compressed data end too early, and `DamagedError` where they are
    damaged or decompress to more than `decompressed_limit`.

    Raises:
        MissingExtraError: If it is compressed with Zstandard, and backports.zstd is missing.
    """
    with path.open("rb") as raw:
        make = _decoder_of(raw.peek(LONGEST_MAGIC))
        if make is None:
            yield raw
        else:
            yield io.BufferedReader(_Decompressing(raw, make, path.stat().st_size), CHUNK)


def decompressed_head(path: Path, head: bytes) -> bytes:
    """The first bytes of the content of the file at `path`, whose own first bytes are `head`.

    Empty if the file looks compressed but is not.
    """
    if _decoder_of(head) is None:
        return head
    try:
        with errors_naming(path), open_decompressed(path) as stream:
            return stream.read(len(head))
    except FileError:
        return b""


class _Decompressing(io.RawIOBase):
    """The content of a compressed stream of `size` bytes; members may follow each other."""

    def __init__(
        self,
        compressed: BinaryIO,
        make: Callable[[], tuple[_Decoder, type[Exception]]],
        size: int,
    ) -> None:
        self._compressed = compressed
        self._make = make
        self._decoder, self._error = make()
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
                self._decoder, self._error = self._make()
                reads = True
            else:
                reads = self._decoder.needs_input
                more = self._compressed.read(CHUNK) if reads else b""
            with damaged_if(self._error):
                content = self._decoder.decompress(more, len(buffer))
            if reads and not more and not content and not self._decoder.eof:
                raise CutOffError("the compressed data end too early")
        self._left -= len(content)
        if self._left < 0:
            raise DamagedError(f"it decompresses to more than {LARGEST_RATIO} times its size")
        buffer[: len(content)] = content
        return len(content)


class Lines:
    """A text file line by line, with the number of the line that was read last.

    Args:
        stream: The file, open for reading bytes.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.number = 0

    def next(self) -> bytes:
        """The next line; empty at the end."""
        self.number += 1
        return self._stream.readline()

    def next_with_text(self) -> bytes:
        """The next line that is not blank; empty at the end."""
        line = self.next()
        while line.isspace():
            line = self.next()
        return line

    def rows(self, n: int) -> list[bytes]:
        """The next `n` lines, one for each particle.

        Raises:
            CutOffError: If the file ends before, or within the last of them.
        """
        rows = list(islice(self._stream, max(n, 0)))
        self.number += len(rows)
        if len(rows) < n:
            raise CutOffError(f"it has {len(rows)} lines of particles where {n} are announced")
        if rows and not _ends_whole(rows):
            raise CutOffError("it ends within a line")
        return rows


#: The last rows that are compared with one that lacks its line feed.
ROWS_COMPARED = 50


def _ends_whole(rows: Sequence[bytes]) -> bool:
    """Whether the last row is whole: its line feed says so, or else the rows before it.

    Programs end all rows alike, with or without a space, and many write a number of decimals that
    is always the same; of others nobody can say whether the last digits are lost.
    """
    last, others = rows[-1], rows[-ROWS_COMPARED:-1]
    if last.endswith(b"\n"):
        return True
    words = last.split()
    if not words or not others:
        return bool(words)
    if len(words) != len(others[-1].split()):
        return False
    spaced = {row.rstrip(b"\r\n").endswith((b" ", b"\t")) for row in others}
    if spaced == {True} and not last.endswith((b" ", b"\t")):
        return False
    decimals = {len(row.split()[-1].partition(b".")[2]) for row in others if row.strip()}
    return len(decimals) != 1 or len(words[-1].partition(b".")[2]) in decimals


#: A number as C and Fortran write it.
NUMBER = re.compile(
    rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?|[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)"
)
INTEGER = re.compile(rb"[+-]?\d{1,19}")


def real_number(word: str | bytes) -> float:
    """The number that a word spells; exponents may be written with D, as Fortran does.

    Raises:
        DamagedError: If it spells none.
    """
    spelt = word.encode() if isinstance(word, str) else word
    if not NUMBER.fullmatch(spelt):
        raise DamagedError(f"{shown(word)} is not a number")
    return float(spelt.translate(FORTRAN))


FORTRAN = bytes.maketrans(b"dD", b"ee")


def real_numbers(words: Sequence[str]) -> list[float]:
    """The numbers that words spell.

    Raises:
        DamagedError: If one spells none.
    """
    return [real_number(word) for word in words]


def whole_number(text: str | bytes) -> int:
    """The 64-bit integer that a text spells, also as ``1.0e+03``.

    Raises:
        DamagedError: If it spells none.
    """
    word = (text.encode() if isinstance(text, str) else text).strip()
    if INTEGER.fullmatch(word):
        number = int(word)
    else:
        value = real_number(word)
        if not value.is_integer():
            raise DamagedError(f"{shown(word)} is not a whole number")
        number = int(value)
    if abs(number) >= 2**63:
        raise DamagedError(f"the number {shown(word)} is too large")
    return number


def read_columns(
    lines: Sequence[bytes],
    names: Sequence[str],
    *,
    first_line: int = 1,
    words: Collection[str] = (),
) -> dict[str, FloatArray | list[str]]:
    """Split lines into columns, each of numbers or of words.

    Args:
        lines: One line for each of n particles.
        names: Name of each column.
        first_line: Number of the first line in the file, for messages.
        words: Columns of words, even if these look like numbers.

    Returns:
        Column name to n numbers or n words.

    Raises:
        DamagedError: If some line has more or fewer columns, a column holds numbers in some lines
            and not in others, or two columns have the same name.
    """
    if len(set(names)) != len(names):
        raise DamagedError(f"some columns have the same name ({shown(' '.join(names))})")
    if not lines:
        return {name: np.empty(0) for name in names}
    first = lines[0].split()
    likely = [
        k
        for k, (word, name) in enumerate(zip(first, names, strict=False))
        if NUMBER.fullmatch(word) and name not in words
    ]
    if len(likely) == len(names) == len(first):
        # This also counts the columns, and is all there is to do.
        table = _numbers(lines, None)
        if table is not None and table.shape == (len(lines), len(names)):
            return dict(zip(names, table.T, strict=True))
    rows = [line.split() for line in lines]
    for number, row in enumerate(rows, first_line):
        if len(row) != len(names):
            raise DamagedError(
                f"expected {len(lines)} lines of {len(names)} columns "
                f"({shown(' '.join(names))}), but line {number} has {len(row)}"
            )
    table = _numbers(lines, likely) if likely else None
    numbers = {} if table is None else dict(zip(likely, table.T, strict=True))
    return {
        name: numbers[k]
        if k in numbers
        else _column([row[k] for row in rows], name, first_line, is_text=name in words)
        for k, name in enumerate(names)
    }


def _column(
    cells: list[bytes], name: str, first_line: int, *, is_text: bool
) -> FloatArray | list[str]:
    """The numbers or words of one column.

    Raises:
        DamagedError: If it holds numbers in some lines only.
    """
    are_numbers = [not is_text and NUMBER.fullmatch(cell) is not None for cell in cells]
    if all(are_numbers):
        return np.array([float(cell.translate(FORTRAN)) for cell in cells])
    if any(are_numbers):
        wrong = are_numbers.index(False)
        raise DamagedError(
            f"line {first_line + wrong}: the column {shown(name)} holds {shown(cells[wrong])}, "
            "but numbers in other lines"
        )
    return [cell.decode(errors="replace") for cell in cells]


def _numbers(lines: Sequence[bytes], usecols: list[int] | None) -> NDArray[np.float64] | None:
    """The table of numbers in some lines; None if they are not all numbers as C writes them."""
    # NumPy takes bytes for Latin-1, in which some are blanks that separate nothing in a file.
    if not all(map(bytes.isascii, lines)):
        return None
    try:
        return np.loadtxt(lines, comments=None, ndmin=2, usecols=usecols)  # type: ignore[arg-type]
    except ValueError:
        return None


def numeric(
    columns: Mapping[str, FloatArray | list[str]], needed: Iterable[str] = ()
) -> dict[str, FloatArray]:
    """The columns of numbers among some.

    Raises:
        DamagedError: If a needed one is not among them.
    """
    found = {name: column for name, column in columns.items() if not isinstance(column, list)}
    for name in needed:
        if name not in found:
            raise DamagedError(f"the column {shown(name)} is not numeric")
    return found


def order_by_id(ids: FloatArray) -> NDArray[np.intp]:
    """The order that sorts particles by id.

    Raises:
        DamagedError: If two particles have the same id, or an id is not a whole number.
    """
    if not np.all((np.abs(ids) < 2**53) & (ids == np.round(ids))):
        raise DamagedError("some atom ids are not whole numbers")
    if len(np.unique(ids)) != len(ids):
        raise DamagedError("some atom ids occur twice")
    return np.argsort(ids)


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


#: Names for species that a file only numbers.
LETTERS = tuple(string.ascii_uppercase)
LETTERED = np.arange(1, len(LETTERS) + 1)


def types_from_numbers(numbers: FloatArray) -> IntArray:
    """Species numbered 1, 2, … as indices into `LETTERS`.

    Raises:
        DamagedError: If a number is not that of a letter.
    """
    if not np.all(np.isin(numbers, LETTERED)):
        raise DamagedError("atom types must be 1 to 26, to be named A to Z")
    return numbers.astype(np.int32) - 1


def lettered(names: Sequence[str]) -> list[str]:
    """Names of species; if they are the numbers 1, 2, … or 0, 1, …, then the letters for these."""
    if not all(INTEGER.fullmatch(name.encode()) for name in names):
        return list(names)
    numbers = np.array([int(name) for name in names], dtype=np.float64)
    if len(set(numbers)) < len(names) or not np.all(np.isin(numbers + (0 in numbers), LETTERED)):
        return list(names)
    return [LETTERS[index] for index in types_from_numbers(numbers + (0 in numbers))]


def named_types(
    labels: Sequence[Sequence[str]] | None, numbers: Sequence[FloatArray] | None
) -> tuple[list[IntArray], tuple[str, ...]]:
    """The species of the particles of some frames, the same in all formats.

    Names are the file's, in alphabetical order. Species that are only numbered 1, 2, … are called
    A, B, … (where a 0 occurs, numbers count from 0), and so are those whose one name is the same
    for all: that is what LAMMPS writes for ``element`` unless it is told the elements. Of several
    types of one name, each gets its number behind the name.

    Args:
        labels: Name of each particle's species, frame by frame; None if there are only numbers.
        numbers: Number of each particle's type, frame by frame, if there are numbers.

    Returns:
        Indices into the names, frame by frame, and the names.

    Raises:
        DamagedError: If numbers alone tell species, and one is not that of a letter, or if one is
            NaN.
        InputError: If there are neither.
    """
    if labels is None and numbers is None:
        raise InputError("nothing tells the species of its particles.")
    if not all(np.isfinite(frame).all() for frame in numbers or ()):
        raise DamagedError("some atom types are not numbers")
    known: dict[str, int] = {}
    codes = [
        np.array([known.setdefault(label, len(known)) for label in frame], dtype=np.int64)
        for frame in labels or ()
    ]
    if known and all(INTEGER.fullmatch(label.encode()) for label in known):
        table = np.array([float(label) for label in known])
        return named_types(None, [table[code] for code in codes])
    if numbers is not None and (
        not known or (len(known) == 1 and len(np.unique(np.concatenate(numbers))) > 1)
    ):
        first = min(float(frame.min(initial=1)) for frame in numbers)
        types = [types_from_numbers(frame + (first == 0)) for frame in numbers]
        last = max(int(frame.max(initial=0)) for frame in types)
        return types, LETTERS[: last + 1]
    names = list(known)
    if numbers is not None:
        pairs = sorted(
            {
                (int(code), float(number))
                for frame, row in zip(codes, numbers, strict=True)
                for code, number in np.unique(np.stack([frame, row], axis=1), axis=0)
            }
        )
        if len(pairs) > len(names):
            several = [code for code, _ in pairs]
            full = {
                (code, number): f"{names[code]}{number:g}"
                if several.count(code) > 1
                else names[code]
                for code, number in pairs
            }
            spelt = [
                [full[int(code), float(number)] for code, number in zip(frame, row, strict=True)]
                for frame, row in zip(codes, numbers, strict=True)
            ]
            return named_types(spelt, None)
    order = sorted(names)
    place = np.array([order.index(name) for name in names], dtype=np.int32)
    return [place[code] for code in codes], tuple(order)


TILTED = "the box is tilted (triclinic); only orthorhombic boxes are supported."
#: How far beside the axes an edge may point, relative to the longest; angles are rounded.
ALMOST_ZERO = 1e-6


def orthogonal_edges(vectors: ArrayLike) -> FloatArray:
    """The edge lengths of a box, shape [3], from its vectors as rows, shape [3, 3].

    Raises:
        InputError: If they do not lie along the axes.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    edges = np.diag(vectors).copy()
    if np.any(np.abs(vectors - np.diag(edges)) > ALMOST_ZERO * np.abs(edges).max()):
        raise InputError(TILTED)
    return edges


#: Particles are in one plane if their z differ by less than this part of the longer edge.
FLAT = 1e-6


def is_flat(z: FloatArray, edges: FloatArray) -> bool:
    """Whether particles, two or more, share one z, up to rounding.

    Args:
        z: Shape [n].
        edges: Edges of the box, shape [3].
    """
    return len(z) > 1 and bool(np.ptp(z) <= FLAT * edges[:2].max())


def is_of_3d(edges: FloatArray, n: int) -> bool:
    """Whether a box is too high for a configuration of n particles in two dimensions.

    Boxes of 2D runs have some height in most files: 1, or about the size of a particle. That of a
    3D run is about as high as it is wide, or many times as high as particles would be apart if all
    were in one plane; in any case two of these three.

    Args:
        edges: Edges of the box, shape [3].
        n: Number of particles.
    """
    spacing = float(np.sqrt(edges[0] * edges[1] / max(n, 1)))
    signs = (
        edges[2] > 1 + FLAT,
        edges[2] > EVEN * edges[:2].min(),
        edges[2] > SPACINGS * spacing,
    )
    return sum(map(bool, signs)) > 1


EVEN = 0.9
#: Three layers of particles are higher; 2D boxes of height 2 occur.
SPACINGS = 4


def require_2d(edges: FloatArray, n: int) -> None:
    """Refuse to take a frame without z for a 2D one if its box is that of a 3D run.

    Raises:
        InputError: If it is.
    """
    if is_of_3d(edges, n):
        raise InputError(
            f"it has no z coordinate, but its box is that of a 3D run ({edges[2]:.4g} high, for "
            f"{n} particles on {edges[0]:.4g} x {edges[1]:.4g}); write z as well, or if the run "
            "was 2D give the box a height of 1 or less."
        )


def time_facts(path: Path, steps: Sequence[int], times: Sequence[float | None]) -> dict[str, float]:
    """What the metadata say of the times of frames: ``dt``, or ``time`` of a single frame.

    Args:
        path: The file, which is named where times do not follow from steps.
        steps: Step of each frame.
        times: Time of each frame, as far as they are known.
    """
    known = [time for time in times if time is not None]
    if not known:
        return {}
    if len(steps) == 1:
        return {"time": known[0]}
    n, t = np.array(steps, dtype=np.float64), np.array(known)
    if len(known) == len(steps) and np.all(np.diff(n) > 0) and np.all(np.isfinite(t)):
        dt = (t[-1] - t[0]) / (n[-1] - n[0])
        rounding = TIME_ROUNDING * np.abs(t).max()
        if dt > 0 and np.all(np.abs(t - t[0] - dt * (n - n[0])) <= rounding):
            if abs(t[0] - dt * n[0]) > rounding:
                note(path, f"times are kept as steps of {dt:g}; that step 0 is not time 0 is lost")
            return {"dt": float(f"{dt:.9g}")}
    note(path, "times are not kept: they are not proportional to the steps")
    return {}


#: Times are written with six digits or so.
TIME_ROUNDING = 1e-5


def identified(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Snapshots whose file has no ids, with ids by their order if all frames have the same one.

    Programs may write particles in another order in each frame. The order is taken to be the same
    if from frame to frame no particle has gone further than half the distance of neighbours; else
    ids are unknown, and particles cannot be followed.
    """
    n = len(snapshots[0])
    kept = len(snapshots) > 1 and all(map(_same_order, snapshots, snapshots[1:]))
    ids = np.arange(1, n + 1) if kept else None
    return [
        one.replace(ids=np.full(len(one), UNKNOWN_ID) if ids is None else ids) for one in snapshots
    ]


def _same_order(before: Snapshot, after: Snapshot) -> bool:
    if len(before) != len(after) or not np.array_equal(before.types, after.types):
        return False
    moved = after.minimum_image(after.positions - before.positions)
    spacing = before.density ** (-1 / before.dimension)
    return bool(np.linalg.norm(moved, axis=1).max() < spacing / 2)


@dataclass(frozen=True)
class RawFrame:
    """One frame as it is found, before all frames tell the dimension and the species.

    Attributes:
        edges: Edges of the box, shape [3]; that along z is 0 if there are two.
        positions: Shape [n, 2] or [n, 3], about the centre of the box.
        labels: Name of each particle's species, if there are names.
        numbers: Number of each particle's type, if there are numbers.
        images: Image flags of the shape of the positions, if they are known.
        fields: Named values, each of shape [n].
        ids: Number of each particle; None if nothing tells which is which.
        periodic: Whether each axis is periodic.
        step: Simulation step.
    """

    edges: FloatArray
    positions: FloatArray
    labels: Sequence[str] | None = None
    numbers: FloatArray | None = None
    images: FloatArray | None = None
    fields: Mapping[str, FloatArray] = field(default_factory=dict)
    ids: IdArray | None = None
    periodic: tuple[bool, ...] = (True, True, True)
    step: int = 0

    @property
    def may_be_2d(self) -> bool:
        """Whether all particles share one z or have none, and the box may be that of a 2D run.

        Raises:
            InputError: If the box has no height, but the particles differ in z, or the other way
                round.
        """
        if self.positions.shape[1] == 2:
            require_2d(self.edges, len(self.positions))
            return True
        z = self.positions[:, 2]
        if self.edges[2] == 0 and np.ptp(z) > FLAT * self.edges.max():
            raise InputError(
                f"its box has no height, but its particles differ in z by {np.ptp(z):.3g}; give "
                "the third edge as well."
            )
        thin = not all(self.periodic[2:]) or self.edges[2] == 0
        return is_flat(z, self.edges) or (len(z) == 1 and thin)

    def snapshot(self, d: int, types: IntArray, names: tuple[str, ...]) -> Snapshot:
        """The snapshot in d dimensions, with the species of its particles.

        Raises:
            InputError: If it is not a periodic configuration.
        """
        if not all(self.periodic[:d]) or len(self.periodic) != 3:
            raise InputError(
                f"it has a boundary that is not periodic; only boxes periodic along "
                f"{', '.join('xyz'[:d])} (pbc T) are supported."
            )
        if self.positions.shape[1] < d:
            raise InputError("it has no z coordinate, but other frames are 3D.")
        return Snapshot(
            box=self.edges[:d],
            positions=self.positions[:, :d],
            types=types,
            type_names=names,
            images=None if self.images is None else as_integers(self.images[:, :d], "image flags"),
            fields=self.fields,
            step=self.step,
            ids=self.ids,
        )


def joined(frames: Sequence[RawFrame], whose: str | Path) -> list[Snapshot]:
    """The snapshots of one run, all of the same dimension and with the same names of species.

    Args:
        frames: At least one.
        whose: Where they are from, for messages.

    Raises:
        InputError: If one is not a periodic configuration, or they do not fit together.
    """
    flat = []
    for number, frame in enumerate(frames):
        with errors_naming(f"frame {number} of {whose}"):
            flat.append(frame.may_be_2d)
    d = 2 if all(flat) else 3
    labels = [frame.labels for frame in frames if frame.labels is not None]
    numbers = [frame.numbers for frame in frames if frame.numbers is not None]
    have_ids = [frame.ids is not None for frame in frames]
    with errors_naming(whose):
        if len(labels) not in (0, len(frames)) or (not labels and len(numbers) < len(frames)):
            raise InputError("its frames do not name species in the same way.")
        if any(have_ids) and not all(have_ids):
            raise InputError("some frames have a property 'id' and others have none.")
        types, names = named_types(labels or None, numbers if len(numbers) == len(frames) else None)
    snapshots = []
    for number, frame in enumerate(frames):
        with errors_naming(f"frame {number} of {whose}"):
            snapshots.append(frame.snapshot(d, types[number], names))
    return snapshots if have_ids[0] else identified(snapshots)
