"""The command line: thin over the API, one sentence per error."""

from __future__ import annotations

import sys

from gnnglass.errors import GnnglassError


def main() -> None:
    """Run the ``gnnglass`` command."""
    from gnnglass.cli.app import app

    try:
        app()
    except GnnglassError as error:
        sys.exit(f"gnnglass: {error}")
    except KeyboardInterrupt:
        print("\ninterrupted; what is finished is kept: give the same command to go on.")
        sys.exit(130)


__all__ = ["main"]
