"""Whatever is to be compared, with the fields that comparing takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from gnnglass.published.dynamics import tells_dynamics, with_dynamics
from gnnglass.published.structure import with_structure
from gnnglass.simulate import Progress
from gnnglass.systems import GlassFormer
from gnnglass.trajectories import Trajectory


def annotated(
    trajectories: Iterable[Trajectory],
    fields: Collection[str] = (),
    *,
    time: float | None = None,
    system: GlassFormer | str | Mapping[str, Any] | None = None,
    inherent: bool = False,
    engine: str = "lammps",
    keep: str | Path | None = None,
    progress: Progress | None = None,
) -> list[Trajectory]:
    """Give each published file, or file of clones, propensities and structural indicators.

    First all dynamics are worked out, which is quick and finds what cannot be used, then the
    structures. Of runs no more than their averages is held at any time.

    Args:
        trajectories: As read from files; may be an iterator.
        fields: The names that are asked for, if any are. A trajectory that has them all, or that
            tells nothing of dynamics, is returned as it is, unless `inherent`.
        time: Lag of the propensities, as `with_dynamics` takes it.
        system: The glass former, as `with_structure` takes it, like the following.
        inherent: Whether to take inherent structures.
        engine: Name of the engine that minimises.
        keep: Folder where inherent structures are kept.
        progress: Called with the trajectories whose structure is done and those there are.

    Raises:
        InputError: As `with_dynamics` and `with_structure`, the others likewise.
    """
    found: list[Trajectory] = []
    left: list[int] = []
    for k, trajectory in enumerate(trajectories):
        if fields and not inherent and _complete(trajectory, fields):
            found.append(trajectory)
        else:
            found.append(with_dynamics(trajectory, time))
            left.append(k)
    for done, k in enumerate(left, start=1):
        found[k] = with_structure(
            found[k], system=system, inherent=inherent, engine=engine, keep=keep
        )
        if progress is not None:
            progress(done, len(left))
    return found


def _complete(trajectory: Trajectory, fields: Collection[str]) -> bool:
    return set(fields) <= set(trajectory[0].fields) or not tells_dynamics(trajectory)
