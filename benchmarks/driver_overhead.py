"""What the driver costs over a bare engine script that does the same steps and frames.

Run ``python benchmarks/driver_overhead.py``. A bare script sets up the engine by its own commands
and lets the engine write the frames; the driver is ``Engine.run``, with its checkpoints, energies
and verdict. Both sides run in turn, so that whatever else the machine does meanwhile hits them
alike. CPU time does not notice other processes, wall time does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _common import CLOCKS, engines_here, fresh_folder, machine, run_script, side_by_side

from gnnglass.errors import SimulationError
from gnnglass.simulate import ENGINES, Protocol
from gnnglass.simulate._state import lattice_start, settling
from gnnglass.simulate.lammps import QUIET, load_lammps
from gnnglass.systems import GlassFormer, glass_former
from gnnglass.systems.potentials import LennardJones
from gnnglass.trajectories import read

FRAME_INTERVAL = 1000
Bare = Callable[[GlassFormer, Protocol, Path], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", nargs="+", default=list(BARE), choices=list(BARE))
    parser.add_argument("--systems", nargs="+", default=["kam2d", "ka3d"])
    parser.add_argument("--particles", nargs="+", type=int, default=[1000, 10_000])
    parser.add_argument("--steps", type=int, default=10_000, help="steps of a run")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of the driver")
    options = parser.parse_args()
    if options.repeats < 2:
        parser.error("--repeats must be at least 2")
    if options.steps < 3 * FRAME_INTERVAL:
        parser.error(f"--steps must be at least {3 * FRAME_INTERVAL}")
    print(
        f"{machine()}; {options.steps} steps, a frame every {FRAME_INTERVAL}; "
        f"{options.repeats} repeats"
    )
    for engine in engines_here(options.engines):
        for name in options.systems:
            for n in options.particles:
                system, protocol = glass_former(name), protocol_of(n, options.steps)
                compare(engine, system, protocol, options.repeats)


def protocol_of(n: int, steps: int) -> Protocol:
    """A short melt and a hold, then a frame every so many steps until the last."""
    return Protocol(
        n_particles=n,
        kT=1.0,
        kT_melt=2.0,
        seed=0,
        melt_steps=FRAME_INTERVAL,
        hold_steps=FRAME_INTERVAL,
        frame_interval=FRAME_INTERVAL,
        n_frames=steps // FRAME_INTERVAL - 1,
    )


def compare(engine: str, system: GlassFormer, protocol: Protocol, repeats: int) -> None:
    """Print how many times as long the driver takes, with an interval over runs."""

    def driver(folder: Path) -> None:
        ENGINES.create(engine).run(system, protocol, folder / "run.gsd")

    def bare(folder: Path) -> None:
        BARE[engine](system, protocol, folder / "run.gsd")

    # Run once before, they have also paid for what is made once.
    require_same_work(system, protocol, (driver, bare))
    found = side_by_side(driver, bare, repeats, fresh=fresh_folder, warm_up=False)
    print(f"{engine}, {system.name}, {protocol.n_particles} particles:")
    for clock in CLOCKS:
        print(f"  {clock:4} driver {found.text('bare', clock)}")


def require_same_work(
    system: GlassFormer, protocol: Protocol, sides: tuple[Callable[[Path], object], ...]
) -> None:
    """Refuse to compare unless both sides leave the same steps of the same liquid.

    Raises:
        SimulationError: If they do not.
    """
    energies = []
    for side in sides:
        with fresh_folder() as folder:
            side(folder)
            frames = read(folder / "run.gsd")
            steps = tuple(frame.step for frame in frames)
            energies.append(np.mean([system.energies(frame).mean() for frame in frames]))
        # A bare HOOMD cannot count from the end of the settling.
        if list(np.diff(steps)) != list(np.diff(protocol.frame_steps)):
            raise SimulationError(f"frames at {steps}, expected {protocol.frame_steps}.")
    if abs(energies[0] - energies[1]) > 0.1:
        raise SimulationError(
            f"the mean energies per particle are {energies}, expected equal ones."
        )


def bare_lammps(system: GlassFormer, protocol: Protocol, out: Path) -> None:
    """The protocol in LAMMPS's own commands, frames as a text dump."""
    start, flat = lattice_start(system, protocol), system.dimension == 2
    edges = [*start.box, 1.0][:3]
    lammps = load_lammps().lammps(cmdargs=QUIET)
    lammps.commands_list(
        [
            "units lj",
            f"dimension {system.dimension}",
            "atom_style atomic",
            "region box block " + " ".join(f"{-edge / 2} {edge / 2}" for edge in edges),
            f"create_box {len(system.species)} box",
        ]
    )
    n = len(start)
    positions = np.zeros((n, 3))
    positions[:, : system.dimension] = start.positions
    lammps.create_atoms(n, list(range(1, n + 1)), (start.types + 1).tolist(), positions.ravel())
    lammps.commands_list(["mass * 1.0", f"pair_style lj/smooth/linear {system.r_max}"])
    for (a, b), potential in system.potentials.items():
        assert isinstance(potential, LennardJones)
        i, j = sorted((system.species.index(a) + 1, system.species.index(b) + 1))
        lammps.command(
            f"pair_coeff {i} {j} {potential.epsilon} {potential.sigma} {potential.cutoff}"
        )
    lammps.commands_list(
        [
            "neighbor 0.4 bin",
            "neigh_modify every 1 delay 0 check yes",
            f"velocity all create {protocol.kT_melt} 1",
            "fix integrate all nve",
        ]
    )
    first = settling(protocol)
    settle = (first.steps, first.kT, first.dt, first.friction)
    counted = [(*stage, protocol.dt, protocol.friction) for stage in protocol.stages]
    for stage, (steps, (hot, cold), dt, friction) in enumerate([settle, *counted]):
        lammps.commands_list(
            [f"timestep {dt}", f"fix bath all langevin {hot} {cold} {1 / friction} {stage + 1}"]
        )
        if flat:
            lammps.command("fix plane all enforce2d")
        if stage == 1:
            lammps.command("reset_timestep 0")
        if stage == len(protocol.stages):
            lammps.command(
                f"dump frames all custom {protocol.frame_interval} {out} id type x y z ix iy iz"
            )
            lammps.command(f"dump_modify frames delay {protocol.frame_steps[0]}")
        if steps:
            lammps.command(f"run {steps}")
    lammps.close()


def bare_hoomd(system: GlassFormer, protocol: Protocol, out: Path) -> None:
    """The protocol in HOOMD's own classes, frames as GSD."""
    import hoomd

    start, d = lattice_start(system, protocol), system.dimension
    frame = hoomd.Snapshot()
    frame.configuration.box = [*start.box, *[0.0] * (6 - d)]
    frame.particles.N = len(start)
    frame.particles.types = list(system.species)
    frame.particles.typeid[:] = start.types
    frame.particles.position[:, :d] = start.positions
    simulation = hoomd.Simulation(hoomd.device.auto_select(notice_level=0), seed=1)
    simulation.create_state_from_snapshot(frame)
    everything = hoomd.filter.All()
    simulation.state.thermalize_particle_momenta(everything, protocol.kT_melt)
    pair = hoomd.md.pair.ForceShiftedLJ(hoomd.md.nlist.Cell(buffer=0.4))
    for key, potential in system.potentials.items():
        assert isinstance(potential, LennardJones)
        pair.params[key] = {"epsilon": potential.epsilon, "sigma": potential.sigma}
        pair.r_cut[key] = potential.cutoff
    first = settling(protocol)
    bath = hoomd.md.methods.Langevin(everything, kT=first.kT[0], default_gamma=first.friction)
    integrator = hoomd.md.Integrator(first.dt, methods=[bath], forces=[pair])
    simulation.operations.integrator = integrator
    simulation.run(first.steps)
    for species in system.species:
        bath.gamma[species] = protocol.friction
    integrator.dt = protocol.dt
    for stage, (steps, kT) in enumerate(protocol.stages):
        bath.kT = hoomd.variant.Ramp(*kT, simulation.timestep, max(steps, 1))
        if stage == len(protocol.stages) - 1:
            interval = protocol.frame_interval
            start_of_frames = simulation.timestep + protocol.hold_steps
            wanted = hoomd.trigger.And(
                [
                    hoomd.trigger.After(start_of_frames - 1),
                    hoomd.trigger.Periodic(interval, start_of_frames % interval),
                ]
            )
            simulation.operations.writers.append(
                hoomd.write.GSD(wanted, str(out), dynamic=["property", "particles/image"])
            )
        simulation.run(steps)
    simulation.operations.writers[0].flush()


BARE: dict[str, Bare] = {"lammps": bare_lammps, "hoomd": bare_hoomd}


if __name__ == "__main__":
    run_script(main)
