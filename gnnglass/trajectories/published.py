"""Published sets of glass-forming liquids: BOTAN, DeepMind and GlassBench."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.trajectories._arrays import ZIP_MAGIC, npz_names, read_npz, read_pickle
from gnnglass.trajectories.formats import (
    FORMATS,
    LETTERS,
    Format,
    decompressed_head,
    errors_naming,
    note_not_kept,
    open_decompressed,
    shown,
)
from gnnglass.trajectories.snapshot import FloatArray, Snapshot, Trajectory

#: Published times are rounded; two that differ by less than this are the same.
TICK = 1e-6
#: Along each axis the particles of a liquid extend over at least this fraction of the box.
LEAST_EXTENT = 0.8
#: Rounding to single precision can make them extend further than the box by this fraction.
ROUNDING = 1e-5


def clones_trajectory(
    initial: Snapshot,
    finals: Sequence[Sequence[FloatArray]],
    times: Sequence[float] | None,
    metadata: Mapping[str, Any],
) -> Trajectory:
    """Join one configuration and the later positions of its particles in several runs.

    Frame 0 is the initial configuration; then come clone 0 at all lags, clone 1 at all lags and so
    on. The data sets give lags as times and not as steps, so ``dt`` is the longest time of which
    all lags are multiples. If the time of a single lag is unknown, ``dt`` is 1 and ``time_unit``
    is ``"lag"``.

    Args:
        initial: The configuration that all runs start from, n particles with images.
        finals: For each run and each lag, unwrapped positions of shape [n, d] in the frame of
            reference of ``initial.unwrapped``.
        times: The lags in increasing order, in units of time; None for one unknown lag.
        metadata: Further entries of the metadata.

    Raises:
        InputError: If runs and times do not fit together, or times do not increase.
    """
    ticks = np.array([1]) if times is None else _ticks(times)
    if not finals or any(len(clone) != len(ticks) for clone in finals):
        raise InputError(f"the runs were not each stored at {len(ticks)} lags.")
    step = int(np.gcd.reduce(ticks))
    lag_steps = [int(tick) // step for tick in ticks]
    zeros = np.zeros(initial.positions.shape, dtype=np.int32)
    frames = [
        initial.replace(positions=np.asarray(positions), images=zeros, fields={}, step=lag)
        for clone in finals
        for positions, lag in zip(clone, lag_steps, strict=True)
    ]
    facts = {
        "level": "thermal",
        **metadata,
        "isoconfigurational": {"n_clones": len(finals), "lag_steps": lag_steps},
        **({"dt": 1.0, "time_unit": "lag"} if times is None else {"dt": step * TICK}),
    }
    return Trajectory([initial, *frames], facts)


def _ticks(times: Sequence[float]) -> NDArray[np.int64]:
    values = np.array(times, dtype=np.float64)
    if values.ndim != 1 or not np.all((values > 0) & (values < 1e12)):
        raise InputError("the lag times are not positive numbers.")
    ticks = np.round(values / TICK).astype(np.int64)
    if np.any(np.diff(ticks, prepend=0) <= 0):
        raise InputError(f"the lag times do not increase: {shown(values.tolist())}.")
    return ticks


def box_of_density(positions: NDArray[Any], density: float) -> FloatArray:
    """The edges of the square or cubic box, from the published density of wrapped positions.

    Raises:
        InputError: If the positions do not fill the box of this density.
    """
    if np.ndim(positions) != 2 or 0 in np.shape(positions):
        raise InputError(f"its positions have shape {np.shape(positions)}; expected [n, d].")
    n, d = np.shape(positions)
    edge = float((n / density) ** (1 / d))
    extent = np.ptp(positions, axis=0)
    if not np.all((extent > LEAST_EXTENT * edge) & (extent < edge * (1 + ROUNDING))):
        raise InputError(
            f"its positions extend over {', '.join(f'{length:.5g}' for length in extent)}, which "
            f"does not fit the edge {edge:.5g} of the published density {density:.4g}."
        )
    return np.full(d, edge)


def configuration(
    positions: NDArray[Any], types: NDArray[Any], box: FloatArray, names: tuple[str, ...]
) -> Snapshot:
    """A snapshot at step 0; positions are relative to the box centre, and may lie outside it.

    Raises:
        InputError: If the arrays do not fit together.
    """
    if np.ndim(positions) != 2 or np.shape(positions)[1:] != box.shape:
        raise InputError(
            f"its positions have shape {np.shape(positions)}; expected [n, {box.size}]."
        )
    if np.asarray(types).dtype.kind not in "iu":
        raise InputError(f"its types are {np.asarray(types).dtype}; expected whole numbers.")
    return Snapshot(
        box=box,
        positions=positions,
        types=types,
        type_names=names,
        images=np.zeros(np.shape(positions), dtype=np.int32),
    )


ARRAYS = frozenset({"types", "initial_positions", "positions"})
#: Density of the Kob–Andersen mixture in all published files, which do not store the box.
DENSITY = 1.2
BOTAN_NAME = re.compile(r"isoconfig_N\d+T(\d\.\d\d)_\d+_tc(\d\d)")
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
        return head.startswith(ZIP_MAGIC) and npz_names(path) == ARRAYS

    def read(self, path: Path) -> Trajectory:
        """Read the configuration and all runs.

        Raises:
            FileError: If the file is damaged.
            InputError: If arrays do not fit together, or positions do not fit the density 1.2.
        """
        arrays = read_npz(path, ARRAYS)
        with errors_naming(path):
            given, finals = arrays["initial_positions"], arrays["positions"]
            box = box_of_density(given, DENSITY)
            initial = configuration(given - box / 2, arrays["types"], box, ("A", "B"))
            if finals.ndim != 3 or finals.shape[1:] != given.shape:
                raise InputError(
                    f"positions have shape {finals.shape}; expected [n_clones, {len(given)}, 3]."
                )
            clones = [[final - box / 2] for final in finals]
            facts, lag = _from_name(path)
            return clones_trajectory(initial, clones, None if lag is None else [lag], facts)


def _from_name(path: Path) -> tuple[dict[str, Any], float | None]:
    facts: dict[str, Any] = {"run": path.stem, "system": "ka3d"}
    name = BOTAN_NAME.fullmatch(path.stem)
    if name is None:
        return facts, None
    return {**facts, "kT": float(name[1])}, LAGS.get((name[1], name[2]))


#: The instruction that begins a pickle, and the protocols that may follow.
PROTOCOL = 0x80
PROTOCOLS = range(2, 6)
TARGETS = "trajectory_target_positions"
USED = {"positions", "types", "box", "time", "time_indices", "metadata", TARGETS}


@FORMATS.register("deepmind")
class DeepMindFormat(Format):
    """The data of Bapst et al., Nature Physics 16, 448 (2020), published by Google DeepMind.

    A pickle, plain or compressed, holds a dict with ``positions`` [n, 3], ``types`` (0 is A, 1 is
    B), ``box`` [3], and, of isoconfigurational runs, ``trajectory_target_positions``: for each time
    a list of unwrapped positions [n, 3], one per run; ``time_indices`` says which entries of
    ``time`` these times are, not always in increasing order. It is read as an isoconfigurational
    ensemble: frame 0, then run 0 at all times in increasing order, run 1 and so on. ``dt`` is the
    longest time of which all lags are multiples. Of a time that occurs twice, the first is kept.
    Whatever else is in it is named in a warning. Without ``trajectory_target_positions`` there is
    one frame.

    kT is ``metadata["temperature"]``. No glass former is named, for the cutoff of the potential is
    not in the file.

    Nothing in the pickle is executed; see `gnnglass.trajectories._arrays`.
    """

    def matches(self, path: Path, head: bytes) -> bool:
        """Pickles of protocol 2 and later begin with an instruction that states the protocol."""
        start = decompressed_head(path, head)[:2]
        return len(start) == 2 and start[0] == PROTOCOL and start[1] in PROTOCOLS

    def read(self, path: Path) -> Trajectory:
        """Read the configuration and all runs.

        Raises:
            FileError: If the pickle is damaged, or holds anything but arrays and plain containers.
            InputError: If arrays do not fit together.
        """
        with errors_naming(path):
            with open_decompressed(path) as stream:
                content = stream.read()
            data = read_pickle(content)
            if not isinstance(data, dict):
                raise InputError(f"it holds a {type(data).__name__}; expected a dict of arrays.")
            trajectory = _trajectory(data, path.stem, len(content))
            note_not_kept(path, (name for name in data if name not in USED))
            return trajectory


def _trajectory(data: Mapping[str, Any], run: str, size: int) -> Trajectory:
    for name in ("positions", "types", "box"):
        if not isinstance(data.get(name), np.ndarray):
            raise InputError(
                f"it has no array {name!r}; its keys are {shown(' '.join(data) or 'none')}."
            )
    box = data["box"]
    if box.shape != (3,):
        raise InputError(f"box has shape {box.shape}; expected three edges.")
    if data["positions"].ndim != 2 or data["positions"].shape[1] != 3:
        raise InputError(f"positions have shape {data['positions'].shape}; expected [n, 3].")
    initial = configuration(data["positions"] - box / 2, data["types"], box, ("A", "B"))
    facts: dict[str, Any] = {"run": run, "level": "thermal"}
    metadata = data.get("metadata")
    if isinstance(metadata, dict) and type(metadata.get("temperature")) is float:
        facts["kT"] = metadata["temperature"]
    if TARGETS not in data:
        return Trajectory([initial], facts)
    by_time = _checked_targets(data[TARGETS], data["positions"].shape, size)
    times = _times(data, len(by_time))
    lags, first = np.unique(times, return_index=True)
    clones = [
        [by_time[index][clone] - box / 2 for index in first] for clone in range(len(by_time[0]))
    ]
    return clones_trajectory(initial, clones, lags.tolist(), facts)


def _checked_targets(
    targets: Any, shape: tuple[int, ...], size: int
) -> Sequence[Sequence[FloatArray]]:
    """The positions by time and run, if they are no more than a file of `size` bytes can hold."""
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
    times, indices = _number_list(data.get("time")), _number_list(data.get("time_indices"))
    places = [k for k in indices if isinstance(k, int) and 0 <= k < len(times)]
    if not places or len(places) < len(indices):
        raise InputError("time and time_indices do not give the times of the runs.")
    if len(places) != n:
        raise InputError(f"{TARGETS} has {n} times, but time_indices {len(places)}.")
    return np.array([times[k] for k in places], dtype=np.float64)


def _number_list(values: Any) -> list[int | float]:
    """The numbers of a list or a one-dimensional array; empty if `values` is anything else."""
    if isinstance(values, np.ndarray):
        return list(values.tolist()) if values.ndim == 1 else []
    # Larger integers may have no floating-point value.
    plain = isinstance(values, list) and all(
        type(value) is float or (type(value) is int and abs(value) < 2**63) for value in values
    )
    return list(values) if plain else []


CONFIGURATION = frozenset({"types", "initial_positions", "md_prop"})
RUNS = frozenset({"types", "initial_positions", "positions", "box"})
#: By dimension; in 2D 1290 particles in a square of edge 32.8962.
DENSITIES = {2: 1290 / 32.8962**2, 3: DENSITY}
SYSTEMS = {2: "ka2d-ternary", 3: "ka3d"}
#: Per-particle results and predictions; the last four are not in every file.
FIELDS = ("md_prop", "bb_prop", "BOTAN", "CAGE", "GlassMLP", "SE3")
MOST_LAGS = 100
GLASSBENCH_NAME = re.compile(r"N\d+T(\d\.\d\d)_\d+(_tc\d\d)?")


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
      and cage-averaged positions and the coarse-grained descriptors are ignored.
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
        if not head.startswith(ZIP_MAGIC):
            return False
        names = npz_names(path)
        return names >= CONFIGURATION or names >= RUNS

    def read(self, path: Path) -> Trajectory:
        """Read a configuration, or a configuration and all runs from it.

        Raises:
            FileError: If the file is damaged.
            InputError: If arrays do not fit together, or positions do not fit the density.
        """
        arrays = read_npz(path, [*CONFIGURATION, *RUNS, *FIELDS])
        with errors_naming(path):
            read = _runs if set(arrays) >= RUNS else _configuration
            trajectory = read(arrays, path)
            note_not_kept(path, sorted(npz_names(path) - set(arrays)))
            return trajectory


def _configuration(arrays: dict[str, NDArray[Any]], path: Path) -> Trajectory:
    given = arrays["initial_positions"]
    d = given.shape[-1] if given.ndim else 0
    if d not in DENSITIES:
        raise InputError(f"initial_positions have shape {given.shape}; expected [n, 2] or [n, 3].")
    types, names = _species(arrays["types"])
    snapshot = configuration(given, types, box_of_density(given, DENSITIES[d]), names)
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
    initial = configuration(given, types, box, names)
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
    name = GLASSBENCH_NAME.fullmatch(path.stem)
    return {
        "run": path.stem,
        "system": SYSTEMS[d],
        **({"kT": float(name[1])} if name else {}),
    }
