from itertools import count, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError
from gnnglass.simulate.inherent import match_energies
from gnnglass.testing import example_snapshot
from gnnglass.training.labelled import LabelledSet
from gnnglass.trajectories import Trajectory

#: Of no two frames the particles are at the same places.
SEEDS = count()
PHASES = ("liquid", "glass")


def run_of(name, energies, **metadata):
    """An inherent trajectory whose frames have the given energies per particle."""
    frames = [
        example_snapshot(2, 9, next(SEEDS)).replace(
            fields={"potential_energy": np.full(9, energy)}, step=k
        )
        for k, energy in enumerate(energies)
    ]
    return Trajectory(frames, {"run": name, "level": "inherent", **metadata})


def runs_of(phase, energies, per_run=3):
    return [
        run_of(f"{phase}-{k}", energies[k : k + per_run], phase=phase)
        for k in range(0, len(energies), per_run)
    ]


def sets_of(liquid, glass):
    return {"liquid": runs_of("liquid", liquid), "glass": runs_of("glass", glass)}


def energies_in(trajectories):
    return [float(f.field("potential_energy").mean()) for run in trajectories for f in run]


def best_pairing(first, second, tolerance):
    """Most pairs, then least sum of gaps, from all one-to-one pairings there are."""
    short, long = sorted((first, second), key=len)
    found = (0, 0.0)
    for choice in permutations(range(len(long)), len(short)):
        gaps = [abs(a - long[k]) for a, k in zip(short, choice, strict=True)]
        close = [gap for gap in gaps if gap <= tolerance]
        found = max(found, (len(close), -sum(close)))
    return found[0], -found[1]


# Multiples of 1/8 are exact, so that a gap equals the tolerance where it should.
eighths = st.lists(st.integers(0, 24).map(lambda k: -4 + k / 8), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(liquid=eighths, glass=eighths, tolerance=st.sampled_from([0.125, 0.25, 1.0]))
def test_no_pairing_is_better(liquid, glass, tolerance):
    n_pairs, total = best_pairing(liquid, glass, tolerance)
    if n_pairs == 0:
        with pytest.raises(InputError, match="the closest are"):
            match_energies(sets_of(liquid, glass), tolerance=tolerance)
        return
    found = match_energies(sets_of(liquid, glass), tolerance=tolerance)
    assert found.n_pairs == n_pairs
    assert found.mean_gap == pytest.approx(total / n_pairs)
    gaps = np.abs(found.energies["liquid"] - found.energies["glass"])
    assert gaps.max() <= tolerance


@settings(max_examples=30, deadline=None)
@given(
    liquid=st.lists(st.floats(-4, -3), min_size=1, max_size=20),
    glass=st.lists(st.floats(-4, -3), min_size=1, max_size=20),
    seed=st.integers(0, 100),
)
def test_frames_are_those_given_each_at_most_once_in_their_order(liquid, glass, seed):
    given_ = sets_of(liquid, glass)
    found = match_energies(given_, tolerance=1.0)
    assert found.n_pairs == min(len(liquid), len(glass))
    for phase in PHASES:
        runs = {trajectory.metadata["run"]: trajectory for trajectory in given_[phase]}
        kept = found.trajectories[phase]
        assert [t.metadata["run"] for t in kept] == [
            name for name in runs if name in {t.metadata["run"] for t in kept}
        ]
        for trajectory in kept:
            original = runs[trajectory.metadata["run"]]
            assert trajectory.metadata == original.metadata
            indices = [frame.step for frame in trajectory]
            assert indices == sorted(set(indices))
            assert all(frame is original[frame.step] for frame in trajectory)
        assert sorted(energies_in(kept)) == pytest.approx(sorted(found.energies[phase]))
    # The figures do not depend on the order in which runs are given.
    shuffled = {phase: given_[phase][::-1] for phase in PHASES}
    again = match_energies(shuffled, tolerance=1.0)
    assert (again.n_pairs, again.mean_gap) == (found.n_pairs, pytest.approx(found.mean_gap))


def test_energy_no_longer_tells_the_phases_apart():
    rng = np.random.default_rng(0)
    liquid, glass = rng.normal(-3.9, 0.02, 300), rng.normal(-3.93, 0.02, 300)
    assert np.mean(liquid[:, None] > glass) > 0.8
    found = match_energies(sets_of(liquid, glass), tolerance=0.002)
    assert 100 < found.n_pairs < 200
    assert found.energy_auc == pytest.approx(0.5, abs=0.02)
    first, second = found.energies.values()
    assert found.energy_auc == pytest.approx(np.mean(np.sign(first[:, None] - second) / 2 + 0.5))
    assert found.significance > 0.9
    assert found.mean_gap < 0.001


def test_a_wide_tolerance_is_told_by_the_check():
    found = match_energies(sets_of(np.full(30, -3.0), np.full(30, -3.5)), tolerance=1.0)
    assert (found.n_pairs, found.mean_gap, found.energy_auc) == (30, 0.5, 1.0)
    assert found.significance < 1e-6


def test_what_is_selected_can_be_learnt_from():
    found = match_energies(
        sets_of([-4.0, -3.9, -3.8, -3.0], [-3.9, -4.5, -4.6, -4.7, -3.0]), tolerance=0.05
    )
    labelled = LabelledSet.from_trajectories(found.trajectories)
    assert labelled.labels == PHASES
    assert labelled.level == "inherent"
    assert labelled.runs == ("liquid-0", "liquid-3", "glass-0", "glass-3")
    assert labelled.targets.tolist() == [0, 0, 1, 1]


def test_a_run_without_a_selected_frame_drops_out():
    found = match_energies(sets_of([-4.0] * 3 + [-3.0] * 3, [-4.0]), tolerance=0.1)
    assert [len(t) for t in found.trajectories["liquid"]] == [1]
    assert [t.metadata["run"] for t in found.trajectories["liquid"]] == ["liquid-0"]


def test_frames_may_have_different_numbers_of_particles():
    small = example_snapshot(2, 4).with_fields(potential_energy=np.full(4, -3.0))
    glass = Trajectory([small], {"run": "small", "level": "inherent"})
    found = match_energies({"liquid": [run_of("large", [-3.0])], "glass": [glass]}, tolerance=1e-6)
    assert found.n_pairs == 1


def test_it_says_what_it_did():
    found = match_energies(sets_of([-4.0, -3.5], [-3.9, -3.5]), tolerance=0.2)
    assert str(found) == (
        "2 pairs of frames of 1 liquid and 1 glass runs, 0.05 apart in energy per particle on "
        "average; AUC of energy 0.375, Kolmogorov–Smirnov p = 1."
    )


@pytest.mark.parametrize(
    ("trajectories", "tolerance", "message"),
    [
        (sets_of([-3.0], [-4.0]), 0.5, "the closest are 1 per particle apart, more than the tol"),
        (sets_of([-3.0], [-4.0]), 0.0, "tolerance is 0; expected a positive difference"),
        (sets_of([-3.0], [-4.0]), float("nan"), "tolerance is nan"),
        ({"liquid": runs_of("liquid", [-3.0])}, 0.1, "between two phases; got liquid:"),
        (sets_of([-3.0], []), 0.1, "between two phases; got liquid:"),
        ({}, 0.1, "got none"),
        (
            {**sets_of([-3.0], [-3.0]), "crystal": runs_of("crystal", [-3.0])},
            0.1,
            "got liquid, glass, crystal",
        ),
        (
            {
                **sets_of([-3.0], []),
                "glass": [Trajectory([example_snapshot(2, 9)], {"run": "hot"})],
            },
            0.1,
            "run 'hot' is not inherent; find its inherent structures first",
        ),
        (
            {
                **sets_of([-3.0], []),
                "glass": [Trajectory([example_snapshot(2, 9)], {"level": "inherent"})],
            },
            0.1,
            "no field 'potential_energy'",
        ),
    ],
)
def test_bad_input_is_refused(trajectories, tolerance, message):
    with pytest.raises(InputError, match=message):
        match_energies(trajectories, tolerance=tolerance)
