"""The stretches of a run are its schedule, whatever they are cut into."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import short_protocol

from gnnglass.errors import SimulationError
from gnnglass.simulate import IsoconfigurationalProtocol, _state
from gnnglass.simulate._state import moved, stretches
from gnnglass.testing import example_snapshot


def set_temperature(protocol, step):
    """What the docstring of the protocol says the temperature is between two steps."""
    cooled = protocol.melt_steps + protocol.cooling_steps
    return np.interp(step, [protocol.melt_steps, cooled], [protocol.kT_melt, protocol.kT])


@settings(max_examples=60, deadline=None)
@given(
    melt=st.integers(0, 500),
    hold=st.integers(0, 500),
    rate=st.floats(0.1, 10),
    n_frames=st.integers(1, 6),
    interval=st.integers(1, 300),
    longest=st.integers(1, 400),
)
def test_stretches_are_the_schedule(melt, hold, rate, n_frames, interval, longest):
    protocol = short_protocol(
        melt_steps=melt, hold_steps=hold, cooling_rate=rate, n_frames=n_frames,
        frame_interval=interval,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_state, "LONGEST_STRETCH", longest * 196)
        cut = stretches(protocol.stages, protocol.frame_steps, protocol, 196)
    assert all(1 <= stretch.steps <= longest for stretch in cut)
    assert all(first.end == second.start for first, second in pairwise(cut))
    assert {step for step in protocol.frame_steps if step} <= {stretch.end for stretch in cut}
    if cut:
        assert (cut[0].start, cut[-1].end) == (0, protocol.frame_steps[-1])
    for stretch in cut:
        ends = [set_temperature(protocol, step) for step in (stretch.start, stretch.end)]
        assert stretch.kT == pytest.approx(tuple(ends))
        assert 0 <= stretch.noise < 2**53
        assert (stretch.dt, stretch.friction) == (protocol.dt, protocol.friction)


def test_an_instant_quench_has_no_stretch_in_between():
    protocol = short_protocol(cooling_rate=None, melt_steps=100, hold_steps=50, n_frames=1)
    cut = stretches(protocol.stages, protocol.frame_steps, protocol, 196)
    assert [(s.start, s.steps, s.kT) for s in cut] == [(0, 100, (2, 2)), (100, 50, (0.5, 0.5))]


def test_clones_have_noise_of_their_own():
    protocol = IsoconfigurationalProtocol(kT=0.5, n_clones=50, lag_steps=(1, 10), seed=0)
    noise = {
        stretches(protocol.stages, protocol.lag_steps, protocol, 100, clone)[0].noise
        for clone in range(50)
    }
    assert len(noise) == 50


def test_images_go_on_and_rubbish_is_a_breakdown():
    snapshot = example_snapshot(2).replace(images=np.ones((144, 2)), step=7)
    after = moved(snapshot, snapshot.positions, np.full((144, 2), 2, dtype=np.int32), 9)
    assert after.step == 9
    np.testing.assert_array_equal(after.images, 3)
    assert moved(snapshot.replace(images=None), snapshot.positions, after.images, 9).images is None
    with pytest.raises(SimulationError, match=r"blown up at step 9.*try a smaller dt"):
        moved(snapshot, snapshot.positions * np.nan, after.images, 9)
