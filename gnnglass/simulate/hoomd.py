"""The HOOMD-blue engine, on a GPU where there is one, else on the CPU."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError, MissingExtraError
from gnnglass.simulate.engine import ENGINES, Engine
from gnnglass.simulate.hoomd_session import HoomdSession
from gnnglass.simulate.motion import State, Stretch, moved
from gnnglass.simulate.overlaps import separated
from gnnglass.simulate.start import require_room
from gnnglass.systems import GlassFormer
from gnnglass.systems.potential import FloatArray
from gnnglass.trajectories import Snapshot

INSTALL = "it is not on PyPI; run: conda install -c conda-forge 'hoomd>=4'"


@ENGINES.register("hoomd", needs="hoomd", install=INSTALL)
class HoomdEngine(Engine):
    """HOOMD-blue 4 or later, silent, without files of its own.

    Anderson, Glaser & Glotzer, Comput. Mater. Sci. 173, 109363 (2020). Started under ``mpiexec``
    it decomposes the box over the processes, if it was built with MPI. On a GPU sums are taken in
    no fixed order, so that a run repeated there agrees for a while and then diverges, as chaos
    has it; on the CPU the same seed gives the same run.

    Args:
        device: ``"auto"`` (a GPU if there is one), ``"cpu"`` or ``"gpu"``.
    """

    name = "hoomd"

    def __init__(self, device: str = "auto") -> None:
        self._hoomd = load_hoomd()
        self._device = _device(self._hoomd, device)
        self._session: HoomdSession | None = None

    @property
    def version(self) -> str:
        """Version of HOOMD-blue."""
        return str(self._hoomd.version.version)

    @property
    def rank(self) -> int:
        """Number of this process among those that ``mpiexec`` started."""
        return int(self._device.communicator.rank)

    def advance(self, system: GlassFormer, state: State, stretch: Stretch) -> Iterator[int]:
        """Carry out a stretch from a state in pieces; see `Engine.advance`."""
        session = self._session_for(system, state.snapshot)
        session.place(state.snapshot, state.velocities, session.clock(stretch))
        return session.run(stretch)

    def motion(self) -> tuple[FloatArray, NDArray[np.int32], FloatArray]:
        """Positions, boxes crossed in the stretch, and velocities, each of shape [n, d].

        HOOMD gathers particles on the first process; on others they are where they were placed.
        """
        assert self._session is not None, "called after advance"
        return self._session.motion()

    def energies(self) -> FloatArray:
        """Potential energy of each particle at the end of the stretch, shape [n]."""
        assert self._session is not None, "called after advance"
        return self._session.energies_and_forces()[0]

    def minimize(self, system: GlassFormer, snapshot: Snapshot) -> Snapshot:
        """The inherent structure, by FIRE; see `Engine.minimize`.

        Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006).
        """
        session = self._session_for(system, snapshot)
        start = separated(system, snapshot)
        session.place(start, clock=0)
        session.minimize()
        positions, crossed, _ = session.motion()
        minimum = moved(start, positions, crossed, snapshot.step)
        return minimum.with_fields(potential_energy=system.energies(minimum))

    def energies_and_forces(
        self, system: GlassFormer, snapshot: Snapshot
    ) -> tuple[FloatArray, FloatArray]:
        """Potential energy of each particle, shape [n], and force on it, shape [n, d]."""
        session = self._session_for(system, snapshot)
        session.place(snapshot)
        return session.energies_and_forces()

    def synchronize(self) -> None:
        """Wait until every process that shares the run is here."""
        self._device.communicator.barrier()

    def _session_for(self, system: GlassFormer, snapshot: Snapshot) -> HoomdSession:
        types = system.types_of(snapshot)
        require_room(system, snapshot.box)
        if self._session is None or not self._session.fits(system, types):
            self._session = HoomdSession(self._hoomd, self._device, system, types)
        return self._session


def load_hoomd() -> ModuleType:
    """The package ``hoomd`` with its molecular dynamics.

    Raises:
        MissingExtraError: If HOOMD-blue is missing, cannot be loaded or is older than 4.
    """
    try:
        hoomd = importlib.import_module("hoomd")
        importlib.import_module("hoomd.md")
    except ImportError as error:
        raise MissingExtraError(f"HOOMD-blue cannot be loaded ({error}); {INSTALL}.") from error
    if int(hoomd.version.version.split(".")[0]) < 4:
        raise MissingExtraError(
            f"HOOMD-blue {hoomd.version.version} is installed; expected 4 or later: {INSTALL}."
        )
    return hoomd


def _device(hoomd: ModuleType, device: str):  # type: ignore[no-untyped-def]
    # Its notices are silenced; its errors are raised, and reach the user as ours.
    match device:
        case "auto":
            return hoomd.device.auto_select(notice_level=0)
        case "cpu":
            return hoomd.device.CPU(notice_level=0)
        case "gpu":
            if not hoomd.device.GPU.is_available():
                reasons = "; ".join(hoomd.device.GPU.get_unavailable_device_reasons())
                raise InputError(
                    f"HOOMD-blue sees no GPU ({reasons or 'this build has no GPU support'}); "
                    "use the device 'cpu' or 'auto'."
                )
            return hoomd.device.GPU(notice_level=0)
    raise InputError(f"the device is {device!r}; expected 'auto', 'cpu' or 'gpu'.")
