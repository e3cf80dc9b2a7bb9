"""Commands that describe, compare and convert trajectories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gnnglass._files import require_replaceable, written_whole
from gnnglass.cli._options import (
    Accept,
    Bar,
    Box,
    ChosenSpecies,
    Engine,
    Frames,
    Input,
    LengthUnit,
    OptionalOut,
    Out,
    Overwrite,
    Species,
    System,
    at_level,
    begins_with,
    chosen_and_renamed,
    read_as,
    system_of,
)

if TYPE_CHECKING:
    from gnnglass.trajectories import Trajectory


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
    species: Species = None,
    length_unit: LengthUnit = None,
    box: Box = None,
    frames: Frames = None,
    accept: Accept = None,
    engine: Engine = "lammps",
    overwrite: Overwrite = False,
) -> None:
    """Give every particle its structural indicators.

    Configurations that are not like the glass former whose parameters are used (composition,
    density) are refused, unless the difference is accepted by name.
    """
    from gnnglass.structure import annotate, indicator_field, indicator_for, indicators_for
    from gnnglass.trajectories import write
    from gnnglass.trajectories.gsd import is_ours

    require_replaceable(out, ours=is_ours, overwrite=overwrite, inputs=[trajectory])
    whole = read_as(
        trajectory, system=system, species=species, length_unit=length_unit, box=box, frames=frames
    )
    if inherent:
        whole = at_level(whole, "inherent", system_of(whole), engine, accept or ())
    if indicator:
        chosen = {name: indicator_for(name, whole) for name in indicator}
    else:
        chosen = indicators_for(whole)
    fields = {indicator_field(name): one for name, one in chosen.items()}
    write(out, annotate(whole, fields, accept=accept or ()), overwrite=overwrite)
    typer.echo(f"{out}: {', '.join(chosen)}")


def compare(
    trajectories: Annotated[
        list[Path], typer.Argument(help="Annotated trajectories, one independent run each.")
    ],
    predictor: Annotated[
        list[str] | None, typer.Option(help="Fields that predict; all indicators by default.")
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="Fields to be predicted; propensities by default.")
    ] = None,
    species: ChosenSpecies = None,
    method: Annotated[
        Literal["spearman", "pearson", "top-decile", "bottom-decile"],
        typer.Option(
            help="Correlation coefficient, or the share of the predictor's top decile that is in "
            "the target's top or bottom one."
        ),
    ] = "spearman",
    given: Annotated[
        list[str] | None,
        typer.Option(help="Fields to hold fixed: adds partial correlations and gains."),
    ] = None,
    length: Annotated[
        list[float] | None, typer.Option(help="Candidate smoothing lengths of the predictors.")
    ] = None,
    same_species: Annotated[
        bool, typer.Option("--same-species", help="Smooth over the particle's own species only.")
    ] = False,
    inherent: Annotated[
        bool, typer.Option("--inherent", help="Indicators of inherent structures.")
    ] = False,
    time: Annotated[
        float | None, typer.Option(help="Lag of propensities from runs; the last by default.")
    ] = None,
    system: System = None,
    length_unit: LengthUnit = None,
    box: Box = None,
    frames: Frames = None,
    engine: Engine = "lammps",
    keep: Annotated[
        Path, typer.Option(help="Folder of inherent structures that are found.")
    ] = Path("gnnglass-inherent"),
    out: OptionalOut = None,
    overwrite: Overwrite = False,
) -> None:
    """Correlate fields per species and configuration, with intervals over runs.

    Where fields are not named or not there, published files and clones are given their
    propensities and structural indicators on the way.
    """
    from gnnglass import published
    from gnnglass.compare import gain
    from gnnglass.compare.table import COLUMNS
    from gnnglass.trajectories import by_run

    ours = begins_with(",".join(COLUMNS))
    if out is not None:
        require_replaceable(out, ours=ours, overwrite=overwrite, inputs=trajectories)

    chosen, renamed = chosen_and_renamed(species)

    def read(path: Path) -> Trajectory:
        return read_as(
            path, system=system, species=renamed, length_unit=length_unit, box=box, frames=frames
        )

    held = given or []
    named = [*predictor, *target, *held] if predictor and target else []
    with Bar("structure", "file") as bar:
        loaded = published.annotated(
            map(read, trajectories),
            named,
            time=time,
            inherent=inherent,
            engine=engine,
            keep=keep,
            progress=bar,
        )
    snapshots, runs = by_run(loaded, None)
    how: dict[str, Any] = {
        "species": chosen,
        "lengths": length,
        "given": held,
        "same_species": same_species,
    }
    table = published.compare_by_name(
        snapshots, predictor or (), target or (), runs=runs, methods=(method,), **how
    )
    shown = [
        *("predictor", "target", "species", *(["given"] if held else []), "smoothed"),
        *("length", "estimate", "low", "high", "n_runs", "ceiling"),
    ]
    # Of too few runs for an interval, the runs themselves stand in the table.
    few = table["estimate"].notna() & table["low"].isna()
    parts = table["note"].where(few, "").str.partition("; ")
    if few.any():
        shown.append("each run")
    printed = table.assign(**{"each run": parts[0]})[shown]
    typer.echo(printed.to_string(index=False, float_format="{:.3f}".format))
    for note in dict.fromkeys([*table["note"][~few], *parts[2][few]]):
        if note:
            typer.echo(f"note: {note}")
    gaps = table[table["undefined_share"] > 0].drop_duplicates(["target", "species"])
    for row in gaps.to_dict("records"):
        who = f"{100 * row['undefined_share']:.3g}% of the {row['species']} particles"
        typer.echo(f"note: {who} have no {row['target']} and are left out")
    pairs = dict.fromkeys(zip(table["predictor"], table["target"], strict=True))
    for x, y in pairs if held and len(set(runs)) > 1 else ():
        if x not in held:
            mark = published.censoring_marks(snapshots[0], [y]).get(y)
            gains = gain(snapshots, x, y, runs=runs, method=method, censored=mark, **how)
            for found in gains.values():
                typer.echo(found.sentence())
    others = published.beside(table, [trajectory.metadata for trajectory in loaded])
    if len(others):
        typer.echo(f"\nPublished: {published.QUANTITY}; {published.SOURCE}")
        typer.echo(others.to_string(index=False, float_format="{:.3f}".format, na_rep="–"))
    if out is not None:
        with written_whole(out, ours=ours, overwrite=overwrite) as aside:
            table.to_csv(aside, index=False)


def correlation_length(
    trajectories: Annotated[
        list[Path], typer.Argument(help="Annotated trajectories, one independent run each.")
    ],
    field: Annotated[list[str], typer.Option(help="Fields whose spatial correlation is fitted.")],
    species: ChosenSpecies = None,
    fit_from: Annotated[float, typer.Option(help="Distance at which the fit begins.")] = 1.0,
    length_unit: LengthUnit = None,
    box: Box = None,
    frames: Frames = None,
    out: OptionalOut = None,
    overwrite: Overwrite = False,
) -> None:
    """Length over which fields are correlated in space, with a check against the box."""
    import pandas as pd

    from gnnglass.compare import correlation_length
    from gnnglass.trajectories import by_run

    ours = begins_with("field,species,estimate,low,high,amplitude,")
    if out is not None:
        require_replaceable(out, ours=ours, overwrite=overwrite, inputs=trajectories)

    chosen, renamed = chosen_and_renamed(species)
    loaded = [
        read_as(path, species=renamed, length_unit=length_unit, box=box, frames=frames)
        for path in trajectories
    ]
    snapshots, runs = by_run(loaded, None)
    found = [
        length
        for name in field
        for length in correlation_length(
            snapshots, name, runs=runs, species=chosen, fit_range=(fit_from, None)
        ).values()
    ]
    for length in found:
        typer.echo(length.sentence())
    if out is not None:
        with written_whole(out, ours=ours, overwrite=overwrite) as aside:
            pd.concat([length.to_frame() for length in found]).to_csv(aside, index=False)


def convert(
    source: Input,
    out: Out,
    system: System = None,
    species: Species = None,
    length_unit: LengthUnit = None,
    box: Box = None,
    frames: Frames = None,
    phase: Annotated[str | None, typer.Option(help="Class label to store with it.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Convert a trajectory of any known format to GSD.

    What a trajectory has no place for, such as bonds, is named in one line.
    """
    from gnnglass.trajectories import write
    from gnnglass.trajectories.gsd import is_ours

    require_replaceable(out, ours=is_ours, overwrite=overwrite, inputs=[source])
    trajectory = read_as(
        source, system=system, species=species, length_unit=length_unit, box=box, frames=frames
    )
    if phase is not None:
        trajectory = trajectory.stating(phase=phase)
    write(out, trajectory, overwrite=overwrite)
    typer.echo(f"{out}: {trajectory!r}")
