"""Deletion and insertion: exact for sums of weights, better than chance for what matters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_weights import Additive, untrained, weights

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.explain import GraphGradCAM
from gnnglass.explain.faithfulness import Removal, faithfulness_curve
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

MODES = ("deletion", "insertion")
SNAPSHOTS = [example_snapshot(2, 100, seed) for seed in range(3)]
RUNS = ("a", "a", "b")
FEW = (0.0, 0.25, 0.5, 0.75, 1.0)


def curve(scores, classifier=None, snapshots=SNAPSHOTS, runs=RUNS, **options):
    return faithfulness_curve(classifier or Additive(), snapshots, scores, runs=runs, **options)


def at_steps(n):
    """The same configuration again and again, as a frozen run may find it."""
    return [SNAPSHOTS[0].replace(step=step) for step in range(n)]


def true_scores():
    return [weights(snapshot) for snapshot in SNAPSHOTS]


def test_curves_of_a_sum_are_its_partial_sums():
    deletion, insertion = (curve(true_scores(), mode=mode) for mode in MODES)
    for k, values in enumerate(true_scores()):
        falling = sorted(values, reverse=True)
        for f, fraction in enumerate(np.arange(21) / 20):
            assert deletion.fractions[f] == pytest.approx(fraction)
            top = sum(falling[: 5 * f])
            if f > 0:
                assert insertion.logits[k, f] == pytest.approx(top)
            if f < 20:
                assert deletion.logits[k, f] == pytest.approx(sum(falling) - top)
    # With nobody there, there is nothing to ask about.
    assert np.isnan(deletion.logits[:, -1]).all()
    assert np.isnan(insertion.logits[:, 0]).all()
    assert np.isfinite(deletion.areas).all()


@pytest.mark.parametrize("fractions", [(0, 0.33, 0.5), (0.29, 0.999)])
def test_the_number_of_particles_is_rounded_down(fractions):
    snapshot = example_snapshot(2, 64)
    falling = np.sort(weights(snapshot))[::-1]
    found = curve([weights(snapshot)], snapshots=[snapshot], runs=["a"], fractions=fractions)
    expected = [falling[int(64 * fraction) :].sum() for fraction in fractions]
    np.testing.assert_allclose(found.logits[0], expected, atol=1e-9)


def test_fractions_that_binary_numbers_miss_delete_whole_numbers():
    """0.29 × 100 and (1 − 0.9) × 100 fall just short of 29 and 10 in floating point."""
    falling = np.sort(true_scores()[0])[::-1]
    deletion = curve(true_scores(), fractions=(0.29, 0.5))
    insertion = curve(true_scores(), fractions=(0.5, 0.9), mode="insertion")
    assert deletion.logits[0, 0] == pytest.approx(falling[29:].sum())
    assert insertion.logits[0, 1] == pytest.approx(falling[:90].sum())


@pytest.mark.parametrize("mode", MODES)
def test_true_order_beats_chance_and_chance_beats_the_reversed_order(mode):
    true = curve(true_scores(), mode=mode)
    backwards = curve([-scores for scores in true_scores()], mode=mode)
    scores = np.random.default_rng(0).normal(size=(40, 100))
    chance = curve(scores, snapshots=at_steps(40), runs=["a"] * 40, mode=mode)
    assert (true.areas > 10).all()
    assert (backwards.areas < -10).all()
    assert np.abs(chance.areas).max() < 10
    # Random orders are as good as random orders: a bridge of n steps has an area of this spread.
    spread = weights(SNAPSHOTS[0]).std() * np.sqrt(100 / 12)
    assert abs(chance.area.estimate) < 3 * spread / np.sqrt(40)
    assert chance.areas.std() == pytest.approx(spread * np.sqrt(1 + 1 / 5), rel=0.3)


def test_areas_of_a_sum_are_those_of_the_definition_and_the_same_for_both_modes():
    """What is deleted and what is inserted add up to the whole, in the same random orders."""
    deletion, insertion = (curve(true_scores(), mode=mode) for mode in MODES)
    np.testing.assert_allclose(deletion.areas, insertion.areas, atol=1e-9)
    for k in range(3):
        gap = deletion.random[:, k, :-1].mean(axis=0) - deletion.logits[k, :-1]
        # Trapezoids, with no gap at either end.
        assert deletion.areas[k] == pytest.approx(gap[1:].sum() / 20)
    assert deletion.area.estimate == pytest.approx(
        (deletion.areas[:2].mean() + deletion.areas[2]) / 2
    )


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16), mode=st.sampled_from(MODES))
def test_monotone_maps_and_relabelling_leave_the_curve(seed, mode):
    snapshot = SNAPSHOTS[0]
    # Each score once: equal ones keep the order of the particles, which relabelling changes.
    scores = np.random.default_rng(seed).permutation(100) / 50 - 1
    order = np.random.default_rng(seed + 1).permutation(100)
    relabelled = snapshot.replace(positions=snapshot.positions[order], types=snapshot.types[order])
    options = {"runs": ["a"], "mode": mode, "fractions": FEW, "n_random": 1}
    before = curve([scores], snapshots=[snapshot], **options)
    mapped = curve([np.exp(3 * scores)], snapshots=[snapshot], **options)
    after = curve([scores[order]], snapshots=[relabelled], **options)
    np.testing.assert_array_equal(mapped.logits, before.logits)
    np.testing.assert_array_equal(mapped.random, before.random)
    np.testing.assert_allclose(after.logits, before.logits, atol=1e-9)


def test_equal_scores_keep_the_order_of_the_particles():
    scores = np.repeat([1.0, 2.0], 50)
    found = curve([scores] * 3, fractions=(0.3, 0.7))
    for k, values in enumerate(true_scores()):
        assert found.logits[k, 0] == pytest.approx(values[:50].sum() + values[80:].sum())
        assert found.logits[k, 1] == pytest.approx(values[20:50].sum())


def test_same_seed_same_curve_and_snapshots_do_not_share_random_orders():
    one, again = (curve(true_scores(), seed=3) for _ in range(2))
    other = curve(true_scores(), seed=4)
    np.testing.assert_array_equal(one.random, again.random)
    assert not np.array_equal(one.random[:, :, 10], other.random[:, :, 10])
    np.testing.assert_array_equal(one.logits, other.logits)
    twice = curve([true_scores()[0]] * 2, snapshots=at_steps(2), runs=["a", "a"])
    assert not np.array_equal(twice.random[:, 0, 10], twice.random[:, 1, 10])
    assert len({float(order[0, 10]) for order in one.random}) == 5


def test_the_explained_class_is_followed():
    glass, liquid = (curve(true_scores(), target=target) for target in ("glass", "liquid"))
    np.testing.assert_allclose(glass.logits, -liquid.logits)
    np.testing.assert_allclose(glass.areas, -liquid.areas)


@pytest.mark.parametrize("batch_size", [1, 7])
@pytest.mark.parametrize("model", ["message-passing", "voxel-cnn"])
def test_networks_are_asked_about_what_is_left(model, batch_size):
    """Deletion starts, insertion ends at the whole; half way only the lower half is there."""
    classifier = untrained(model)
    scores = [snapshot.positions[:, 0] for snapshot in SNAPSHOTS]
    options = {"fractions": FEW, "n_random": 1, "batch_size": batch_size}
    deletion, insertion = (curve(scores, classifier, mode=mode, **options) for mode in MODES)
    whole = classifier.logits(SNAPSHOTS)[:, 1]
    np.testing.assert_allclose(deletion.logits[:, 0], whole, atol=1e-5)
    np.testing.assert_allclose(insertion.logits[:, -1], whole, atol=1e-5)
    halves = {}
    for mode, keep in (
        ("deletion", lambda x: np.argsort(x)[:50]),
        ("insertion", lambda x: np.argsort(x)[50:]),
    ):
        halves[mode] = [
            Snapshot(s.box, s.positions[keep(x)], s.types[keep(x)], s.type_names)
            for s, x in zip(SNAPSHOTS, scores, strict=True)
        ]
    for found in (deletion, insertion):
        expected = classifier.logits_of_any(halves[found.mode])[:, 1]
        np.testing.assert_allclose(found.logits[:, 2], expected, atol=1e-5)
        assert np.isfinite(found.areas).all()


@pytest.mark.parametrize("mode", MODES)
def test_a_trained_network_is_explained_better_than_by_chance(trained, glasses, mode):
    maps = GraphGradCAM().compute(trained, glasses)
    options = {"runs": range(3), "mode": mode, "n_random": 3, "fractions": FEW}
    true = faithfulness_curve(trained, glasses, maps, **options)
    backwards = faithfulness_curve(trained, glasses, [-scores for scores in maps], **options)
    assert true.areas.min() > 0 > backwards.areas.max()
    assert true.area.estimate == pytest.approx(true.areas.mean())
    assert not true.area.exists  # of three runs


def test_a_network_that_answers_nan_is_not_passed_over():
    class Broken(Additive):
        def logits(self, snapshots, *, batch_size):
            return np.full_like(super().logits(snapshots, batch_size=batch_size), np.nan)

    assert np.isnan(curve(true_scores(), Broken()).areas).all()


def test_results_show_themselves():
    found = curve(true_scores())
    frame = found.to_frame()
    assert list(frame.columns) == ["mode", "fraction", "logit", "random"]
    by_run = (found.logits[:2].mean(axis=0) + found.logits[2]) / 2
    np.testing.assert_allclose(frame["logit"], by_run)
    ax = found.plot()
    assert ax.get_ylabel() == "logit of glass"
    np.testing.assert_allclose(ax.lines[1].get_ydata(), by_run)
    assert found.plot(ax) is ax


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "shuffling"}, "mode is 'shuffling'; expected deletion or insertion"),
        ({"n_random": 0}, "n_random is 0"),
        ({"runs": ["a"]}, "1 run names were given for 3"),
        ({"fractions": [0.5]}, "at least two"),
        ({"fractions": [0.5, 0.5]}, "increasing"),
        ({"fractions": [0, 1.1]}, "from 0 to 1"),
        ({"fractions": [-0.1, 1]}, "from 0 to 1"),
        ({"fractions": [0, np.nan]}, "increasing"),
    ],
)
def test_bad_requests_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        curve(true_scores(), **changes)


def test_bad_scores_are_refused():
    with pytest.raises(InputError, match="2 maps were given; expected 3, one per configuration"):
        curve(true_scores()[:2])
    short = [*true_scores()[:2], np.zeros(99)]
    with pytest.raises(InputError, match=r"configuration 2 has shape \[99\]; expected \[100\]"):
        curve(short)
    gap = true_scores()
    gap[1][[4, 7]] = np.nan, np.inf
    with pytest.raises(InputError, match="configuration 1 is NaN or infinite for 2 of 100"):
        curve(gap)
    with pytest.raises(UnknownNameError, match="unknown class 'crystal'"):
        curve(true_scores(), target="crystal")


def test_removal_is_the_default():
    explicit = curve(true_scores(), perturbation=Removal())
    np.testing.assert_array_equal(explicit.logits, curve(true_scores()).logits)
