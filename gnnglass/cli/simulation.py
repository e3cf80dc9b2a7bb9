"""Commands that simulate: runs, ensembles of them, and clones of one configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gnnglass._files import require_own_folder, require_replaceable
from gnnglass.cli._names import require_known
from gnnglass.cli._options import (
    OWN,
    Accept,
    Bar,
    BondLength,
    Box,
    BreakLength,
    Engine,
    Files,
    Frames,
    GlassFormerOrFile,
    Input,
    LengthUnit,
    NLags,
    Out,
    Overwrite,
    OverwriteFolder,
    Phase,
    Refusals,
    Scheduler,
    Seed,
    Species,
    System,
    TimeStep,
    Workers,
    is_trajectory,
    lengths,
    made_of,
    next_step,
    read_as,
    reading,
    system_of,
)
from gnnglass.errors import FileError, InputError


def simulate(
    system: GlassFormerOrFile,
    out: Out,
    kT: Annotated[float, typer.Option("--kT", help="Temperature that is sampled, in ε.")],
    n_particles: Annotated[int, typer.Option(help="Number of particles.")] = 1024,
    n_frames: Annotated[int, typer.Option(help="Number of frames that are kept.")] = 8,
    frame_interval: Annotated[int, typer.Option(help="Steps between frames.")] = 2000,
    hold_steps: Annotated[int, typer.Option(help="Steps at kT before the first frame.")] = 10_000,
    kT_melt: Annotated[float, typer.Option("--kT-melt", help="That of the melt, in ε.")] = 4.0,
    melt_steps: Annotated[int, typer.Option(help="Steps at the temperature of the melt.")] = 4000,
    cooling_rate: Annotated[
        float | None,
        typer.Option(help="Fall of kT, in ε per unit of time; without, cooling is at once."),
    ] = None,
    dt: TimeStep = 0.005,
    friction: Annotated[float, typer.Option(help="Langevin friction, per unit of time.")] = 1.0,
    seed: Seed = 0,
    phase: Phase = None,
    inherent: Annotated[
        bool,
        typer.Option("--inherent", help="Also write the inherent structures, NAME.inherent.gsd."),
    ] = False,
    engine: Engine = "lammps",
    overwrite: Overwrite = False,
) -> None:
    """Melt, cool, hold and sample one run.

    Everything is in reduced units: lengths in σ, energies and kT in ε, times in √(m σ²/ε), all
    masses 1. A run that was killed goes on where it was with the same command.

    Examples:
        gnnglass simulate kam2d --kT 0.4 -o glass.gsd
        gnnglass simulate ka3d --kT 0.7 --n-particles 4096 --phase liquid -o liquid.gsd
        gnnglass simulate kam2d --kT 0.3 --cooling-rate 0.01 --inherent --seed 7 -o slow.gsd

    OUT is a GSD file with the frames, how they were made, and a verdict on whether they are
    equilibrated. Next, gnnglass structure measures it and gnnglass dynamics follows it; gnnglass
    ensemble makes many independent runs.
    """
    from gnnglass.simulate import ENGINES, Protocol, inherent_path, inherent_structures
    from gnnglass.systems import glass_former
    from gnnglass.trajectories import write

    for file in [out, inherent_path(out)] if inherent else [out]:
        require_replaceable(file, ours=is_trajectory, overwrite=overwrite, inputs=[system])
    former, chosen = glass_former(system), ENGINES.create(engine)
    protocol = Protocol(
        n_particles=n_particles,
        kT=kT,
        kT_melt=max(kT, kT_melt),
        melt_steps=melt_steps,
        cooling_rate=cooling_rate,
        hold_steps=hold_steps,
        n_frames=n_frames,
        frame_interval=frame_interval,
        dt=dt,
        friction=friction,
        seed=seed,
    )
    metadata = {} if phase is None else {"phase": phase}
    # Of processes that share the run, the first alone shows, writes and tells.
    first = chosen.rank == 0
    with Bar("simulating", "step") as bar:
        trajectory = chosen.run(
            former,
            protocol,
            out,
            metadata=metadata,
            progress=bar if first else None,
            overwrite=overwrite,
        )
    if first:
        typer.echo(f"{out}: {trajectory.metadata['equilibration']['verdict']}")
    if inherent:
        with Bar("minimising", "frame") as bar:
            quenched = inherent_structures(
                former, trajectory, engine, progress=bar if first else None
            )
        if first:
            write(inherent_path(out), quenched, overwrite=overwrite)
            typer.echo(inherent_path(out))
    if first:
        made = inherent_path(out) if inherent else out
        next_step("structure", made, "-o", made.with_suffix(".structure.gsd"))


def inherent(
    trajectories: Files,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="Folder to write to; or, of one trajectory, a file ending in .gsd."
        ),
    ],
    system: System = None,
    species: Species = None,
    length_unit: LengthUnit = None,
    box: Box = None,
    frames: Frames = None,
    accept: Accept = None,
    engine: Engine = "lammps",
    workers: Workers = None,
    scheduler: Scheduler = None,
    overwrite: Overwrite = False,
) -> None:
    """Find the inherent structures of trajectories of yours, on all cores.

    Each frame is minimised along the path of steepest descent; energies are in ε, lengths in σ.
    What is finished is not done again, unless its input or an option has changed, and work that was
    killed goes on where it was. A file that is refused is named and does not stop the others.

    Examples:
        gnnglass inherent glass.gsd -o glass.inherent.gsd
        gnnglass inherent runs/*.dump --system kam2d --species 1=A,2=B -o minima
        gnnglass inherent many/workspace/*/thermal.gsd -o minima --workers 8

    OUT gets a GSD file NAME.inherent.gsd of every trajectory, with energies as a field, and beside
    it a hidden record that tells what it was made of. Next, gnnglass train, explain or structure
    takes the files.
    """
    from gnnglass.simulate import minimise_files

    require_known("engines", engine)
    files = made_of(trajectories, out, ".inherent.gsd")
    refusals = Refusals(len(files))
    read, options = reading(
        system=system, species=species, length_unit=length_unit, box=box, frames=frames
    )
    made = minimise_files(
        files,
        engine=engine,
        read=read,
        options=options,
        accept=accept or (),
        workers=workers,
        scheduler=scheduler,
        overwrite=overwrite,
        refused=refusals.add,
    )
    for path in made:
        typer.echo(path)
    refusals.end()
    next_step("structure", made[0], "-o", made[0].with_suffix(".structure.gsd"))


def dynamics(
    trajectory: Input,
    out: Out,
    kT: Annotated[
        float | None,
        typer.Option("--kT", help="Temperature of the clones, in ε; by default the file's."),
    ] = None,
    frame: Annotated[int, typer.Option(help="Frame that the clones start from.")] = -1,
    n_clones: Annotated[int, typer.Option(help="Number of clones.")] = 16,
    last_lag: Annotated[int, typer.Option(help="Steps of each clone.")] = 20_000,
    n_lags: NLags = 16,
    dt: TimeStep = 0.005,
    r_bond: BondLength = None,
    r_break: BreakLength = None,
    seed: Seed = 0,
    system: System = None,
    species: Species = None,
    length_unit: LengthUnit = None,
    box: Box = None,
    accept: Accept = None,
    engine: Engine = "lammps",
    workers: Workers = None,
    scheduler: Scheduler = None,
    overwrite: Overwrite = False,
) -> None:
    """Run clones of one configuration; give every particle propensity and relaxation times.

    Clones start from the same positions with velocities of their own. A file that already holds
    clones is analysed as it is. Propensities, mean distances moved, are in σ, and relaxation times
    in units of time; what had not relaxed at the last lag is marked as censored.

    Examples:
        gnnglass dynamics glass.gsd -o dynamics.gsd
        gnnglass dynamics glass.gsd --n-clones 32 --last-lag 200000 -o dynamics.gsd
        gnnglass dynamics start.data --system kam2d --kT 0.4 -o dynamics.gsd

    OUT is that configuration (GSD) with its propensities and relaxation times as fields. New clones
    are kept in the ensemble of its name, ending in .clones; those that are there are not simulated
    again. Next, gnnglass compare sets them against the structure.
    """
    from gnnglass.dynamics import BondBreaking, IsoconfigurationalEnsemble, annotate
    from gnnglass.simulate import Ensemble, IsoconfigurationalProtocol, log_spaced_steps
    from gnnglass.systems import glass_former
    from gnnglass.trajectories import Material, Trajectory, write

    require_known("engines", engine)
    require_replaceable(out, ours=is_trajectory, overwrite=overwrite, inputs=[trajectory])
    require_own_folder(out.with_suffix(".clones"), OWN, overwrite=overwrite)
    given = read_as(trajectory, system=system, species=species, length_unit=length_unit, box=box)
    facts, accepted = dict(given.metadata), {}
    mixture = given.metadata.get("system")
    bonds = BondBreaking(lengths(r_bond), lengths(r_break), system=mixture)
    # Before anything is simulated, as it may take hours.
    bonds.cutoffs(given[0])
    if "isoconfigurational" in given.metadata:
        clones = IsoconfigurationalEnsemble.from_trajectory(given)
    else:
        temperature = kT or given.metadata.get("kT")
        if temperature is None:
            raise InputError(f"{trajectory} does not store its temperature; give --kT.")
        if not -len(given) <= frame < len(given):
            raise InputError(f"{trajectory} has {len(given)} frames; there is no frame {frame}.")
        lags = log_spaced_steps(10, last_lag, n_lags)
        protocol = IsoconfigurationalProtocol(
            kT=temperature, n_clones=n_clones, lag_steps=lags, seed=seed, dt=dt
        )
        kept = Ensemble(out.with_suffix(".clones"))
        former = glass_former(system_of(given))
        accepted = Material.of([given[frame : frame + 1 or None]]).require_fit(
            former.material,
            whose=str(trajectory),
            made_for=f"{former.name!r}, whose potentials act",
            accept=accept or (),
        )
        (names,) = kept.plan_clones(
            former, {"start": given[frame]}, {"start": protocol}, engine=engine
        ).values()
        kept.run(names, workers=workers, scheduler=scheduler, description="clones")
        runs = [kept.load(name) for name in names]
        clones = IsoconfigurationalEnsemble.from_clones(runs)
        facts = {**facts, **runs[0].metadata, "isoconfigurational": protocol.model_dump()}
    facts["run"] = given.metadata.get("run", trajectory.stem)
    made = Trajectory([annotate(clones, bonds=bonds)], facts).accepting(accepted)
    write(out, made, overwrite=overwrite)
    unbonded = int(bonds.unbonded.sum())
    if unbonded:
        typer.echo(f"{unbonded} particles have no bonds, and no time at which these break: NaN")
    typer.echo(f"{out}: propensity and relaxation times from {clones.n_clones} clones")
    next_step("compare", out)


def ensemble(
    file: Annotated[
        Path,
        typer.Argument(help="TOML with the tables system, simulate and phases; or a study file."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the ensemble.")],
    workers: Workers = None,
    scheduler: Scheduler = None,
    overwrite: OverwriteFolder = False,
) -> None:
    """Simulate independent runs of each phase; what is done already is not done again.

    Each run has a seed of its own, so that all are independent; the file is in reduced units (σ,
    ε), as the study files of gnnglass list studies.

    Examples:
        gnnglass ensemble many.toml -o many
        gnnglass ensemble many.toml -o many --workers 4
        gnnglass ensemble many.toml -o many --scheduler tcp://127.0.0.1:8786

    OUT is a signac project: every run is a job in OUT/workspace with thermal.gsd and inherent.gsd.
    Next, gnnglass status tells what is done, and gnnglass train takes the files.
    """
    from gnnglass.simulate import Ensemble
    from gnnglass.study import plan_runs, read_ensemble_file

    require_own_folder(out, OWN, overwrite=overwrite, besides=[file])
    definition = read_ensemble_file(file)
    made = Ensemble(out)
    made.run(plan_runs(definition, made), workers=workers, scheduler=scheduler)
    typer.echo(f"{out}: {len(made)} runs")
    next_step("status", out)


def status(
    folder: Annotated[Path, typer.Argument(help="Folder of an ensemble or of a study.")],
    each: Annotated[bool, typer.Option("--all", help="List every run, not only counts.")] = False,
) -> None:
    """Tell which runs are done, running, failed (and why) or planned.

    Nothing is written, and nothing that runs is disturbed. Temperatures are in ε, times in seconds.

    Examples:
        gnnglass status many
        gnnglass status gnnglass-demo --all

    Next, the command that began the work goes on with what is left; gnnglass show FOLDER tells what
    a finished study found.
    """
    from gnnglass.simulate import Ensemble
    from gnnglass.simulate.ensemble import counts, summary

    places = [folder, folder / "runs", folder / "dynamics"]
    found = [made for made in map(Ensemble, places) if len(made)]
    if not found:
        raise FileError(f"{folder} holds no ensemble and no study that has begun.")
    for made in found:
        table = made.status()
        typer.echo(f"{made.folder}: {len(made)} runs: {counts(table)}")
        shown = table.drop(columns=["folder"]).to_string() if each else summary(table)
        typer.echo(f"{shown}\n")
    next_step("show" if each else "status", folder, *([] if each else ["--all"]))
