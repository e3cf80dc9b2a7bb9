"""A lock that the operating system lets go when its holder dies, however it dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
