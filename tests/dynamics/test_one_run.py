from __future__ import annotations

import numpy as np
import pytest
from scipy.special import j0

from gnnglass.dynamics import (
    BondBreaking,
    RunRelaxation,
    SelfOverlap,
    TimeCorrelations,
    TimeOrigins,
    lags_within,
)
from gnnglass.errors import InputError, NotComputedError
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot, Trajectory

DT = 0.1


def run_of(paths, types, box, steps=None, **facts):
    """A run whose particles follow unwrapped paths, shape [n_frames, n, d]."""
    zeros = np.zeros(paths.shape[1:])
    frames = [
        Snapshot(box, path, types, ("A", "B"), images=zeros, step=step)
        for path, step in zip(paths, steps or range(len(paths)), strict=True)
    ]
    return Trajectory(frames, {"dt": DT, **facts})


def overlap_alone(**options):
    return RunRelaxation(TimeCorrelations(**options), None, SelfOverlap(0.3, cage_relative=False))


def test_ballistic_particles_give_the_closed_forms_at_every_origin():
    """Fast A, resting B: r = r₀ + v t through the box, so MSD = v² t² and F_s = J₀(q v t)."""
    rng = np.random.default_rng(0)
    n, speed, q = 100, 0.7, 3.0
    types = np.repeat([0, 1], n // 2)
    angle = rng.uniform(0, 2 * np.pi, n)
    velocity = speed * np.stack([np.cos(angle), np.sin(angle)], axis=1) * (types == 0)[:, None]
    start = rng.uniform(-5, 5, (n, 2))
    times = DT * np.arange(41)
    run = run_of(start + times[:, None, None] * velocity, types, [10.0, 10.0])
    origins = TimeOrigins(run, lags_within(run))
    found = overlap_alone(q=q).compute(origins)
    curves = found.to_frame().query("not cage_relative")
    fast, resting = (curves[curves["species"] == name] for name in "AB")
    t = fast["time"].to_numpy()
    assert (t[0], t[-1]) == pytest.approx((0.1, 2.0))
    np.testing.assert_allclose(fast["msd"], (speed * t) ** 2)
    np.testing.assert_allclose(fast["self_scattering"], j0(q * speed * t), atol=1e-9)
    np.testing.assert_array_equal(fast["overlap"], speed * t < 0.3)
    np.testing.assert_allclose(resting[["msd", "self_scattering", "overlap"]], [[0, 1, 1]] * len(t))
    np.testing.assert_allclose(curves["chi4"], 0, atol=1e-9)
    # |Δr| passes 0.3 between two lags: 1 before, 0 after, and 1/e where ln t is interpolated to.
    after = np.argmax(speed * t >= 0.3)
    tau = t[after - 1] * (t[after] / t[after - 1]) ** (1 - np.exp(-1))
    assert len(found.annotated) == origins.n_origins == 21
    for k, frame in enumerate(found.annotated):
        assert frame.step == k
        np.testing.assert_allclose(frame.field("tau_overlap"), np.where(types == 0, tau, t[-1]))
        np.testing.assert_array_equal(frame.field("tau_overlap_censored"), types)
    a, b = found.local_times().to_dict("records")
    assert (a["species"], a["censored"], a["median"]) == ("A", 0, pytest.approx(tau))
    assert (b["species"], b["censored"], b["median"]) == ("B", 1, pytest.approx(2.0))
    times_of = found.relaxation_times().query("not cage_relative").set_index("species")
    expected = np.interp(np.exp(-1), j0(q * speed * t[:9])[::-1], t[:9][::-1])
    assert times_of.loc["A", "tau_self_scattering"] == pytest.approx(expected, rel=0.02)
    assert times_of.loc["A", "tau_overlap"] == pytest.approx(tau)
    assert times_of.loc["B", "tau_overlap_censored"] == 1


@pytest.mark.parametrize("dimension", [2, 3])
def test_walkers_give_the_closed_forms(dimension):
    """Independent Gaussian steps of variance 2 D dt along each axis."""
    diffusion, q, n, n_frames = 0.04, 2.0, 500, 200
    rng = np.random.default_rng(dimension)
    steps = rng.normal(0, np.sqrt(2 * diffusion * DT), (n_frames, n, dimension))
    paths = rng.uniform(-4, 4, (n, dimension)) + np.cumsum(steps, axis=0)
    run = run_of(paths, np.zeros(n, int), [8.0] * dimension)
    origins = TimeOrigins(run, lags_within(run, 8, last=50)).thinned(40)
    found = overlap_alone(q=q, neighbors={"r_max": 0.01}).compute(origins)
    curves = found.to_frame()
    t = DT * np.array(origins.lag_steps)
    for _, rows in curves.groupby("cage_relative"):
        # Hardly anybody has a cage of this size, so that both are the same.
        np.testing.assert_allclose(rows["msd"], 2 * dimension * diffusion * t, rtol=0.05)
        np.testing.assert_allclose(
            rows["self_scattering"], np.exp(-(q**2) * diffusion * t), atol=0.02
        )
    (tau,) = found.relaxation_times().query("not cage_relative")["tau_self_scattering"]
    assert tau == pytest.approx(1 / (q**2 * diffusion), rel=0.1) or tau == t[-1]


def test_bonds_break_when_they_do():
    """Pairs drift apart, each at its own speed; by brute force, origin by origin."""
    rng = np.random.default_rng(1)
    n_pairs = 12
    place = 5.0 * np.stack(np.meshgrid(np.arange(4), np.arange(3)), -1).reshape(-1, 2) + 2
    apart = rng.uniform(0.8, 1.7, n_pairs)
    first = place - [10, 7.5]
    second = first + np.stack([apart, np.zeros(n_pairs)], axis=1)
    drift = np.zeros((2 * n_pairs, 2))
    drift[n_pairs:, 1] = rng.uniform(0, 0.4, n_pairs)
    times = DT * np.arange(60)
    paths = np.concatenate([first, second]) + times[:, None, None] * drift
    run = run_of(paths, np.zeros(2 * n_pairs, int), [20.0, 15.0])
    lags = (1, 3, 9, 27)
    origins = TimeOrigins(run, lags, every=8)
    found = RunRelaxation(bonds=BondBreaking(1.5, 2.0)).compute(origins)
    seen = set()
    for frame in found.annotated:
        for k in range(n_pairs):
            tau, censored = (
                frame.field(name)[[k, k + n_pairs]] for name in ("tau_bond", "tau_bond_censored")
            )
            distance = np.linalg.norm(paths[:, k + n_pairs] - paths[:, k], axis=1)[frame.step :]
            if distance[0] >= 1.5:
                assert np.isnan([*tau, *censored]).all()
                seen.add("unbonded")
                continue
            broken = [lag for lag in lags if distance[lag] >= 2.0]
            seen.add("broken" if broken else "censored")
            np.testing.assert_array_equal(censored, not broken)
            at = lags.index(broken[0]) if broken else -1
            expected = DT * lags[-1]
            if broken:
                # Half-way in ln t from the last lag with the bond; from t = 0 before the first.
                expected = DT * (np.sqrt(lags[at - 1] * lags[at]) if at else lags[0] / 2)
            np.testing.assert_allclose(tau, expected)
    assert seen == {"unbonded", "broken", "censored"}
    (row,) = found.local_times().query("quantity == 'tau_bond'").to_dict("records")
    every = np.concatenate([frame.field("tau_bond") for frame in found.annotated])
    assert row["without"] == pytest.approx(np.isnan(every).mean())
    assert row["median"] == pytest.approx(np.nanmedian(every))


def shaken(n_frames=12, seed=0, **facts):
    rng = np.random.default_rng(seed)
    start = example_snapshot(2, 100, seed=seed)
    paths = start.positions + np.cumsum(rng.normal(0, 0.08, (n_frames, 100, 2)), axis=0)
    return run_of(paths, start.types, start.box, **facts)


def test_curves_are_those_of_both_kinds_of_displacement_and_progress_is_told():
    run, told = shaken(system="kam2d"), []
    origins = TimeOrigins(run, (1, 2, 4))
    found = RunRelaxation(TimeCorrelations(3.0, 0.2)).compute(
        origins, progress=lambda *args: told.append(args)
    )
    for relative in (False, True):
        expected = TimeCorrelations(3.0, 0.2, relative).compute(origins).to_frame()
        rows = found.to_frame().query(f"cage_relative == {relative}")
        assert (
            rows.drop(columns="cage_relative").to_numpy().tolist() == expected.to_numpy().tolist()
        )
    assert told == [(k, 3 * origins.n_origins) for k in range(1, 3 * origins.n_origins + 1)]
    assert {"tau_bond", "tau_overlap"} <= set(found.annotated[0].fields)
    assert "8 time origins" in found.sentence()


def test_it_is_drawn_and_asked_in_order():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    found = RunRelaxation(bonds=None)
    for ask in (found.to_frame, found.plot, found.sentence, found.local_times):
        with pytest.raises(NotComputedError, match="call compute first"):
            ask()
    found.compute(TimeOrigins(shaken(), (1, 2, 4)))
    figure, ax = pyplot.subplots()
    found.plot(ax, curve="msd")
    assert [line.get_label() for line in ax.lines] == [
        "A", "A, cage-relative", "B", "B, cage-relative",
    ]  # fmt: skip
    np.testing.assert_array_equal(
        np.concatenate([line.get_ydata() for line in ax.lines[::2]]),
        found.to_frame().query("not cage_relative")["msd"],
    )
    pyplot.close(figure)
    with pytest.raises(InputError, match="no curve 'chi2'"):
        found.plot(curve="chi2")


@pytest.mark.parametrize(
    ("facts", "said"),
    [({"level": "inherent"}, "holds inherent structures"), ({"isoconfigurational": {}}, "clones")],
)
def test_what_is_no_run_of_particles_is_refused(facts, said):
    with pytest.raises(InputError, match=said):
        RunRelaxation(bonds=None).compute(TimeOrigins(shaken(**facts), (1, 2)))


def test_lags_are_spread_and_kept_by_frames():
    even = shaken(1001 // 10, seed=2)
    lags = lags_within(even, 10)
    assert lags[0] == 1 and lags[-1] == 49 and len(lags) <= 10
    ratios = np.diff(np.log(lags))
    assert ratios[4:].max() < 1.5 * ratios[4:].min()
    assert lags_within(even, 1000) == tuple(range(1, 50))
    assert lags_within(even, 1) == (49,)
    assert lags_within(even, 3, last=99 - 1)[-1] == 98
    cycle = [0, 1, 2, 4, 8, 16, 17, 18, 20, 24, 32, 33, 34, 36, 40, 48]
    run = run_of(np.zeros((16, 3, 2)), [0, 0, 1], [4.0, 4.0], cycle)
    lags = lags_within(run)
    assert set(lags) <= {step for step in cycle if 0 < step <= 24} and lags[-1] == 24
    assert TimeOrigins(run, lags).n_origins == 2
    two = run_of(np.zeros((2, 3, 2)), [0, 0, 1], [4.0, 4.0], [0, 100])
    assert lags_within(two) == (100,)
    for wrong, said in (
        (lambda: lags_within(two, last=99), "the last lag is 99; frames follow .* 100 to 100"),
        (lambda: lags_within(even, last=10**6), "the last lag is 1000000"),
        (lambda: lags_within(even, 0), "n_lags is 0"),
        (lambda: lags_within(even[:1]), "a single frame"),
        (lambda: TimeOrigins(even, (1,)).thinned(0), "n_origins is 0"),
    ):
        with pytest.raises(InputError, match=said):
            wrong()


@pytest.mark.parametrize("n", [1, 3, 7, 50])
def test_thinned_origins_are_every_nth(n):
    run = shaken(40)
    whole = TimeOrigins(run, (1, 4))
    fewer = whole.thinned(n)
    assert fewer.n_origins <= n and whole.n_origins == 36
    again = TimeOrigins(run, (1, 4), every=fewer.every)
    assert [start.step for start, _ in fewer.windows()] == [s.step for s, _ in again.windows()]
