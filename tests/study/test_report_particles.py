"""What the interactive figure of a report gets is what the configurations hold."""

import base64

import numpy as np
import pytest

from gnnglass.study.particles import MOST_PARTICLES, packed, within_limit
from gnnglass.trajectories import Snapshot


def lattice(side, dimension=2):
    box = np.full(dimension, float(side))
    grid = np.stack(np.meshgrid(*[np.arange(side) + 0.5] * dimension), -1).reshape(-1, dimension)
    return Snapshot(box, grid - side / 2, np.zeros(side**dimension, int))


def unpacked(column):
    steps = np.frombuffer(base64.b64decode(column["data"]), "<u2")
    values = column["low"] + (column["high"] - column["low"]) * steps / (2**16 - 2)
    return np.where(steps == 2**16 - 1, np.nan, values)


def test_values_come_back_to_sixteen_bits_and_gaps_stay_gaps():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(100) < 0.2, np.nan, rng.normal(size=100))
    snapshot = lattice(10).with_fields(importance_gnn=values, constant=np.full(100, 3.0))
    (frame,) = packed({"run": [snapshot]}, first=["importance_gnn"])["runs"][0]["frames"]
    resolved = np.ptp(values[np.isfinite(values)]) / 2**16
    back = unpacked(frame["values"]["importance_gnn"])
    np.testing.assert_allclose(back, values, atol=resolved)
    np.testing.assert_array_equal(unpacked(frame["values"]["constant"]), 3.0)
    positions = np.stack([unpacked(axis) for axis in frame["positions"]], axis=1)
    np.testing.assert_allclose(positions, snapshot.positions, atol=10 / 2**16)


def test_the_last_configurations_of_all_runs_come_first():
    size = 40
    runs = {name: [lattice(size).replace(step=k) for k in range(9)] for name in "ab"}
    kept = within_limit(runs, most=5 * size**2)
    assert {name: [one.step for one in members] for name, members in kept.items()} == {
        "a": [6, 7, 8],
        "b": [7, 8],
    }
    assert within_limit(runs, most=1) == {"a": [runs["a"][-1]]}
    assert within_limit({}) == {}


def test_of_a_configuration_that_is_too_large_the_middle_is_shown():
    side = round(MOST_PARTICLES**0.5) + 40
    snapshot = lattice(side).with_fields(importance_gnn=np.arange(float(side**2)))
    (frame,) = packed({"run": [snapshot]})["runs"][0]["frames"]
    assert len(frame["ids"]) == MOST_PARTICLES and frame["total"] == side**2
    farthest = np.abs(snapshot.positions).max(axis=1)
    left_out = np.setdiff1d(np.arange(side**2), frame["ids"])
    assert farthest[frame["ids"]].max() <= farthest[left_out].min()
    shown = unpacked(frame["values"]["importance_gnn"])
    np.testing.assert_allclose(shown, frame["ids"], atol=side**2 / 2**16)


def test_colours_are_those_of_the_maps(study):
    fields = ["importance_gnn", "tau_bond", "potential_energy", "propensity"]
    for blue_is_slow in (True, False):
        data = packed({"run": study[1].maps}, blue_is_slow=blue_is_slow, first=fields)
        assert [one["name"] for one in data["fields"][:4]] == fields
        high = [one["blueIsHigh"] for one in data["fields"][:4]]
        assert high == [True, blue_is_slow, not blue_is_slow, not blue_is_slow]
    importance, tau = data["fields"][:2]
    assert importance["low"] == -importance["high"] and tau["log"]
    assert (tau["unit"], importance["unit"]) == ("time", "")


@pytest.mark.parametrize("name", ["tau_bond_censored", "tau_bond_error", "propensity_half_1"])
def test_what_is_known_about_a_field_is_not_a_field(name):
    snapshot = lattice(4).with_fields(tau_bond=np.ones(16), **{name: np.ones(16)})
    data = packed({"run": [snapshot]})
    assert [one["name"] for one in data["fields"]] == ["tau_bond"]
    assert (name in data["runs"][0]["frames"][0]["values"]) == name.endswith("censored")
