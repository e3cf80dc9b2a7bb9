"""``python -m gnnglass`` is the ``gnnglass`` command."""

from gnnglass.cli import main

if __name__ == "__main__":
    main()
