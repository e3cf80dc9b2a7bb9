import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf

from gnnglass.dynamics import IsoconfigurationalEnsemble, TimeCorrelations, TimeOrigins
from gnnglass.errors import InputError, NotComputedError
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot, Trajectory

TIMES = np.array([0.5, 2.0, 8.0])
CURVES = ["msd", "self_scattering", "overlap", "chi4"]


def random_ensemble(seed, dimension=2, n_clones=5):
    initial = example_snapshot(dimension, {2: 64, 3: 125}[dimension], seed=seed)
    rng = np.random.default_rng(seed)
    moved = rng.normal(0, 0.4, (n_clones, len(TIMES), *initial.positions.shape))
    return IsoconfigurationalEnsemble(initial, moved, TIMES)


def cage_relative(initial, moved, r_max):
    """By the definition, one particle after the other."""
    relative = moved.copy()
    for i in range(len(initial)):
        r = np.linalg.norm(initial.minimum_image(initial.positions - initial.positions[i]), axis=1)
        cage = np.flatnonzero((r < r_max) & (np.arange(len(initial)) != i))
        if cage.size:
            relative[:, i] -= moved[:, cage].mean(axis=1)
    return relative


def directions(dimension, n=400):
    """Unit vectors of which smooth functions have their mean over all directions."""
    angle = 2 * np.pi * (np.arange(n) + 0.5) / n
    if dimension == 2:
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    height = (np.arange(n) + 0.5) / n * 2 - 1
    golden = np.pi * (1 + 5**0.5) * np.arange(n)
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(golden), radius * np.sin(golden), height], axis=1)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("dimension", [2, 3])
def test_curves_equal_the_definitions(dimension, relative):
    ensemble = random_ensemble(0, dimension)
    initial = ensemble.initial
    curves = TimeCorrelations(2.0, 0.5, relative, {"r_max": 1.3}).compute(ensemble).to_frame()
    assert curves["species"].tolist() == ["A"] * 3 + ["B"] * 3
    assert curves["n_windows"].tolist() == [5] * 6
    moved = ensemble.displacements
    if relative:
        moved = np.stack([cage_relative(initial, one, 1.3) for one in moved])
    waves = 2.0 * directions(dimension)
    for name in "AB":
        own = moved[:, :, initial.of_type(name)]
        rows = curves[curves["species"] == name]
        np.testing.assert_array_equal(rows["time"], TIMES)
        np.testing.assert_allclose(rows["msd"], (own**2).sum(axis=-1).mean(axis=(0, 2)))
        expected = np.cos(own @ waves.T).mean(axis=(0, 2, 3))
        np.testing.assert_allclose(rows["self_scattering"], expected, atol=1e-4)
        shares = (np.sqrt((own**2).sum(axis=-1)) < 0.5).mean(axis=2)
        np.testing.assert_allclose(rows["overlap"], shares.mean(axis=0))
        np.testing.assert_allclose(rows["chi4"], own.shape[2] * shares.var(axis=0, ddof=1))


@pytest.mark.parametrize("dimension", [2, 3])
def test_brownian_particles_give_the_closed_forms(dimension):
    """Gaussian displacements of variance 2Dt along each axis, of independent particles."""
    diffusion, q, a, n = 0.05, 1.5, 0.6, 1000
    initial = Snapshot(np.full(dimension, 40.0), np.zeros((n, dimension)), np.zeros(n))
    rng = np.random.default_rng(0)
    width = np.sqrt(2 * diffusion * TIMES)[:, None, None]
    moved = rng.normal(size=(400, len(TIMES), n, dimension)) * width
    ensemble = IsoconfigurationalEnsemble(initial, moved, TIMES)
    curves = TimeCorrelations(q=q, a=a).compute(ensemble).to_frame()
    np.testing.assert_allclose(curves["msd"], 2 * dimension * diffusion * TIMES, rtol=0.01)
    np.testing.assert_allclose(
        curves["self_scattering"], np.exp(-(q**2) * diffusion * TIMES), atol=0.004
    )
    x = a / np.sqrt(4 * diffusion * TIMES)
    near = {
        2: 1 - np.exp(-(x**2)),
        3: erf(x) - 2 * x / np.sqrt(np.pi) * np.exp(-(x**2)),
    }[dimension]
    np.testing.assert_allclose(curves["overlap"], near, atol=0.004)
    # The variance of a share of independent particles; 400 windows tell it to 7 %.
    np.testing.assert_allclose(curves["chi4"], near * (1 - near), rtol=0.25)


def test_chi4_counts_the_particles_that_go_together():
    """Blocks of ten leave together with probability 1/2: χ₄ = 10/4."""
    rng = np.random.default_rng(0)
    initial = Snapshot([40, 40], np.zeros((200, 2)), np.zeros(200))
    left = np.repeat(rng.random((4000, 20)) < 0.5, 10, axis=1)
    moved = np.zeros((4000, 1, 200, 2))
    moved[:, 0, :, 0] = left
    curves = TimeCorrelations().compute(IsoconfigurationalEnsemble(initial, moved, TIMES[:1]))
    assert curves.to_frame()["chi4"][0] == pytest.approx(2.5, rel=0.1)


def walk(steps, n=30, dimension=2, seed=0):
    """A trajectory that crosses the box, and the positions that it unwraps to."""
    rng = np.random.default_rng(seed)
    start = example_snapshot(dimension, n, seed=seed)
    paths = start.positions + np.cumsum(rng.normal(0, 0.7, (len(steps), n, dimension)), axis=0)
    zeros = np.zeros((n, dimension))
    frames = [
        Snapshot(start.box, path, start.types, images=zeros, step=step)
        for path, step in zip(paths, steps, strict=True)
    ]
    return Trajectory(frames, {"dt": 0.1}), paths


@pytest.mark.parametrize(
    ("steps", "lags", "origins"),
    [
        (range(0, 200, 10), (10, 30, 100), range(10)),
        ((5, 6, 7, 15, 16, 25), (1, 10), (0, 1, 3)),
        ((0, 1, 10, 100), (100,), (0,)),
    ],
)
def test_windows_of_a_trajectory_are_all_that_fit(steps, lags, origins):
    trajectory, paths = walk(steps)
    source = TimeOrigins(trajectory, lags)
    np.testing.assert_allclose(source.times, 0.1 * np.array(lags))
    place = {step: index for index, step in enumerate(steps)}
    windows = list(source.windows())
    assert source.n_origins == len(windows) == len(origins)
    for (start, moved), origin in zip(windows, origins, strict=True):
        assert start.step == steps[origin]
        expected = [paths[place[steps[origin] + lag]] - paths[origin] for lag in lags]
        np.testing.assert_allclose(moved, expected, atol=1e-9)
    curves = TimeCorrelations(a=1.0).compute(source).to_frame()
    own = np.stack([moved for _, moved in windows])[:, :, trajectory[0].of_type("A")]
    shares = (np.linalg.norm(own, axis=-1) < 1.0).mean(axis=2)
    rows = curves[curves["species"] == "A"]
    np.testing.assert_allclose(rows["overlap"], shares.mean(axis=0))
    if len(origins) > 1:
        np.testing.assert_allclose(rows["chi4"], own.shape[2] * shares.var(axis=0, ddof=1))
    else:
        assert rows["chi4"].isna().all()


class Made(Sequence):
    """Frames that are made when asked for and not kept."""

    def __init__(self, n_frames, n):
        self.start, self.n_frames = example_snapshot(2, n), n_frames

    def __len__(self):
        return self.n_frames

    def __getitem__(self, index):
        if index >= self.n_frames:
            raise IndexError(index)
        return self.start.replace(images=np.zeros((len(self.start), 2)), step=index)


def test_memory_does_not_grow_with_the_number_of_frames():
    n = 2000

    def peak(n_frames):
        trajectory = Trajectory(Made(n_frames, n), {"dt": 1.0})
        tracemalloc.start()
        TimeCorrelations().compute(TimeOrigins(trajectory, [1, 2]))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    TimeCorrelations().compute(random_ensemble(0))  # What is imported on the way stays.
    few, many = peak(20), peak(160)
    one_frame = n * 2 * 8
    assert (many - few) / (160 - 20) < 0.05 * one_frame


def test_cages_are_those_of_each_origin():
    trajectory, _ = walk(range(0, 40, 10))
    source = TimeOrigins(trajectory, [10], every=2)
    assert source.n_origins == 2
    computed = TimeCorrelations(cage_relative=True, neighbors={"r_max": 1.3}).compute(source)
    relative = [cage_relative(start, moved, 1.3) for start, moved in source.windows()]
    own = np.stack(relative)[:, :, trajectory[0].of_type("B")]
    rows = computed.to_frame().query("species == 'B'")
    np.testing.assert_allclose(rows["msd"], (own**2).sum(axis=-1).mean(axis=(0, 2)))


def test_sources_are_averaged_together():
    """Two ensembles of equally many clones: the mean of both, and the variance of all."""
    one, two = random_ensemble(1), random_ensemble(2)
    same = two.initial.replace(types=one.initial.types)
    two = IsoconfigurationalEnsemble(same, two.displacements, TIMES)
    both = TimeCorrelations(a=0.5).compute(one, two).to_frame()
    alone = [TimeCorrelations(a=0.5).compute(each).to_frame() for each in (one, two)]
    for curve in ("msd", "self_scattering", "overlap"):
        mean = (alone[0][curve] + alone[1][curve]) / 2
        np.testing.assert_allclose(both[curve], mean)
    own = np.concatenate([one.displacements, two.displacements])[:, :, same.of_type("A")]
    shares = (np.linalg.norm(own, axis=-1) < 0.5).mean(axis=2)
    expected = own.shape[2] * shares.var(axis=0, ddof=1)
    np.testing.assert_allclose(both["chi4"][:3], expected)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 99),
    shift=st.lists(st.floats(-30, 30), min_size=3, max_size=3),
    axes=st.permutations(range(3)),
    signs=st.lists(st.sampled_from([-1, 1]), min_size=3, max_size=3),
    relative=st.booleans(),
)
def test_motions_of_the_box_and_relabelling_change_nothing(seed, shift, axes, signs, relative):
    ensemble = random_ensemble(seed, 3)
    initial, moved = ensemble.initial, ensemble.displacements
    curves = TimeCorrelations(a=0.5, cage_relative=relative, neighbors={"r_max": 1.31})
    before = curves.compute(ensemble).to_frame()
    order = np.random.default_rng(seed).permutation(len(initial))
    other = Snapshot(
        initial.box[list(axes)],
        ((initial.positions + np.array(shift))[order] * signs)[:, list(axes)],
        initial.types[order],
    )
    turned = (moved[:, :, order] * signs)[..., list(axes)]
    after = curves.compute(IsoconfigurationalEnsemble(other, turned, TIMES)).to_frame()
    np.testing.assert_allclose(after[CURVES], before[CURVES], atol=1e-9)


def test_order_of_calls_repr_and_plot():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    curves = TimeCorrelations()
    for ask in (curves.to_frame, curves.plot):
        with pytest.raises(NotComputedError, match="call compute first"):
            ask()
    ensemble = random_ensemble(0)
    assert curves.compute(ensemble) is curves
    again = eval(repr(curves)).compute(ensemble)
    np.testing.assert_array_equal(again.to_frame()[CURVES], curves.to_frame()[CURVES])
    figure, ax = pyplot.subplots()
    for curve in CURVES:
        ax.clear()
        assert curves.plot(ax, curve=curve) is ax
        shown = [line.get_ydata() for line in ax.lines]
        np.testing.assert_array_equal(np.concatenate(shown), curves.to_frame()[curve])
    pyplot.close(figure)
    with pytest.raises(InputError, match="no curve 'chi2'; expected one of msd"):
        curves.plot(curve="chi2")


@pytest.mark.parametrize(
    ("curves", "sources", "message"),
    [
        (TimeCorrelations(q=0.0), [random_ensemble(0)], "q is 0; expected a positive number"),
        (TimeCorrelations(a=-1.0), [random_ensemble(0)], "a is -1; expected a positive number"),
        (TimeCorrelations(), [], "nothing to correlate; expected at least one source"),
        (
            TimeCorrelations(cage_relative=True, neighbors={"k": 6}),
            [random_ensemble(0)],
            "expected a cutoff",
        ),
        (
            TimeCorrelations(),
            [random_ensemble(0), TimeOrigins(walk(range(9))[0], [1, 2, 4])],
            "the sources have different lags",
        ),
        (
            TimeCorrelations(),
            [TimeOrigins(walk(range(9), n)[0], [1]) for n in (30, 60)],
            r"different mixtures, {'A': 20, 'B': 10} and {'A': 39, 'B': 21} particles",
        ),
    ],
)
def test_what_cannot_be_correlated_is_refused(curves, sources, message):
    with pytest.raises(InputError, match=message):
        curves.compute(*sources)


def lost_flags(trajectory):
    zeros = np.zeros(trajectory[0].positions.shape)
    return trajectory.map(lambda frame: frame.replace(images=zeros))


@pytest.mark.parametrize(
    ("change", "lags", "message"),
    [
        (lambda t: t, (10, 200), "lag of 200 steps is beyond the data: .* spans 190 steps"),
        (lambda t: t, (10, 15), r"frames at all the lags \[10, 15\]; .* 10 to 10 steps"),
        (lambda t: t, (10, 10), r"\[10, 10\]; expected positive steps in increasing order"),
        (lambda t: t, (0, 10), r"\[0, 10\]; expected positive steps in increasing order"),
        (lambda t: t, (0.5,), "expected a list of whole numbers"),
        (lambda t: t, (), "expected whole numbers of steps"),
        (lambda t: Trajectory(t[::-1].frames, t.metadata), (10,), "step 180 comes after step 190"),
        (lambda t: Trajectory(t.frames), (10,), "time per step is unknown"),
        (lost_flags, (10,), "frame [0-9]+ are wrapped, but their image flags were lost"),
        (lambda t: t.map(lambda f: f.replace(images=None)), (10,), "image flags"),
    ],
)
def test_trajectories_that_do_not_fit_are_refused(change, lags, message):
    trajectory, _ = walk(range(0, 200, 10))
    with pytest.raises(InputError, match=message):
        TimeCorrelations().compute(TimeOrigins(change(trajectory), lags))


def test_every_counts_from_one():
    with pytest.raises(InputError, match="every is 0; expected 1 or more"):
        TimeOrigins(walk(range(9))[0], [1], every=0)
