"""A sequence of snapshots of one run, and what is known about that run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from gnnglass.errors import InputError
from gnnglass.trajectories.snapshot import Snapshot


@dataclass(frozen=True, eq=False)
class Trajectory(Sequence[Snapshot]):
    """Snapshots in the order of their steps, with metadata that travels with them on disk.

    Attributes:
        frames: The snapshots; any sequence, so that readers may load frames only when asked.
        metadata: JSON-like facts about the run. The keys the package itself reads are
            ``run`` (a name unique to the independent run), ``system`` (glass former),
            ``level`` (``"thermal"`` or ``"inherent"``), ``phase`` (class label), ``dt`` (time
            per step), ``kT`` and ``protocol`` (the run's state point).

    Raises:
        InputError: If there is not a single frame.
    """

    frames: Sequence[Snapshot]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.frames) == 0:
            raise InputError("the trajectory is empty: it holds no frame.")

    def __len__(self) -> int:
        return len(self.frames)

    @overload
    def __getitem__(self, index: int) -> Snapshot: ...
    @overload
    def __getitem__(self, index: slice) -> Trajectory: ...
    def __getitem__(self, index: int | slice) -> Snapshot | Trajectory:
        if isinstance(index, slice):
            picked = [self.frames[i] for i in range(*index.indices(len(self)))]
            return Trajectory(picked, self.metadata)
        return self.frames[index]

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(self.frames)

    def __repr__(self) -> str:
        known = ", ".join(
            f"{key}={self.metadata[key]!r}"
            for key in ("run", "system", "phase", "level")
            if key in self.metadata
        )
        return f"<Trajectory of {len(self)} frames{': ' + known if known else ''}>"

    def map(self, function: Callable[[Snapshot], Snapshot], **metadata: Any) -> Trajectory:
        """A new trajectory of ``function(snapshot)``, with metadata entries added."""
        return Trajectory([function(s) for s in self], {**self.metadata, **metadata})
