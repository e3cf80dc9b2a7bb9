"""Independent runs: what they are called, and whether they are independent."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from gnnglass._arguments import checks_arguments
from gnnglass.errors import InputError
from gnnglass.trajectories.material import require_one_material
from gnnglass.trajectories.snapshot import (
    FloatArray,
    Snapshot,
    Trajectory,
    TrajectoryLike,
    as_trajectory,
)

RunsLike: TypeAlias = TrajectoryLike | Sequence[TrajectoryLike]
"""One trajectory or file, or several, one for each independent run: what `as_runs` takes."""


@checks_arguments
def as_runs(sources: RunsLike) -> list[Trajectory]:
    """The trajectory of each independent run.

    Args:
        sources: One trajectory or file per independent run, or a single one.

    Raises:
        FileError: If a path cannot be read.
        InputError: If there are bare snapshots, which do not say of which run they are, or as
            `as_trajectory`.
    """
    members: list[Any] = list(sources) if _are_several(sources) else [sources]
    if any(isinstance(member, Snapshot) for member in members):
        raise InputError(
            "a bare snapshot does not say of which run it is; give one trajectory or file per "
            "independent run."
        )
    return [as_trajectory(member) for member in members]


def run_names(trajectories: Sequence[Trajectory]) -> list[str]:
    """What each independent run is called: as short as tells the runs apart.

    That is the entry ``run`` of its metadata, or else the name of its file, or else its place.
    Where several are called the same, the folders of their files tell them apart.

    Raises:
        InputError: If two trajectories state that they are of the same run.
    """
    stated = [trajectory.metadata.get("run") for trajectory in trajectories]
    names = [
        str(said) if said is not None else (t.source.stem if t.source else f"run-{place}")
        for place, (said, t) in enumerate(zip(stated, trajectories, strict=True))
    ]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        places = [place for place, other in enumerate(names) if other == name]
        files = [trajectories[place].source for place in places]
        made = [trajectories[place].metadata.get("protocol") for place in places]
        same_run = any(
            stated[a] is not None and stated[a] == stated[b] and (made[i] == made[j])
            for i, a in enumerate(places)
            for j, b in enumerate(places[:i])
        )
        if same_run or None in files or len(set(files)) < len(files):
            raise InputError(
                f"two trajectories are called run {name!r}; give all frames of a run in one "
                "trajectory, and each independent run its own name."
            )
        for place, longer in zip(places, _told_apart([f for f in files if f], name), strict=True):
            names[place] = longer
    return names


def names_of_files(files: Sequence[Path]) -> list[str]:
    """The names of distinct files, without folders and endings where these do not matter."""
    names = [file.stem for file in files]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        places = [place for place, other in enumerate(names) if other == name]
        longer = _told_apart([files[place] for place in places], name)
        for place, apart in zip(places, longer, strict=True):
            names[place] = apart
    return names


def _told_apart(files: Sequence[Path], name: str) -> list[str]:
    """Names that begin with as many folders of each file as tell the files apart."""
    folders = [file.absolute().parent.parts for file in files]
    for depth in range(1, max(map(len, folders)) + 1):
        longer = ["/".join([*parts[-depth:], name]) for parts in folders]
        if len(set(longer)) == len(longer):
            return longer
    # In one folder they differ by their ends.
    return [str(file) for file in files]


@checks_arguments
def by_run(
    configurations: RunsLike, runs: Sequence[Hashable] | None
) -> tuple[Sequence[Snapshot], Sequence[Hashable]]:
    """Configurations, and the independent run that each belongs to.

    Args:
        configurations: With `runs`, anything that `as_trajectory` takes; without, anything that
            `as_runs` takes.
        runs: Run of each configuration. Without, each trajectory or file is a run of its own,
            called as `run_names` says.

    Raises:
        FileError: If a path cannot be read.
        InputError: If `runs` are missing for snapshots, or given for several trajectories, if
            runs are not independent (see `require_independent`) or not of one material, or as
            `as_trajectory`.
    """
    if runs is None:
        trajectories = as_runs(configurations)
        whole = dict(zip(run_names(trajectories), trajectories, strict=True))
        pairs = [(one, name) for name, members in whole.items() for one in members]
        snapshots: Sequence[Snapshot] = [one for one, _ in pairs]
        owners: Sequence[Hashable] = [name for _, name in pairs]
        require_one_material(whole)
    else:
        snapshots, owners = _snapshots(configurations), runs
        if len(snapshots) == 0:
            raise InputError("there is no configuration; expected at least one.")
        if len(snapshots) != len(owners):
            raise InputError(
                f"{len(owners)} run names were given for {len(snapshots)} configurations; expected "
                "one for each."
            )
    frames: dict[str, list[Snapshot]] = {}
    for snapshot, owner in zip(snapshots, owners, strict=True):
        frames.setdefault(str(owner), []).append(snapshot)
    if runs is not None:
        require_one_material(frames)
    require_independent(frames)
    return snapshots, owners


def _snapshots(configurations: RunsLike) -> Sequence[Snapshot]:
    given: Any = configurations
    if not _are_several(given):
        return as_trajectory(given)
    if all(isinstance(one, Snapshot) for one in given):
        return given
    raise InputError(
        "runs are named for something other than snapshots; leave runs out where each "
        "trajectory or file is a run, or give snapshots and the run of each."
    )


def _are_several(sources: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(sources, Sequence) and not isinstance(sources, str | Trajectory)


#: Wave vectors, in units of 2π over the edges, whose amplitudes tell configurations apart.
WAVE_VECTORS = np.array(
    [[1, 2, 3], [3, -1, 2], [-2, 3, 1], [4, 1, -3], [1, -5, 2], [5, 3, 1], [-3, 4, 5], [2, 5, -4]]
)
#: Amplitudes, about 1 per wave vector, that agree this closely are of one configuration: files of
#: five digits agree much more closely, two different configurations in none of millions.
SAME_AMPLITUDES = 1e-3
#: Particles that are looked at to see whether two runs are one.
SAMPLE = 256
#: Particles within this share of the distance of neighbours are where they were.
STAYED = 0.3
#: Of two runs that really are independent hardly a particle is where it is in the other.
MOST_SHARED = 0.3
#: With fewer particles chance alone can put some where others were.
FEWEST_PARTICLES = 16


def require_independent(runs: Mapping[str, Sequence[Snapshot]]) -> None:
    """Refuse configurations that occur twice, and pieces of one run that pose as several.

    The amplitudes |Σ_j exp(i k·r_j)| of some wave vectors are the same for copies of a
    configuration, whatever the order of the particles, the origin and the rounding. Runs that
    were cut from one have the same particles, many of which are still where they were: the
    first and last frames of all runs are compared, particle by particle, after their common
    displacement is taken out. In liquids whose particles have all gone elsewhere in between,
    nothing shows that two pieces are of one run.

    Args:
        runs: Name of each run to its configurations.

    Raises:
        InputError: With the names of both runs.
    """
    seen = [
        (name, place, snapshot)
        for name, snapshots in runs.items()
        for place, snapshot in enumerate(snapshots)
    ]
    for first, second in _copies([snapshot for *_, snapshot in seen]):
        (one, i, a), (other, j, b) = seen[first], seen[second]
        # A glass may find the same minimum again; a step is not written twice.
        if one == other and a.step != b.step:
            continue
        raise InputError(
            f"frame {i} of run {one!r} and frame {j} of run {other!r} are the same configuration; "
            "give each once, and copies of a run not at all."
        )
    for one, other, share in _shared_origins(runs):
        raise InputError(
            f"runs {one!r} and {other!r} are not independent: {share:.0%} of the particles are "
            "where they are in the other; give the pieces of one run in one trajectory."
        )


def _copies(snapshots: Sequence[Snapshot]) -> Iterator[tuple[int, int]]:
    """Pairs of indices of equal configurations."""
    from scipy.spatial import cKDTree

    kinds: dict[tuple[int, int], list[int]] = {}
    for index, snapshot in enumerate(snapshots):
        kinds.setdefault((len(snapshot), snapshot.dimension), []).append(index)
    for members in kinds.values():
        if len(members) > 1:
            amplitudes = np.stack([_amplitudes(snapshots[k]) for k in members])
            pairs = cKDTree(amplitudes).query_pairs(SAME_AMPLITUDES)
            yield from sorted((members[a], members[b]) for a, b in pairs)


def _amplitudes(snapshot: Snapshot) -> FloatArray:
    """|Σ_j exp(i k·r_j)| / √n of each wave vector, and the box, which is of the same order."""
    d = snapshot.dimension
    phases = 2 * np.pi * (snapshot.positions / snapshot.box) @ WAVE_VECTORS[:, :d].T
    found = np.abs(np.exp(1j * phases).sum(axis=0)) / np.sqrt(len(snapshot))
    return np.append(found, np.log(snapshot.box))


def _shared_origins(
    runs: Mapping[str, Sequence[Snapshot]],
) -> Iterator[tuple[str, str, float]]:
    """Pairs of runs of the same particles, with the share that is where it is in the other."""
    groups: dict[tuple[int, bytes], list[str]] = {}
    for name, snapshots in runs.items():
        first = snapshots[0]
        if len(first) >= FEWEST_PARTICLES:
            groups.setdefault((first.dimension, first.types.tobytes()), []).append(name)
    for names in groups.values():
        ends = {name: (runs[name][0], runs[name][-1]) for name in names}
        picked = np.linspace(0, len(runs[names[0]][0]) - 1, SAMPLE).astype(int)
        picked = np.unique(picked)
        places = {
            name: [(s.positions[picked] / s.box) for s in both] for name, both in ends.items()
        }
        for k, one in enumerate(names):
            first = runs[one][0]
            near = STAYED * float(np.prod(first.box) / len(first)) ** (1 / first.dimension)
            for other in names[:k]:
                share = max(
                    _share_in_place(a - b, first.box, near)
                    for a in places[one]
                    for b in places[other]
                )
                if share > MOST_SHARED:
                    yield other, one, share


def _share_in_place(apart: FloatArray, box: FloatArray, near: float) -> float:
    """Share of the particles that are no further apart than `near`, but for a common shift.

    Args:
        apart: Differences of positions in units of the edges, shape [n, d].
        box: Edges.
        near: In units of length.
    """
    shift = np.angle(np.exp(2j * np.pi * apart).mean(axis=0)) / (2 * np.pi)
    rest = apart - shift
    rest = (rest - np.round(rest)) * box
    inside: NDArray[np.bool_] = np.einsum("nd,nd->n", rest, rest) < near**2
    return float(inside.mean())
