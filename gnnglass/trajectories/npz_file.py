"""Arrays of an npz file, read without trusting what the file says about itself."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnglass.trajectories.formats import speaking_of
from gnnglass.trajectories.packed import most_bytes

MAGIC = b"PK\x03\x04"
#: The beginning of an array: magic, version 1.0, length of the header that follows.
START = struct.Struct("<8sH")
NPY_MAGIC = b"\x93NUMPY\x01\x00"
HEADER = re.compile(
    rb"\{'descr': *'([<>|=]?[fiu][1248])', *'fortran_order': *(True|False), "
    rb"*'shape': *\(((?:\d{1,18}(?:, *|(?=\))))*)\),? *\}\s*"
)


def npz_names(path: Path, head: bytes) -> frozenset[str]:
    """The names of the arrays in the file that begins with `head`; none if it is no zip file.

    Raises:
        FileError: If it is a zip file that is cut off or damaged.
    """
    if not head.startswith(MAGIC):
        return frozenset()
    with speaking_of(path), zipfile.ZipFile(path) as archive:
        return frozenset(name.removesuffix(".npy") for name in archive.namelist())


def read_npz(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """The arrays of these names; those that are not there are left out.

    Only plain numbers are read: NumPy would evaluate headers and make room for whatever they
    claim, and ``allow_pickle`` would execute code.

    Raises:
        FileError: If the file is cut off or damaged, if an array is not of numbers, or if its size
            is not what its header says.
    """
    with speaking_of(path), zipfile.ZipFile(path) as archive:
        there = set(archive.namelist())
        limit = most_bytes(path.stat().st_size)
        return {
            name: _array(archive, f"{name}.npy", limit) for name in names if f"{name}.npy" in there
        }


def _array(archive: zipfile.ZipFile, member: str, limit: int) -> NDArray[Any]:
    info = archive.getinfo(member)
    # The other methods may be told to make room for gigabytes.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{member} is compressed in a way that npz files are not")
    if info.file_size > limit:
        raise ValueError(f"{member} claims to unpack to {info.file_size} bytes")
    with archive.open(info) as stream:
        magic, length = START.unpack(stream.read(START.size))
        header = HEADER.fullmatch(stream.read(length))
        if magic != NPY_MAGIC or header is None:
            raise ValueError(f"{member} is not an array of numbers")
        content = stream.read()
    dtype = np.dtype(header[1].decode())
    shape = tuple(int(number) for number in header[3].replace(b",", b" ").split())
    if np.prod(np.array(shape, dtype=object)) * dtype.itemsize != len(content):
        raise ValueError(f"{member} holds {len(content)} bytes, which does not fit shape {shape}")
    array = np.frombuffer(content, dtype)
    return array.reshape(shape, order="F" if header[2] == b"True" else "C")
