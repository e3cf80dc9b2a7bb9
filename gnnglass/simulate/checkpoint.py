"""What a run leaves behind now and then, so that it can be taken up where it was killed."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import zipfile
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, overload

import numpy as np

from gnnglass.simulate.motion import State
from gnnglass.trajectories import Snapshot, Trajectory, read, write, written_whole

#: A kill costs about so much work; a checkpoint takes well under a hundredth of it.
SECONDS_BETWEEN = 30.0


class Checkpoint:
    """The state and the frames of an unfinished run, in a hidden folder beside its file.

    Frames go to disk in parts and are let go from memory. Everything in the folder appears whole
    or not at all, and the state comes last: it says how many parts count.

    Args:
        out: The file that the run is to leave.
        facts: What the run is; a checkpoint of another run is not taken up.
        in_charge: Whether this process, of those that share the run, is the one that keeps things.
    """

    def __init__(self, out: Path, facts: Mapping[str, Any], *, in_charge: bool = True) -> None:
        self.folder = out.with_name(f".{out.stem}.checkpoint")
        text = json.dumps(facts, sort_keys=True, default=str)
        self._key = hashlib.sha256(text.encode()).hexdigest()
        self._in_charge = in_charge
        self._parts = 0
        self._unsaved: list[Snapshot] = []
        self._saved_at = time.monotonic()

    def resume(self, start: State) -> State:
        """The stored state; `start` if there is none of this very run."""
        try:
            with np.load(self.folder / "state.npz", allow_pickle=False) as stored:
                parts = int(stored["parts"])
                there = all(self._part(number).exists() for number in range(parts))
                if there and str(stored["key"]) == self._key:
                    self._parts = parts
                    return State(
                        start.snapshot.replace(
                            positions=stored["positions"],
                            images=stored["images"],
                            step=int(stored["step"]),
                        ),
                        stored["velocities"],
                    )
        # Whatever is wrong with it, the run can begin again.
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            self._parts = 0
        return start

    def keep(self, frame: Snapshot) -> None:
        """Add a frame of the run."""
        if self._in_charge:
            self._unsaved.append(frame)

    def save(self, state: State) -> None:
        """Store state and frames, if it is time to."""
        if not self._in_charge or time.monotonic() - self._saved_at < SECONDS_BETWEEN:
            return
        if self._unsaved:
            write(self._part(self._parts), Trajectory(self._unsaved))
            self._parts += 1
            self._unsaved = []
        with written_whole(self.folder / "state.npz") as aside:
            np.savez(
                aside,
                key=self._key,
                parts=self._parts,
                step=state.snapshot.step,
                positions=state.snapshot.positions,
                images=np.asarray(state.snapshot.images),
                velocities=state.velocities,
            )
        self._saved_at = time.monotonic()

    def frames(self) -> Sequence[Snapshot]:
        """All frames that were kept, those of earlier processes first; decoded when asked for."""
        parts = [read(self._part(number)) for number in range(self._parts)]
        return _Chain([*parts, self._unsaved] if self._unsaved else parts)

    def remove(self) -> None:
        """Remove everything, when the file of the run is there."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _part(self, number: int) -> Path:
        return self.folder / f"frames-{number:05d}.gsd"


class _Chain(Sequence[Snapshot]):
    """Several sequences as one, without a copy of any."""

    def __init__(self, parts: Sequence[Sequence[Snapshot]]) -> None:
        self._parts = parts
        self._ends = list(accumulate(map(len, parts)))

    def __len__(self) -> int:
        return self._ends[-1]

    @overload
    def __getitem__(self, index: int) -> Snapshot: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Snapshot]: ...
    def __getitem__(self, index: int | slice) -> Snapshot | Sequence[Snapshot]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        part = bisect_right(self._ends, number)
        return self._parts[part][number - self._ends[part]]

    def __iter__(self) -> Iterator[Snapshot]:
        for part in self._parts:
            yield from part
