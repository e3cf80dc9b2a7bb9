"""Writing files whole or not at all, and file locks that end with the process that holds them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gnnglass.errors import FileError


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to, and rename it to `path` at the end.

    A reader never sees half a file: a killed writer leaves the old file, or none. The
    temporary name contains the process id, so that two processes never share it, and the final
    suffix, because some writers choose the format by it.

    Args:
        path: The file to write; its folder is created if it does not exist.

    Raises:
        FileError: If the folder cannot be created or written to.
    """
    path = Path(path)
    temporary = _create_temporary(path)
    try:
        yield temporary
        os.replace(temporary, path)  # noqa: PTH105 - atomic on POSIX and Windows alike
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(path: str | Path) -> None:
    """Check before hours of work that `written_whole` will be able to write its result.

    Raises:
        FileError: If the folder of `path` cannot be created or written to.
    """
    _create_temporary(Path(path)).unlink()


def _create_temporary(path: Path) -> Path:
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        temporary.touch()
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileError(
            f"cannot write {path}: {reason}; choose a place you may write to."
        ) from error
    return temporary


@contextmanager
def locked(path: str | Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold an exclusive lock on the file `path`.

    Only one of several threads, processes, or machines that share the file system can hold it
    (network file systems need locks: NFS has them from version 4). The kernel releases the lock
    when the process ends, however it ends.

    Args:
        path: The file to lock; it is created if needed and never removed. Its folder must exist.
        wait: Whether to wait while another process holds the lock.

    Yields:
        Whether the lock was obtained; always true with `wait`.
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
    """Whether a process holds the lock on the file `path`."""
    import fcntl

    try:
        with Path(path).open("rb") as file:
            # A shared lock, so that two processes that ask at once do not see each other's.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
