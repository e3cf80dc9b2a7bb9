"""Sphinx settings: ``sphinx-build docs docs/_build`` after ``pip install -e ".[docs]"``."""

import sys
from pathlib import Path

from gnnglass import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "gnnglass"
copyright = "2026, the gnnglass developers"
release = __version__
extensions = [
    "api_pages",
    "myst_nb",
    "registry_tables",
    "repository_pages",
    # MathJax comes with the pages: they load nothing from elsewhere.
    "sphinx-mathjax-offline",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "_generated"]
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
# What heavy packages put into base classes is documented by them.
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
html_theme = "furo"
html_title = f"gnnglass {release}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_copy_source = False
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
# Notebooks are shown as they were committed, and their widgets as text.
nb_execution_mode = "off"
nb_ipywidgets_js = {}
