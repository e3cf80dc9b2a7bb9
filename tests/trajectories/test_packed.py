"""Packed files: what is in them, and files that unpack to a thousand times their size."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import mutations
import numpy as np
import pytest

from gnnglass.errors import FileError
from gnnglass.trajectories import read
from gnnglass.trajectories.formats import CHUNK, CutOffError, DamagedError, open_decompressed


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bytes], ids=["gzip", "zlib", "not"])
def test_any_content_comes_back(tmp_path: Path, pack: type[bytes]) -> None:
    rng = np.random.default_rng(0)
    for size in (0, 1, CHUNK - 1, CHUNK, 5 * CHUNK + 3):
        content = rng.integers(0, 3, size, dtype=np.uint8).tobytes()
        (tmp_path / "t").write_bytes(pack(content))
        with open_decompressed(tmp_path / "t") as stream:
            assert stream.read() == content


def test_members_that_follow_each_other_and_padding(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n") + b"\0" * 9)
    with open_decompressed(tmp_path / "t") as stream:
        assert list(stream) == [b"one\n", b"two\n"]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_what_is_cut_or_damaged_does_not_come_back(tmp_path: Path, pack: type[bytes]) -> None:
    whole = pack(bytes(range(256)) * 40)
    for kept in range(2, len(whole), 7):
        (tmp_path / "t").write_bytes(whole[:kept])
        with open_decompressed(tmp_path / "t") as stream, pytest.raises(CutOffError):
            stream.read()
    (tmp_path / "t").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with open_decompressed(tmp_path / "t") as stream, pytest.raises(DamagedError, match="Error -3"):
        stream.read()


@pytest.mark.parametrize("name", ["deepmind", "extxyz", "lammps-data", "lammps-dump"])
@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_every_text_format_may_be_packed(tmp_path: Path, name: str, pack: type[bytes]) -> None:
    content = mutations.samples(tmp_path)[name][0]
    assert isinstance(content, bytes)
    (tmp_path / "plain").write_bytes(content)
    (tmp_path / "packed.gz").write_bytes(pack(content))
    plain, packed = list(read(tmp_path / "plain")), list(read(tmp_path / "packed.gz"))
    assert len(plain) == len(packed)
    for one, other in zip(plain, packed, strict=True):
        np.testing.assert_array_equal(one.positions, other.positions)


@pytest.mark.parametrize("name", ["extxyz", "lammps-data", "lammps-dump"])
def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path, name: str) -> None:
    content = mutations.samples(tmp_path)[name][0]
    assert isinstance(content, bytes)
    endless_line = gzip.compress(b" " * (1 << 22)) * 100
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(content.rstrip(b"\n")) + endless_line)
    with pytest.raises(FileError, match="more than 100 times its size"):
        read(tmp_path / "bomb.gz")


def test_what_only_looks_packed_is_of_no_format(tmp_path: Path) -> None:
    (tmp_path / "t.gz").write_bytes(b"\x78\x9cnot zlib at all")
    with pytest.raises(FileError, match="no trajectory format"):
        read(tmp_path / "t.gz")
