"""What configurations are made of, against counts and brute force; what differs is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gnnglass.errors import InputError
from gnnglass.structure import CoordinationNumber, PotentialEnergy, annotate
from gnnglass.systems import glass_former
from gnnglass.testing import example_of, example_snapshot
from gnnglass.trajectories import Material, Trajectory
from gnnglass.trajectories.material import require_one_material, restated

KAM = glass_former("kam2d").material


def of(*frames, **metadata):
    return Material.of([Trajectory(frames, metadata)])


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_distance_of_neighbours_is_that_of_all_pairs(dimension):
    snapshot = example_snapshot(dimension, 60, seed=4)
    apart = snapshot.minimum_image(snapshot.positions[:, None] - snapshot.positions)
    far = np.linalg.norm(apart, axis=-1) + np.diag(np.full(60, np.inf))
    assert snapshot.nearest_distance == pytest.approx(np.median(far.min(axis=1)), rel=1e-12)


def test_a_particle_on_the_upper_face_has_neighbours_behind_the_lower_one():
    upper = np.nextafter(2.0, 0)
    pair = example_snapshot(2, 2).replace(box=[4.0, 4.0], positions=[[upper, 0], [-1.5, 0]])
    assert pair.nearest_distance == pytest.approx(0.5)
    alone = example_snapshot(2, 1)
    assert alone.nearest_distance is None


def test_ranges_hold_all_frames_of_all_trajectories():
    frames = [example_snapshot(2, 100, seed) for seed in range(3)]
    other = frames[2].replace(types=1 - frames[2].types, box=frames[2].box * 1.1)
    found = Material.of(
        [
            Trajectory(frames[:2], {"kT": 0.5, "system": "kam2d", "level": "thermal"}),
            Trajectory([other], {"kT": 1.5, "system": "kam2d", "level": "thermal"}),
        ]
    )
    assert found.composition == {"A": (0.35, 0.65), "B": (0.35, 0.65)}
    assert found.density == pytest.approx((1.2 / 1.21, 1.2))
    assert (found.temperature, found.system, found.level) == ((0.5, 1.5), "kam2d", "thermal")
    assert Material.from_dict(found.to_dict()) == found


def test_two_dimensions_are_not_one_material():
    with pytest.raises(InputError, match="some configurations are 2D and some 3D"):
        of(example_snapshot(2), example_snapshot(3))


SNAPSHOT = example_of("kam2d", seed=1)
STATED = {"system": "kam2d", "level": "inherent", "kT": 0.5}
EXPECTED = of(SNAPSHOT, **STATED)
UNLIKE: dict[str, tuple[Any, dict[str, Any], str]] = {
    "system": (SNAPSHOT, {"system": "ipl2d"}, "system ipl2d against kam2d"),
    "level": (SNAPSHOT, {"level": "thermal"}, "level thermal against inherent"),
    "composition": (
        SNAPSHOT.replace(types=1 - SNAPSHOT.types),
        {},
        r"composition A 0.3\d+, B 0.6\d+ against A 0.6\d+, B 0.3\d+",
    ),
    "density": (
        SNAPSHOT.replace(box=SNAPSHOT.box * 1.04, positions=SNAPSHOT.positions * 1.04),
        {},
        "number density 1.11 against 1.2",
    ),
    "temperature": (SNAPSHOT, {"kT": 1.2}, "kT 1.2 against 0.5"),
}


@pytest.mark.parametrize("key", UNLIKE)
def test_what_differs_is_refused_with_both_figures_unless_it_is_accepted(key):
    snapshot, changed, words = UNLIKE[key]
    found = of(snapshot, **{**STATED, **changed})
    with pytest.raises(InputError, match=rf"^it is not like ours: {words}; .*--accept {key}"):
        found.require_fit(EXPECTED, whose="it", made_for="ours")
    accepted = found.require_fit(EXPECTED, whose="it", made_for="ours", accept=[key])
    assert list(accepted) == [key]
    others = [name for name in UNLIKE if name != key]
    with pytest.raises(InputError, match="is not like ours"):
        found.require_fit(EXPECTED, whose="it", made_for="ours", accept=others)


def test_lengths_in_another_unit_are_seen_by_density_and_distance():
    for unit in (0.1, 2.5, 10.0):
        far = SNAPSHOT.replace(box=SNAPSHOT.box * unit, positions=SNAPSHOT.positions * unit)
        with pytest.raises(InputError, match=r"number density .*; nearest-neighbour distance"):
            of(far, **STATED).require_fit(EXPECTED, whose="it", made_for="ours")
        back = restated(Trajectory([far], STATED), length_unit=unit)
        assert of(*back, **STATED).require_fit(EXPECTED, whose="it", made_for="ours") == {}
        assert back.metadata["length_unit"] == unit


def test_what_nobody_says_is_not_held_against_anybody():
    assert of(SNAPSHOT).require_fit(EXPECTED, whose="it", made_for="ours") == {}
    assert EXPECTED.require_fit(KAM, whose="it", made_for="kam2d") == {}


def test_one_more_species_is_refused_whatever_is_accepted():
    more = SNAPSHOT.replace(type_names=("A", "C"))
    with pytest.raises(InputError, match=r"it also holds C, but ours knows A, B; .*--species"):
        of(more).require_fit(EXPECTED, whose="it", made_for="ours", accept=["composition"])
    known = restated(Trajectory([more]), species={"C": "B"})
    assert of(*known).require_fit(EXPECTED, whose="it", made_for="ours") == {}


def test_what_cannot_be_accepted_is_named():
    with pytest.raises(InputError, match=r"accept names 'dimension'; what can be accepted is sys"):
        EXPECTED.require_fit(EXPECTED, whose="it", made_for="ours", accept="dimension")


def test_runs_are_of_one_material():
    one, other = Trajectory([SNAPSHOT], STATED), Trajectory([UNLIKE["density"][0]], STATED)
    require_one_material({"a": one, "b": one})
    with pytest.raises(InputError, match=r"runs 'a' and 'b' are not of one material: number dens"):
        require_one_material({"a": one, "b": other})
    _, accepted = require_one_material({"a": one, "b": other}, accept="density")
    assert accepted == {"density": "runs b and a: number density 1.11 against 1.2"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"species": {"C": "A"}}, "there is no species C to be renamed; there are A, B"),
        ({"species": {"A": "B"}}, "the species A, B would be called B, B; give each a name"),
        ({"length_unit": 0.0}, "the unit of length is 0; expected a positive number"),
        ({"length_unit": np.nan}, "the unit of length is nan"),
    ],
)
def test_what_cannot_be_restated_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        restated(Trajectory([SNAPSHOT]), **changes)


def test_a_unit_is_given_once():
    once = restated(Trajectory([SNAPSHOT]), length_unit=2.0)
    with pytest.raises(InputError, match="lengths are in units of 2 already; leave the unit out"):
        restated(once, length_unit=2.0)


def test_another_system_than_the_stated_one_is_kept_in_the_metadata():
    found = restated(Trajectory([SNAPSHOT], {"system": "ipl2d"}), system="kam2d")
    assert found.metadata == {
        "system": "kam2d",
        "accepted": {"system": "stated ipl2d, read as kam2d"},
    }
    assert restated(Trajectory([SNAPSHOT]), system="kam2d").metadata == {"system": "kam2d"}


def test_indicators_know_the_glass_former_whose_parameters_they_use():
    energy = PotentialEnergy("kam2d")
    for key in ("composition", "density"):
        snapshot, _, words = UNLIKE[key]
        with pytest.raises(InputError, match=words):
            energy.compute(snapshot)
        with pytest.raises(InputError, match=words):
            annotate(Trajectory([snapshot], {"system": "kam2d"}), ["potential-energy"])
        assert energy.compute(snapshot, accept=[key]).values.shape == (len(snapshot),)
        kept = annotate(snapshot, {"energy": energy}, accept=[key])
        assert list(kept.metadata["accepted"]) == [key]
    with pytest.raises(InputError, match="system ipl2d against kam2d"):
        annotate(Trajectory([SNAPSHOT], {"system": "ipl2d"}), {"energy": energy})


def test_indicators_with_a_cutoff_see_that_it_is_in_another_unit():
    for unit in (0.1, 2.5, 10.0):
        far = SNAPSHOT.replace(box=SNAPSHOT.box * unit, positions=SNAPSHOT.positions * unit)
        with pytest.raises(InputError, match=r"counts neighbours within 1.5, but .* is .* away"):
            CoordinationNumber().compute(far)
        own_unit = CoordinationNumber(1.5 * unit).compute(far).values
        np.testing.assert_array_equal(own_unit, CoordinationNumber().compute(SNAPSHOT).values)


def test_a_definition_is_told_from_another_by_what_it_says():
    mine = replace(glass_former("kam2d"), name="mine")
    with pytest.raises(InputError, match="system mine against kam2d"):
        of(SNAPSHOT, system=mine.identity).require_fit(KAM, whose="it", made_for="ours")
    assert (
        of(SNAPSHOT, system=mine.identity).require_fit(mine.material, whose="it", made_for="ours")
        == {}
    )
