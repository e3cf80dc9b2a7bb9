"""What every recipe from a snapshot to network input shares: identity, and the species it knows."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.registry import check_arguments
from gnnglass.trajectories import SnapshotLike, as_snapshot


class Recipe:
    """Base of the frozen dataclasses that turn a snapshot into network input.

    A recipe is stored with the model that was trained on its output, and its hash names caches
    of that output.

    Attributes:
        type_names: The species the network knows, in the order of its input channels.
        dimension: Number of space dimensions, 2 or 3.
    """

    #: Raised when the same parameters come to mean a different output.
    format_version: ClassVar[int] = 1

    type_names: tuple[str, ...]
    dimension: int

    def __post_init__(self) -> None:
        names = tuple(self.type_names)
        if isinstance(self.type_names, str) or not names or len(set(names)) != len(names):
            raise InputError(
                f'type_names is {self.type_names!r}; expected distinct species such as ("A", "B").'
            )
        if self.dimension not in (2, 3):
            raise InputError(f"dimension is {self.dimension!r}; expected 2 or 3.")
        object.__setattr__(self, "type_names", names)

    def _require_positive(self, name: str) -> None:
        value = float(getattr(self, name))
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{name} is {value:g}; expected a positive length.")
        object.__setattr__(self, name, value)

    def species(self, snapshot: SnapshotLike) -> NDArray[np.int64]:
        """Index into the recipe's `type_names` of each particle, shape [n]; matched by name.

        Raises:
            InputError: If the snapshot has another dimension, or particles of a species that the
                recipe does not know.
        """
        snapshot = as_snapshot(snapshot)
        if snapshot.dimension != self.dimension:
            raise InputError(
                f"the snapshot is {snapshot.dimension}D, but this {type(self).__name__} was made "
                f"for {self.dimension}D; use a model or a recipe of dimension {snapshot.dimension}."
            )
        species = snapshot.types_among(self.type_names)
        if species.min() < 0:
            unknown = sorted({snapshot.type_names[t] for t in snapshot.types[species < 0]})
            raise InputError(
                f"the snapshot has particles of species {', '.join(unknown)}, but this "
                f"{type(self).__name__} knows {', '.join(self.type_names)}; rename the species "
                "or use a model trained on them."
            )
        return species

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON-like values; `from_dict` reverses it."""
        assert dataclasses.is_dataclass(self)
        values = dataclasses.asdict(self)
        values["type_names"] = list(self.type_names)
        return {"recipe": type(self).__name__, "format_version": self.format_version, **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a recipe from what `to_dict` returned.

        Raises:
            InputError: If the values are of another recipe or of another version of this one.
        """
        given = dict(values)
        kind, version = given.pop("recipe", None), given.pop("format_version", None)
        if (kind, version) != (cls.__name__, cls.format_version):
            raise InputError(
                f"the stored recipe is {kind} version {version}; expected {cls.__name__} version "
                f"{cls.format_version}: it was written for something else or by another release."
            )
        check_arguments(cls, given, f"the stored {cls.__name__}")
        return cls(**given)

    @property
    def hash(self) -> str:
        """Hexadecimal SHA-256 of the recipe's canonical JSON."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
