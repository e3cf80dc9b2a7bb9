"""A run that is killed and taken up again is the same run."""

import shutil
from contextlib import suppress

import numpy as np
import pytest
from mixtures import mixture, short_protocol

from gnnglass.simulate import ENGINES, _state
from gnnglass.trajectories import read

#: 300 steps of melting, 300 of cooling, 100 of holding, 3 frames 50 steps apart.
PROTOCOL = short_protocol()


class KilledError(Exception):
    pass


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """Checkpoints after every stretch, stretches of at most 60 steps."""
    monkeypatch.setattr(_state, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(_state, "LONGEST_STRETCH", 60 * 196)


def run_until(engine, out, step, protocol=PROTOCOL):
    """Run until the clock shows `step`; return where it began."""
    seen = []

    def progress(done, _):
        seen.append(done)
        if done >= step:
            raise KilledError

    with suppress(KilledError):
        ENGINES.create(engine.name).run(mixture(2), protocol, out, progress=progress)
    return seen[0]


def assert_same(path, other):
    for one, two in zip(read(path), read(other), strict=True):
        assert one.step == two.step
        np.testing.assert_array_equal(one.positions, two.positions)
        np.testing.assert_array_equal(one.images, two.images)
        for name in ("potential_energy", "kinetic_energy"):
            np.testing.assert_array_equal(one.field(name), two.field(name))
    assert read(path).metadata == {**read(other).metadata, "run": path.stem}


def test_killed_over_and_over(engine, tmp_path):
    whole, killed = tmp_path / "whole.gsd", tmp_path / "killed.gsd"
    ENGINES.create(engine.name).run(mixture(2), PROTOCOL, whole)
    begun = [run_until(engine, killed, step) for step in (130, 260, 470, 700, 760, 790)]
    assert begun == sorted(begun)
    assert begun[-1] > 690, "it began again instead of going on"
    assert not killed.exists()
    assert run_until(engine, killed, 10_000) > 700
    assert_same(killed, whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed.gsd", "whole.gsd"]


@pytest.mark.parametrize("harm", ["cut", "state gone", "frames gone", "other run", "rubbish"])
def test_a_checkpoint_that_is_no_good_is_not_used(engine, tmp_path, harm):
    whole, killed = tmp_path / "whole.gsd", tmp_path / "killed.gsd"
    ENGINES.create(engine.name).run(mixture(2), PROTOCOL, whole)
    run_until(engine, killed, 790)
    folder = tmp_path / ".killed.checkpoint"
    state = folder / "state"
    match harm:
        case "cut":
            state.write_bytes(state.read_bytes()[:-50])
        case "state gone":
            state.unlink()
        case "frames gone":
            for path in folder.glob("frames-*.gsd"):
                path.unlink()
        case "other run":
            shutil.rmtree(folder)
            run_until(engine, killed, 790, PROTOCOL.replace(seed=8))
        case "rubbish":
            state.write_bytes(b"rubbish")
    assert run_until(engine, killed, 10_000) <= 60
    assert_same(killed, whole)


def test_little_work_leaves_no_checkpoint(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(_state, "SECONDS_BETWEEN", 30.0)
    run_until(engine, tmp_path / "run.gsd", 790)
    assert list(tmp_path.iterdir()) == []
