"""Particles are followed by id, and only along paths that are whole."""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from gnnglass.dynamics import IsoconfigurationalEnsemble, TimeCorrelations, TimeOrigins
from gnnglass.errors import GnnglassWarning, InputError
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot, Trajectory, read, write
from gnnglass.trajectories.following import in_order_of


def run(n: int = 36, frames: int = 5, *, step: float = 0.02, seed: int = 0) -> list[Snapshot]:
    """Frames of one run with ids 1 to n and whole paths; all drift through the box."""
    rng = np.random.default_rng(seed)
    start = example_snapshot(2, n).replace(images=np.zeros((n, 2), dtype=int), fields={})
    moved = rng.normal(scale=step, size=(frames, n, 2)).cumsum(axis=0)
    moved -= moved[0]
    moved += 0.3 * np.arange(frames)[:, None, None]
    return [
        start.replace(positions=start.positions + moved[k], step=k, ids=np.arange(1, n + 1))
        for k in range(frames)
    ]


def shuffled(frame: Snapshot, seed: int) -> Snapshot:
    assert frame.ids is not None
    order = np.random.default_rng(seed).permutation(len(frame))
    images = None if frame.images is None else frame.images[order]
    return frame.replace(
        positions=frame.positions[order],
        types=frame.types[order],
        images=images,
        ids=frame.ids[order],
    )


def msd(frames: list[Snapshot]) -> np.ndarray:
    origins = TimeOrigins(Trajectory(frames, {"dt": 1.0}), [1, 2])
    return np.asarray(TimeCorrelations(q=1.0).compute(origins).to_frame()["msd"], dtype=float)


def test_particles_are_found_again_by_id() -> None:
    frames = run()
    mixed = [shuffled(frame, seed) for seed, frame in enumerate(frames)]
    np.testing.assert_allclose(msd(mixed), msd(frames), rtol=1e-12)
    # Without ids the order is believed, and the answer is another.
    bare = [frame.replace(ids=None, types=frame.types * 0) for frame in frames]
    near = np.linalg.norm(bare[1].unwrapped - bare[1].unwrapped[0], axis=1).argsort()[1]
    swapped = np.arange(36)
    swapped[[0, near]] = near, 0
    images = np.asarray(bare[1].images)[swapped]
    bare[1] = bare[1].replace(positions=bare[1].positions[swapped], images=images)
    assert msd(bare)[0] > 1.05 * msd(frames)[0]


def test_clones_are_followed_by_id() -> None:
    clones = [run(frames=3, seed=seed) for seed in range(2)]
    plain = IsoconfigurationalEnsemble.from_clones([Trajectory(c, {"dt": 1.0}) for c in clones])
    mixed = IsoconfigurationalEnsemble.from_clones(
        [
            Trajectory(clones[0], {"dt": 1.0}),
            Trajectory([shuffled(one, k) for k, one in enumerate(clones[1])], {"dt": 1.0}),
        ]
    )
    np.testing.assert_allclose(mixed.displacements, plain.displacements, atol=1e-12)


def test_other_ids_are_refused_where_particles_are_followed() -> None:
    frames = run()
    other = frames[2].replace(ids=np.arange(2, 38))
    frames = [*frames[:2], other, *frames[3:]]
    with pytest.raises(
        InputError, match=r"1 ids are gone \(such as 1\) and 1 are new \(such as 37"
    ):
        msd(frames)
    with pytest.raises(InputError, match="holds other particles"):
        in_order_of(frames[0], other, "frame 2")
    # What does not follow them is not concerned.
    assert Trajectory(frames)[2].density == frames[0].density


def dump(frames: list[np.ndarray]) -> str:
    return "".join(
        f"ITEM: TIMESTEP\n{k}\nITEM: NUMBER OF ATOMS\n{len(xy)}\nITEM: BOX BOUNDS pp pp pp\n0 6\n"
        "0 6\n-0.5 0.5\nITEM: ATOMS type xu yu\n" + "".join(f"1 {x} {y}\n" for x, y in xy.tolist())
        for k, xy in enumerate(frames)
    )


def test_dumps_without_ids(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(6.0)] * 2), axis=-1).reshape(-1, 2)
    frames = [grid + rng.normal(scale=0.05, size=grid.shape) for _ in range(4)]
    path = tmp_path / "t.dump"

    def loaded(positions: list[np.ndarray]) -> list[Snapshot]:
        path.write_text(dump(positions))
        with pytest.warns(GnnglassWarning, match="no ids, so its particles are taken in the order"):
            found = read(path)
        assert found.metadata["order"] == "of the file"
        return list(found)

    kept = loaded(frames)
    np.testing.assert_array_equal(kept[0].ids, np.arange(1, 37))
    expected = np.mean([((b - a) ** 2).sum(axis=1) for a, b in pairwise(frames[:3])])
    assert msd(kept)[0] == pytest.approx(expected, rel=1e-6)
    mixed = loaded([frames[0], frames[1][::-1], *frames[2:]])
    assert all(frame.is_anonymous for frame in mixed)
    with pytest.raises(InputError, match=r"cannot be followed to .* write it with ids"):
        msd(mixed)
    # One frame alone has nobody to be followed to, and stays so on disk.
    [alone] = loaded(frames[:1])
    write(tmp_path / "t.gsd", alone)
    assert alone.is_anonymous
    assert read(tmp_path / "t.gsd")[0].is_anonymous


def test_ids_come_back_from_gsd(tmp_path: Path) -> None:
    frames = run()
    ids = [None, np.arange(5, 41), np.arange(36) * 10**12, None, np.full(36, -1)]
    write(
        tmp_path / "t.gsd",
        Trajectory([one.replace(ids=these) for one, these in zip(frames, ids, strict=True)]),
    )
    for order in (slice(None), slice(1, None)):
        write(
            tmp_path / "t.gsd",
            [one.replace(ids=i) for one, i in zip(frames[order], ids[order], strict=True)],
        )
        for found, expected in zip(read(tmp_path / "t.gsd"), ids[order], strict=True):
            if expected is None:
                assert found.ids is None
            else:
                np.testing.assert_array_equal(found.ids, expected)
                assert found.ids is not None
                assert found.ids.dtype == np.int64


@pytest.mark.parametrize("axes", [[0], [0, 1]])
def test_images_that_begin_anew_are_noticed(axes: list[int]) -> None:
    frames = run(frames=30)
    assert msd(frames)[1] < 1
    begun = []
    for k, frame in enumerate(frames):
        assert frame.images is not None
        images = frame.images.copy()
        if k >= 24:
            assert frames[23].images is not None
            images[:, axes] -= frames[23].images[:, axes]
        begun.append(frame.replace(images=images))
    with pytest.raises(InputError, match="frame 24 of the trajectory do not continue those"):
        msd(begun)
    with pytest.raises(InputError, match="do not continue"):
        clones = [Trajectory([begun[0], *begun[22:26]], {"dt": 1.0})] * 2
        _ = IsoconfigurationalEnsemble.from_clones(clones).displacements


def test_motion_that_is_not_a_jump_is_let_through() -> None:
    # Frames so far apart that particles cross the box, and a drift of several boxes.
    wide = run(frames=6, step=4.0)
    assert np.all(np.isfinite(msd(wide)))
    drift = [
        frame.replace(positions=frame.unwrapped + 20.0 * k, images=np.zeros((36, 2)))
        for k, frame in enumerate(run())
    ]
    assert msd(drift)[0] == pytest.approx(2 * 20.3**2, rel=0.01)


def test_clones_start_from_a_dump_without_ids(tmp_path: Path) -> None:
    """Once a run has begun, it is its order that says who is who."""
    from gnnglass.errors import MissingExtraError
    from gnnglass.simulate import ENGINES, IsoconfigurationalProtocol

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GnnglassWarning)
        start = example_snapshot(2).replace(ids=np.full(len(example_snapshot(2)), -1))
    protocol = IsoconfigurationalProtocol(kT=0.5, n_clones=2, lag_steps=[2, 4], dt=0.001, seed=0)
    try:
        engine = ENGINES.create("lammps")
        out = engine.isoconfigurational("kam2d", start, protocol, tmp_path / "t.gsd")
    except MissingExtraError as error:
        pytest.skip(str(error))
    clones = IsoconfigurationalEnsemble.from_trajectory(out)
    assert np.abs(clones.displacements).max() < 1
