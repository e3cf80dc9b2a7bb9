"""Notebooks run from the first cell to the last, and show what is stored in them."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
import pytest
from execute import NOTEBOOKS, WIDGETS, code_of, digest_of, executed, faults, joined

from gnnglass import __version__

ROOT = Path(__file__).parents[1]
of_each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
#: Bytes of a notebook with its pictures.
LARGEST = 300_000


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all notebooks and all processes: what one simulates, the others only read."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "notebooks"
    folder.mkdir(exist_ok=True)
    return folder


def shrunk(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with the parameters that its metadata give for a test.

    They are assigned at the top level of a cell, each by a line of its own.
    """
    smaller = nbformat.from_dict(notebook)
    for name, value in notebook.metadata.get("test_parameters", {}).items():
        n_found = 0
        for cell in code_of(smaller):
            cell.source, n = re.subn(
                rf"^{name} = [^\n]*$", f"{name} = {value!r}", cell.source, flags=re.MULTILINE
            )
            n_found += n
        assert n_found == 1, f"{name} is assigned {n_found} times"
    return smaller


def kinds(cell: nbformat.NotebookNode) -> list[str]:
    """What a cell shows: texts, pictures, tables."""
    return sorted(
        kind for output in cell.outputs for kind in output.get("data", {output.output_type: None})
    )


def texts(cell: nbformat.NotebookNode) -> list[str]:
    """What a cell shows in words and numbers."""
    return [o.get("text", o.get("data", {}).get("text/plain", "")) for o in cell.outputs]


@of_each
def test_notebook_runs_and_shows_what_is_stored(path: Path, shared: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    fresh = executed(shrunk(notebook), shared)
    assert not list(faults(fresh))
    for stored, now in zip(code_of(notebook), code_of(fresh), strict=True):
        assert kinds(now) == kinds(stored), now.source
        if "exact" in stored.metadata.get("tags", ()):
            assert texts(now) == texts(stored), now.source


@of_each
def test_outputs_are_of_the_code_beside_them(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    advice = f"`python notebooks/execute.py notebooks/{path.name}` makes the outputs"
    assert notebook.metadata.get("gnnglass") == {
        "version": __version__,
        "code": digest_of(notebook),
    }, advice
    assert not list(faults(notebook)), advice
    assert any("image/png" in kinds(cell) for cell in code_of(notebook))
    assert path.stat().st_size < LARGEST
    assert WIDGETS not in path.read_text(encoding="utf-8")


@of_each
def test_notebook_opens_in_colab_and_binder(path: Path) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        repository = tomllib.load(file)["project"]["urls"]["Repository"]
    owner_and_name = repository.removeprefix("https://github.com/")
    first, code = nbformat.read(path, as_version=4).cells[:2]
    place = f"notebooks/{path.name}"
    colab = f"https://colab.research.google.com/github/{owner_and_name}/blob/main/{place}"
    binder = f"https://mybinder.org/v2/gh/{owner_and_name}/main?labpath={quote(place, safe='')}"
    assert f"({colab})" in first.source and f"({binder})" in first.source
    # Where it is not installed, as on Colab, it comes from the repository.
    assert f"git+{repository}" in code.source and "except ModuleNotFoundError" in code.source


@of_each
def test_notebook_imports_nothing_private(path: Path) -> None:
    for cell in code_of(nbformat.read(path, as_version=4)):
        code = re.sub(r"^( *)%pip.*$", r"\1pass", cell.source, flags=re.MULTILINE)
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom):
                assert not re.search(r"(^|\.)_", f"{node.module}.{node.names[0].name}")
            elif isinstance(node, ast.Attribute):
                assert not re.match(r"_(?!_)", node.attr), node.attr


def broken(**changes: Any) -> nbformat.NotebookNode:
    """A small executed notebook with one output that is not as it should be."""
    output = {"output_type": "stream", "name": "stdout", "text": "fine", **changes}
    cell = nbformat.v4.new_code_cell("print()", execution_count=1)
    cell.outputs = [nbformat.from_dict(output)]
    return nbformat.v4.new_notebook(cells=[cell])


def test_faults_are_seen() -> None:
    assert not list(faults(broken()))
    assert "stderr" in next(faults(broken(name="stderr")))
    assert "one machine" in next(faults(broken(text="in /home/me/runs")))
    assert "one machine" in next(faults(broken(text="<object at 0x7f3a12345678>")))
    later = broken()
    later.cells[0].execution_count = 3
    assert "in order" in next(faults(later))


def test_printed_text_is_stored_in_one_piece() -> None:
    first, second = (broken(text=text).cells[0].outputs[0] for text in ("one, ", "two"))
    picture = nbformat.v4.new_output("display_data", {"text/plain": "<Figure>"})
    found = joined([first, second, picture, nbformat.from_dict(second)])
    assert [one.get("text") for one in found] == ["one, two", None, "two"]
