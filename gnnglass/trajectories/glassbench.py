"""The npz files of GlassBench: configurations with propensities, and isoconfigurational runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.trajectories.botan import DENSITY as DENSITY_3D
from gnnglass.trajectories.clones import clones_trajectory, cube, placed
from gnnglass.trajectories.formats import FORMATS, Format, speaking_of
from gnnglass.trajectories.npz_file import npz_names, read_npz
from gnnglass.trajectories.text_table import LETTERS
from gnnglass.trajectories.trajectory import Trajectory

CONFIGURATION = frozenset({"types", "initial_positions", "md_prop"})
RUNS = frozenset({"types", "initial_positions", "positions", "box"})
#: By dimension; in 2D 1290 particles in a square of edge 32.8962.
DENSITIES = {2: 1290 / 32.8962**2, 3: DENSITY_3D}
SYSTEMS = {2: "ka2d-ternary", 3: "ka3d"}
#: Per-particle results and predictions; the last four are not in every file.
FIELDS = ("md_prop", "bb_prop", "BOTAN", "CAGE", "GlassMLP", "SE3")
MOST_LAGS = 100
PUBLISHED_NAME = re.compile(r"N\d+T(\d\.\d\d)_\d+(_tc\d\d)?")


@FORMATS.register("glassbench")
class GlassBenchFormat(Format):
    """The data of Jung et al., "Roadmap on machine learning glassy dynamics", GlassBench.

    Nature Reviews Physics 7, 91 (2025), arXiv:2311.14752; doi:10.5281/zenodo.10118191. Two kinds
    of npz files are in it:

    - Configurations, ``KA_models`` (3D Kob–Andersen, the runs of BOTAN) and ``KA2D_models`` (2D
      ternary Kob–Andersen): ``types``, ``initial_positions`` [n, d], ``md_prop`` and ``bb_prop``
      [n_lags, n] and predictions of several models. They are read as one frame, whose fields are
      ``md_prop_0``, ``md_prop_1``, … in the order of the lags. The box is not in the file: it is
      the cube of density 1.2 or the square of 1290 particles on an edge of 32.8962. The inherent
      and cage-averaged positions and the coarse-grained descriptors are passed over.
    - Runs, ``KA2D_trajectories``: ``types``, ``initial_positions``, ``box`` (the edge) and
      ``positions`` [n_clones, n, 2] after one lag. They are read as an isoconfigurational ensemble
      as by `BOTANFormat`, with the lag as the unit of time. As in the script that comes with the
      data, a particle is taken to have moved to its nearest image.

    kT is taken from the published name (``N4096T0.44_1.npz``, ``N1290T0.23_151_tc40.npz``). This
    follows the scripts that come with the data set and lists of its content made by others; no
    file of it was at hand.
    """

    def matches(self, path: Path, head: bytes) -> bool:
        """A zip file with the arrays of either kind."""
        names = npz_names(path, head)
        return names >= CONFIGURATION or names >= RUNS

    def read(self, path: Path) -> Trajectory:
        """Read a configuration, or a configuration and all runs from it.

        Raises:
            FileError: If the file is damaged.
            InputError: If arrays do not fit together, or positions do not fit the density.
        """
        arrays = read_npz(path, [*CONFIGURATION, *RUNS, *FIELDS])
        with speaking_of(path):
            return _runs(arrays, path) if set(arrays) >= RUNS else _configuration(arrays, path)


def _configuration(arrays: dict[str, NDArray[Any]], path: Path) -> Trajectory:
    given = arrays["initial_positions"]
    d = given.shape[-1] if given.ndim else 0
    if d not in DENSITIES:
        raise InputError(f"initial_positions have shape {given.shape}; expected [n, 2] or [n, 3].")
    types, names = _species(arrays["types"])
    snapshot = placed(given, types, cube(given, DENSITIES[d]), names)
    fields: dict[str, NDArray[Any]] = {}
    for name in FIELDS:
        values = arrays.get(name, np.empty((0, len(given))))
        if values.ndim == 1:
            fields[name] = values
        elif values.ndim == 2 and len(values) <= MOST_LAGS:
            fields |= {f"{name}_{lag}": row for lag, row in enumerate(values)}
        else:
            raise InputError(f"{name} has shape {values.shape}; expected [n_lags, {len(given)}].")
    return Trajectory([snapshot.replace(fields=fields)], {**_facts(path, d), "level": "thermal"})


def _runs(arrays: dict[str, NDArray[Any]], path: Path) -> Trajectory:
    given, finals = arrays["initial_positions"], arrays["positions"]
    if arrays["box"].size not in (1, 2) or finals.ndim != 3 or finals.shape[1:] != given.shape:
        raise InputError(
            f"box has shape {arrays['box'].shape}, positions {finals.shape} and initial_positions "
            f"{given.shape}; expected an edge, [n_clones, n, 2] and [n, 2]."
        )
    box = np.broadcast_to(np.ravel(arrays["box"]).astype(np.float64), 2)
    types, names = _species(arrays["types"])
    initial = placed(given, types, box, names)
    moved = [initial.minimum_image(final - given) for final in finals]
    clones = [[initial.unwrapped + displacement] for displacement in moved]
    return clones_trajectory(initial, clones, None, _facts(path, 2))


def _species(types: NDArray[Any]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Types counted from 0, whether the file counts from 0 or from 1, and their names."""
    if types.size == 0 or types.dtype.kind not in "iu" or not 0 <= types.min() <= 1:
        raise InputError("its types are not whole numbers from 0 or from 1.")
    types = types.astype(np.int64) - int(types.min())
    return types, LETTERS[: max(int(types.max()) + 1, 2)]


def _facts(path: Path, d: int) -> dict[str, Any]:
    name = PUBLISHED_NAME.fullmatch(path.stem)
    return {
        "run": path.stem,
        "system": SYSTEMS[d],
        **({"kT": float(name[1])} if name else {}),
    }
