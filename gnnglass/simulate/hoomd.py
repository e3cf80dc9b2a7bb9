"""The HOOMD-blue engine: pair forces with corrected energies, one simulation, on GPU or CPU."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError, MissingExtraError, SimulationError
from gnnglass.simulate._descent import MINIMISER_STEP, follow, steepest_descent
from gnnglass.simulate._state import SETTLING_STEPS, State, Stretch, moved, require_room
from gnnglass.simulate.engine import ENGINES, Engine
from gnnglass.simulate.inherent import separated
from gnnglass.systems import ForceShiftedLJ, GlassFormer, ShiftedLJ, linear_table
from gnnglass.systems.glass_former import Pair
from gnnglass.systems.potentials import FloatArray, LennardJones
from gnnglass.trajectories import Snapshot

#: By how much the neighbour list reaches beyond the cutoff, if the box is large enough.
NEIGHBOR_BUFFER = 0.4


def pair_forces(hoomd: ModuleType, system: GlassFormer, room: float) -> tuple[list[Any], list[Any]]:
    """HOOMD forces for the potentials of a mixture, and corrections of their energies.

    Args:
        hoomd: The package ``hoomd``.
        system: The mixture.
        room: Half the shortest edge of the box, the largest range of HOOMD's neighbour list.

    Returns:
        The forces to run with, and pair "forces" of zero strength that add the missing energy;
        they are attached when energies are computed.
    """
    buffer = min(NEIGHBOR_BUFFER, 0.9 * (room - system.r_max))
    nlist = hoomd.md.nlist.Cell(buffer=buffer)
    kinds = {type(potential) for potential in system.potentials.values()}
    if kinds == {ForceShiftedLJ}:
        return [_lennard_jones(hoomd.md.pair.ForceShiftedLJ(nlist), system)], [
            _missing(hoomd.md.pair.Gaussian(nlist), system)
        ]
    if kinds == {ShiftedLJ}:
        return [_lennard_jones(hoomd.md.pair.LJ(nlist, mode="shift"), system)], []
    return [_tables(hoomd.md.pair.Table(nlist), system)], []


def _lennard_jones(force: Any, system: GlassFormer) -> Any:
    for pair, potential in _of_lennard_jones(system).items():
        force.params[pair] = {"epsilon": potential.epsilon, "sigma": potential.sigma}
        force.r_cut[pair] = potential.cutoff
    return force


def _of_lennard_jones(system: GlassFormer) -> Mapping[Pair, LennardJones]:
    return cast("Mapping[Pair, LennardJones]", system.potentials)


def _missing(constant: Any, system: GlassFormer) -> Any:
    """The −φ(r_c) per pair that HOOMD leaves out of the energy of a force-shifted pair.

    A Gaussian of width 10⁹ equals that constant everywhere, and exerts no force.
    """
    for pair, potential in _of_lennard_jones(system).items():
        six = (potential.sigma / potential.cutoff) ** 6
        constant.params[pair] = {"epsilon": -4 * potential.epsilon * (six**2 - six), "sigma": 1e9}
        constant.r_cut[pair] = potential.cutoff
    return constant


def _tables(force: Any, system: GlassFormer) -> Any:
    for pair, potential in system.potentials.items():
        table = linear_table(potential)
        force.params[pair] = {"r_min": table.r[0], "U": table.energy, "F": table.force}
        force.r_cut[pair] = potential.cutoff
    return force


#: A run returns to Python after this many steps, for progress bar and Ctrl-C.
BLOCK_STEPS = 2000
#: HOOMD's own interval between sorts of the particles by position.
SORT_STEPS = 200
#: Root mean square of the force components at which a configuration counts as a minimum; its
#: energy is then within 1e-9 of the minimum's, relatively.
FORCE_TOLERANCE = 5e-8
MAX_ITERATIONS = 100_000
BITS_OF_SEED = 16


class HoomdSession:
    """A HOOMD simulation with particles of given species, used for one run after the other.

    Nothing is carried over from one `place` to the next, so results do not depend on what the
    session did before.

    Args:
        hoomd: The package ``hoomd``.
        device: The HOOMD device to run on.
        system: The mixture whose potentials act.
        types: Species index of each particle in the order of `system`, shape [n].
    """

    def __init__(
        self, hoomd: ModuleType, device: Any, system: GlassFormer, types: NDArray[np.int32]
    ) -> None:
        self.system = system
        self.types = types
        self._hoomd = hoomd
        self._device = device
        self._simulation: Any = None
        self._dynamics: Any = None
        self._box: FloatArray = np.zeros(system.dimension)
        self._broken = False

    def fits(self, system: GlassFormer, types: NDArray[np.int32]) -> bool:
        """Whether this session has not failed and holds particles of these types of `system`."""
        same_system = system == self.system
        return not self._broken and same_system and np.array_equal(types, self.types)

    def place(
        self, snapshot: Snapshot, velocities: FloatArray | None = None, clock: int | None = None
    ) -> None:
        """Place the particles in a box, at rest or with `velocities`; image flags are 0.

        Args:
            snapshot: Box and positions of n particles.
            velocities: Velocities, shape [n, d].
            clock: Value of HOOMD's step counter, on which its noise and the times at which it
                sorts particles depend; setting it makes a run independent of what the session
                did before. None if no particle will move.
        """
        at_rest = np.zeros_like(snapshot.positions)
        self._placed = snapshot, at_rest if velocities is None else velocities
        state = self._state(*self._placed)
        current = self._simulation
        if current is not None and (
            not np.array_equal(snapshot.box, self._box) or clock not in (None, current.timestep)
        ):
            current = None
        if current is None:
            self._simulation = self._new_simulation(state, clock or 0)
        else:
            with self._engine_errors():
                current.state.set_snapshot(state)

    def clock(self, stretch: Stretch) -> int:
        """The step counter at the start of a stretch; noise depends on seed, step and particle."""
        return (stretch.noise >> BITS_OF_SEED) + SETTLING_STEPS + stretch.start

    def run(self, stretch: Stretch) -> Iterator[int]:
        """Langevin dynamics in blocks, yielding the number of steps of each when it is done."""
        hoomd, simulation = self._hoomd, self._simulation
        with self._engine_errors():
            simulation.seed = stretch.noise % 2**BITS_OF_SEED
            [thermostat] = self._dynamics.methods
            thermostat.kT = hoomd.variant.Ramp(*stretch.kT, simulation.timestep, stretch.steps)
            for species in self.system.species:
                thermostat.gamma[species] = stretch.friction
            self._dynamics.dt = stretch.dt
            # Particles are placed in the order of their tags; sort them by position at once.
            [sorter] = simulation.operations.tuners
            sorter.trigger = hoomd.trigger.Periodic(SORT_STEPS, simulation.timestep % SORT_STEPS)
            self._integrate(self._dynamics)
        for done in range(0, stretch.steps, BLOCK_STEPS):
            block = min(BLOCK_STEPS, stretch.steps - done)
            with self._engine_errors():
                simulation.run(block)
            yield block

    def forces_at(self, positions: FloatArray) -> FloatArray:
        """Forces with the particles at other positions, which need not be in the box, [n, d].

        For a session of one process.
        """
        d, edges = self.system.dimension, self._box
        inside = positions - edges * np.round(positions / edges)
        with self._engine_errors():
            if self._simulation.operations.integrator is not self._statics:
                self._integrate(self._statics)
            with self._simulation.state.cpu_local_snapshot as local:
                local.particles.position[:, :d] = inside[local.particles.tag]
            # A step that moves nothing; HOOMD computes forces once a step.
            self._simulation.run(1)
            return np.asarray(sum(force.forces[:, :d] for force in self._forces))

    def minimize(self, stiffness: float) -> None:
        """Move the particles to the local minimum of the potential energy, by FIRE.

        Args:
            stiffness: The largest curvature of the energy where they are.

        Raises:
            SimulationError: If no minimum is reached.
        """
        hoomd = self._hoomd
        with self._engine_errors():
            free = hoomd.md.methods.ConstantVolume(hoomd.filter.All())
            fire = hoomd.md.minimize.FIRE(
                dt=MINIMISER_STEP / stiffness**0.5,
                force_tol=FORCE_TOLERANCE,
                angmom_tol=1.0,
                energy_tol=1.0,
                methods=[free],
            )
            self._integrate(fire)
            for _ in range(0, MAX_ITERATIONS, 100):
                self._simulation.run(100)
                if fire.converged:
                    return
        raise SimulationError(
            f"no minimum was reached in {MAX_ITERATIONS} iterations; check that positions, length "
            "unit and species fit the mixture."
        )

    def motion(self) -> tuple[FloatArray, NDArray[np.int32], FloatArray]:
        """Wrapped positions, image flags since `place`, and velocities, each of shape [n, d]."""
        d = self.system.dimension
        with self._engine_errors():
            state = self._simulation.state.get_snapshot()
        if state.communicator.rank != 0:
            snapshot, velocities = self._placed
            return snapshot.positions, np.zeros(velocities.shape, dtype=np.int32), velocities
        particles = state.particles
        # In 2D HOOMD also counts crossings along z, where the box has no thickness; ignore them.
        return (
            np.array(particles.position[:, :d], dtype=np.float64),
            np.array(particles.image[:, :d], dtype=np.int32),
            np.array(particles.velocity[:, :d], dtype=np.float64),
        )

    def energies_and_forces(self) -> tuple[FloatArray, FloatArray]:
        """Energy of each particle, shape [n], and force on it, shape [n, d], as placed."""
        n, d = len(self.types), self.system.dimension
        energies, total = np.zeros(n), np.zeros((n, d))
        with self._engine_errors():
            if self._simulation.operations.integrator is None:
                self._integrate(self._dynamics)
            # A run of 0 steps moves nothing, whatever the integrator.
            forces = self._simulation.operations.integrator.forces
            forces.extend(self._corrections)
            self._simulation.run(0)
            for force in forces:
                # Both are gathered on the first process and are None on the others.
                energy, vectors = force.energies, force.forces
                if energy is not None:
                    energies += energy
                    total += vectors[:, :d]
            for correction in self._corrections:
                forces.remove(correction)
        return energies, total

    def _integrate(self, integrator: Any) -> None:
        """Attach `integrator`, with the forces of the mixture."""
        old = self._simulation.operations.integrator
        # Attaching an integrator takes as long as a few steps.
        if old is integrator:
            return
        if old is not None:
            old.forces.clear()
        integrator.forces.extend(self._forces)
        self._simulation.operations.integrator = integrator

    def _new_simulation(self, state: Any, clock: int) -> Any:
        hoomd = self._hoomd
        with self._engine_errors():
            simulation = hoomd.Simulation(device=self._device, seed=0)
            simulation.timestep = clock
            simulation.create_state_from_snapshot(state)
        self._box = self._placed[0].box
        room = float(self._box.min()) / 2
        self._forces, self._corrections = pair_forces(hoomd, self.system, room)
        thermostat = hoomd.md.methods.Langevin(hoomd.filter.All(), kT=1.0)
        self._dynamics = hoomd.md.Integrator(dt=0.0, methods=[thermostat])
        self._statics = hoomd.md.Integrator(dt=0.0)
        return simulation

    def _state(self, snapshot: Snapshot, velocities: FloatArray) -> Any:
        d = self.system.dimension
        state = self._hoomd.Snapshot(self._device.communicator)
        if state.communicator.rank == 0:
            n = len(self.types)
            state.configuration.box = [*snapshot.box, *[0.0] * (6 - d)]
            state.particles.N = n
            state.particles.types = list(self.system.species)
            state.particles.typeid[:] = self.types
            state.particles.position[:, :d] = snapshot.positions
            state.particles.velocity[:, :d] = velocities
        return state

    @contextmanager
    def _engine_errors(self) -> Iterator[None]:
        """Wrap calls into HOOMD, whose errors become one sentence.

        HOOMD's compiled code raises `RuntimeError`. Subclasses of it, which HOOMD raises if it is
        used wrongly, and all other exceptions are mistakes in this package and pass unchanged.

        Raises:
            SimulationError: In place of an error of HOOMD.
        """
        try:
            yield
        except RuntimeError as error:
            self._broken = True
            if type(error) is not RuntimeError:
                raise
            lines = str(error).split("\n") if str(error) else [type(error).__name__]
            reason = " ".join(line.removeprefix("**ERROR**: ").strip() for line in lines)
            moving = self._simulation is not None and (
                self._simulation.operations.integrator is self._dynamics
            )
            advice = (
                "try a smaller dt if the run has blown up, fewer processes if the box is too small "
                "for them"
                if moving
                else "check that positions, length unit and species fit the mixture"
            )
            raise SimulationError(
                f"HOOMD stopped: {reason.strip().rstrip('.')}; {advice}."
            ) from error


INSTALL = "it is not on PyPI; run: conda install -c conda-forge 'hoomd>=4'"


@ENGINES.register("hoomd", needs="hoomd", install=INSTALL)
class HoomdEngine(Engine):
    """HOOMD-blue 4 or later, without output or files of its own.

    Anderson, Glaser & Glotzer, Comput. Mater. Sci. 173, 109363 (2020). Started under ``mpiexec``
    it decomposes the box over the processes, if it was built with MPI. On a GPU the order of sums
    is not fixed, so rounding differs and a repeated run agrees for a while, then diverges
    (particle trajectories are chaotic); on the CPU the same seed gives the same run.

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
        """Rank of this process under ``mpiexec``."""
        return int(self._device.communicator.rank)

    def advance(self, system: GlassFormer, state: State, stretch: Stretch) -> Iterator[int]:
        """Run a stretch from a state, block by block; see `Engine.advance`."""
        session = self._session_for(system, state.snapshot)
        session.place(state.snapshot, state.velocities, session.clock(stretch))
        return session.run(stretch)

    def motion(self) -> tuple[FloatArray, NDArray[np.int32], FloatArray]:
        """Positions, image flags since the start of the stretch, and velocities, [n, d] each.

        HOOMD gathers particles on the first process; the others return them as they were placed.
        """
        assert self._session is not None, "called after advance"
        return self._session.motion()

    def energies(self) -> FloatArray:
        """Potential energy of each particle at the end of the stretch, shape [n]."""
        assert self._session is not None, "called after advance"
        return self._session.energies_and_forces()[0]

    def descend(self, system: GlassFormer, snapshot: Snapshot) -> Snapshot:
        """The inherent structure, by steepest descent and FIRE; see `Engine.minimize`.

        `steepest_descent` leads to where no barrier is left, Bitzek et al., Phys. Rev. Lett. 97,
        170201 (2006), from there to the minimum.

        Raises:
            InputError: Also under ``mpiexec``, where no process knows all forces.
        """
        processes = int(self._device.communicator.num_ranks)
        if processes > 1:
            raise InputError(
                f"HOOMD-blue was asked to minimise in {processes} processes; expected one: "
                "minimise without mpiexec, or with the engine 'lammps'."
            )
        session = self._session_for(system, snapshot)
        start = separated(system, snapshot)
        session.place(start, clock=0)
        spacing = start.density ** (-1 / start.dimension)
        descent = follow(steepest_descent(start.positions, spacing), session.forces_at)
        start = start.replace(positions=descent.positions)
        session.place(start)
        session.minimize(descent.stiffness)
        positions, crossed, _ = session.motion()
        minimum = moved(start, positions, crossed, snapshot.step)
        return minimum.with_fields(potential_energy=system.energies(minimum))

    def evaluate(self, system: GlassFormer, snapshot: Snapshot) -> tuple[FloatArray, FloatArray]:
        """Potential energy of each particle, shape [n], and force on it, shape [n, d]."""
        session = self._session_for(system, snapshot)
        session.place(snapshot)
        return session.energies_and_forces()

    def synchronize(self) -> None:
        """Wait until all processes that share the run have called this."""
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
    # Notices are switched off; errors are raised as exceptions anyway.
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
