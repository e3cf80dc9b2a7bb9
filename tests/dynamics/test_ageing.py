import numpy as np
import pytest

from gnnglass.compare import split_half
from gnnglass.dynamics import (
    Ageing,
    BondBreaking,
    IsoconfigurationalEnsemble,
    SelfOverlap,
    TimeCorrelations,
    annotate,
    waiting_configurations,
)
from gnnglass.errors import InputError, NotComputedError
from gnnglass.simulate import ENGINES, AgeingProtocol, IsoconfigurationalProtocol
from gnnglass.systems import glass_former
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Trajectory, read

TIMES = np.array([1.0, 10.0, 100.0])
MEASURES = {
    "correlations": TimeCorrelations(q=5.0, a=0.4),
    "bonds": BondBreaking(1.3, 1.6),
    "overlap": SelfOverlap(a=0.4, neighbors={"r_max": 1.3}),
}


def ageing_ensemble(waited, n_clones=4):
    """Particles that jump by Gaussian steps, the rarer the longer they have waited."""
    initial = example_snapshot(2, 400)
    rng = np.random.default_rng(int(waited))
    jumps = rng.poisson(0.3 * TIMES[:, None, None] / (waited + TIMES[:, None, None]), (3, 400, 1))
    moved = rng.normal(0, 1, (n_clones, 3, 400, 2)) * np.sqrt(jumps + 0.003)
    return IsoconfigurationalEnsemble(initial, moved, TIMES)


def test_every_waiting_time_has_what_its_ensemble_says_alone():
    ensembles = {waited: ageing_ensemble(waited) for waited in (1000.0, 0.0, 10.0)}
    ageing = Ageing(**MEASURES, time=10.0).compute(ensembles)
    assert list(ageing.snapshots) == [0.0, 10.0, 1000.0]
    frame, summary = ageing.to_frame(), ageing.summary()
    assert frame["waiting_time"].unique().tolist() == [0.0, 10.0, 1000.0]
    for waited, ensemble in ensembles.items():
        alone = annotate(
            ensemble, time=10.0, bonds=MEASURES["bonds"], overlap=MEASURES["overlap"], halves=True
        )
        fields = ageing.snapshots[waited].fields
        assert set(fields) == set(alone.fields)
        for name, values in alone.fields.items():
            np.testing.assert_array_equal(fields[name], values)
        for relative in (False, True):
            curves = TimeCorrelations(q=5.0, a=0.4, cage_relative=relative).compute(ensemble)
            rows = frame[(frame["waiting_time"] == waited) & (frame["cage_relative"] == relative)]
            expected = curves.to_frame()
            np.testing.assert_array_equal(rows[expected.columns], expected)
        (row,) = summary[(summary["waiting_time"] == waited) & (summary["species"] == "B")].to_dict(
            "records"
        )
        own = alone.of_type("B")
        assert row["propensity"] == pytest.approx(alone.field("propensity")[own].mean())
        assert row["tau_overlap"] == np.median(alone.field("tau_overlap")[own])
        assert row["tau_bond_censored"] == alone.field("tau_bond_censored")[own].mean()


def test_older_glasses_are_seen_to_be_slower():
    ensembles = {waited: ageing_ensemble(waited) for waited in (1.0, 30.0, 1000.0)}
    ageing = Ageing(**MEASURES).compute(ensembles)
    slower = ageing.summary().query("species == 'A'")
    assert slower["propensity"].is_monotonic_decreasing
    assert slower["tau_overlap_censored"].is_monotonic_increasing
    last = ageing.to_frame().query("species == 'A' and time == 100 and not cage_relative")
    assert last["msd"].is_monotonic_decreasing and last["overlap"].is_monotonic_increasing


def test_noise_ceiling_of_a_propensity_with_planted_reliability():
    """Distances 20 + signal + noise, 8 clones: σ² of the signal 1, of each clone's noise 4."""
    rng = np.random.default_rng(0)
    n, n_clones = 10_000, 8
    initial = example_snapshot(2, n)
    distance = 20 + rng.normal(size=n) + 2 * rng.normal(size=(n_clones, 1, n))
    moved = np.stack([distance, np.zeros_like(distance)], axis=-1)
    ensemble = IsoconfigurationalEnsemble(initial, moved, TIMES[:1])
    fields = Ageing(**MEASURES).compute({5.0: ensemble}).snapshots[5.0].fields
    ceiling = split_half(fields["propensity_half_1"], fields["propensity_half_2"])
    reliability = 1 / (1 + 4 / n_clones)
    assert ceiling.reliability == pytest.approx(reliability, abs=0.02)
    assert ceiling.ceiling == pytest.approx(np.sqrt(reliability), abs=0.02)
    np.testing.assert_allclose(fields["propensity"], distance.mean(axis=(0, 1)))


def test_two_clones_have_no_halves():
    ageing = Ageing(**MEASURES).compute({1.0: ageing_ensemble(1.0, n_clones=2)})
    assert not [name for name in ageing.snapshots[1.0].fields if "half" in name]


def test_from_a_quench_to_the_clones_of_each_waiting_time(tmp_path):
    """The whole way on an engine: each ensemble starts from the frame at its waiting time."""
    system, engine = glass_former("kam2d"), ENGINES.create("lammps")
    protocol = AgeingProtocol(
        n_particles=144, kT=0.3, kT_melt=2.0, melt_steps=100, waiting_steps=(1, 50), seed=0
    )
    aged = engine.run(system, protocol, tmp_path / "aged.gsd")
    starts = waiting_configurations(aged)
    assert list(starts) == [0.005, 0.25]
    ensembles = {}
    for k, (waited, start) in enumerate(starts.items()):
        assert start.step == protocol.frame_steps[k]
        clones = IsoconfigurationalProtocol(kT=0.3, n_clones=2, lag_steps=(10, 40), seed=k)
        out = engine.isoconfigurational(system, start, clones, tmp_path / f"{k}.gsd")
        ensembles[waited] = IsoconfigurationalEnsemble.from_trajectory(read(out))
    ageing = Ageing().compute(ensembles)
    for waited, snapshot in ageing.snapshots.items():
        np.testing.assert_array_equal(snapshot.positions, starts[waited].positions)
        assert np.all(snapshot.field("propensity") > 0)
    assert ageing.to_frame()["time"].unique().tolist() == [0.05, 0.2]


def test_order_of_calls_repr_and_plot():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    ageing = Ageing(**MEASURES)
    for ask in (lambda: ageing.snapshots, ageing.to_frame, ageing.summary, ageing.plot):
        with pytest.raises(NotComputedError, match="call compute first"):
            ask()
    ensembles = {waited: ageing_ensemble(waited) for waited in (3.0, 30.0)}
    assert ageing.compute(ensembles) is ageing
    again = eval(repr(ageing)).compute(ensembles)
    assert again.to_frame().equals(ageing.to_frame())
    figure, ax = pyplot.subplots()
    assert ageing.plot(ax, curve="msd", species="B", cage_relative=True) is ax
    shown = np.concatenate([line.get_ydata() for line in ax.lines])
    expected = ageing.to_frame().query("species == 'B' and cage_relative")["msd"]
    np.testing.assert_array_equal(shown, expected)
    pyplot.close(figure)
    with pytest.raises(InputError, match=r"no curve 'msd' of species 'C'; .* of A, B"):
        ageing.plot(curve="msd", species="C")


@pytest.mark.parametrize(
    ("ensembles", "message"),
    [
        ({}, "no waiting time; expected an ensemble"),
        ({-1.0: ageing_ensemble(1.0)}, "waiting time is -1; expected the time since"),
        ({np.nan: ageing_ensemble(1.0)}, "waiting time is nan; expected the time since"),
    ],
)
def test_what_has_not_waited_is_refused(ensembles, message):
    with pytest.raises(InputError, match=message):
        Ageing(**MEASURES).compute(ensembles)


def test_a_lag_beyond_the_data_is_refused():
    with pytest.raises(InputError, match="no lag t = 1000 in this ensemble; it has 1, 10, 100"):
        Ageing(**MEASURES, time=1000.0).compute({1.0: ageing_ensemble(1.0)})


def aged(steps, waiting_steps=(1, 10, 100), **metadata):
    frames = [example_snapshot(2).replace(step=step) for step in steps]
    return Trajectory(frames, {"dt": 0.5, "protocol": {"waiting_steps": waiting_steps}, **metadata})


def test_waiting_times_of_a_run():
    configurations = waiting_configurations(aged((41, 50, 140)))
    assert {waited: one.step for waited, one in configurations.items()} == {
        0.5: 41,
        5.0: 50,
        50.0: 140,
    }


@pytest.mark.parametrize(
    ("trajectory", "message"),
    [
        (aged((41, 50, 140), protocol={"kT": 1}), "not of an ageing run"),
        (aged((41, 50, 140), protocol=None), "not of an ageing run"),
        (aged((41, 50)), "frames at steps 41, 50, which are not as far apart"),
        (aged((41, 51, 140)), "not as far apart as its waiting steps 1, 10, 100"),
        (aged((50, 41, 140)), "step 41 comes after step 50"),
        (aged((41, 50, 140), dt=None), "time per step is unknown"),
    ],
)
def test_runs_that_did_not_age_are_refused(trajectory, message):
    with pytest.raises(InputError, match=message):
        waiting_configurations(trajectory)
