"""The command line: thin over the API; one sentence per error, a traceback per bug."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gnnglass.errors import REPORT_BUG, GnnglassError, GnnglassWarning

#: What a shell reports for a program ended by Ctrl-C; typer exits with it.
INTERRUPTED = 130


def main() -> None:
    """Run the ``gnnglass`` command."""
    # Threads that wait for each other on cores that others use as well lose many times what
    # they gain on systems of a few thousand particles; half the cores is safe, and the
    # environment may say otherwise.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // 2)))
    from gnnglass.cli.app import app

    try:
        with _notes():
            app(prog_name="gnnglass")
    except GnnglassError as error:
        sys.exit(f"gnnglass: {error}")
    except SystemExit as ending:
        if ending.code == INTERRUPTED:
            print(
                "\ninterrupted; what is finished is kept: give the same command to go on.",
                file=sys.stderr,
            )
        raise
    except Exception as error:
        error.add_note(REPORT_BUG)
        raise


@contextmanager
def _notes() -> Iterator[None]:
    """Print our warnings as one line each, and what is said of many files once."""
    told: dict[str, set[str]] = {}

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, GnnglassWarning):
            others(message, category, *where, **more)
        else:
            file, _, said = str(message).partition(": ")
            if said not in told:
                print(f"gnnglass: note: {message}", file=sys.stderr)
            told.setdefault(said, set()).add(file)

    with warnings.catch_warnings():
        warnings.simplefilter("always", GnnglassWarning)
        others, warnings.showwarning = warnings.showwarning, show
        try:
            yield
        finally:
            for said, files in told.items():
                if len(files) > 1:
                    print(f"gnnglass: note: {len(files)} files in all: {said}", file=sys.stderr)


__all__ = ["main"]
