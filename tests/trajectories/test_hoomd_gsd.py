"""GSD files as HOOMD writes them: no chunk of ours, and only what differs from frame 0."""

from __future__ import annotations

from pathlib import Path

import gsd.fl
import gsd.hoomd
import numpy as np
import pytest

from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot, read


def frame_of(snapshot: Snapshot, step: int) -> gsd.hoomd.Frame:
    n, d = len(snapshot), snapshot.dimension
    frame = gsd.hoomd.Frame()
    frame.configuration.step = step
    frame.configuration.box = [*snapshot.box, *[0] * (6 - d)]
    frame.particles.N = n
    frame.particles.position = np.pad(snapshot.positions, ((0, 0), (0, 3 - d)))
    return frame


def test_later_frames_hold_what_is_dynamic(tmp_path: Path, snapshot: Snapshot) -> None:
    n, d = len(snapshot), snapshot.dimension
    rng = np.random.default_rng(0)
    images = rng.integers(-2, 3, (3, n, 3))
    images[:, :, d:] = rng.integers(-99, 99, (3, n, 3 - d))  # they drift along z in 2D
    moved = [snapshot.replace(positions=snapshot.positions + 0.1 * k) for k in range(3)]
    with gsd.hoomd.open(tmp_path / "t.gsd", "w") as file:
        for k, one in enumerate(moved):
            frame = frame_of(one, 1000 * k)
            frame.particles.image = images[k]
            if k == 0:
                frame.particles.types = ["A", "B"]
                frame.particles.typeid = snapshot.types
                frame.particles.velocity = np.ones((n, 3))
                frame.particles.diameter = np.ones(n)
            else:
                frame.configuration.box = None
            frame.log["md/compute/ThermodynamicQuantities/potential_energy"] = [-1.5 * k]
            frame.log["particles/md/pair/LJ/energies"] = np.full(n, 0.5 * k)
            file.append(frame)
    found = read(tmp_path / "t.gsd")
    assert len(found) == 3
    for k, (one, expected) in enumerate(zip(found, moved, strict=True)):
        assert (one.step, one.dimension) == (1000 * k, d)
        np.testing.assert_allclose(one.box, snapshot.box, rtol=1e-6)
        np.testing.assert_array_equal(one.types, snapshot.types)
        assert one.images is not None
        np.testing.assert_allclose(
            one.unwrapped, expected.positions + images[k, :, :d] * one.box, atol=1e-5
        )
        np.testing.assert_array_equal(one.field("md/pair/LJ/energies"), np.full(n, 0.5 * k))
        np.testing.assert_array_equal(one.field("vy"), np.ones(n))
        assert set(one.fields) == {"md/pair/LJ/energies", "vx", "vy", "vz"}


def test_defaults_of_the_schema(tmp_path: Path, snapshot: Snapshot) -> None:
    with gsd.hoomd.open(tmp_path / "t.gsd", "w") as file:
        file.append(frame_of(snapshot, 0))
    with gsd.fl.open(str(tmp_path / "t.gsd"), "r") as file:
        assert not file.chunk_exists(0, "particles/types")
        assert not file.chunk_exists(0, "particles/image")
    [found] = read(tmp_path / "t.gsd")
    assert found.type_names == ("A",)
    assert not found.types.any()
    assert found.dimension == snapshot.dimension  # told from Lz = 0
    assert found.images is not None
    assert not found.images.any()


@pytest.mark.parametrize("thickness", [0.0, 1.0])
def test_two_dimensions_are_two_edges(tmp_path: Path, thickness: float) -> None:
    flat = example_snapshot(2)
    frame = frame_of(flat, 0)
    frame.configuration.box = [*flat.box, thickness, 0, 0, 0]
    frame.configuration.dimensions = 2
    with gsd.hoomd.open(tmp_path / "t.gsd", "w") as file:
        file.append(frame)
    assert read(tmp_path / "t.gsd")[0].box.shape == (2,)


def test_particles_may_come_and_go(tmp_path: Path) -> None:
    with gsd.hoomd.open(tmp_path / "t.gsd", "w") as file:
        for step, n in enumerate((16, 30, 16)):
            file.append(frame_of(example_snapshot(3, n), step))
    assert [len(one) for one in read(tmp_path / "t.gsd")] == [16, 30, 16]
