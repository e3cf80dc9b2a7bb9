"""Files packed with gzip or zlib, unpacked as they are read and not further than is plausible."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

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
