"""Packed files: what is in them, and files that unpack to a thousand times their size."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import mutations
import numpy as np
import pytest

from gnnglass.errors import FileError, MissingExtraError
from gnnglass.trajectories import read
from gnnglass.trajectories.formats import CHUNK, CutOffError, DamagedError, open_decompressed

Pack = Callable[[bytes], bytes]
#: What packs, and how much of a packed file shows that it is one.
PACKED: dict[str, tuple[Pack, int]] = {
    "gzip": (gzip.compress, 2),
    "zlib": (zlib.compress, 2),
    "bzip2": (bz2.compress, 10),
    "xz": (lzma.compress, 6),
}
with suppress(ImportError):
    from backports import zstd

    CHECKED = {zstd.CompressionParameter.checksum_flag: 1}
    PACKED["zstd"] = (lambda content: zstd.compress(content, options=CHECKED), 4)


@pytest.fixture(params=PACKED)
def pack(request: pytest.FixtureRequest) -> Pack:
    return PACKED[request.param][0]


@pytest.mark.parametrize("pack", [*(pack for pack, _ in PACKED.values()), bytes])
def test_any_content_comes_back(tmp_path: Path, pack: Pack) -> None:
    rng = np.random.default_rng(0)
    for size in (0, 1, CHUNK - 1, CHUNK, 5 * CHUNK + 3):
        content = rng.integers(0, 3, size, dtype=np.uint8).tobytes()
        (tmp_path / "t").write_bytes(pack(content))
        with open_decompressed(tmp_path / "t") as stream:
            assert stream.read() == content


def test_members_that_follow_each_other_and_padding(tmp_path: Path, pack: Pack) -> None:
    (tmp_path / "t").write_bytes(pack(b"one\n") + pack(b"two\n") + b"\0" * 8)
    with open_decompressed(tmp_path / "t") as stream:
        assert list(stream) == [b"one\n", b"two\n"]


@pytest.mark.parametrize("name", PACKED)
def test_what_is_cut_or_damaged_does_not_come_back(tmp_path: Path, name: str) -> None:
    pack, shortest = PACKED[name]
    content = np.random.default_rng(0).integers(0, 99, 3000, dtype=np.uint8).tobytes()
    whole = pack(content)
    for kept in range(shortest, len(whole), 97):
        (tmp_path / "t").write_bytes(whole[:kept])
        with open_decompressed(tmp_path / "t") as stream, pytest.raises(CutOffError):
            stream.read()
    for place in (700, len(whole) // 2):
        (tmp_path / "t").write_bytes(
            whole[:place] + bytes([~whole[place] & 255]) + whole[place + 1 :]
        )
        with open_decompressed(tmp_path / "t") as stream, pytest.raises(DamagedError):
            stream.read()


@pytest.mark.parametrize("name", ["deepmind", "extxyz", "lammps-data", "lammps-dump"])
def test_every_text_format_may_be_packed(tmp_path: Path, name: str, pack: Pack) -> None:
    content = mutations.samples(tmp_path)[name][0]
    assert isinstance(content, bytes)
    (tmp_path / "plain").write_bytes(content)
    (tmp_path / "packed.gz").write_bytes(pack(content))
    plain, packed = list(read(tmp_path / "plain")), list(read(tmp_path / "packed.gz"))
    assert len(plain) == len(packed)
    for one, other in zip(plain, packed, strict=True):
        np.testing.assert_array_equal(one.positions, other.positions)


@pytest.mark.parametrize("name", ["extxyz", "lammps-data", "lammps-dump"])
def test_a_bomb_is_refused_before_it_fills_the_memory(
    tmp_path: Path, name: str, pack: Pack
) -> None:
    content = mutations.samples(tmp_path)[name][0]
    assert isinstance(content, bytes)
    endless_line = pack(b" " * (1 << 22)) * 100
    (tmp_path / "bomb").write_bytes(pack(content.rstrip(b"\n")) + endless_line)
    with pytest.raises(FileError, match="more than 100 times its size"):
        read(tmp_path / "bomb")


def test_an_xz_file_that_asks_for_gigabytes_is_refused(tmp_path: Path) -> None:
    packed = bytearray(lzma.compress(mutations.dump()))
    # The header of the first block: its size, flags, LZMA2, one byte, the dictionary, a checksum.
    at = 12
    end = at + 4 * (packed[at] + 1)
    packed[packed.index(b"\x21\x01", at) + 2] = 36  # a dictionary of 1 GiB
    packed[end - 4 : end] = struct.pack("<I", zlib.crc32(packed[at : end - 4]))
    (tmp_path / "t.xz").write_bytes(packed)
    assert len(lzma.decompress(packed)) == len(mutations.dump())
    with open_decompressed(tmp_path / "t.xz") as stream, pytest.raises(DamagedError, match="limit"):
        stream.read()


def test_zstd_without_the_package_that_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "backports", None)
    (tmp_path / "t.zst").write_bytes(b"\x28\xb5\x2f\xfd and more")
    with pytest.raises(MissingExtraError, match=r"pip install backports\.zstd"):
        read(tmp_path / "t.zst")


def test_what_only_looks_packed_is_of_no_format(tmp_path: Path) -> None:
    (tmp_path / "t.gz").write_bytes(b"\x78\x9cnot zlib at all")
    with pytest.raises(FileError, match="no trajectory format"):
        read(tmp_path / "t.gz")
