"""The particles of a report's interactive figure, packed into its page."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gnnglass.study._wording import capital, describe_field, field_label, field_unit
from gnnglass.study.figures import blue_is_high, color_norm
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories._draw import SLICE_THICKNESS, SPECIES_COLORS, disc_radii
from gnnglass.trajectories.snapshot import FloatArray

#: The most particles in a page, over all configurations; each takes about 60 bytes with 20 fields.
MOST_PARTICLES = 20_000
#: Values are whole numbers of 16 bits between the smallest and the largest; the last is "none".
STEPS, NONE = 2**16 - 2, 2**16 - 1
#: Ends of the names of fields that say how well another one is known.
ASIDE = ("_half_1", "_half_2", "_error", "_censored")
N_COLORS = 33

#: Title of a run -> its configurations in the order of their steps.
Runs = Mapping[str, Sequence[Snapshot]]


def within_limit(runs: Runs, most: int = MOST_PARTICLES) -> dict[str, list[Snapshot]]:
    """The configurations that a page has room for: of all runs the last ones, then earlier ones.

    The first one is always taken; `packed` cuts it if need be.
    """
    kept: dict[str, list[Snapshot]] = {}
    room = most
    for title, snapshot in _latest_first(runs):
        room -= len(snapshot)
        if room < 0 and kept:
            break
        kept.setdefault(title, []).insert(0, snapshot)
    return kept


def frames_within_limit(snapshot: Snapshot) -> int:
    """How many configurations of this size a page has room for; one at least."""
    return max(MOST_PARTICLES // len(snapshot), 1)


def _latest_first(runs: Runs) -> Iterator[tuple[str, Snapshot]]:
    for back in range(1, 1 + max(map(len, runs.values()), default=0)):
        for title, snapshots in runs.items():
            if back <= len(snapshots):
                yield title, snapshots[-back]


def packed(
    runs: Runs,
    *,
    blue_is_slow: bool = True,
    radii: Mapping[str, float] | None = None,
    first: Sequence[str] = (),
    target: str | None = None,
) -> dict[str, Any]:
    """What the script of the page draws, as JSON-like values.

    Args:
        runs: The configurations; see `within_limit`.
        blue_is_slow: Whether the explained phase is the slow one; see `map_figure`.
        radii: Disc radius of species by name.
        first: Names of the fields that are listed first.
        target: The field that is first shown against the first one.
    """
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm, to_hex

    snapshots = [one for members in runs.values() for one in members]
    known = dict.fromkeys(name for one in snapshots for name in one.fields)
    names = [
        *(name for name in first if name in known),
        *sorted((n for n in known if n not in first and not n.endswith(ASIDE)), key=field_label),
    ]
    dimension = snapshots[0].dimension
    fields = []
    for name in names:
        norm = color_norm(name, [one.field(name) for one in snapshots if name in one.fields])
        fields.append(
            {
                "name": name,
                "label": capital(field_label(name)),
                "unit": field_unit(name, dimension),
                "summary": describe_field(name).summary.replace("`", ""),
                "low": norm.vmin,
                "high": norm.vmax,
                "log": isinstance(norm, LogNorm),
                "blueIsHigh": blue_is_high(name, blue_is_slow),
            }
        )
    return {
        "palette": [to_hex(colormaps["RdBu"](k / (N_COLORS - 1))) for k in range(N_COLORS)],
        "speciesColors": SPECIES_COLORS,
        "slice": SLICE_THICKNESS,
        "none": NONE,
        "fields": fields,
        "target": target if target in names else names[-1],
        "runs": [
            {"title": title, "frames": [_frame(one, names, radii) for one in members]}
            for title, members in runs.items()
        ],
    }


def _frame(
    snapshot: Snapshot, names: Sequence[str], radii: Mapping[str, float] | None
) -> dict[str, Any]:
    shown = _middle(snapshot)
    present = [name for name in names if name in snapshot.fields]
    marks = [f"{name}_censored" for name in present if f"{name}_censored" in snapshot.fields]
    return {
        "step": snapshot.step,
        "box": snapshot.box.tolist(),
        "total": len(snapshot),
        "ids": shown.tolist() if len(shown) < len(snapshot) else None,
        "species": list(snapshot.type_names),
        "radii": disc_radii(snapshot, radii).tolist(),
        "types": _base64(snapshot.types[shown].astype("u1")),
        "positions": [_column(axis) for axis in snapshot.positions[shown].T],
        "values": {name: _column(snapshot.field(name)[shown]) for name in (*present, *marks)},
    }


def _middle(snapshot: Snapshot, most: int = MOST_PARTICLES) -> Any:
    """Indices of the particles nearest the middle of the box, no more than `most`."""
    if len(snapshot) <= most:
        return np.arange(len(snapshot))
    farthest = np.abs(snapshot.positions / snapshot.box).max(axis=1)
    return np.sort(np.argsort(farthest, kind="stable")[:most])


def _column(values: FloatArray) -> dict[str, Any]:
    """Values as whole numbers of 16 bits, in base64, with the ends of their range."""
    finite = np.isfinite(values)
    low, high = (values[finite].min(), values[finite].max()) if finite.any() else (0.0, 0.0)
    steps = np.full(len(values), NONE, dtype="<u2")
    steps[finite] = np.rint((values[finite] - low) / ((high - low) or 1.0) * STEPS)
    return {"low": float(low), "high": float(high), "data": _base64(steps)}


def _base64(array: Any) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")
