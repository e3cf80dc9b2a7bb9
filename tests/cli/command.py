"""The ``gnnglass`` command, called in this process: importing torch for each call takes seconds."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

from gnnglass.cli import main


@dataclass
class Done:
    """What a shell would see."""

    code: int
    out: str
    err: str


def gnnglass(*arguments):
    """Run one command; an exception that is not the end of a program comes through."""
    out, err = io.StringIO(), io.StringIO()
    code: str | int = 0
    with (
        patch.object(sys, "argv", ["gnnglass", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ending:
            code = ending.code or 0
            if isinstance(code, str):
                # As the interpreter does at its end.
                print(code, file=err)
                code = 1
    return Done(code, out.getvalue(), err.getvalue())
