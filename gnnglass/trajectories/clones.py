"""Published isoconfigurational runs as one trajectory, laid out as by our engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.trajectories.snapshot import FloatArray, Snapshot
from gnnglass.trajectories.trajectory import Trajectory

#: Published times are rounded; a time is told apart from another by this much.
TICK = 1e-6
#: Particles of a liquid leave no more than this part of the box free, and single precision adds.
LEAST_EXTENT = 0.8
ROUNDED = 1e-5


def clones_trajectory(
    initial: Snapshot,
    finals: Sequence[Sequence[FloatArray]],
    times: Sequence[float] | None,
    metadata: Mapping[str, Any],
) -> Trajectory:
    """Join one configuration and where its particles went in several runs.

    Frame 0 is the initial configuration; then come clone 0 at all lags, clone 1 at all lags and so
    on. The data sets give lags as times and not as steps, so ``dt`` is the longest time of which
    all lags are multiples. Where not even the time of the single lag is known, ``dt`` is 1 and
    ``time_unit`` is ``"lag"``.

    Args:
        initial: The configuration that all runs start from, n particles with images.
        finals: For each run and each lag, unwrapped positions of shape [n, d] in the frame of
            reference of ``initial.unwrapped``.
        times: The lags in increasing order, in units of time; None for one unknown lag.
        metadata: What else is known.

    Raises:
        InputError: If runs and times do not fit together, or times do not increase.
    """
    ticks = np.array([1]) if times is None else _ticks(times)
    if not finals or any(len(clone) != len(ticks) for clone in finals):
        raise InputError(f"the runs were not each kept at {len(ticks)} lags.")
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
        raise InputError(f"the lag times do not increase: {values.tolist()}.")
    return ticks


def cube(positions: NDArray[Any], density: float) -> FloatArray:
    """The edges of the square or cube that a file of wrapped positions leaves out.

    Raises:
        InputError: If the positions do not fill the box of this density.
    """
    if np.ndim(positions) != 2 or 0 in np.shape(positions):
        raise InputError(f"its positions have shape {np.shape(positions)}; expected [n, d].")
    n, d = np.shape(positions)
    edge = float((n / density) ** (1 / d))
    extent = np.ptp(positions, axis=0)
    if not np.all((extent > LEAST_EXTENT * edge) & (extent < edge * (1 + ROUNDED))):
        raise InputError(
            f"its positions extend over {', '.join(f'{length:.5g}' for length in extent)}, which "
            f"does not fit the edge {edge:.5g} of the published density {density:.4g}."
        )
    return np.full(d, edge)


def placed(
    positions: NDArray[Any], types: NDArray[Any], box: FloatArray, names: tuple[str, ...]
) -> Snapshot:
    """A configuration at step 0, with positions from the centre of the box, perhaps outside it.

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
