"""The npz files of BOTAN: isoconfigurational runs of the 3D Kob–Andersen mixture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from gnnglass.errors import InputError
from gnnglass.trajectories.clones import clones_trajectory, cube, placed
from gnnglass.trajectories.formats import FORMATS, Format, speaking_of
from gnnglass.trajectories.npz_file import npz_names, read_npz
from gnnglass.trajectories.trajectory import Trajectory

ARRAYS = frozenset({"types", "initial_positions", "positions"})
#: Of the Kob–Andersen mixture in all published files; they do not hold the box.
DENSITY = 1.2
PUBLISHED_NAME = re.compile(r"isoconfig_N\d+T(\d\.\d\d)_\d+_tc(\d\d)")
#: The lag that a time code of the published names stands for, by temperature and code.
LAGS = {("0.44", "07"): 4120.0}


@FORMATS.register("botan")
class BOTANFormat(Format):
    """The data of Shiba, Hanai, Suzumura & Shimokawabe, J. Chem. Phys. 158, 084503 (2023).

    An npz file holds ``types`` (0 is A, 1 is B), ``initial_positions`` [n, 3] and ``positions``
    [n_clones, n, 3], where the particles are after one lag in each run, not wrapped. It is read as
    an isoconfigurational ensemble of ``ka3d``: frame 0, then one frame for each run. The box is
    the cube of the published density 1.2.

    Temperature and lag are in the file only by its published name,
    ``isoconfig_N4096T0.44_1_tc07.npz``: kT is taken from it, and so is the lag where the time code
    is known (tc07 at T = 0.44 is the relaxation time, 4120). The number of steps is nowhere, so
    one step of the trajectory is the whole lag: ``lag_steps`` is [1] and ``dt`` the lag, or 1 with
    ``time_unit`` "lag" if it is unknown.
    """

    def matches(self, path: Path, head: bytes) -> bool:
        """A zip file with these three arrays and no others."""
        return npz_names(path, head) == ARRAYS

    def read(self, path: Path) -> Trajectory:
        """Read the configuration and all runs.

        Raises:
            FileError: If the file is damaged.
            InputError: If arrays do not fit together, or positions do not fit the density 1.2.
        """
        arrays = read_npz(path, ARRAYS)
        with speaking_of(path):
            given, finals = arrays["initial_positions"], arrays["positions"]
            box = cube(given, DENSITY)
            initial = placed(given - box / 2, arrays["types"], box, ("A", "B"))
            if finals.ndim != 3 or finals.shape[1:] != given.shape:
                raise InputError(
                    f"positions have shape {finals.shape}; expected [n_clones, {len(given)}, 3]."
                )
            clones = [[final - box / 2] for final in finals]
            facts, lag = _from_name(path)
            return clones_trajectory(initial, clones, None if lag is None else [lag], facts)


def _from_name(path: Path) -> tuple[dict[str, Any], float | None]:
    facts: dict[str, Any] = {"run": path.stem, "system": "ka3d"}
    name = PUBLISHED_NAME.fullmatch(path.stem)
    if name is None:
        return facts, None
    return {**facts, "kT": float(name[1])}, LAGS.get((name[1], name[2]))
