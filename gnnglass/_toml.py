"""TOML files that users write: reading, checking against a model, describing what is wrong."""

from __future__ import annotations

import tomllib
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gnnglass.errors import FileError, InputError, shown

Model = TypeVar("Model", bound=BaseModel)


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


def checked(kind: type[Model], content: dict[str, Any], source: str) -> Model:
    """Check the content of a file against a pydantic model.

    Args:
        kind: The model.
        content: As returned by `load_toml`.
        source: Name of the file in messages.

    Raises:
        InputError: If a key is unknown, missing, or has a value that makes no sense.
    """
    try:
        return kind(**content)
    except ValidationError as error:
        raise InputError(f"in {source}, {fault(error)}.") from None


def fault(error: ValidationError, *within: str) -> str:
    """Describe the first error, such as "kT is -1, expected greater than 0".

    Args:
        error: What pydantic says.
        *within: Keys of the tables that the checked one is in.
    """
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in (*within, *first["loc"]))
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
    return f"{key} is {shown(first['input'])}, expected {expected}"
