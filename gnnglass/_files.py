"""Writing files whole or not at all, and file locks that end with the process that holds them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gnnglass.errors import FileError

Recogniser = Callable[[Path], bool]
"""Tells of a file that exists whether this program made it, so that it may be replaced."""


@contextmanager
def written_whole(
    path: str | Path, *, ours: Recogniser | None = None, overwrite: bool = False
) -> Iterator[Path]:
    """Yield a temporary path to write to, and rename it to `path` at the end.

    A reader never sees half a file: a killed writer leaves the old file, or none. The
    temporary name contains the process id, so that two processes never share it, and the final
    suffix, because some writers choose the format by it. Content reaches the disk before the
    name does, and the file has the mode that the umask says, whatever its writer chose. Where
    `path` is a link, the file it points to is what is replaced.

    Args:
        path: The file to write; its folder is created if it does not exist.
        ours: What an existing file has to be to be replaced; without, any regular file is, as
            befits folders that hold nothing but our own files.
        overwrite: Replace a regular file whatever it is.

    Raises:
        FileError: If the folder cannot be created or written to, or `path` is a folder, a device
            or the like, or a file that is not to be replaced.
    """
    require_replaceable(path, ours=ours, overwrite=overwrite)
    target = Path(os.path.realpath(path))
    temporary = _create_temporary(Path(path), target)
    mode = stat.S_IMODE(temporary.stat().st_mode)
    try:
        yield temporary
        try:
            temporary.chmod(mode)
            _flush(temporary)
            os.replace(temporary, target)  # noqa: PTH105 - atomic on POSIX and Windows alike
        except OSError as error:
            raise FileError(f"cannot write {path}: {error.strerror or error}.") from error
        # Not every file system can.
        with suppress(OSError):
            _flush(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Have the operating system put a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_writable(path: str | Path) -> None:
    """Check before hours of work that `written_whole` will be able to write its result.

    Raises:
        FileError: If the folder of `path` cannot be created or written to, or `path` is a folder
            or no regular file.
    """
    _require_regular(Path(path))
    _create_temporary(Path(path), Path(os.path.realpath(path))).unlink()


def require_replaceable(
    path: str | Path,
    *,
    ours: Recogniser | None = None,
    overwrite: bool = False,
    inputs: Iterable[str | Path] = (),
) -> None:
    """Check that `written_whole` may write to `path` what is made from `inputs`.

    What this program made before may be made again; an empty file is nobody's loss.

    Args:
        path: The file to write.
        ours: As for `written_whole`.
        overwrite: Whether the user wants inputs, and files of others, replaced.
        inputs: Files that are read; `path` may not be one of them, by whatever name.

    Raises:
        FileError: If it may not.
    """
    path = Path(path)
    _require_regular(path)
    if overwrite or not path.exists():
        return
    for one in inputs:
        if Path(one).exists() and path.samefile(one):
            raise FileError(
                f"{path} is read here, so it is not written to: choose another file, or say "
                "overwrite (--overwrite)."
            )
    if ours is not None and path.stat().st_size > 0 and not ours(path):
        raise FileError(
            f"{path} exists and is not what would be written in its place by this program: choose "
            "another file, or say overwrite (--overwrite)."
        )


def _require_regular(path: Path) -> None:
    """Refuse folders, devices, pipes and the like.

    Raises:
        FileError: If `path` is one.
    """
    if path.is_dir():
        raise FileError(f"cannot write {path}: it is a folder; choose a place you may write to.")
    if path.exists() and not path.is_file():
        raise FileError(
            f"cannot write {path}: it is a device, a pipe or the like; choose a file to write."
        )


def require_own_folder(
    folder: str | Path, mark: str, *, overwrite: bool = False, besides: Iterable[str | Path] = ()
) -> None:
    """Check that a folder is free to be filled: new, empty, or filled by this program before.

    Args:
        folder: The folder.
        mark: Name of a file in every folder that this program has filled.
        overwrite: Whether to use the folder whatever is in it.
        besides: Files that may lie in it.

    Raises:
        FileError: If it is not free.
    """
    folder = Path(folder)
    if overwrite or not folder.is_dir() or (folder / mark).exists():
        return
    known = {Path(one).resolve() for one in besides}
    others = [one.name for one in folder.iterdir() if one.resolve() not in known]
    if others:
        raise FileError(
            f"{folder} is a folder with other things in it, such as {min(others)}: choose another "
            "one, or say --overwrite."
        )


def _create_temporary(path: Path, target: Path) -> Path:
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.partial{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
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
