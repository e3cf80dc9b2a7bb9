"""What users write down, in a file or a call: read, and what is wrong with it in one clause."""

from __future__ import annotations

import tomllib
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gnnglass.errors import FileError


def load_toml(path: str | PathLike[str]) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        FileError: If the file is missing or not TOML.
    """
    path = Path(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(f"{path} is not a TOML file: {error}.") from error


def fault(error: ValidationError) -> str:
    """The first thing that is wrong, such as "kT is -1, expected greater than 0"."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "missing":
            return f"{key} is missing"
        case "extra_forbidden":
            return f"there is no {key}"
        case "value_error":
            return f"{key}: {first['ctx']['error']}" if key else str(first["ctx"]["error"])
        case "too_short":
            return f"{key} has too few entries, expected {first['ctx']['min_length']}"
        case "too_long":
            return f"{key} has too many entries, expected {first['ctx']['max_length']}"
    expected = first["msg"].removeprefix("Input should be ").removeprefix("String should ")
    return f"{key} is {first['input']!r}, expected {expected}"
