import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from gnnglass.dynamics import IsoconfigurationalEnsemble, SelfOverlap, annotate
from gnnglass.errors import InputError
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot, Trajectory, read, write

LAGS = (10, 100, 1000)
DT = 0.005


def moved(initial, displacement, step):
    """The frame a simulation would write: wrapped positions with images."""
    return Snapshot(
        initial.box,
        initial.unwrapped + displacement,
        initial.types,
        images=np.zeros_like(initial.images),
        step=step,
    )


@pytest.fixture(params=[2, 3], ids=["2D", "3D"])
def case(request):
    """An initial configuration and displacements that cross the box several times."""
    start = example_snapshot(request.param)
    initial = start.replace(images=np.full(start.positions.shape, 2), step=500)
    rng = np.random.default_rng(0)
    return initial, rng.normal(0, 20, (4, len(LAGS), *start.positions.shape))


def one_trajectory(initial, displacements, **metadata):
    frames = [initial] + [
        moved(initial, displacements[clone, lag], 500 + LAGS[lag])
        for clone in range(len(displacements))
        for lag in range(len(LAGS))
    ]
    layout = {"n_clones": len(displacements), "lag_steps": list(LAGS)}
    return Trajectory(
        frames, {"isoconfigurational": layout, "dt": DT, "system": "kam2d", **metadata}
    )


def separate(initial, displacements, **metadata):
    """One trajectory per clone, each with images and a clock of its own."""
    clones = []
    for index, clone in enumerate(displacements):
        start = initial.replace(images=initial.images + index, step=index)
        frames = [moved(start, clone[lag], index + LAGS[lag]) for lag in range(len(LAGS))]
        clones.append(Trajectory([start, *frames], {"dt": DT, "system": "kam2d", **metadata}))
    return clones


def test_one_trajectory_gives_back_the_displacements(case):
    initial, displacements = case
    ensemble = IsoconfigurationalEnsemble.from_trajectory(one_trajectory(initial, displacements))
    np.testing.assert_allclose(ensemble.displacements, displacements, atol=1e-9)
    np.testing.assert_allclose(ensemble.times, np.array(LAGS) * DT)
    assert ensemble.initial is initial
    assert ensemble.n_clones == 4
    assert "4 clones, 3 lags up to t = 5" in repr(ensemble)


def test_separate_clones_give_back_the_displacements(case):
    initial, displacements = case
    clones = separate(initial, displacements)
    ensemble = IsoconfigurationalEnsemble.from_clones(clones)
    np.testing.assert_allclose(ensemble.displacements, displacements, atol=1e-9)
    np.testing.assert_allclose(ensemble.times, np.array(LAGS) * DT)
    given = IsoconfigurationalEnsemble.from_clones(clones, dt=0.01)
    np.testing.assert_allclose(given.times, np.array(LAGS) * 0.01)


def test_halves_share_the_clones_between_them(case):
    initial, displacements = case
    ensemble = IsoconfigurationalEnsemble(initial, displacements, np.array(LAGS) * DT)
    even, odd = ensemble.halves()
    np.testing.assert_array_equal(even.displacements, displacements[[0, 2]])
    np.testing.assert_array_equal(odd.displacements, displacements[[1, 3]])
    with pytest.raises(InputError, match="2 clones cannot be halved; expected at least 4"):
        even.halves()


def test_what_is_given_stays_writable_and_what_is_kept_is_not(case):
    initial, displacements = case
    ensemble = IsoconfigurationalEnsemble(initial, displacements, np.array(LAGS) * DT)
    with pytest.raises(ValueError, match="read-only"):
        ensemble.displacements[0, 0, 0, 0] = 1.0
    displacements[0, 0, 0, 0] = 1.0


def without(trajectory, key):
    return Trajectory(trajectory.frames, {k: v for k, v in trajectory.metadata.items() if k != key})


def with_frame(trajectory, index, **changes):
    frames = list(trajectory)
    frames[index] = frames[index].replace(**changes)
    return Trajectory(frames, trajectory.metadata)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: without(t, "isoconfigurational"), "not an isoconfigurational ensemble"),
        (lambda t: without(t, "dt"), "time per step is unknown: the metadata hold no 'dt'"),
        (lambda t: Trajectory(t.frames, {**t.metadata, "dt": 0.0}), "dt is 0"),
        (lambda t: t[:-1], r"has 12 frames; expected 1 \+ 4 clones × 3 lags = 13"),
        (
            lambda t: with_frame(t, 5, step=7),
            "clone 1 are out of order: step 7 comes after step 510",
        ),
        (lambda t: with_frame(t, 5, step=601), "clone 1 was sampled at other steps.*10, 101, 1000"),
        (lambda t: with_frame(t, 5, images=None), "images|image flags"),
        (lambda t: with_frame(t, 4, types=1 - t[4].types), "clone 1 is of another configuration"),
        (
            lambda t: Trajectory(
                t[:4].frames,
                {**t.metadata, "isoconfigurational": {"n_clones": 1, "lag_steps": list(LAGS)}},
            ),
            "at least 2 clones, got 1",
        ),
    ],
)
def test_a_broken_trajectory_is_refused(case, spoil, message):
    with pytest.raises(InputError, match=message):
        annotate(IsoconfigurationalEnsemble.from_trajectory(spoil(one_trajectory(*case))))


def shifted_start(clones):
    shift = np.eye(len(clones[0][0].box))[0] * 0.01
    other = with_frame(clones[2], 0, positions=clones[2][0].positions + shift)
    return [*clones[:2], other, *clones[3:]]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda c: c[:1], "at least 2 clones, got 1"),
        (shifted_start, "clone 2 starts from another configuration.* up to 0.01"),
        (lambda c: [c[0], with_frame(c[1], 0, type_names=("A", "C"))], "another configuration"),
        (lambda c: [c[0], with_frame(c[1], 2, step=1)], "frames of clone 1 are out of order"),
        (lambda c: [c[0], with_frame(c[1], 2, step=102)], "clone 1 was sampled at other steps"),
        (lambda c: [c[0], c[1][:3]], "clone 1 was sampled at other steps"),
        (lambda c: [c[0][:1], c[1][:1]], "clone 0 has no frame after the initial one"),
        (lambda c: [c[0], with_frame(c[1], 1, images=None)], "image flags"),
        (lambda c: [without(t, "dt") for t in c], "time per step is unknown"),
        (lambda c: [c[0], Trajectory(c[1].frames, {"dt": 0.01})], r"\[0.005, 0.01\]; expected one"),
    ],
)
def test_clones_that_do_not_belong_together_are_refused(case, spoil, message):
    with pytest.raises(InputError, match=message):
        annotate(IsoconfigurationalEnsemble.from_clones(spoil(separate(*case))))


@pytest.mark.parametrize(
    ("change", "times", "message"),
    [
        (lambda d: d[:1], LAGS, "at least 2 clones, got 1"),
        (lambda d: d[0], LAGS, r"clone 0 have shape \(144, 2\); expected \[3, 144, 2\]"),
        (lambda d: d[:, :, :-1], LAGS, r"shape \(3, 143, 2\); expected \[3, 144, 2\]"),
        (lambda d: d, LAGS[:2], r"shape \(3, 144, 2\); expected \[2, 144, 2\]"),
        (lambda d: d[:, :0], (), "at least one"),
        (lambda d: d, [LAGS], r"times have shape \(1, 3\); expected \[n_lags\]"),
        (lambda d: d, (10, 5, 20), "expected positive lags in increasing order"),
        (lambda d: d, (0, 5, 20), "expected positive lags in increasing order"),
        (lambda d: d * np.nan, LAGS, "some displacements of clone 0 are NaN or infinite"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, times, message):
    displacements = np.ones((4, len(LAGS), 144, 2))
    with pytest.raises(InputError, match=message):
        IsoconfigurationalEnsemble(example_snapshot(2), change(displacements), np.array(times))


@pytest.mark.parametrize("lose", [lambda s: s * 0, lambda s: s * 0 + 2], ids=["zero", "constant"])
def test_lost_image_flags_are_noticed(case, lose):
    """Particles leave through one face by a little; wrapped, they come back at the other."""
    initial, _ = case
    small = np.random.default_rng(1).normal(0, 0.3, (4, len(LAGS), *initial.positions.shape))
    clones = separate(initial, small)
    np.testing.assert_allclose(
        IsoconfigurationalEnsemble.from_clones(clones).displacements, small, atol=1e-9
    )
    lost = [clone.map(lambda frame: frame.replace(images=lose(frame.images))) for clone in clones]
    with pytest.raises(InputError, match="clone 0 are wrapped, but their image flags were lost"):
        annotate(IsoconfigurationalEnsemble.from_clones(lost))


class Counted(Sequence):
    """Clones that are made when asked for, and count how often they are."""

    def __init__(self, n_clones, shape):
        self.asked, self.shape = [0] * n_clones, shape

    def __len__(self):
        return len(self.asked)

    def __getitem__(self, index):
        self.asked[index] += 1
        return np.random.default_rng(index).normal(size=self.shape)


def test_any_sequence_of_clones_will_do_and_each_is_read_once():
    initial = example_snapshot(2)
    clones = Counted(5, (3, 144, 2))
    lazy = IsoconfigurationalEnsemble(initial, clones, np.array(LAGS), "kam2d")
    assert clones.asked == [0] * 5
    annotated = annotate(lazy)
    assert clones.asked == [1] * 5
    known = annotate(replace(lazy, clones=lazy.displacements))
    for name, values in known.fields.items():
        np.testing.assert_array_equal(annotated.field(name), values)
    clones.shape = (2, 144, 2)
    with pytest.raises(InputError, match=r"clone 0 have shape \(2, 144, 2\)"):
        annotate(lazy)


def test_memory_does_not_grow_with_the_number_of_clones(tmp_path):
    n = 3600
    initial = example_snapshot(2, n).replace(images=np.zeros((n, 2)))
    rng = np.random.default_rng(0)
    for clone in range(64):
        frames = [moved(initial, rng.normal(0, 0.3, (n, 2)), lag) for lag in LAGS]
        write(tmp_path / f"{clone}.gsd", Trajectory([initial, *frames], {"dt": DT}))

    def correlate(n_clones):
        clones = [read(tmp_path / f"{clone}.gsd") for clone in range(n_clones)]
        overlap = SelfOverlap(cage_relative=False)
        overlap.compute(IsoconfigurationalEnsemble.from_clones(clones))

    def peak(n_clones):
        tracemalloc.start()
        correlate(n_clones)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    correlate(2)  # What is imported on the way stays.
    few, many = peak(8), peak(64)
    one_clone = len(LAGS) * n * 2 * 8
    # A file that is not being read still takes its name and metadata.
    assert (many - few) / (64 - 8) < 0.1 * one_clone
