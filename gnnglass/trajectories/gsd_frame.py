"""A snapshot as the chunks of one GSD frame (HOOMD schema), and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.trajectories.snapshot import Snapshot

FIELD_PREFIX = "gnnglass/"
METADATA = "gnnglass/metadata"
UNKNOWN = "gnnglass/unknown"
IMAGE = "particles/image"
#: The chunks of the HOOMD schema that a snapshot is made of.
SCHEMA_CHUNKS = (
    "configuration/box",
    "configuration/dimensions",
    "configuration/step",
    "particles/N",
    "particles/types",
    "particles/typeid",
    "particles/position",
    IMAGE,
)
LOG = "log/particles/"


def snapshot_from_values(values: Mapping[str, Any]) -> Snapshot:
    """Build a snapshot from GSD chunks; those absent take the default of the HOOMD schema.

    The configuration is 2D if the frame says so or if Lz = 0, and the z components are then
    dropped. Per-particle log quantities with one number per particle become fields.

    Args:
        values: Chunk name to content, for any of `SCHEMA_CHUNKS` (types already as names) and
            for names that begin with ``log/``.

    Raises:
        InputError: If the box is tilted, or arrays do not fit together.
    """
    box = np.asarray(values.get("configuration/box", (1, 1, 1, 0, 0, 0)), dtype=np.float64)
    if np.any(box[3:] != 0):
        raise InputError(
            f"the box is tilted (triclinic: xy, xz, yz = {', '.join(f'{t:g}' for t in box[3:])}); "
            "only orthorhombic boxes are supported."
        )
    n = _scalar(values.get("particles/N", 0))
    flat = _scalar(values.get("configuration/dimensions", 3)) == 2 or box[2] == 0
    d = 2 if flat else 3
    position = values.get("particles/position", np.zeros((min(n, 1), 3)))
    if np.shape(position) != (n, 3):
        raise InputError(f"it declares {n} particles, but positions of shape {np.shape(position)}.")
    unknown = json.loads(bytes(values.get(f"log/{UNKNOWN}", b"[]")))
    image = values.get(IMAGE, np.zeros((n, 3))) if IMAGE not in unknown else None
    return Snapshot(
        box=box[:d],
        positions=np.asarray(position)[:, :d],
        types=values.get("particles/typeid", np.zeros(n)),
        type_names=tuple(values.get("particles/types", ("A",))),
        images=None if image is None else np.asarray(image)[:, :d],
        fields=_fields(values, n, unknown),
        step=_scalar(values.get("configuration/step", 0)),
    )


def snapshot_from_frame(frame: Any) -> Snapshot:
    """Build a snapshot from a ``gsd.hoomd.Frame``; its images are unknown if it has none.

    Raises:
        InputError: If the frame has no box, or is not a valid orthorhombic configuration.
    """
    values = {f"log/{name}": value for name, value in frame.log.items()}
    for chunk in SCHEMA_CHUNKS:
        group, name = chunk.split("/")
        value = getattr(getattr(frame, group), name)
        if value is not None:
            values[chunk] = value
    if "configuration/box" not in values:
        raise InputError("the frame has no box; set frame.configuration.box.")
    if IMAGE not in values:
        values[f"log/{UNKNOWN}"] = json.dumps([IMAGE]).encode()
    return snapshot_from_values(values)


def frame_from_snapshot(snapshot: Snapshot, field_names: Iterable[str]) -> Any:
    """Make a ``gsd.hoomd.Frame`` that holds the snapshot, rounded to single precision.

    A chunk that a frame lacks is read from frame 0, and readers such as OVITO fail on a log
    quantity that frame 0 lacks too. So each frame gets each of `field_names`, NaN where the
    snapshot has no such field, and a list of what is unknown. Since that list is always
    written, no frame is without a chunk: gsd would lose such a frame at the end of a file.
    """
    import gsd.hoomd

    n, d = len(snapshot), snapshot.dimension
    # Rounding can push a particle onto the upper face; wrapping again keeps it inside.
    rounded = snapshot.replace(
        box=snapshot.box.astype(np.float32), positions=snapshot.positions.astype(np.float32)
    )
    frame = gsd.hoomd.Frame()
    frame.configuration.step = snapshot.step
    frame.configuration.dimensions = d
    frame.configuration.box = [*rounded.box, *[0.0] * (6 - d)]
    frame.particles.N = n
    frame.particles.types = list(snapshot.type_names)
    frame.particles.typeid = snapshot.types
    frame.particles.position = _three_columns(rounded.positions, np.float32)
    unknown = []
    if rounded.images is None:
        unknown.append(IMAGE)
    else:
        frame.particles.image = _three_columns(rounded.images, np.int32)
    for name in field_names:
        chunk = f"particles/{FIELD_PREFIX}{name}"
        if name not in snapshot.fields:
            unknown.append(f"log/{chunk}")
        frame.log[chunk] = snapshot.fields.get(name, np.full(n, np.nan))
    frame.log[UNKNOWN] = as_bytes(unknown)
    return frame


def as_bytes(content: Any) -> NDArray[np.uint8]:
    """JSON as an array of bytes, which GSD can hold.

    Raises:
        InputError: If `content` is not JSON-like.
    """
    try:
        text = json.dumps(content, default=_plain)
    except (TypeError, ValueError) as error:
        raise InputError(f"metadata must be JSON-like (text, numbers, lists): {error}.") from error
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def _fields(values: Mapping[str, Any], n: int, unknown: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    # Our own come last, so that they win over a log quantity of the same name.
    for chunk in sorted(values, key=lambda chunk: chunk.startswith(LOG + FIELD_PREFIX)):
        if not chunk.startswith(LOG) or chunk in unknown:
            continue
        array = np.asarray(values[chunk])
        if array.shape == (n,) and array.dtype.kind in "fiu":
            fields[chunk.removeprefix(LOG).removeprefix(FIELD_PREFIX)] = array
    return fields


def _scalar(value: Any) -> int:
    return int(np.ravel(value)[0])


def _three_columns(array: Any, dtype: Any) -> NDArray[Any]:
    padded = np.zeros((len(array), 3), dtype=dtype)
    padded[:, : array.shape[1]] = array
    return padded
