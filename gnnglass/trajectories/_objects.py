"""Configurations that objects of other libraries hold, none of which is imported here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.trajectories.formats import (
    TILTED,
    RawFrame,
    as_integers,
    errors_naming,
    joined,
    orthogonal_edges,
)
from gnnglass.trajectories.snapshot import (
    FloatArray,
    Snapshot,
    Trajectory,
    as_numbers,
    edges_of,
)
from gnnglass.trajectories.xyz import LETTER_OF, STEPS

#: Properties of OVITO that are no fields: a frame has a place for them, or they are for the eye.
OVITO_USED = {
    *("Position", "Particle Type", "Particle Identifier", "Periodic Image"),
    *("Color", "Selection", "Transparency", "Velocity Magnitude"),
}
#: Arrays of ASE that are no fields.
ASE_USED = {"positions", "numbers", "id", "type"}
#: Arrays of names, of which one tells species where ASE knows no element.
ASE_NAMES = ("species", "typelabel", "type")
#: Columns of tracks that a frame has a place for; of the last two the first tells species.
TRACKS_USED = ("frame", "particle", "x", "y", "z", "species", "type")


def trajectory_of(source: Any) -> Trajectory:
    """The trajectory in an object of gsd, freud, pandas, ASE, MDAnalysis or OVITO.

    Args:
        source: What `as_trajectory` takes, but for paths and the package's own objects.

    Returns:
        A trajectory without metadata.

    Raises:
        InputError: If it is nothing that is known here, or does not hold periodic configurations.
    """
    if hasattr(source, "configuration") and hasattr(source, "particles"):
        from gnnglass.trajectories.gsd import snapshot_from_frame

        return Trajectory([snapshot_from_frame(source)])
    whose, frames = "the MDAnalysis Universe", None
    if hasattr(source, "universe") and hasattr(source, "atoms"):
        with errors_naming(whose):
            frames = _from_universe(source.universe, source.atoms)
    several = source if isinstance(source, list | tuple) else [source]
    for is_one, convert, known in (
        (_is_atoms, _from_atoms, "the ASE Atoms"),
        (_is_collection, _from_collection, "the OVITO DataCollection"),
    ):
        if all(map(is_one, several)):
            whose, frames = known, []
            for number, one in enumerate(several):
                with errors_naming(f"frame {number} of {whose}"):
                    frames.append(convert(one, number))
    if frames is None and len(several) == 2 and _is_table(several[1]):
        whose = "the table of tracks"
        with errors_naming(whose):
            frames = _from_tracks(*several)
    if frames is not None:
        return Trajectory(joined(frames, whose))
    if len(several) == 2 and not any(isinstance(one, Snapshot) for one in several):
        return Trajectory(_from_points(*several))
    if _is_table(source):
        raise InputError("a table of tracks does not state a box; give the pair (box, table).")
    raise InputError(
        f"a {type(source).__name__} is not a trajectory; expected a path, a Trajectory, one or "
        "more Snapshots, a gsd.hoomd.Frame, a pair (box, points) or (box, table of tracks), ASE "
        "Atoms, an MDAnalysis Universe or an OVITO DataCollection."
    )


def _from_points(box: Any, points: Any) -> list[Snapshot]:
    """Points of one species, of one frame or several."""
    edges, positions = edges_of(box), as_numbers(points)
    if positions.ndim not in (2, 3):
        raise InputError(
            f"the points have shape {positions.shape}; expected [n, d] or [n_frames, n, d]."
        )
    if positions.shape[-1] == 3 and edges.size == 2:
        if np.any(positions[..., 2] != 0):
            raise InputError("the box is 2D, but the points leave the plane z = 0.")
        positions = positions[..., :2]
    frames = positions if positions.ndim == 3 else [positions]
    types = np.zeros(positions.shape[-2], dtype=np.int32)
    return [
        Snapshot(edges, frame, types, type_names=("A",), step=step)
        for step, frame in enumerate(frames)
    ]


def _is_atoms(one: Any) -> bool:
    return hasattr(one, "get_chemical_symbols") and hasattr(one, "get_scaled_positions")


def _is_collection(one: Any) -> bool:
    return all(hasattr(one, name) for name in ("particles", "cell", "attributes"))


def _from_atoms(atoms: Any, number: int) -> RawFrame:
    """What ASE's Atoms hold: symbols, or types where all symbols are the same."""
    if not np.any(atoms.cell):
        raise InputError("it has no cell; set one, such as atoms.set_cell([Lx, Ly, Lz]).")
    edges = orthogonal_edges(atoms.cell)
    arrays = {name: np.asarray(values) for name, values in atoms.arrays.items()}
    steps = {str(key).lower(): value for key, value in atoms.info.items()}
    types = arrays.get("type")
    labels = atoms.get_chemical_symbols()
    if len(set(labels)) == 1:
        texts = [name for name in ASE_NAMES if name in arrays and arrays[name].dtype.kind == "U"]
        labels = arrays[texts[0]].tolist() if texts else labels
    return RawFrame(
        edges=edges,
        positions=atoms.positions - edges / 2,
        labels=labels,
        numbers=None if types is None or types.dtype.kind not in "iuf" else types.astype(float),
        fields=_fields({key: value for key, value in arrays.items() if key not in ASE_USED}),
        ids=arrays["id"].astype(np.int64) if "id" in arrays else None,
        periodic=tuple(map(bool, atoms.pbc)),
        step=next((int(steps[key]) for key in STEPS if _is_whole(steps.get(key))), number),
    )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _fields(arrays: dict[str, NDArray[Any]]) -> dict[str, FloatArray]:
    """Numbers for each particle; of vectors, one field for each component."""
    fields: dict[str, FloatArray] = {}
    for name, values in arrays.items():
        if values.dtype.kind not in "biuf":
            continue
        if values.ndim == 1:
            fields[name] = values.astype(np.float64)
        elif values.ndim == 2 and values.shape[1] == 3:
            letter = LETTER_OF.get(name.lower(), f"{name}_")
            fields |= {f"{letter}{axis}": values[:, k] for k, axis in enumerate("xyz")}
    return fields


def _from_universe(universe: Any, atoms: Any) -> list[RawFrame]:
    """The frames of an MDAnalysis Universe, which is left at the frame where it was."""
    known = [name for name in ("types", "names", "elements") if hasattr(atoms, name)]
    if not known:
        raise InputError(
            "its topology tells no species; give one that has types, such as a data file."
        )
    labels = [str(label) for label in getattr(atoms, known[0])]
    charges = {"q": np.asarray(atoms.charges)} if hasattr(atoms, "charges") else {}
    current = universe.trajectory.frame
    frames = []
    for step in universe.trajectory:
        box = step.dimensions
        if box is None or not np.any(box[:3]):
            raise InputError(
                f"frame {step.frame} has no box; set "
                "universe.dimensions = [Lx, Ly, Lz, 90, 90, 90]."
            )
        if not np.allclose(box[3:], 90, rtol=0, atol=ANGLE_ROUNDING):
            raise InputError(TILTED)
        edges = np.asarray(box[:3], dtype=np.float64)
        vectors = {
            name: getattr(atoms, name)
            for name in ("velocities", "forces")
            if getattr(step, f"has_{name}", False)
        }
        frames.append(
            RawFrame(
                edges=edges,
                positions=np.asarray(atoms.positions, dtype=np.float64) - edges / 2,
                labels=labels,
                fields=_fields({**charges, **vectors}),
                # The order of the topology is that of every frame.
                ids=np.arange(1, len(labels) + 1),
                step=int(step.data.get("step", step.frame)),
            )
        )
    universe.trajectory[current]
    return frames


#: Degrees by which angles of an upright box may be off, for they are stored in single precision.
ANGLE_ROUNDING = 1e-4


def _from_collection(data: Any, number: int) -> RawFrame:
    """What a DataCollection of OVITO holds."""
    particles, cell = data.particles, data.cell
    if particles is None or particles.positions is None or cell is None:
        raise InputError("it has no particles with positions, or no simulation cell.")
    matrix = np.asarray(cell[...], dtype=np.float64)
    edges, corner = orthogonal_edges(matrix[:, :3].T), matrix[:, 3]
    positions = np.asarray(particles.positions, dtype=np.float64) - corner - edges / 2
    types, images = particles.particle_types, particles.get("Periodic Image")
    if types is None:
        raise InputError("nothing tells the species of its particles.")
    names = {one.id: one.name for one in types.types}
    numbers = np.asarray(types, dtype=np.float64)
    labels = [names.get(int(number), "") for number in numbers]
    d = 2 if cell.is2D else 3
    others = {name: np.asarray(particles[name]) for name in particles if name not in OVITO_USED}
    return RawFrame(
        edges=edges,
        positions=positions[:, :d],
        labels=labels if all(labels) else None,
        numbers=numbers,
        images=None if images is None else np.asarray(images)[:, :d],
        fields=_fields(others),
        ids=None if particles.identifiers is None else np.asarray(particles.identifiers),
        periodic=tuple(map(bool, cell.pbc)),
        step=int(data.attributes.get("Timestep", number)),
    )


def _is_table(points: Any) -> bool:
    """Whether `points` is a pandas DataFrame."""
    return hasattr(points, "columns") and hasattr(points, "groupby")


def _from_tracks(box: Any, tracks: Any) -> list[RawFrame]:
    """The frames of a table with one row per particle and frame."""
    edges = edges_of(box)
    axes = "xyz"[: len(edges)]
    missing = [name for name in axes if name not in tracks.columns]
    if missing or len(tracks) == 0:
        raise InputError(
            f"it has no {'column ' + missing[0] if missing else 'rows'}; expected the columns "
            f"frame, particle, {', '.join(axes)}."
        )
    columns = {str(name): tracks[name].to_numpy() for name in tracks.columns}
    for name in ("frame", "particle", *axes):
        column = columns.get(name, np.zeros(1))
        if column.dtype.kind not in "iuf" or not np.all(np.isfinite(column)):
            raise InputError(f"its column {name} is not of numbers throughout.")
    steps = columns.get("frame", np.zeros(len(tracks)))
    return [
        _from_rows({name: column[steps == at] for name, column in columns.items()}, edges, at)
        for at in np.unique(steps)
    ]


def _from_rows(rows: dict[str, NDArray[Any]], edges: FloatArray, step: float) -> RawFrame:
    """One frame of a table; particles are in the order of their numbers."""
    particles = rows.get("particle")
    order = np.arange(len(rows["x"])) if particles is None else np.argsort(particles, kind="stable")
    positions = np.stack([rows[axis] for axis in "xyz"[: len(edges)]], axis=1)[order]
    told = next((rows[name][order] for name in ("species", "type") if name in rows), None)
    is_text = told is not None and told.dtype.kind not in "iuf"
    numbers = np.ones(len(order)) if told is None else told
    return RawFrame(
        edges=edges if len(edges) == 3 else np.append(edges, 0.0),
        positions=positions.astype(np.float64),
        labels=[str(label) for label in numbers] if is_text else None,
        numbers=None if is_text else numbers.astype(np.float64),
        # Who is tracked is seen on the way, and does not leave on one side to enter on the other.
        images=None if particles is None else np.zeros(positions.shape),
        fields=_fields({k: v[order] for k, v in rows.items() if k not in TRACKS_USED}),
        ids=None if particles is None else _ids(particles[order]),
        step=int(as_integers(np.array([step], dtype=np.float64), "frames")[0]),
    )


def _ids(particles: NDArray[Any]) -> NDArray[np.int64]:
    return as_integers(particles.astype(np.float64), "numbers of particles").astype(np.int64)
