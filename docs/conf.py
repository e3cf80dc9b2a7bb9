"""Sphinx settings: ``sphinx-build docs docs/_build`` after ``pip install -e ".[docs]"``."""

import sys
from pathlib import Path

from gnnglass import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "gnnglass"
copyright = "2026, the gnnglass developers"
release = __version__
extensions = [
    "myst_parser",
    "registry_tables",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "_generated"]
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
# What heavy packages put into base classes is documented by them.
autodoc_typehints = "description"
html_theme = "furo"
myst_enable_extensions = ["dollarmath"]
# The README links to files of the repository, which are not pages of this book.
suppress_warnings = ["myst.xref_missing"]
