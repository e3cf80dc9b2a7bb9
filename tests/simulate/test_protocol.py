import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import short_protocol

from gnnglass.errors import InputError
from gnnglass.simulate import AgeingProtocol, IsoconfigurationalProtocol, Protocol
from gnnglass.simulate.protocol import log_spaced_steps


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
        ({"n_particles": 1}, "n_particles is 1, expected greater than or equal to 2"),
        ({"kT": -0.1}, "kT is -0.1, expected greater than 0"),
        ({"kT": float("nan")}, "kT is nan, expected a finite number"),
        ({"kT": 9.0}, "kT_melt ≥ kT"),
        ({"cooling_rate": 0}, "cooling_rate is 0, expected greater than 0"),
        ({"n_frames": 1.5}, "n_frames is 1.5, expected a valid integer"),
        ({"seed": -1}, "seed is -1"),
        ({"temperature": 1.0}, "there is no temperature; it has kT"),
        ({"dt": "fast"}, "dt is 'fast', expected a valid number"),
    ],
)
def test_bad_parameters_give_one_sentence(changes, message):
    with pytest.raises(InputError, match=message) as caught:
        short_protocol(**changes)
    assert "\n" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_a_missing_parameter_is_named():
    with pytest.raises(InputError, match="Protocol: n_particles is missing"):
        Protocol(kT=1.0, seed=1, n_frames=1, frame_interval=1, hold_steps=1)  # type: ignore[call-arg]


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


def test_an_ageing_protocol_counts_from_the_quench():
    ageing = AgeingProtocol(
        n_particles=100, kT=0.4, seed=0, cooling_rate=0.5, melt_steps=10, waiting_steps=(1, 10)
    )
    assert ageing.frame_steps == (10 + 1440 + 1, 10 + 1440 + 10)
    assert ageing.stages == ((10, (4.0, 4.0)), (1440, (4.0, 0.4)), (10, (0.4, 0.4)))
    with pytest.raises(InputError, match=r"waiting_steps: got \[10, 1\], expected increasing"):
        ageing.replace(waiting_steps=(10, 1))


@settings(max_examples=30, deadline=None)
@given(first=st.integers(1, 1000), factor=st.integers(2, 1000), n=st.integers(2, 40))
def test_log_spaced_steps(first, factor, n):
    steps = log_spaced_steps(first, first * factor, n)
    assert (steps[0], steps[-1]) == (first, first * factor)
    assert 2 <= len(steps) <= n
    assert all(a < b for a, b in pairwise(steps))
    # Rounding moves a step by half at most.
    expected = [first * factor ** (k / (n - 1)) for k in range(n)]
    assert all(min(abs(step - e) for e in expected) <= 0.5 + 1e-6 for step in steps)


@pytest.mark.parametrize("series", [(0, 10, 3), (10, 5, 3), (1, 10, 0), (1, 10, 1)])
def test_impossible_series_are_refused(series):
    with pytest.raises(InputError, match="cannot be spaced logarithmically"):
        log_spaced_steps(*series)


def test_purposes_and_indices_get_independent_numbers():
    protocol = short_protocol()
    streams = [
        protocol.generator(purpose, index).random(500)
        for purpose in ("melt", "hold")
        for index in range(3)
    ]
    correlations = np.corrcoef(streams)[np.triu_indices(6, 1)]
    assert np.abs(correlations).max() < 0.2
