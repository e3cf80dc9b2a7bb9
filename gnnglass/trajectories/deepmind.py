"""The pickles of Bapst et al.: isoconfigurational runs of the 3D Kob–Andersen mixture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gnnglass.errors import InputError
from gnnglass.trajectories.clones import clones_trajectory, placed
from gnnglass.trajectories.formats import FORMATS, Format, speaking_of
from gnnglass.trajectories.packed import unpacked, unpacked_head
from gnnglass.trajectories.pickled_arrays import load_plain
from gnnglass.trajectories.snapshot import FloatArray
from gnnglass.trajectories.trajectory import Trajectory

#: The instruction that begins a pickle, and the protocols that may follow.
PROTOCOL = 0x80
PROTOCOLS = range(2, 6)
TARGETS = "trajectory_target_positions"


@FORMATS.register("deepmind")
class DeepMindFormat(Format):
    """The data of Bapst et al., Nature Physics 16, 448 (2020), published by Google DeepMind.

    A pickle, plain or packed, holds a dict with ``positions`` [n, 3], ``types`` (0 is A, 1 is B),
    ``box`` [3], and, of isoconfigurational runs, ``trajectory_target_positions``: for each time a
    list of unwrapped positions [n, 3], one per run; ``time_indices`` says which entries of ``time``
    these times are, not always in increasing order. It is read as an isoconfigurational ensemble:
    frame 0, then run 0 at all times in increasing order, run 1 and so on. ``dt`` is the longest
    time of which all lags are multiples. Of a time that occurs twice, the first is kept. Velocities
    are passed over. Without ``trajectory_target_positions`` there is one frame.

    kT is ``metadata["temperature"]``. No glass former is named, for the cutoff of the potential is
    not in the file.

    Nothing in the pickle is executed; see `gnnglass.trajectories.pickled_arrays`.
    """

    def matches(self, path: Path, head: bytes) -> bool:
        """Pickles of protocol 2 and later begin with an instruction that tells the protocol."""
        start = unpacked_head(path, head)[:2]
        return len(start) == 2 and start[0] == PROTOCOL and start[1] in PROTOCOLS

    def read(self, path: Path) -> Trajectory:
        """Read the configuration and all runs.

        Raises:
            FileError: If the pickle is damaged, or holds anything but arrays and plain containers.
            InputError: If arrays do not fit together.
        """
        with speaking_of(path):
            with unpacked(path) as stream:
                content = stream.read()
            data = load_plain(content)
            if not isinstance(data, dict):
                raise InputError(f"it holds a {type(data).__name__}; expected a dict of arrays.")
            return _trajectory(data, path.stem, len(content))


def _trajectory(data: Mapping[str, Any], run: str, size: int) -> Trajectory:
    for name in ("positions", "types", "box"):
        if not isinstance(data.get(name), np.ndarray):
            raise InputError(f"it has no array {name!r}; its keys are {', '.join(data) or 'none'}.")
    box = data["box"]
    if box.shape != (3,):
        raise InputError(f"box has shape {box.shape}; expected three edges.")
    initial = placed(data["positions"] - box / 2, data["types"], box, ("A", "B"))
    facts: dict[str, Any] = {"run": run, "level": "thermal"}
    metadata = data.get("metadata")
    if isinstance(metadata, dict) and type(metadata.get("temperature")) is float:
        facts["kT"] = metadata["temperature"]
    if TARGETS not in data:
        return Trajectory([initial], facts)
    by_time = _checked(data[TARGETS], data["positions"].shape, size)
    times = _times(data, len(by_time))
    lags, first = np.unique(times, return_index=True)
    clones = [
        [by_time[index][clone] - box / 2 for index in first] for clone in range(len(by_time[0]))
    ]
    return clones_trajectory(initial, clones, lags.tolist(), facts)


def _checked(targets: Any, shape: tuple[int, ...], size: int) -> Sequence[Sequence[FloatArray]]:
    """The positions by time and run, of which there are no more than the file has room for."""
    fits = isinstance(targets, list) and all(isinstance(runs, list) for runs in targets)
    if not fits or len({len(runs) for runs in targets}) != 1 or not targets[0]:
        raise InputError(f"{TARGETS} is not a list of times, each a list of equally many runs.")
    arrays = [array for runs in targets for array in runs]
    if not all(isinstance(array, np.ndarray) and array.shape == shape for array in arrays):
        raise InputError(f"not all of {TARGETS} are arrays of shape {shape}.")
    # A pickle may refer to one array any number of times.
    if sum(array.nbytes for array in arrays) > size:
        raise InputError(f"{TARGETS} holds some arrays several times.")
    checked: Sequence[Sequence[FloatArray]] = targets
    return checked


def _times(data: Mapping[str, Any], n: int) -> FloatArray:
    try:
        times = np.array(data["time"], dtype=np.float64)
        indices = np.array(data["time_indices"], dtype=np.int64)
        chosen = times[indices]
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise InputError("time and time_indices do not tell the times of the runs.") from error
    if chosen.shape != (n,):
        raise InputError(f"{TARGETS} has {n} times, but time_indices {indices.shape}.")
    return np.asarray(chosen)
