import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import mixture, short_protocol
from scipy import optimize, stats

from gnnglass.errors import InputError
from gnnglass.simulate import ENGINES
from gnnglass.simulate.equilibration import LEVEL, _overlaps, _relaxation, _trend, assess
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Trajectory

DIMENSIONS = pytest.mark.parametrize("dimension", [2, 3])


def walk(rng, mobility, dimension=3, n=None, interval=100):
    """Frames of random walkers whose steps are Gaussian with the given widths, one per step."""
    start = example_snapshot(dimension, n)
    steps = rng.normal(size=(len(mobility), *start.positions.shape)) * np.reshape(
        mobility, (-1, 1, 1)
    )
    path = start.positions + np.concatenate([np.zeros_like(steps[:1]), steps.cumsum(axis=0)])
    images = np.zeros(start.positions.shape, dtype=int)
    return [
        start.replace(positions=positions, images=images, step=k * interval)
        for k, positions in enumerate(path)
    ]


def with_energies(frames, energies):
    return [
        frame.with_fields(potential_energy=np.full(len(frame), energy))
        for frame, energy in zip(frames, energies, strict=True)
    ]


def remembering(rng, n, memory):
    """A stationary Gaussian series with unit variance and correlation exp(−t / memory)."""
    rho = np.exp(-1 / memory) if memory else 0.0
    series = [rng.normal()]
    for noise in rng.normal(size=n - 1) * np.sqrt(1 - rho**2):
        series.append(rho * series[-1] + noise)
    return np.array(series)


def test_a_trend_is_that_of_a_least_squares_parabola():
    rng = np.random.default_rng(1)
    for n in (6, 7, 10):
        y = rng.normal(size=n) + 0.3 * np.arange(n)
        u = np.arange(n) - (n - 1) / 2
        design = np.stack([np.ones(n), u, u**2], axis=1)
        fit, (rss,), *_ = np.linalg.lstsq(design, y, rcond=None)
        # Over a symmetric range the ends of a parabola differ by its linear term alone.
        error = np.sqrt(rss / (n - 3) * np.linalg.inv(design.T @ design)[1, 1])
        trend = _trend(y, 10 * np.arange(n), None)
        assert trend.change == pytest.approx(fit[1] * (n - 1))
        assert trend.error == pytest.approx(error * (n - 1))
        assert trend.significance == pytest.approx(2 * stats.t.sf(abs(fit[1]) / error, n - 3))
        assert (trend.first, trend.last) == pytest.approx(tuple((design @ fit)[[0, -1]]))


def test_a_memory_makes_the_best_estimate_of_its_likelihood():
    """The fit is where a Gaussian process with that correlation is most likely."""
    rng, n, memory = np.random.default_rng(20), 9, 3.0
    y, u = rng.normal(size=n).cumsum(), np.arange(n)
    precision = np.linalg.inv(np.exp(-np.abs(u[:, None] - u) / memory))

    def misfit(fit):
        left = y - np.polyval(fit, u)
        return left @ precision @ left

    best = optimize.minimize(misfit, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).x
    trend = _trend(y, u, memory)
    ends = tuple(np.polyval(best, [0, n - 1]))
    assert (trend.first, trend.last) == pytest.approx(ends, abs=1e-4)


@pytest.mark.parametrize(("n", "memory"), [(7, 0), (13, 0), (24, 4), (13, 6), (200, 20)])
def test_a_stationary_series_seldom_shows_a_trend(n, memory):
    """And white noise as often as stated; a memory that is known costs power, not honesty."""
    rng, trials = np.random.default_rng(2), 800
    times = np.arange(n)
    found = sum(
        _trend(remembering(rng, n, memory), times, memory).significance < 5 * LEVEL
        for _ in range(trials)
    )
    most = stats.binom.ppf(0.999, trials, 5 * LEVEL)
    least = stats.binom.ppf(0.001, trials, 5 * LEVEL) if memory == 0 else 1
    assert least <= found <= most


def test_a_memory_that_is_ignored_would_be_taken_for_a_trend():
    """The correction is needed: without it the stated level is far off."""
    rng = np.random.default_rng(3)
    series = [remembering(rng, 24, 4) for _ in range(300)]
    naive, fair = (
        np.mean([_trend(y, np.arange(24), memory).significance < 0.05 for y in series])
        for memory in (None, 4)
    )
    assert naive > 0.2
    assert fair < 0.1


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.floats(-5, 5), min_size=6, max_size=30),
    shift=st.floats(-10, 10),
    scale=st.floats(0.1, 10),
    memory=st.sampled_from([None, 0.5, 3.0]),
)
def test_a_trend_knows_neither_units_nor_the_arrow_of_time(values, shift, scale, memory):
    y, times = np.array(values), np.arange(len(values))
    trend = _trend(y, times, memory)
    moved = _trend(scale * y + shift, times, memory)
    close = {"rel": 1e-6, "abs": 1e-9}
    assert moved.change == pytest.approx(scale * trend.change, **close)
    assert moved.error == pytest.approx(scale * trend.error, **close)
    if len(values) % 10 == 0 or len(values) < 10:
        # Unequal groups, the larger ones first, do notice.
        back = _trend(y[::-1], times, memory)
        assert back.change == pytest.approx(-trend.change, **close)
        assert back.error == pytest.approx(trend.error, **close)


def test_constants_have_no_trend_and_lines_a_certain_one():
    times = np.arange(12)
    assert _trend(np.full(12, -3.7), times, None).significance == 1
    line = _trend(0.1 * times - 5, times, None)
    assert line.is_significant
    assert (line.first, line.last) == (pytest.approx(-5), pytest.approx(-3.9))
    assert line.error == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    "shape",
    [lambda u: -6 * u, lambda u: -3 * np.log(0.02 + u), lambda u: 15 * np.exp(-6 * u)],
    ids=["linear", "logarithmic", "transient"],
)
def test_drifts_of_every_shape_are_seen(shape):
    rng = np.random.default_rng(4)
    found = [
        _trend(rng.normal(size=13) + shape(np.linspace(0, 1, 13)), np.arange(13), None)
        for _ in range(100)
    ]
    assert np.mean([trend.is_significant for trend in found]) > 0.8


def test_stationary_walkers_are_seldom_called_ageing():
    rng, trials = np.random.default_rng(5), 250
    verdicts = []
    for _ in range(trials):
        mobility = 0.24 * np.exp(0.1 * remembering(rng, 13, 1))
        frames = walk(rng, mobility, n=216)
        energies = -4 + 0.01 * remembering(rng, 14, 1)
        verdicts.append(assess(mixture(3), with_energies(frames, energies)).verdict)
    assert "undecided" not in verdicts
    assert verdicts.count("not equilibrated") <= stats.binom.ppf(0.999, trials, 2 * LEVEL)


@DIMENSIONS
def test_walkers_that_slow_down_are_ageing(dimension):
    rng = np.random.default_rng(6)
    seen = []
    for _ in range(10):
        frames = walk(rng, 0.3 * np.arange(1, 25) ** -0.25, dimension)
        found = assess(mixture(dimension), with_energies(frames, remembering(rng, 25, 0)))
        assert found.overlap.change > 0
        if found.overlap.is_significant:
            assert found.verdict == "not equilibrated"
            assert "self-overlap changes by +" in str(found)
            seen.append(found)
    assert len(seen) >= 4


def test_an_energy_that_falls_is_ageing_even_where_nothing_moves():
    rng = np.random.default_rng(7)
    frames = walk(rng, np.full(13, 0.01))
    energies = -4 - 0.02 * np.log1p(np.arange(14)) + 0.001 * rng.normal(size=14)
    found = assess(mixture(3), with_energies(frames, energies))
    assert found.verdict == "not equilibrated"
    assert found.energy.change == pytest.approx(-0.05, abs=0.02)
    assert "the potential energy per particle changes by -0.0" in str(found)
    assert "overlap" not in found.reason


def test_a_frozen_system_is_not_shown_to_be_equilibrated():
    rng = np.random.default_rng(8)
    # Rattling in a cage: displaced anew in each frame, never going anywhere.
    start = walk(rng, [0])[0]
    frames = [
        start.replace(positions=start.positions + rng.normal(0, 0.05, (343, 3)), step=k)
        for k in range(14)
    ]
    found = assess(mixture(3), with_energies(frames, remembering(rng, 14, 0)))
    assert found.verdict == "undecided"
    assert found.relaxation_steps is None
    assert str(found).endswith(
        "the structure was not seen to relax: 1.00 of the particles are still in place after 2 "
        "steps."
    )


def test_the_kept_time_has_to_be_six_relaxation_times():
    rng = np.random.default_rng(9)
    energies = remembering(rng, 13, 0)
    # In three dimensions |Δr| < 0.3 has probability 1/e at 0.229 per component.
    fast, slow = (
        assess(mixture(3), with_energies(walk(rng, np.full(12, step), n=1000), energies))
        for step in (0.19, 0.12)
    )
    assert (fast.verdict, slow.verdict) == ("equilibrated", "undecided")
    assert fast.relaxation_steps and slow.relaxation_steps
    assert 100 < fast.relaxation_steps < 200 < slow.relaxation_steps


def test_relaxation_is_read_off_as_an_exponential():
    assert _relaxation({10: np.exp([-0.5]), 20: np.exp([-2.0]), 30: np.exp([-9.0])}) == 10
    assert _relaxation({10: np.exp([-0.25]), 20: np.exp([-0.5])}) == pytest.approx(40)
    assert _relaxation({10: np.array([0.0])}) == 0
    assert _relaxation({10: np.array([0.9, 0.8])}) is None


def brute_force_overlap(start, end, a, cage):
    moved = end.unwrapped - start.unwrapped
    stayed = []
    for i in np.flatnonzero(start.types == 0):
        if cage is None:
            own = moved[i] - moved.mean(axis=0)
        else:
            apart = start.minimum_image(start.positions - start.positions[i])
            near = [j for j in range(len(start)) if j != i and np.linalg.norm(apart[j]) < cage]
            own = moved[i] - (np.mean(moved[near], axis=0) if near else 0)
        stayed.append(np.sqrt(np.sum(own**2)) < a)
    return np.mean(stayed)


@DIMENSIONS
def test_overlaps_equal_brute_force(dimension):
    frames = walk(np.random.default_rng(10), np.full(18, 0.15), dimension)
    found = _overlaps(frames, 0.3)
    assert {lag: len(values) for lag, values in found.items()} == {1: 18, 2: 9, 3: 6}
    cage = 1.64 / np.sqrt(1.2) if dimension == 2 else None
    for lag in (1, 3):
        for window in (0, 4):
            start, end = frames[window * lag], frames[(window + 1) * lag]
            expected = brute_force_overlap(start, end, 0.3, cage)
            assert found[lag][window] == pytest.approx(expected)
            assert 0 < expected < 1


@DIMENSIONS
@settings(max_examples=20, deadline=None)
@given(drift=st.floats(-2, 2), seed=st.integers(0, 100))
def test_neither_a_flow_nor_the_order_of_particles_matters(dimension, drift, seed):
    rng = np.random.default_rng(seed)
    frames = walk(rng, np.full(7, 0.1), dimension)
    energies = rng.normal(size=8)
    order = rng.permutation(len(frames[0]))
    changed = [
        frame.replace(
            positions=(frame.unwrapped + drift * k)[order],
            types=frame.types[order],
            images=np.zeros_like(frame.images),
        )
        for k, frame in enumerate(frames)
    ]
    found, again = (
        assess(mixture(dimension), with_energies(given_, energies)) for given_ in (frames, changed)
    )
    assert again.verdict == found.verdict
    assert again.overlap.change == pytest.approx(found.overlap.change, abs=0.01)


@DIMENSIONS
def test_energies_are_those_of_the_potentials_unless_the_frames_carry_them(dimension):
    rng = np.random.default_rng(11)
    frames = walk(rng, np.full(8, 0.02), dimension)
    system = mixture(dimension)
    carried = [frame.with_fields(potential_energy=system.energies(frame)) for frame in frames]
    assert assess(system, frames) == assess(system, carried)
    other = with_energies(frames, rng.normal(size=9))
    assert assess(system, other).energy != assess(system, frames).energy


def test_many_frames_are_thinned_but_all_known_energies_count():
    rng = np.random.default_rng(12)
    frames = walk(rng, np.full(130, 0.1), n=64, interval=10)
    energies = np.zeros(131)
    energies[1] = 1.0
    found = assess(mixture(3), with_energies(frames, energies))
    assert found.n_frames == 131
    assert found.energy.change != 0
    # Every tenth frame is looked at, so a window is a multiple of 100 steps long.
    assert found.lag_steps == 100


def test_without_image_flags_only_the_energy_is_judged():
    rng = np.random.default_rng(13)
    frames = [frame.replace(images=None) for frame in walk(rng, np.full(13, 0.3))]
    found = assess(mixture(3), with_energies(frames, remembering(rng, 14, 0)))
    assert found.verdict == "undecided"
    assert found.overlap is None
    assert "without image flags" in str(found)
    drifting = assess(mixture(3), with_energies(frames, np.arange(14) + rng.normal(size=14)))
    assert drifting.verdict == "not equilibrated"


def test_at_unequal_intervals_only_the_energy_is_judged():
    rng = np.random.default_rng(14)
    frames = [frame.replace(step=2**k) for k, frame in enumerate(walk(rng, np.full(13, 0.3), n=64))]
    found = assess(mixture(3), with_energies(frames, remembering(rng, 14, 0)))
    assert (found.verdict, found.overlap) == ("undecided", None)
    assert "unequal intervals" in str(found)
    # Ageing is a line in the logarithm of time.
    ageing = assess(mixture(3), with_energies(frames, -np.arange(14) + rng.normal(size=14)))
    assert ageing.verdict == "not equilibrated"


@pytest.mark.parametrize("n", [1, 6])
def test_few_frames_decide_nothing(n):
    frames = walk(np.random.default_rng(0), np.full(n, 0.1), n=64)[:n]
    found = assess(mixture(3), with_energies(frames, np.arange(n)))
    assert found.verdict == "undecided"
    assert str(found) == (f"undecided: {n} frames are too few to see a trend, which needs 7.")


def test_it_becomes_plain_metadata():
    frames = walk(np.random.default_rng(0), np.full(7, 0.1))
    for found in (assess(mixture(3), frames), assess(mixture(3), frames[:3])):
        stored = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert stored == found.to_dict()
        assert stored["verdict"] == found.verdict


def test_a_hot_liquid_is_equilibrated_and_a_fresh_quench_is_not(tmp_path):
    engine = ENGINES.create("lammps")
    kept = {"n_particles": 256, "n_frames": 14, "hold_steps": 0}
    hot = short_protocol(kT=2.0, melt_steps=3000, frame_interval=400, cooling_rate=None, **kept)
    quenched = hot.replace(kT=0.3, frame_interval=100)
    found = [
        assess(mixture(2), engine.run(mixture(2), protocol, tmp_path / f"run-{k}.gsd"))
        for k, protocol in enumerate((hot, quenched))
    ]
    assert [one.verdict for one in found] == ["equilibrated", "not equilibrated"]
    assert found[1].energy.change < -0.1


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda frames: frames[::-1], {}, "steps of the frames do not increase"),
        (lambda frames: [*frames[:-1], frames[-1].replace(step=0)], {}, "do not increase"),
        (
            lambda frames: [*frames[:-1], example_snapshot(3, 64).replace(step=10_000)],
            {},
            "number of particles differs",
        ),
        (lambda frames: frames, {"a": 0}, "overlap distance a is 0"),
        (lambda frames: frames, {"a": float("nan")}, "overlap distance a is nan"),
    ],
)
def test_bad_input_is_refused(change, options, message):
    frames = walk(np.random.default_rng(0), np.full(7, 0.1))
    with pytest.raises(InputError, match=message):
        assess(mixture(3), change(frames), **options)


def test_a_trajectory_will_do_and_another_dimension_will_not():
    frames = Trajectory(walk(np.random.default_rng(0), np.full(7, 0.1)))
    assert assess(mixture(3), frames).n_frames == 8
    with pytest.raises(InputError, match="3D snapshot"):
        assess(mixture(2), frames)
