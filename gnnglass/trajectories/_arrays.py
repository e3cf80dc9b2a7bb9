"""Arrays in NPZ archives and pickles, read without running anything and within bounds."""

from __future__ import annotations

import math
import pickletools
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gnnglass.trajectories.formats import (
    DamagedError,
    damaged_if,
    decompressed_limit,
    errors_naming,
)

ZIP_MAGIC = b"PK\x03\x04"
#: What `zipfile` raises on archives that are cut off, damaged, encrypted or of an unknown kind.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)
#: The beginning of an array: magic, version 1.0, length of the header that follows.
START = struct.Struct("<8sH")
NPY_MAGIC = b"\x93NUMPY\x01\x00"
HEADER = re.compile(
    rb"\{'descr': *'([<>|=]?(?:f[248]|[iu][1248]))', *'fortran_order': *(True|False), "
    rb"*'shape': *\(((?:\d{1,18}(?:, *|(?=\))))*)\),? *\}\s*"
)


def npz_names(path: Path) -> frozenset[str]:
    """The names of the arrays in an npz file.

    Raises:
        FileError: If the file is cut off or damaged.
    """
    with errors_naming(path), _open_archive(path) as archive:
        return frozenset(name.removesuffix(".npy") for name in archive.namelist())


def read_npz(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Those of the named arrays that an npz file holds.

    Only plain numbers are read: NumPy would evaluate headers and allocate whatever size they
    claim, and ``allow_pickle`` would execute code.

    Raises:
        FileError: If the file is cut off or damaged, if an array is not of numbers, or if its size
            is not what its header says.
    """
    with errors_naming(path), _open_archive(path) as archive:
        members = set(archive.namelist())
        limit = decompressed_limit(path.stat().st_size)
        return {
            name: _array(archive, f"{name}.npy", limit)
            for name in names
            if f"{name}.npy" in members
        }


def _open_archive(path: Path) -> zipfile.ZipFile:
    with damaged_if(*ZIP_ERRORS):
        return zipfile.ZipFile(path)


def _array(archive: zipfile.ZipFile, member: str, limit: int) -> NDArray[Any]:
    info = archive.getinfo(member)
    # Other methods can be made to allocate gigabytes.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DamagedError(f"{member} is compressed in a way that npz files are not")
    if info.file_size > limit:
        raise DamagedError(f"{member} claims to unpack to {info.file_size} bytes")
    with damaged_if(*ZIP_ERRORS):
        content = archive.read(info)
    if len(content) < START.size:
        raise DamagedError(f"{member} is not an array of numbers")
    magic, length = START.unpack_from(content)
    first = START.size + length
    header = HEADER.fullmatch(content[START.size : first])
    if magic != NPY_MAGIC or header is None:
        raise DamagedError(f"{member} is not an array of numbers")
    dtype = np.dtype(header[1].decode())
    shape = tuple(int(number) for number in header[3].replace(b",", b" ").split())
    data = content[first:]
    if len(shape) > MOST_DIMENSIONS or math.prod(shape) * dtype.itemsize != len(data):
        raise DamagedError(f"{member} holds {len(data)} bytes, which does not fit shape {shape}")
    order: Literal["F", "C"] = "F" if header[2] == b"True" else "C"
    # An empty array may have a shape that NumPy finds too large all the same.
    with damaged_if(ValueError):
        return np.frombuffer(data, dtype).reshape(shape, order=order)


MOST_DIMENSIONS = 8
MOST_INSTRUCTIONS = 1_000_000
LONGEST_EDGE = 1 << 40
#: What stands on the stack for each name that NumPy's pickles refer to.
GLOBALS = {
    f"{module} {name}": name
    for name, modules in {
        "ndarray": ["numpy"],
        "dtype": ["numpy"],
        "_reconstruct": ["numpy.core.multiarray", "numpy._core.multiarray"],
        "scalar": ["numpy.core.multiarray", "numpy._core.multiarray"],
        "_frombuffer": ["numpy.core.numeric", "numpy._core.numeric"],
        # Protocol 2 has no bytes of its own.
        "encode": ["_codecs"],
    }.items()
    for module in modules
}
NUMBERS = frozenset({"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"})


@dataclass(frozen=True)
class _Name:
    """A function or class that the pickle refers to; it stands for itself and is never called."""

    name: str


@dataclass
class _DType:
    """A kind of number, and its order of bytes, which comes with a later instruction."""

    code: str
    order: str = "="

    def numpy(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.code)


class _Mark:
    """Where on the stack the items of a container begin."""


MARK = _Mark()


def read_pickle(content: bytes) -> Any:
    """The dicts, lists, tuples, text, numbers and arrays of a pickle of protocol 2 or later.

    Raises:
        DamagedError: If the pickle is damaged, or holds anything else.
    """
    return _Machine(content).run()


class _Machine:
    """The stack and the memory of a pickle that is being read."""

    def __init__(self, content: bytes) -> None:
        self._content = BytesIO(content)
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(MOST_INSTRUCTIONS):
            opcode = OPCODES.get(self._content.read(1))
            if opcode is None:
                raise DamagedError("it is cut off, or not a pickle of arrays alone")
            # GLOBAL reads its two lines itself: the reader of pickletools warns of backslashes.
            read = opcode.arg.reader if opcode.arg and opcode.name != "GLOBAL" else None
            argument = self._argument(read) if read else None
            if opcode.name == "STOP":
                return self.pop()
            if opcode.name in LITERALS:
                self.push(argument)
            elif opcode.name in CONSTANTS:
                self.push(CONSTANTS[opcode.name]())
            elif opcode.name in INSTRUCTIONS:
                INSTRUCTIONS[opcode.name](self, argument)
        raise DamagedError(f"it has more than {MOST_INSTRUCTIONS} instructions")

    def _argument(self, read: Callable[[BytesIO], Any]) -> Any:
        with damaged_if(ValueError, struct.error, OverflowError):
            return read(self._content)

    def push(self, item: Any) -> None:
        self._stack.append(item)

    def pop(self) -> Any:
        if not self._stack or self._stack[-1] is MARK:
            raise DamagedError("an instruction lacks its operand")
        return self._stack.pop()

    def pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while self._stack and self._stack[-1] is not MARK:
            items.append(self._stack.pop())
        if not self._stack:
            raise DamagedError("an instruction lacks its operands")
        self._stack.pop()
        return items[::-1]

    def _top(self, kind: type) -> Any:
        if not self._stack or type(self._stack[-1]) is not kind:
            raise DamagedError(f"an instruction expects a {kind.__name__}")
        return self._stack[-1]

    def tuple_of(self, n: int) -> None:
        items = [self.pop() for _ in range(n)]
        self.push(tuple(reversed(items)))

    def remember(self, index: int | None) -> None:
        item = self.pop()
        self.push(item)
        self._memo[len(self._memo) if index is None else index] = item

    def recall(self, index: int) -> None:
        if index not in self._memo:
            raise DamagedError("it recalls what it did not remember")
        self.push(self._memo[index])

    def extend(self, items: list[Any]) -> None:
        self._top(list).extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self._top(dict)
        if len(items) % 2 or not all(type(key) is str for key in items[::2]):
            raise DamagedError("a dict has a key that is not text")
        target.update(zip(items[::2], items[1::2], strict=True))

    def refer(self, name: str) -> None:
        if name not in GLOBALS:
            raise DamagedError(f"it is not a pickle of arrays alone (it refers to {name!r:.80})")
        self.push(_Name(GLOBALS[name]))

    def refer_by_lines(self) -> None:
        lines = [self._content.readline().decode(errors="replace") for _ in range(2)]
        self.refer(" ".join(line.rstrip("\n") for line in lines))

    def refer_by_stack(self) -> None:
        name, module = self.pop(), self.pop()
        self.refer(f"{module} {name}")

    def reduce(self) -> None:
        arguments, function = self.pop(), self.pop()
        match function, arguments:
            case _Name("dtype"), (str(code), False | 0, True | 1) if code in NUMBERS:
                self.push(_DType(code))
            case _Name("encode"), (str(text), "latin1"):
                with damaged_if(UnicodeEncodeError):
                    self.push(text.encode("latin1"))
            case _Name("_reconstruct"), (_Name("ndarray"), (0,), b"b"):
                self.push(np.empty(0))
            case _Name("_frombuffer"), (bytes(data), _DType() as dtype, tuple(shape), order):
                self.push(_fill(np.empty(0), dtype, shape, order == "F", data))
            case _Name("scalar"), (_DType() as dtype, bytes(data)):
                self.push(_fill(np.empty(0), dtype, (1,), False, data).item())
            case _:
                raise DamagedError("it is not a pickle of arrays alone (it calls something)")

    def build(self) -> None:
        state, target = self.pop(), self.pop()
        match target, state:
            case _DType(), (3, "<" | ">" | "|" as order, None, None, None, -1, -1, 0):
                target.order = order
            case np.ndarray(), (1, tuple(shape), _DType() as dtype, bool(fortran), bytes(data)):
                _fill(target, dtype, shape, fortran, data)
            case _:
                raise DamagedError("it is not a pickle of arrays alone (it sets a state)")
        self.push(target)


def _fill(
    array: NDArray[Any], dtype: _DType, shape: tuple[Any, ...], fortran: bool, data: bytes
) -> NDArray[Any]:
    """Make `array` hold `data`, in place, since the pickle may have remembered it already."""
    kind = dtype.numpy()
    if not all(type(n) is int and 0 <= n < LONGEST_EDGE for n in shape) or (
        len(shape) > MOST_DIMENSIONS
    ):
        raise DamagedError("an array has an impossible shape")
    expected = kind.itemsize
    for n in shape:
        expected *= n
    if expected != len(data):
        raise DamagedError(f"an array of shape {shape} has {len(data)} bytes")
    with damaged_if(ValueError):
        array.__setstate__((1, shape, kind, fortran, data))  # type: ignore[arg-type]
    return array


#: Instructions that put on the stack what stands in the pickle.
LITERALS = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
)
#: Instructions that put on the stack what they name.
CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: MARK,
}
INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "BYTEARRAY8": lambda machine, content: machine.push(bytes(content)),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "LIST": lambda machine, _: machine.push(machine.pop_to_mark()),
    "APPEND": lambda machine, _: machine.extend([machine.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.pop_to_mark()),
    "SETITEM": lambda machine, _: machine.set_items([machine.pop(), machine.pop()][::-1]),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
    "PUT": lambda machine, index: machine.remember(index),
    "BINPUT": lambda machine, index: machine.remember(index),
    "LONG_BINPUT": lambda machine, index: machine.remember(index),
    "MEMOIZE": lambda machine, _: machine.remember(None),
    "GET": lambda machine, index: machine.recall(index),
    "BINGET": lambda machine, index: machine.recall(index),
    "LONG_BINGET": lambda machine, index: machine.recall(index),
    "GLOBAL": lambda machine, _: machine.refer_by_lines(),
    "STACK_GLOBAL": lambda machine, _: machine.refer_by_stack(),
    "REDUCE": lambda machine, _: machine.reduce(),
    "BUILD": lambda machine, _: machine.build(),
}
#: The instructions that are known here, by their byte; the first two do nothing.
OPCODES = {
    opcode.code.encode("latin1"): opcode
    for opcode in pickletools.opcodes
    if opcode.name in {"PROTO", "FRAME", "STOP", *LITERALS, *CONSTANTS, *INSTRUCTIONS}
}
