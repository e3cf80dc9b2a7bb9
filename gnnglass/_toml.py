"""TOML files that users write: reading, checking against a model, describing what is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from gnnglass.errors import FileError, InputError, did_you_mean, shown

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
        raise InputError(f"in {source}, {fault(error, kind)}.") from None


def fault(error: ValidationError, kind: type, *within: str) -> str:
    """Describe the first error, such as "kT is -1, expected greater than 0".

    A key that there is not comes first if another one was meant: it explains why that is missing.

    Args:
        error: What pydantic says.
        kind: The model that was checked against.
        *within: Keys of the tables that the checked one is in.
    """
    errors = error.errors(include_url=False)
    meant = {str(one["loc"]): _meant(kind, one["loc"]) for one in errors if _is_unknown(one)}
    first = next((one for one in errors if meant.get(str(one["loc"]))), errors[0])
    key = ".".join(str(part) for part in (*within, *first["loc"]))
    match first["type"]:
        case "missing":
            return f"{key} is missing"
        case "extra_forbidden":
            return f"there is no {key}{meant[str(first['loc'])]}"
        case "value_error":
            return f"{key}: {first['ctx']['error']}" if key else str(first["ctx"]["error"])
        case "too_short":
            return f"{key} has too few entries, expected {first['ctx']['min_length']}"
        case "too_long":
            return f"{key} has too many entries, expected {first['ctx']['max_length']}"
    expected = first["msg"].removeprefix("Input should be ").removeprefix("String should ")
    choices = re.findall("'(.*?)'", expected) if first["type"] == "literal_error" else ()
    close = did_you_mean(first["input"], choices)
    return f"{key} is {shown(first['input'])}{close}, expected {expected}"


def _is_unknown(error: Any) -> bool:
    return bool(error["type"] == "extra_forbidden")


def _meant(kind: type, where: tuple[str | int, ...]) -> str:
    """Which key was meant by one that there is not, if any is like it."""
    *path, name = where
    return did_you_mean(name, _keys(kind, path))


def _keys(kind: Any, path: Iterable[str | int]) -> Collection[str]:
    """The keys of a table in a model, at a path of keys; none if there is no such table."""
    for part in path:
        fields = getattr(_model_in(kind), "model_fields", {})
        # What is not among them is the name of one of several tables.
        kind = fields[part].annotation if part in fields else kind
    return getattr(_model_in(kind), "model_fields", {})


def _model_in(annotation: Any) -> Any:
    """The model in an annotation, such as that of the tables in ``dict[str, Table]``."""
    if hasattr(annotation, "model_fields"):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
