import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from gnnglass.dynamics import (
    BondBreaking,
    IsoconfigurationalEnsemble,
    SelfOverlap,
    annotate,
    first_crossing,
)
from gnnglass.errors import InputError, NotComputedError
from gnnglass.simulate import ENGINES, Protocol
from gnnglass.systems import GLASS_FORMERS
from gnnglass.testing import example_of, example_snapshot
from gnnglass.trajectories import Snapshot


def random_ensemble(seed, dimension=2, n_clones=4, scale=(0.1, 0.4, 0.8)):
    n = {2: 100, 3: 216}[dimension]
    initial = example_snapshot(dimension, n, seed=seed)
    rng = np.random.default_rng(seed)
    moved = rng.normal(size=(n_clones, len(scale), n, dimension))
    moved *= np.array(scale)[:, None, None]
    return IsoconfigurationalEnsemble(initial, moved, 10.0 ** np.arange(len(scale)), "kam2d")


def test_crossing_is_interpolated_in_the_logarithm_of_time():
    times = [1.0, 10.0, 100.0]
    correlation = np.array(
        [
            # between lags; at a lag; before the first; never; below, back up, below
            [0.9, 0.9, 0.2, 0.9, 0.4],
            [0.7, 0.5, 0.1, 0.8, 0.6],
            [0.2, 0.1, 0.0, 0.6, 0.1],
        ]
    )
    tau, censored = first_crossing(times, correlation, 0.5)
    # 0.7 → 0.5 is 0.4 of the way 0.7 → 0.2; from C(0) = 1 the way 1 → 0.5 of 1 → 0.2 is 5/8,
    # and of 1 → 0.4 it is 5/6.
    expected = [10 * 10**0.4, 10.0, 5 / 8, 100.0, 5 / 6]
    np.testing.assert_allclose(tau, expected, rtol=1e-12)
    assert censored.tolist() == [False, False, False, True, False]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), threshold=st.floats(0.05, 0.95))
def test_times_lie_between_the_lags_of_the_crossing_and_never_above_the_bound(seed, threshold):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 5, 6))
    correlation = rng.uniform(0, 1, (6, 40))
    tau, censored = first_crossing(times, correlation, threshold)
    assert tau.max() <= times[-1] and tau.min() > 0
    for i in range(40):
        below = np.flatnonzero(correlation[:, i] <= threshold)
        assert censored[i] == (below.size == 0)
        if below.size:
            earlier = times[below[0] - 1] if below[0] else 0.0
            assert earlier <= tau[i] <= times[below[0]]
        else:
            assert tau[i] == times[-1]


def test_exponential_decay_gives_its_own_time():
    truth = np.geomspace(0.5, 200, 50)
    times = np.geomspace(0.1, 1000, 200)
    tau, censored = first_crossing(times, np.exp(-times[:, None] / truth), 1 / math.e)
    np.testing.assert_allclose(tau, truth, rtol=1e-3)
    assert not censored.any()


def hopping(truth, n_clones, times, seed=0):
    """Particles far apart; each hops by 1 at a random time of exponential law, then stays."""
    rng = np.random.default_rng(seed)
    n = len(truth)
    edge = 10.0 * n
    initial = Snapshot([edge, edge], 10.0 * np.arange(n)[:, None] * [1, 0], np.zeros(n))
    hop_times = rng.exponential(truth, (n_clones, n))
    moved = np.zeros((n_clones, len(times), n, 2))
    moved[..., 0] = hop_times[:, None] < times[:, None]
    return IsoconfigurationalEnsemble(initial, moved, times)


def test_planted_relaxation_times_are_recovered():
    truth = np.geomspace(1, 100, 20)
    ensemble = hopping(truth, 2000, np.geomspace(0.1, 1000, 40))
    overlap = SelfOverlap().compute(ensemble)
    np.testing.assert_allclose(overlap.tau, truth, rtol=0.12)
    assert abs(np.mean(np.log(overlap.tau / truth))) < 0.01
    assert overlap.censored_fraction == 0


def test_planted_bond_life_times_are_recovered():
    """Dimers whose bond breaks at a random time: C = exp(−t/τ) is 1/2 at τ ln 2."""
    truth = np.geomspace(1, 100, 20)
    alone = hopping(truth, 2000, np.geomspace(0.1, 1000, 40), seed=1)
    partner = alone.initial.positions + np.array([0, 1.0])
    initial = Snapshot(
        alone.initial.box, np.concatenate([alone.initial.positions, partner]), np.zeros(40)
    )
    moved = np.concatenate([3 * alone.displacements, np.zeros_like(alone.displacements)], axis=2)
    bonds = BondBreaking(1.45, 1.6).compute(IsoconfigurationalEnsemble(initial, moved, alone.times))
    np.testing.assert_allclose(bonds.tau[:20], truth * np.log(2), rtol=0.15)
    np.testing.assert_array_equal(bonds.tau[20:], bonds.tau[:20])


@pytest.mark.parametrize(("n_clones", "n_lags"), [(16, 60), (16, 12), (64, 12)])
def test_error_of_a_relaxation_time_is_how_much_it_varies_between_ensembles(n_clones, n_lags):
    """Particles alike, each with clones of its own: the spread of their times is the error."""
    ensemble = hopping(np.full(1000, 10.0), n_clones, np.geomspace(0.1, 1000, n_lags))
    overlap = SelfOverlap(cage_relative=False).compute(ensemble)
    assert not overlap.censored.any()
    error = overlap.tau_error / overlap.tau
    away = np.log(overlap.tau) - np.log(overlap.tau).mean()
    assert np.sqrt(np.mean(error**2)) == pytest.approx(away.std(), rel=0.2)
    # One standard error covers 68 % of a normal law.
    assert 0.6 < np.mean(np.abs(away) < error) < 0.8
    # From C(τ) = 1/e follows d ln τ = e dC, and C is a share of the clones.
    assert away.std() == pytest.approx(
        math.e * np.sqrt((1 - 1 / math.e) / math.e / n_clones), rel=0.2
    )


def test_of_a_bound_there_is_no_error_and_of_what_is_certain_there_is_none():
    truth = np.repeat([1.0, 1e6], 20)
    overlap = SelfOverlap(cage_relative=False).compute(hopping(truth, 20, np.geomspace(0.1, 99, 9)))
    np.testing.assert_array_equal(overlap.censored, truth == 1e6)
    np.testing.assert_array_equal(np.isnan(overlap.tau_error), truth == 1e6)
    assert np.all(overlap.tau_error[:20] > 0)
    initial = example_snapshot(2)
    alike = IsoconfigurationalEnsemble(initial, np.ones((3, 1, len(initial), 2)), np.array([5.0]))
    certain = SelfOverlap(cage_relative=False).compute(alike)
    assert not certain.censored.any() and not certain.tau_error.any()


def test_planted_times_with_a_third_censored():
    """Clones relax exponentially; three particles of ten take longer than the data."""
    rng = np.random.default_rng(0)
    truth = rng.permutation(np.geomspace(1, 1000, 200))
    times = np.geomspace(0.05, np.quantile(truth, 0.7), 40)
    ensemble = hopping(truth, 200, times)
    overlap = SelfOverlap(cage_relative=False).compute(ensemble)
    stayed = ensemble.displacements[:, -1, :, 0] == 0
    late = stayed.mean(axis=0) > 1 / math.e
    np.testing.assert_array_equal(overlap.censored, late)
    assert overlap.censored_fraction == late.mean() == pytest.approx(0.3, abs=0.05)
    assert spearmanr(overlap.tau[~late], truth[~late]).statistic > 0.95
    assert overlap.ranks[late].min() > overlap.ranks[~late].max()
    assert spearmanr(overlap.tau, truth).statistic > 0.95

    # Left out, the slow particles are missing from every average: the median of the others is
    # far too short, that of all is right as long as fewer than half are censored.
    assert np.median(overlap.tau) == pytest.approx(np.median(truth), rel=0.1)
    assert np.median(overlap.tau[~late]) < 0.5 * np.median(truth)
    # And a field that follows the truth seems to tell less about it than it does.
    field = np.log(truth) + rng.normal(0, 1.5, 200)
    told = spearmanr(field, truth).statistic
    kept = spearmanr(field, overlap.tau).statistic
    dropped = spearmanr(field[~late], overlap.tau[~late]).statistic
    assert abs(kept - told) < 0.03
    assert dropped < told - 0.1


def test_censored_share_is_exact_and_dropping_the_censored_would_tell_another_story():
    truth = np.geomspace(1, 10_000, 40)
    times = np.geomspace(0.1, 100, 40)
    # Every clone of a particle leaves at the same time, so that the share is known exactly.
    ensemble = hopping(truth, 2, times)
    moved = np.zeros_like(ensemble.displacements)
    moved[..., 0] = truth < times[:, None]
    relaxation = SelfOverlap().compute(IsoconfigurationalEnsemble(ensemble.initial, moved, times))
    late = truth >= 100
    np.testing.assert_array_equal(relaxation.censored, late)
    assert relaxation.censored_fraction == late.mean() == 0.5
    assert np.all(relaxation.tau[late] == 100)
    assert relaxation.tau[~late].max() <= 100
    assert np.all(relaxation.ranks[late] == (21 + 40) / 2)
    assert relaxation.ranks[~late].max() <= 20

    # A structural field that tells only whether a particle is slow, not how slow.
    field = np.where(late, 1.0, 0.0) + 0.1 * np.random.default_rng(0).normal(size=40)
    kept = spearmanr(field, relaxation.tau).statistic
    dropped = spearmanr(field[~late], relaxation.tau[~late]).statistic
    assert kept > 0.7
    assert abs(dropped) < 0.4


@pytest.mark.parametrize("dimension", [2, 3])
def test_overlap_counts_the_clones_that_stayed(dimension):
    ensemble = random_ensemble(0, dimension)
    plain = SelfOverlap(a=0.5, cage_relative=False).compute(ensemble)
    expected = (np.linalg.norm(ensemble.displacements, axis=-1) < 0.5).mean(axis=0)
    np.testing.assert_allclose(plain.correlation, expected)
    drift = ensemble.displacements + 7.0
    drifting = IsoconfigurationalEnsemble(ensemble.initial, drift, ensemble.times)
    relative = SelfOverlap(a=0.5)
    before = relative.compute(ensemble).correlation
    np.testing.assert_allclose(relative.compute(drifting).correlation, before)
    assert not SelfOverlap(a=0.5, cage_relative=False).compute(drifting).correlation.any()


@pytest.mark.parametrize("dimension", [2, 3])
def test_bond_breaking_equals_the_definition(dimension):
    ensemble = random_ensemble(1, dimension)
    initial, moved = ensemble.initial, ensemble.displacements
    near = {("A", "A"): 1.3, ("A", "B"): 1.2, ("B", "B"): 1.1}
    far = {("A", "A"): 1.6, ("B", "A"): 1.4, ("B", "B"): 1.3}
    bonds = BondBreaking(near, far).compute(ensemble)
    expected = np.zeros_like(bonds.correlation)
    for i in range(len(initial)):
        vectors = initial.minimum_image(initial.positions - initial.positions[i])
        partners = []
        for j in range(len(initial)):
            a, b = sorted("AB"[initial.types[k]] for k in (i, j))
            if j != i and np.linalg.norm(vectors[j]) < near[a, b]:
                partners.append((j, {**far, ("A", "B"): 1.4}[a, b]))
        for j, reach in partners:
            apart = vectors[j] + moved[:, :, j] - moved[:, :, i]
            whole = np.linalg.norm(apart, axis=-1) < reach
            expected[:, i] += whole.mean(axis=0) / len(partners)
    np.testing.assert_allclose(bonds.correlation, expected, atol=1e-12)
    assert 0.2 < expected.mean() < 0.9


def test_one_cutoff_for_all_pairs_is_the_same_as_one_for_each():
    ensemble = random_ensemble(2)
    each = {("A", "A"): 1.3, ("A", "B"): 1.3, ("B", "B"): 1.3}
    one, three = BondBreaking(1.3, 1.6), BondBreaking(each, 1.6)
    np.testing.assert_array_equal(
        one.compute(ensemble).correlation, three.compute(ensemble).correlation
    )


def test_a_partner_that_has_gone_round_the_box_has_not_come_back():
    initial = Snapshot([10, 10], [[0, 0], [1, 0]], [0, 0])
    moved = np.zeros((2, 2, 2, 2))
    moved[:, :, 1, 0] = [[4.0, 10.0]]
    ensemble = IsoconfigurationalEnsemble(initial, moved, np.array([1.0, 2.0]))
    bonds = BondBreaking(1.45, 1.6).compute(ensemble)
    assert not bonds.correlation.any()


def test_a_particle_without_bonds_has_no_time_at_which_they_break():
    initial = Snapshot([20, 20], [[0, 0], [5, 0], [5, 1]], [0, 0, 0])
    still = np.zeros((2, 2, 3, 2))
    ensemble = IsoconfigurationalEnsemble(initial, still, np.array([2.0, 4.0]), "kam2d")
    bonds = BondBreaking().compute(ensemble)
    np.testing.assert_array_equal(bonds.correlation, [[np.nan, 1, 1], [np.nan, 1, 1]])
    np.testing.assert_array_equal(bonds.tau, [np.nan, 4.0, 4.0])
    np.testing.assert_array_equal(bonds.ranks, [np.nan, 1.5, 1.5])
    assert bonds.censored.tolist() == [False, True, True]
    assert bonds.unbonded.tolist() == [True, False, False]
    assert bonds.censored_fraction == 1
    marked = annotate(ensemble)
    assert np.isnan(marked.field("tau_bond")).tolist() == [True, False, False]
    np.testing.assert_array_equal(marked.field("tau_bond_censored"), [np.nan, 1, 1])


def bonded_pairs(system, snapshot, factor):
    """Pairs closer than so many σ_ab, one by one over all pairs and images."""
    found = {}
    for i, j in combinations(range(len(snapshot)), 2):
        apart = snapshot.minimum_image(snapshot.positions[j] - snapshot.positions[i])
        pair = tuple(sorted(snapshot.type_names[snapshot.types[k]] for k in (i, j)))
        if np.linalg.norm(apart) < factor * system.potentials[pair].sigma:
            found[i, j] = apart
    return found


@pytest.mark.parametrize("name", GLASS_FORMERS.names())
def test_bond_times_of_every_mixture_are_those_of_its_diameters(name):
    """1.4 σ_ab to be a bond and 1.8 σ_ab to break one, against the double sum."""
    system = GLASS_FORMERS.create(name)
    initial = example_of(system)
    n, d = initial.positions.shape
    rng = np.random.default_rng(1)
    moved = np.cumsum(rng.normal(scale=0.15, size=(2, 5, n, d)), axis=1)
    times = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    found = BondBreaking().compute(IsoconfigurationalEnsemble(initial, moved, times, name))
    total, left = np.zeros(n), np.zeros((5, n))
    for (i, j), apart in bonded_pairs(system, initial, 1.4).items():
        pair = tuple(sorted(initial.type_names[initial.types[k]] for k in (i, j)))
        now = np.linalg.norm(apart + moved[:, :, j] - moved[:, :, i], axis=-1)
        whole = (now < 1.8 * system.potentials[pair].sigma).mean(axis=0)
        for k in (i, j):
            total[k] += 1
            left[:, k] += whole
    bonded = total > 0
    np.testing.assert_array_equal(found.unbonded, ~bonded)
    np.testing.assert_allclose(found.correlation[:, bonded], (left / total)[:, bonded])
    expected, censored = first_crossing(times, (left / total)[:, bonded], 0.5)
    np.testing.assert_allclose(found.tau[bonded], expected)
    np.testing.assert_array_equal(found.censored[bonded], censored)
    assert bonded.all()


@pytest.mark.validate
@pytest.mark.parametrize("name", GLASS_FORMERS.names())
def test_no_particle_of_a_liquid_is_without_bonds(name, tmp_path):
    system = GLASS_FORMERS.create(name)
    kT = {"abm2d": 3.0, "ipl2d": 0.36, "ipl3d": 0.3, "harmonic3d": 4e-3}.get(name, 0.7)
    protocol = Protocol(
        n_particles=1000, kT=kT, kT_melt=3 * kT, dt=0.002, seed=1, melt_steps=5000,
        hold_steps=10_000, cooling_rate=kT / 5, n_frames=5, frame_interval=1000,
    )  # fmt: skip
    for frame in ENGINES.create("lammps").run(system, protocol, tmp_path / "run.gsd"):
        still = np.zeros((2, 1, *frame.positions.shape))
        ensemble = IsoconfigurationalEnsemble(frame, still, np.array([1.0]), name)
        assert not BondBreaking().compute(ensemble).unbonded.any()


def test_cutoffs_of_pairs_may_be_named_as_in_a_study_file():
    initial = random_ensemble(0).initial
    named = BondBreaking({"A-A": 1.3, "B-A": 1.2, "B-B": 1.1}, 1.8).cutoffs(initial)
    keyed = {("A", "A"): 1.3, ("A", "B"): 1.2, ("B", "B"): 1.1}
    for one, other in zip(named, BondBreaking(keyed, 1.8).cutoffs(initial), strict=True):
        np.testing.assert_array_equal(one, other)


def test_bonds_of_an_unknown_mixture_are_refused():
    ensemble = replace(random_ensemble(0), system=None)
    with pytest.raises(InputError, match=r"r_bond follows from .* does not name its glass former"):
        BondBreaking().compute(ensemble)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), shift=st.lists(st.floats(-30, 30), min_size=2, max_size=2))
def test_translation_changes_nothing_and_relabelling_permutes(seed, shift):
    ensemble = random_ensemble(seed)
    initial, moved, times = ensemble.initial, ensemble.displacements, ensemble.times
    translated = initial.replace(positions=initial.positions + np.array(shift))
    order = np.random.default_rng(seed).permutation(len(initial))
    other = initial.replace(positions=initial.positions[order], types=initial.types[order])
    for relaxation in (BondBreaking(1.31, 1.62), SelfOverlap(a=0.5)):
        before = relaxation.compute(ensemble).correlation
        after = relaxation.compute(IsoconfigurationalEnsemble(translated, moved, times))
        np.testing.assert_allclose(after.correlation, before, atol=1e-12)
        after = relaxation.compute(IsoconfigurationalEnsemble(other, moved[:, :, order], times))
        np.testing.assert_allclose(after.correlation, before[:, order], atol=1e-12)


def test_annotate_adds_all_fields_of_the_contract():
    ensemble = random_ensemble(3)
    overlap = SelfOverlap(a=0.6, neighbors={"r_max": 1.3})
    snapshot = annotate(ensemble, time=10.0, bonds=BondBreaking(1.3, 1.6), overlap=overlap)
    assert set(snapshot.fields) == {
        "propensity",
        "propensity_cage_relative",
        "tau_bond",
        "tau_bond_censored",
        "tau_bond_error",
        "tau_overlap",
        "tau_overlap_censored",
        "tau_overlap_error",
    }
    lengths = np.linalg.norm(ensemble.displacements[:, 1], axis=-1).mean(axis=0)
    np.testing.assert_allclose(snapshot.field("propensity"), lengths)
    np.testing.assert_array_equal(snapshot.field("tau_overlap"), overlap.tau)
    np.testing.assert_array_equal(snapshot.field("tau_overlap_censored"), overlap.censored)
    last = annotate(ensemble).field("propensity")
    np.testing.assert_allclose(
        last, np.linalg.norm(ensemble.displacements[:, 2], axis=-1).mean(axis=0)
    )
    np.testing.assert_array_equal(snapshot.field("tau_overlap_error"), overlap.tau_error)
    with pytest.raises(InputError, match="no lag t = 3"):
        annotate(ensemble, time=3.0)


def test_halves_are_what_even_and_odd_clones_say_alone():
    ensemble = random_ensemble(3)
    overlap = SelfOverlap(a=0.6, neighbors={"r_max": 1.3})
    options = {"time": 10.0, "bonds": BondBreaking(1.3, 1.6), "overlap": overlap}
    both = annotate(ensemble, halves=True, **options)
    alone = annotate(ensemble, **options)
    np.testing.assert_array_equal(both.field("tau_overlap"), alone.field("tau_overlap"))
    assert set(both.fields) - set(alone.fields) == {
        f"{name}_half_{number}"
        for name in ("propensity", "propensity_cage_relative", "tau_bond", "tau_overlap")
        for number in (1, 2)
    }
    for number, half in enumerate(ensemble.halves(), start=1):
        one = annotate(half, **options)
        for name in ("propensity", "propensity_cage_relative", "tau_bond", "tau_overlap"):
            np.testing.assert_array_equal(both.field(f"{name}_half_{number}"), one.field(name))
    # Propensity is a mean, so that of the whole is the mean of those of equal halves.
    halves = both.field("propensity_half_1") + both.field("propensity_half_2")
    np.testing.assert_allclose(halves / 2, both.field("propensity"))
    with pytest.raises(InputError, match="2 clones cannot be halved"):
        annotate(ensemble.halves()[0], halves=True)


@pytest.mark.parametrize("relaxation", [BondBreaking(1.3, 1.6), SelfOverlap()])
def test_order_of_calls_repr_and_plot(relaxation):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    for name in ("tau", "censored", "censored_fraction", "correlation", "times", "ranks"):
        with pytest.raises(NotComputedError, match="call compute first"):
            getattr(relaxation, name)
    ensemble = random_ensemble(0)
    assert relaxation.compute(ensemble) is relaxation
    again = eval(repr(relaxation)).compute(ensemble)
    np.testing.assert_array_equal(again.tau, relaxation.tau)
    np.testing.assert_array_equal(relaxation.times, ensemble.times)
    figure, ax = pyplot.subplots()
    assert relaxation.plot(ax) is ax
    shown = np.sort(ax.collections[-1].get_array())
    np.testing.assert_allclose(shown, np.sort(np.log10(relaxation.tau)))
    pyplot.close(figure)


@pytest.mark.parametrize(
    ("relaxation", "message"),
    [
        (SelfOverlap(a=0.0), "overlap distance a is 0; expected a positive length"),
        (SelfOverlap(threshold=1.0), "threshold is 1; expected a number between 0 and 1"),
        (SelfOverlap(neighbors={"k": 6}), "expected a cutoff, such as"),
        (BondBreaking(threshold=0.0), "threshold is 0; expected"),
        (BondBreaking(1.5, 1.2), "r_break 1.2 is shorter than r_bond 1.5"),
        (BondBreaking(-1.0, 1.2), "r_bond is -1; expected a positive length"),
        (BondBreaking(1.0, 0.0), "r_break is 0; expected a positive length"),
        (BondBreaking(6.0, 7.0), "cutoff 6 does not fit the box"),
        (BondBreaking({("A", "A"): 1.5}, 1.7), "r_bond has no cutoff for the pair A-B"),
        (BondBreaking(1.1, {}), "r_break has no cutoff for the pair A-A; it has none"),
    ],
)
def test_bad_parameters_are_refused(relaxation, message):
    with pytest.raises(InputError, match=message):
        relaxation.compute(random_ensemble(0))


@pytest.mark.parametrize(
    ("times", "correlation"),
    [([1.0], np.ones(3)), ([1.0, 2.0], np.ones((3, 4))), ([], np.ones((0, 4)))],
)
def test_correlations_that_do_not_fit_the_times_are_refused(times, correlation):
    with pytest.raises(InputError, match="at least one lag"):
        first_crossing(times, correlation, 0.5)


def test_a_correlation_that_is_no_number_is_not_called_censored():
    correlation = np.array([[0.9, np.nan, 0.8], [0.1, 0.2, 0.7]])
    with pytest.raises(InputError, match=r"of 1 of 3 particles \(first: 1\) is NaN"):
        first_crossing([1.0, 2.0], correlation, 0.5)
