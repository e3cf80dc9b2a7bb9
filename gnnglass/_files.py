"""Files that appear whole or not at all, and locks that the kernel lets go of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gnnglass.errors import FileError


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a temporary sibling of `path` to write to, and rename it over `path` at the end.

    A reader never sees half a file: a killed writer leaves the old file, or none. The
    temporary name carries the process id and the final suffix, so that writers which look at
    suffixes behave and two processes never share it.

    Args:
        path: The file to appear; its folder is made if absent.

    Raises:
        FileError: If the folder cannot be made or written to.
    """
    path = Path(path)
    aside = _touched_aside(path)
    try:
        yield aside
        os.replace(aside, path)  # noqa: PTH105 - atomic on POSIX and Windows alike
    finally:
        aside.unlink(missing_ok=True)


def require_writable(path: str | Path) -> None:
    """Refuse before hours of work what `written_whole` would refuse after them.

    Raises:
        FileError: If the folder of `path` cannot be made or written to.
    """
    _touched_aside(Path(path)).unlink()


def _touched_aside(path: Path) -> Path:
    aside = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        aside.touch()
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileError(
            f"cannot write {path}: {reason}; choose a place you may write to."
        ) from error
    return aside


@contextmanager
def locked(path: str | Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock that `path` stands for.

    Two holders exclude each other whether they are threads, processes, or machines that share
    a file system with locks (NFS from version 4 on has them).

    Args:
        path: The file to lock, which stays; its folder must exist.
        wait: Whether to wait for another holder.

    Yields:
        Whether the lock is held; always true after waiting.
    """
    import fcntl

    with Path(path).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


def is_locked(path: str | Path) -> bool:
    """Whether somebody holds the lock that `path` stands for; asking disturbs nobody."""
    import fcntl

    try:
        with Path(path).open("rb") as file:
            # Shared, so that two who ask do not take each other for holders.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
