"""Isoconfigurational ensembles: each clone is a run, which starts from a kept configuration."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from gnnglass.simulate.protocol import IsoconfigurationalProtocol
from gnnglass.trajectories import Snapshot


def clone_name(name: str, clone: int) -> str:
    """What the run of one clone is called, if the configuration is called `name`."""
    return f"{name}-clone-{clone:05d}"


def clones(protocol: IsoconfigurationalProtocol) -> dict[int, IsoconfigurationalProtocol]:
    """The protocol of each clone alone, by its number."""
    first = protocol.first_clone
    return {
        clone: protocol.replace(first_clone=clone, n_clones=1)
        for clone in range(first, first + protocol.n_clones)
    }


def start_digest(start: Snapshot) -> str:
    """What tells a configuration from others, in the single precision of GSD."""
    digest = hashlib.sha256(repr(start.type_names).encode())
    for array in (start.box, start.positions):
        digest.update(array.astype(np.float32).tobytes())
    digest.update(start.types.tobytes())
    if start.images is not None:
        digest.update(start.images.tobytes())
    return digest.hexdigest()[:32]


def start_path(folder: Path, digest: str) -> Path:
    """Where an ensemble keeps a configuration that clones start from."""
    return folder / "starts" / f"{digest}.gsd"
