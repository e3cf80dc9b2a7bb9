"""Is a GSD file whole? Asked before gsd's C code, which trusts what it finds, maps the file."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gnnglass.errors import FileError

MAGIC = b"\xdf\x65" * 4
#: magic, index position, index entries, name list position, name list entries of 64 bytes.
HEADER = struct.Struct("<QQQQQ")
HEADER_BYTES = 256
NAME_BYTES = 64
ENTRY = np.dtype(
    [
        ("frame", "<u8"),
        ("rows", "<u8"),
        ("location", "<i8"),
        ("columns", "<u4"),
        ("name", "<u2"),
        ("type", "u1"),
        ("flags", "u1"),
    ]
)
#: Bytes of one value, by type number; zero where no type has that number.
TYPE_BYTES = np.zeros(256)
TYPE_BYTES[1:12] = [1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 1]


def count_frames(path: Path) -> int:
    """The number of frames in a GSD file, all of whose chunks lie inside the file.

    Layout: the file-layer specification of GSD 1.0 and 2.x (gsd.readthedocs.io).

    Raises:
        FileError: If the file is cut off or its index is damaged; says how many whole frames
            come before the damage.
    """
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        header = stream.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            raise _broken(path, 0)
        _, index_at, n_entries, names_at, n_names = HEADER.unpack_from(header)
        entries = _index(stream, index_at, n_entries, size)
    end = np.flatnonzero(entries["location"] == 0)
    used = entries[: end[0]] if end.size else entries
    wrong = np.flatnonzero(_wrong(used, n_entries, size))
    if wrong.size:
        # Entries are in the order of frames: those of frames before that of the last good
        # entry are all there.
        raise _broken(path, int(used["frame"][wrong[0] - 1]) if wrong[0] else 0)
    frames = int(used["frame"][-1]) + 1 if used.size else 0
    complete = n_entries > 0 and len(entries) == n_entries
    if not complete:
        # The last frame seen may have had more chunks in the part that is lost.
        raise _broken(path, max(frames - 1, 0))
    if n_names == 0 or names_at + NAME_BYTES * n_names > size:
        raise _broken(path, 0)
    if np.any(entries[len(used) :]["location"] != 0):
        raise _broken(path, frames)
    return frames


def _index(stream: BinaryIO, index_at: int, n_entries: int, size: int) -> Any:
    if not HEADER_BYTES <= index_at < size:
        return np.empty(0, ENTRY)
    room = (size - index_at) // ENTRY.itemsize
    stream.seek(index_at)
    return np.fromfile(stream, ENTRY, min(n_entries, room))


def _wrong(used: Any, n_entries: int, size: int) -> Any:
    # In floating point, so that absurd numbers do not wrap around to plausible ones.
    bytes_each = TYPE_BYTES[used["type"]]
    end = used["location"] + used["rows"].astype(float) * used["columns"] * bytes_each
    wrong = (bytes_each == 0) | (used["flags"] != 0) | (used["location"] < HEADER_BYTES)
    wrong |= end > size
    wrong |= used["frame"] >= n_entries
    wrong[1:] |= used["frame"][1:] < used["frame"][:-1]
    return wrong


def _broken(path: Path, whole: int) -> FileError:
    found = f"{whole} whole frame{'' if whole == 1 else 's'}" if whole else "no whole frame"
    return FileError(
        f"{path} is cut off or damaged: {found} could be found in it; copy it again, or repeat "
        "what wrote it."
    )
