"""File formats: known by their content, and read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

import numpy as np

from gnnglass.errors import FileError, InputError
from gnnglass.registry import Registry
from gnnglass.trajectories.snapshot import Trajectory

HEAD_BYTES = 512


class Format(ABC):
    """One file format: knows its files by their content, and reads them."""

    @abstractmethod
    def matches(self, path: Path, head: bytes) -> bool:
        """Whether the file at `path`, whose first bytes are `head`, is of this format.

        Raises:
            FileError: If it is of a family of formats, but too damaged to tell which.
        """

    @abstractmethod
    def read(self, path: Path) -> Trajectory:
        """Read the file, which `matches`.

        Raises:
            FileError: If the file is broken or cut off.
            InputError: If it holds something that a snapshot cannot be.
        """


@contextmanager
def speaking_of(what: str | Path) -> Iterator[None]:
    """Name the file or frame in any error; libraries raise nearly anything on a damaged file.

    NumPy's warnings about damaged numbers are silenced, for these are refused in the end.
    """
    try:
        with np.errstate(invalid="ignore", over="ignore"):
            yield
    except FileError:
        raise
    except InputError as error:
        raise InputError(f"{what}: {error}") from error
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise FileError(f"cannot read {what}, which seems damaged: {reason}.") from error


FORMATS: Registry[Format] = Registry("trajectory format", "gnnglass.trajectories")


def read(path: str | PathLike[str]) -> Trajectory:
    """Read a trajectory; its format is told from its content, whatever its name.

    Raises:
        FileError: If the file is missing, a folder, empty, broken or of no known format.
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
        raise FileError(f"{path} is empty (0 bytes); whatever wrote it has probably failed.")
    for known in map(FORMATS.create, filter(FORMATS.available, FORMATS)):
        if known.matches(path, head):
            return known.read(path)
    raise FileError(
        f"{path} is of no trajectory format known here ({', '.join(FORMATS)}); "
        "convert it to one of them."
    )
