"""Files that come with the package and are found by name: trained classifiers and studies."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Literal

from gnnglass.errors import FileError, did_you_mean

Shipped = Literal["classifier", "study"]
#: The folder of each kind, and how its files end.
FOLDERS: dict[Shipped, tuple[Path, str]] = {
    "classifier": (Path(__file__).parent / "classifiers", ".safetensors"),
    "study": (Path(__file__).parent / "studies", ".toml"),
}


def shipped(kind: Shipped) -> dict[str, Path]:
    """The files of one kind that come with the package, by their names."""
    folder, suffix = FOLDERS[kind]
    return {path.stem: path for path in sorted(folder.glob(f"*{suffix}"))}


def file_of(kind: Shipped, source: str | PathLike[str]) -> Path:
    """The file that is given, or the one of this name that comes with the package.

    What lies in the working folder comes first.

    Raises:
        FileError: If there is neither.
    """
    path, known = Path(source), shipped(kind)
    if not path.exists() and str(source) in known:
        return known[str(source)]
    if not path.is_file():
        raise FileError(
            f"no {kind} at {path}{did_you_mean(path, known)}: give its {FOLDERS[kind][1]} file, or "
            f"a name of those that come with gnnglass: {', '.join(known) or 'none'}."
        )
    return path
