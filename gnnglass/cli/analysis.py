"""Commands that describe, compare and convert trajectories."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gnnglass._files import require_replaceable, written_whole
from gnnglass.cli._names import completing, require_known
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
    Phase,
    Runs,
    Species,
    System,
    at_level,
    begins_with,
    chosen_and_renamed,
    next_step,
    read_as,
    system_of,
)

if TYPE_CHECKING:
    from gnnglass.trajectories import Trajectory


def structure(
    trajectory: Input,
    out: Out,
    indicator: Annotated[
        list[str] | None,
        typer.Option(
            help="Structural indicator (gnnglass list indicators); give it once per indicator. All "
            "that apply to the file by default.",
            autocompletion=completing("indicators"),
        ),
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

    All that apply, unless some are asked for: what was left out is said in one line, such as the
    energy where no glass former is known. Configurations that are not like the glass former that is
    stated (composition, density) are refused, unless the difference is accepted by name. Values are
    in reduced units: lengths in σ, energies in ε; gnnglass list indicators shows the unit of each.

    Examples:
        gnnglass structure glass.gsd -o structure.gsd
        gnnglass structure run.dump --system kam2d --inherent -o structure.gsd
        gnnglass structure glass.gsd --indicator potential-energy -o energy.gsd

    OUT is the trajectory (GSD) with one field particles/gnnglass/NAME per indicator, for OVITO and
    for what comes next: gnnglass compare, gnnglass correlation-length.
    """
    from gnnglass.structure import (
        INDICATORS,
        annotate,
        annotate_all,
        indicator_field,
        indicator_for,
    )
    from gnnglass.trajectories import write
    from gnnglass.trajectories.gsd import is_ours

    require_known("indicators", *(indicator or ()))
    require_known("engines", engine)
    require_replaceable(out, ours=is_ours, overwrite=overwrite, inputs=[trajectory])
    whole = read_as(
        trajectory, system=system, species=species, length_unit=length_unit, box=box, frames=frames
    )
    if inherent:
        whole = at_level(whole, "inherent", system_of(whole), engine, accept or ())
    left_out: dict[str, str] = {}
    if indicator:
        chosen = {indicator_field(name): indicator_for(name, whole) for name in indicator}
        annotated = annotate(whole, chosen, accept=accept or ())
    else:
        annotated, left_out = annotate_all(whole, accept=accept or ())
    measured = list(indicator or [name for name in INDICATORS if name not in left_out])
    write(out, annotated, overwrite=overwrite)
    typer.echo(f"{out}: {', '.join(measured)}")
    if left_out:
        typer.echo(f"left out: {'; '.join(_grouped(left_out))}")
    next_step("correlation-length", out, "--field", indicator_field(measured[0]))


def _grouped(reasons: Mapping[str, str]) -> list[str]:
    """Names with the reason of each, those of one reason together."""
    found: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        found.setdefault(reason, []).append(name)
    return [f"{', '.join(names)} ({reason})" for reason, names in found.items()]


def compare(
    trajectories: Runs,
    predictor: Annotated[
        list[str] | None,
        typer.Option(
            help="Field that predicts (gnnglass show FILE), or an indicator; give it once per "
            "field. All indicators and maps by default.",
            autocompletion=completing("indicators"),
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="Field to be predicted; give it once per field. Propensities and relaxation times "
            "by default."
        ),
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
        typer.Option(
            help="Field to hold fixed: adds partial correlations and gains; give it once per "
            "field.",
            autocompletion=completing("indicators"),
        ),
    ] = None,
    length: Annotated[
        list[float] | None,
        typer.Option(
            help="Smoothing length of the predictors, in σ; of several, each run has the one that "
            "is best on the others."
        ),
    ] = None,
    same_species: Annotated[
        bool, typer.Option("--same-species", help="Smooth over the particle's own species only.")
    ] = False,
    inherent: Annotated[
        bool, typer.Option("--inherent", help="Indicators of inherent structures.")
    ] = False,
    time: Annotated[
        float | None,
        typer.Option(help="Lag of propensities from runs, in units of time; the last by default."),
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
    propensities and structural indicators on the way. Coefficients are pure numbers, lengths are in
    σ, with 95 % intervals over independent runs; of fewer than four runs the runs are shown.

    Examples:
        gnnglass compare dynamics-1.gsd dynamics-2.gsd --species A
        gnnglass compare explained.gsd --predictor importance --target potential_energy
        gnnglass compare isoconfig_N4096T0.44_*_tc07.npz --inherent --method pearson --length 1

    The table is printed; with --out all its columns go to a CSV file. Next, --given
    potential-energy asks what a field tells beyond the energy, and gnnglass correlation-length how
    far it is correlated.
    """
    from gnnglass import published
    from gnnglass.compare import gain
    from gnnglass.compare.fields import CORRELATIONS
    from gnnglass.compare.table import COLUMNS
    from gnnglass.trajectories import by_run

    require_known("engines", engine)
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
    held = list(map(snapshots[0].spelling, held))
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
    others, targets = set(table["predictor"]) - {ENERGY}, set(table["target"])
    partial = not held and others and ENERGY in set(snapshots[0].fields) - targets
    if partial and method in CORRELATIONS:
        next_step(*sys.argv[1:], "--given", ENERGY)
    else:
        next_step("show", trajectories[0])


#: What is held fixed first of all.
ENERGY = "potential_energy"


def correlation_length(
    trajectories: Runs,
    field: Annotated[
        list[str],
        typer.Option(
            help="Field whose spatial correlation is fitted (gnnglass show FILE); give it once per "
            "field."
        ),
    ],
    species: ChosenSpecies = None,
    fit_from: Annotated[float, typer.Option(help="Distance at which the fit begins, in σ.")] = 1.0,
    length_unit: LengthUnit = None,
    box: Box = None,
    frames: Frames = None,
    out: OptionalOut = None,
    overwrite: Overwrite = False,
) -> None:
    """Fit the length over which fields are correlated in space, with a check against the box.

    The correlation of two particles at a distance is fitted by an exponential as it looks in a
    periodic box; lengths are in σ, with 95 % intervals over independent runs. They are given up to
    an eighth of the box edge, where they are unbiased.

    Examples:
        gnnglass correlation-length structure.gsd --field potential_energy
        gnnglass correlation-length explained-*.gsd --field importance --species all -o xi.csv

    One sentence per field and species is printed; with --out the figures go to a CSV file. Next,
    gnnglass compare correlates the field with others.
    """
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
    next_step("compare", *trajectories, "--predictor", field[0])


def convert(
    source: Input,
    out: Out,
    system: System = None,
    species: Species = None,
    length_unit: LengthUnit = None,
    box: Box = None,
    frames: Frames = None,
    phase: Phase = None,
    overwrite: Overwrite = False,
) -> None:
    """Convert a trajectory of any known format to GSD.

    Names of species, the unit of length and the glass former can be said on the way; whatever is
    read from OUT later then fits. What a trajectory has no place for, such as bonds, is named in
    one line.

    Examples:
        gnnglass convert run.dump -o run.gsd
        gnnglass convert run.data --species 1=A,2=B --system kam2d --phase glass -o run.gsd
        gnnglass convert long.xyz --length-unit 2.5 --frames 100::10 -o thinned.gsd

    OUT is a GSD file with all frames, fields and what is known of the run. Next, gnnglass show
    tells what is in it, and whether it fits the glass former it names.
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
    next_step("show", out)
