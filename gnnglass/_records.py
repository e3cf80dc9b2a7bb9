"""Records of finished work: what it depended on, code included, what came out, how long it took.

A record is a JSON file that is written whole, after the products of the work. Work is done if its
record is there, holds the digest of all that the work depends on now, and neither it nor a product
has changed since; there is no other notion of "done". Killed work has no record and is begun again,
so what takes long keeps its own progress, in files that are sealed in the same manner.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
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
        products: Digest of the content of each file that the work left, by its path from the folder
            of the record.
    """

    digest: str
    result: Any
    seconds: float
    products: dict[str, str]

    @property
    def identity(self) -> str:
        """What follows from the work depends on this: on what it depended on, and what it left."""
        return digest_of(self.digest, self.products)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record in a file.

        Raises:
            OSError: If there is no such file.
            ValueError: If it holds no record, or one that was changed since it was written.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except RecursionError:
            content = None
        seal = content.pop("seal", None) if isinstance(content, dict) else None
        if seal is None or seal != digest_of(content):
            raise ValueError(f"{path} holds no record, or was changed since it was written")
        return cls(**content)

    @classmethod
    def find(cls, path: Path, digest: str, products: Iterable[Path] = ()) -> Self | None:
        """The record in a file, if it is of work that is done and not stale, and all is intact.

        Args:
            path: Where the record would be.
            digest: Of everything the work depends on now.
            products: Files that the work leaves.
        """
        if not path.is_file():
            return None
        try:
            found = cls.read(path)
        except ValueError:
            return None
        left = list(products)
        fits = found.digest == digest and len(found.products) == len(left)
        return found if fits and all(found.holds(path, product) for product in left) else None

    def holds(self, path: Path, product: Path) -> bool:
        """Whether a file is there and is as the work left it.

        Args:
            path: Where the record is.
            product: The file.
        """
        name = os.path.relpath(product, path.parent)
        return product.is_file() and self.products.get(name) == file_digest(product)

    @classmethod
    def make(
        cls, path: Path, digest: str, work: Callable[[], Any], products: Iterable[Path] = ()
    ) -> Self:
        """Do the work, products first, and write its record.

        Args:
            path: Where the record goes.
            digest: Of everything the work depends on.
            work: Does it and returns its JSON-like result.
            products: Files that the work leaves.

        Raises:
            ValueError: If the result is not JSON-like; nothing is recorded then.
            FileError: If the record cannot be written.
        """
        start = time.perf_counter()
        # Through JSON, so that work just done gives what a record read back would.
        result = json.loads(json.dumps(work(), allow_nan=False))
        seconds = round(time.perf_counter() - start, 2)
        made = cls(digest, result, seconds, _digests(path, products))
        content = asdict(made)
        with written_whole(path) as aside:
            text = json.dumps({**content, "seal": digest_of(content)}, indent=1)
            aside.write_text(text, encoding="utf-8")
        return made


def record_beside(product: Path) -> Path:
    """Where the record of a file goes that lies in a folder of the user's: beside it, hidden."""
    return product.with_name(f".{product.name}.record")


def _digests(record: Path, products: Iterable[Path]) -> dict[str, str]:
    """Digest of each product that is there, by its path from the folder of the record."""
    return {
        os.path.relpath(product, record.parent): file_digest(product)
        for product in products
        if product.is_file()
    }


def file_digest(path: Path) -> str:
    """SHA-256, in hexadecimal, of the content of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


#: The first line of a sealed file; then come the digest of the rest, the key, and the content.
_SEALED = b"gnnglass sealed 1\n"


def write_sealed(path: Path, key: str, content: bytes) -> None:
    """Write the progress of unfinished work such that no damage to it goes unnoticed.

    Args:
        path: The file, which is replaced whole.
        key: SHA-256, in hexadecimal, of all that identifies the work.
        content: The progress.

    Raises:
        FileError: If it cannot be written.
    """
    whole = key.encode() + b"\n" + content
    with written_whole(path) as aside:
        aside.write_bytes(_SEALED + hashlib.sha256(whole).hexdigest().encode() + b"\n" + whole)


def read_sealed(path: Path) -> tuple[str, bytes] | None:
    """Key and content of a sealed file; None if it is damaged, or something else.

    Raises:
        OSError: If it cannot be read.
    """
    begin, _, rest = path.read_bytes().partition(b"\n")
    seal, _, whole = rest.partition(b"\n")
    if begin + b"\n" != _SEALED or hashlib.sha256(whole).hexdigest().encode() != seal:
        return None
    key, _, content = whole.partition(b"\n")
    return key.decode(errors="replace"), content


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
