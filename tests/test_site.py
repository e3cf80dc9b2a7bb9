"""The documentation: it builds without a warning, no link is dead, and it loads nothing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
#: What a browser fetches by itself: element -> its attribute with the address.
LOADED = {
    "audio": "src", "embed": "src", "iframe": "src", "img": "src", "input": "src", "link": "href",
    "object": "data", "script": "src", "source": "src", "track": "src", "video": "src",
}  # fmt: skip
#: Relations of a <link> that only tell what there is.
TOLD = {"canonical", "next", "prev"}


@dataclass
class Page(HTMLParser):
    """What one page points to."""

    path: Path
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        self.anchors |= {of[name] for name in ("id", "name") if name in of}
        if tag == "a" and "href" in of:
            self.links.append(of["href"])
        if LOADED.get(tag) in of and not (tag == "link" and of.get("rel") in TOLD):
            self.loaded.append(of[LOADED[tag]])


def is_elsewhere(address: str) -> bool:
    """Whether an address is one of another machine."""
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in {"", "data"}


def dead_links(pages: dict[Path, Page]) -> list[str]:
    """Addresses within the site that lead nowhere, each with its page."""
    dead = []
    for path, page in pages.items():
        for address in page.links + page.loaded:
            parts = urlsplit(address)
            if is_elsewhere(address) or parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            place = unquote(parts.fragment)
            known = pages[target].anchors if target in pages else set()
            if not target.is_file() or (place and target.suffix == ".html" and place not in known):
                dead.append(f"{path.name}: {address}")
    return dead


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """Every page of a site that has just been built."""
    for package in ("sphinx", "myst_nb", "furo"):
        pytest.importorskip(package, reason="the book needs pip install -e '.[docs]'")
    site = tmp_path_factory.mktemp("site").resolve()
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q"]
    done = subprocess.run(
        [*command, "-d", str(site / "doctrees"), "docs", str(site / "html")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {path: Page(path) for path in (site / "html").rglob("*.html")}


def test_no_link_is_dead(pages):
    assert not dead_links(pages)


def test_no_page_loads_anything_from_elsewhere(pages):
    elsewhere = {
        f"{path.name}: {address}"
        for path, page in pages.items()
        for address in page.loaded
        if is_elsewhere(address)
    }
    assert not elsewhere


def test_style_sheets_load_nothing_from_elsewhere(pages):
    site = next(path for path in pages if path.name == "index.html").parent
    sheets = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.css")}
    assert sheets
    assert not [path.name for path, text in sheets.items() if "url(http" in text.replace('"', "")]


def test_what_there_is_has_a_page(pages):
    names = {path.stem for path in pages}
    assert names >= {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert names >= {path.stem for path in (ROOT / "docs").glob("*.md")}


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ('<a href="there.html">', 0),
        ('<a href="there.html#place">', 0),
        ('<a href="#here"><p id="here">', 0),
        ('<a href="nowhere.html">', 1),
        ('<a href="there.html#nowhere">', 1),
        ('<a href="#nowhere">', 1),
        ('<img src="nowhere.png">', 1),
        ('<script src="nowhere.js">', 1),
    ],
)
def test_a_dead_link_is_found(text, dead, tmp_path):
    (tmp_path / "there.html").write_text('<p id="place">', "utf-8")
    (tmp_path / "page.html").write_text(text, "utf-8")
    assert len(dead_links({path: Page(path) for path in tmp_path.glob("*.html")})) == dead


@pytest.mark.parametrize("address", ["https://a.org/x.js", "//a.org/x.js", "http://a.org/x.js"])
def test_an_address_elsewhere_is_seen(address, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(f'<script src="{address}"></script><link rel="canonical" href="{address}">')
    assert [is_elsewhere(one) for one in Page(page).loaded] == [True]
