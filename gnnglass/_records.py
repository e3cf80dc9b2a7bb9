"""Records of finished work: what it depended on, code included, what came out, how long it took.

A record is a JSON file that is written whole, after the products of the work. Work is done if its
record is there and holds the digest of all that the work depends on now; there is no other notion
of "done". Killed work has no record and is begun again, so what takes long keeps its own progress.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import secrets
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import gnnglass
from gnnglass._files import written_whole


@dataclass(frozen=True)
class Record:
    """What finished work left besides its products.

    Attributes:
        digest: Of everything the work depended on; what follows from it depends on the digest.
        result: JSON-like.
        seconds: How long it took.
    """

    digest: str
    result: Any
    seconds: float

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record in a file.

        Raises:
            OSError: If there is no such file.
            ValueError: If it holds no record.
        """
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or set(content) != {"digest", "result", "seconds"}:
            raise ValueError(f"{path} holds no record")
        return cls(**content)

    @classmethod
    def find(cls, path: Path, digest: str, products: Iterable[Path] = ()) -> Self | None:
        """The record in a file, if it is of work that is done and not stale.

        Args:
            path: Where the record would be.
            digest: Of everything the work depends on now.
            products: Files that the work leaves.
        """
        if not path.is_file() or not all(product.is_file() for product in products):
            return None
        try:
            found = cls.read(path)
        except ValueError:
            return None
        return found if found.digest == digest else None

    @classmethod
    def make(cls, path: Path, digest: str, work: Callable[[], Any]) -> Self:
        """Do the work, products first, and write its record.

        Args:
            path: Where the record goes.
            digest: Of everything the work depends on.
            work: Does it and returns its JSON-like result.

        Raises:
            ValueError: If the result is not JSON-like; nothing is recorded then.
            FileError: If the record cannot be written.
        """
        start = time.perf_counter()
        # Through JSON, so that work just done gives what a record read back would.
        result = json.loads(json.dumps(work(), allow_nan=False))
        made = cls(digest, result, round(time.perf_counter() - start, 2))
        with written_whole(path) as aside:
            aside.write_text(json.dumps(asdict(made), indent=1), encoding="utf-8")
        return made


def digest_of(*inputs: Any) -> str:
    """SHA-256, in hexadecimal, of JSON-like inputs and the version of gnnglass."""
    text = json.dumps([gnnglass.__version__, *inputs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def code_digest(*names: str) -> str:
    """SHA-256, in hexadecimal, of what code does; nothing is imported for it.

    Comments, docstrings and formatting are not part of it. Code whose source cannot be read has
    another digest each time, so that what depends on it is never taken for done.

    Args:
        names: Modules (``"gnnglass.stats"``), packages with all their modules and other files
            (``"gnnglass.models"``), and functions or classes at the top of a module
            (``"gnnglass.study.check:recipe_of"``).

    Raises:
        LookupError: If a package has no such module, or a module no such function or class.
    """
    digest = hashlib.sha256()
    for name in sorted(set(names)):
        module, _, definition = name.partition(":")
        digest.update(f"{name}\n".encode())
        for path in _files_of(module):
            stat = path.stat()
            digest.update(_digest_of_file(path, definition, stat.st_mtime_ns, stat.st_size))
            digest.update(path.name.encode())
        if not _files_of(module):
            digest.update(secrets.token_bytes())
    return digest.hexdigest()


def _files_of(module: str) -> list[Path]:
    """The file of a module, or all files of a package; none if they cannot be found."""
    root, *parts = module.split(".")
    if root == "__main__":
        # It has no name by which it could be found.
        file = getattr(sys.modules["__main__"], "__file__", None)
        return [] if file is None else [Path(file)]
    # To look for a module inside a package would import the package.
    spec = importlib.util.find_spec(root)
    if spec is None or spec.origin is None:
        return []
    origin = Path(spec.origin)
    if spec.submodule_search_locations is None:
        return [origin] if origin.is_file() and not parts else []
    place = origin.parent.joinpath(*parts)
    if place.is_dir():
        return sorted(
            path for path in place.rglob("*") if path.is_file() and path.parent.name != CACHE
        )
    file = place.with_suffix(".py")
    if not file.is_file():
        raise LookupError(f"{root} has no module {module}")
    return [file]


#: Where Python keeps compiled modules.
CACHE = "__pycache__"


@cache
def _digest_of_file(path: Path, definition: str, changed: int, size: int) -> bytes:
    """Of what a file does; `changed` and `size` say that it is still the same file."""
    if path.suffix != ".py":
        return hashlib.sha256(path.read_bytes()).digest()
    tree: ast.AST = ast.parse(path.read_bytes())
    if definition:
        tree = _find(tree, definition, path)
    for node in ast.walk(tree):
        # Strings that stand for themselves: docstrings, also those of attributes.
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                setattr(node, block, [one for one in statements if not _is_text(one)])
    return hashlib.sha256(ast.dump(tree).encode()).digest()


def _find(tree: ast.AST, definition: str, path: Path) -> ast.AST:
    for node in getattr(tree, "body", []):
        if getattr(node, "name", None) == definition:
            return node  # type: ignore[no-any-return]
    raise LookupError(f"{path} defines no {definition} at its top")


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
