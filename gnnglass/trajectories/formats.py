"""File formats: recognising them by content, and what their readers have in common."""

from __future__ import annotations

import io
import re
import string
import warnings
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnnglass._arguments import checks_arguments
from gnnglass.errors import FileError, GnnglassWarning, InputError
from gnnglass.registry import Registry
from gnnglass.trajectories.snapshot import (
    UNKNOWN_ID,
    FloatArray,
    IntArray,
    Snapshot,
    Trajectory,
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


FORMATS: Registry[Format] = Registry("trajectory format", "gnnglass.trajectories")


@checks_arguments
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


def types_from_numbers(numbers: FloatArray) -> IntArray:
    """Species numbered 1, 2, … as indices into `LETTERS`.

    Raises:
        DamagedError: If a number is not that of a letter.
    """
    if not np.all(np.isin(numbers, np.arange(1, len(LETTERS) + 1))):
        raise DamagedError("atom types must be 1 to 26, to be named A to Z")
    return numbers.astype(np.int32) - 1


def named_types(
    labels: Sequence[Sequence[str]] | None, numbers: Sequence[FloatArray] | None
) -> tuple[list[IntArray], tuple[str, ...]]:
    """The species of the particles of some frames, the same in all formats.

    Names are the file's, in alphabetical order. Species that are only numbered 1, 2, … are called
    A, B, …, and so are those whose one name is the same for all: that is what LAMMPS writes for
    ``element`` unless it is told the elements. Of several types of one name, each gets its number
    behind the name.

    Args:
        labels: Name of each particle's species, frame by frame; None if there are only numbers.
        numbers: Number of each particle's type, frame by frame, if there are numbers.

    Returns:
        Indices into the names, frame by frame, and the names.

    Raises:
        DamagedError: If numbers alone tell species, and one is not that of a letter.
        InputError: If there are neither.
    """
    if labels is None and numbers is None:
        raise InputError("nothing tells the species of its particles.")
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
        types = [types_from_numbers(frame) for frame in numbers]
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
