"""What the book takes from the rest of the repository: notebooks, and links that work there.

A Sphinx extension. Links in the sources are those of the repository, so that they work where its
files are read one by one; here they are led to the page that shows the file, or else to the file
in the public repository.
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
#: Files outside docs/ -> the pages that include them.
PAGES = {
    ROOT / "README.md": DOCS / "index.md",
    ROOT / "ARCHITECTURE.md": DOCS / "architecture.md",
    ROOT / "CONTRIBUTING.md": DOCS / "contributing.md",
    ROOT / "CHANGELOG.md": DOCS / "changelog.md",
}
#: The target of a link or picture, without and with the place in it; addresses have a colon.
LINK = re.compile(r"(?<=\]\()([^\s()#:]+)((?:#[^\s()]*)?)(?=\))")
#: A picture of another site, such as a badge.
PICTURE_ELSEWHERE = re.compile(r"!\[([^\]]*)\]\(https?://[^\s()]*\)")


def setup(app: Any) -> dict[str, bool]:
    """Copy the notebooks, and lead links to where they belong, before anything is parsed."""
    app.connect("builder-inited", copy_notebooks)
    app.connect("source-read", lead_links_of_page)
    app.connect("include-read", lead_links_of_included)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def copy_notebooks(app: Any) -> None:
    """Put the notebooks beside the pages, where Sphinx finds them."""
    folder = DOCS / "tutorials"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        # With its time, by which Sphinx knows whether a page has changed.
        shutil.copy2(notebook, folder)


def lead_links_of_page(app: Any, page: str, source: list[str]) -> None:
    """Lead the links of a page of this book."""
    folder = (DOCS / page).parent
    origin = ROOT / "notebooks" if folder.name == "tutorials" else folder
    source[0] = led(source[0], origin, folder)


def lead_links_of_included(app: Any, path: Path, page: str, source: list[str]) -> None:
    """Lead the links of a file of the repository that a page at the top of this book includes."""
    source[0] = led(source[0], (DOCS / path).resolve().parent, DOCS)


def led(text: str, origin: Path, folder: Path) -> str:
    """The text with its links led, and with words for the pictures of other sites.

    Args:
        text: Markdown, or a notebook.
        origin: The folder that links in the text start from.
        folder: The folder of the page.
    """

    def target(match: re.Match[str]) -> str:
        path, place = (origin / match[1]).resolve(), match[2]
        if not path.exists() or not path.is_relative_to(ROOT):
            return match[0]  # Sphinx will say so, or knows better
        if path.parent == ROOT / "notebooks":
            path = DOCS / "tutorials" / path.name
        path = PAGES.get(path, path)
        if path.is_relative_to(DOCS) and path.suffix in {".md", ".ipynb", ".png"}:
            return Path(os.path.relpath(path, folder)).as_posix() + place
        return f"{REPOSITORY}/blob/main/{path.relative_to(ROOT).as_posix()}{place}"

    return LINK.sub(target, PICTURE_ELSEWHERE.sub(r"\1", text))


with (ROOT / "pyproject.toml").open("rb") as _file:
    REPOSITORY = tomllib.load(_file)["project"]["urls"]["Repository"]
