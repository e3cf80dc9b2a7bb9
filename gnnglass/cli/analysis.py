"""Commands that describe, compare and convert trajectories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gnnglass.cli.shared import Engine, Input, OptionalOut, Out, System, at_level, system_of


def structure(
    trajectory: Input,
    out: Out,
    indicator: Annotated[
        list[str] | None, typer.Option(help="Indicators; all that apply by default.")
    ] = None,
    inherent: Annotated[
        bool, typer.Option("--inherent", help="Measure inherent structures, computed on the way.")
    ] = False,
    system: System = None,
    engine: Engine = "lammps",
) -> None:
    """Give every particle its structural indicators."""
    from gnnglass.structure import annotate, indicator_for, indicators_for
    from gnnglass.systems import glass_former
    from gnnglass.trajectories import read, write

    frames = read(trajectory)
    if system is not None:
        frames = frames.map(lambda s: s, system=glass_former(system).identity)
    if inherent:
        frames = at_level(frames, "inherent", system_of(frames, None), engine)
    if indicator:
        chosen = {name: indicator_for(name, frames) for name in indicator}
    else:
        chosen = indicators_for(frames)
    write(out, annotate(frames, {name.replace("-", "_"): one for name, one in chosen.items()}))
    typer.echo(f"{out}: {', '.join(chosen)}")


def compare(
    trajectories: Annotated[
        list[Path], typer.Argument(help="Annotated trajectories, one independent run each.")
    ],
    predictor: Annotated[list[str], typer.Option(help="Fields that predict.")],
    target: Annotated[list[str], typer.Option(help="Fields to be predicted.")],
    species: Annotated[list[str] | None, typer.Option(help="By default each.")] = None,
    method: Annotated[
        Literal["spearman", "pearson"], typer.Option(help="Correlation coefficient.")
    ] = "spearman",
    length: Annotated[
        list[float] | None, typer.Option(help="Candidate smoothing lengths of the predictors.")
    ] = None,
    out: OptionalOut = None,
) -> None:
    """Correlate fields per species and configuration, with intervals over runs."""
    from gnnglass.compare import compare_fields
    from gnnglass.trajectories import read, written_whole

    loaded = [read(path) for path in trajectories]
    snapshots = [snapshot for trajectory in loaded for snapshot in trajectory]
    runs = [
        str(trajectory.metadata.get("run", path))
        for trajectory, path in zip(loaded, trajectories, strict=True)
        for _ in trajectory
    ]
    flags = {name: f"{name}_censored" for name in target}
    table = compare_fields(
        snapshots,
        predictor,
        target,
        runs=runs,
        species=species,
        methods=(method,),
        lengths=length,
        censored={name: flag for name, flag in flags.items() if flag in snapshots[0].fields},
    )
    shown = ["predictor", "target", "species", "smoothed", "estimate", "low", "high", "n_runs"]
    typer.echo(table[shown].to_string(index=False, float_format="{:.3f}".format))
    if out is not None:
        with written_whole(out) as aside:
            table.to_csv(aside, index=False)


def convert(
    source: Input,
    out: Out,
    system: Annotated[str | None, typer.Option(help="Glass former to store with it.")] = None,
    phase: Annotated[str | None, typer.Option(help="Class label to store with it.")] = None,
) -> None:
    """Convert a trajectory of any known format to GSD."""
    from gnnglass.systems import glass_former
    from gnnglass.trajectories import read, write

    known: dict[str, Any] = {} if phase is None else {"phase": phase}
    if system is not None:
        known["system"] = glass_former(system).identity
    trajectory = read(source).map(lambda s: s, **known)
    write(out, trajectory)
    typer.echo(f"{out}: {trajectory!r}")
