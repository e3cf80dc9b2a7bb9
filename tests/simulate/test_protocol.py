import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import short_protocol

from gnnglass.errors import InputError
from gnnglass.simulate import IsoconfigurationalProtocol, Protocol


def clones(**changes):
    parameters = {"kT": 0.5, "n_clones": 4, "lag_steps": (1, 10), "seed": 0}
    return IsoconfigurationalProtocol(**{**parameters, **changes})


def test_schedule():
    protocol = short_protocol(kT_melt=4.0, kT=0.4, cooling_rate=0.5, dt=0.005)
    assert protocol.cooling_steps == 1440  # (4.0 - 0.4) / 0.5 units of time
    assert protocol.frame_steps == (300 + 1440 + 100, 1890, 1940)
    assert short_protocol(cooling_rate=None).cooling_steps == 0
    assert clones(lag_steps=(2, 200)).lag_times == pytest.approx((0.01, 1.0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_particles": 1}, "n_particles is 1; expected greater than or equal to 2"),
        ({"kT": -0.1}, "kT is -0.1; expected greater than 0"),
        ({"kT": float("nan")}, "kT is nan; expected a finite number"),
        ({"kT": 9.0}, "kT_melt ≥ kT"),
        ({"cooling_rate": 0}, "cooling_rate is 0; expected greater than 0"),
        ({"n_frames": 1.5}, "n_frames is 1.5; expected a valid integer"),
        ({"seed": -1}, "seed is -1"),
        ({"temperature": 1.0}, "no parameter 'temperature'; it has: kT"),
        ({"dt": "fast"}, "dt is 'fast'; expected a valid number"),
    ],
)
def test_bad_parameters_give_one_sentence(changes, message):
    with pytest.raises(InputError, match=message) as caught:
        short_protocol(**changes)
    assert "\n" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_a_missing_parameter_is_named():
    with pytest.raises(InputError, match="Protocol needs n_particles, which is missing"):
        Protocol(kT=1.0, seed=1, n_frames=1, frame_interval=1, hold_steps=1)


@pytest.mark.parametrize("lag_steps", [(), (0, 1), (5, 5), (9, 3)])
def test_lags_must_increase(lag_steps):
    with pytest.raises(InputError, match="lag_steps"):
        clones(lag_steps=lag_steps)


def test_it_is_frozen_and_pickles():
    protocol = short_protocol()
    with pytest.raises(Exception, match="frozen"):
        protocol.kT = 1.0
    assert pickle.loads(pickle.dumps(protocol)) == protocol


def test_replace_validates():
    assert short_protocol().replace(seed=9).seed == 9
    with pytest.raises(InputError, match="n_frames is 0"):
        short_protocol().replace(n_frames=0)


def test_digest_tells_state_points_apart():
    protocol = short_protocol()
    assert protocol.digest == Protocol(**protocol.model_dump(mode="json")).digest
    assert len({protocol.replace(seed=seed).digest for seed in range(20)}) == 20
    assert protocol.digest != protocol.replace(cooling_rate=None).digest


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**63), index=st.integers(0, 1000))
def test_lammps_seeds_are_in_range_and_repeatable(seed, index):
    protocol = short_protocol(seed=seed)
    value = protocol.lammps_seed("melt", index)
    assert 0 < value < 900_000_000
    assert value == short_protocol(seed=seed).lammps_seed("melt", index)


def test_purposes_and_indices_get_independent_numbers():
    protocol = short_protocol()
    streams = [
        protocol.generator(purpose, index).random(500)
        for purpose in ("melt", "hold")
        for index in range(3)
    ]
    correlations = np.corrcoef(streams)[np.triu_indices(6, 1)]
    assert np.abs(correlations).max() < 0.2
