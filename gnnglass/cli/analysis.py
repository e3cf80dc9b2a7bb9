"""Commands that describe, compare and convert trajectories."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gnnglass import __version__
from gnnglass._files import Recogniser, require_replaceable, require_writable, written_whole
from gnnglass._options import require_positive
from gnnglass.cli._names import completing, require_known
from gnnglass.cli._options import (
    Accept,
    Bar,
    BondLength,
    Box,
    BreakLength,
    ChosenSpecies,
    Engine,
    Frames,
    Input,
    LengthUnit,
    NLags,
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
    is_trajectory,
    lengths,
    next_step,
    read_as,
    reading,
    system_of,
)
from gnnglass.errors import InputError

if TYPE_CHECKING:
    from gnnglass.dynamics import RunRelaxation
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

    require_known("indicators", *(indicator or ()))
    require_known("engines", engine)
    require_replaceable(out, ours=is_trajectory, overwrite=overwrite, inputs=[trajectory])
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


def relaxation(
    trajectory: Input,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder for all that is found; or a file for one of them: .csv (curves), .json "
            "(everything), .png (figure) or .gsd (frames with relaxation times).",
        ),
    ],
    dt: Annotated[
        float | None,
        typer.Option(
            help="Time per step, where the file states none; where it only counts frames, that "
            "between frames."
        ),
    ] = None,
    last_lag: Annotated[
        int | None, typer.Option(help="Longest lag, in steps; half the run by default.")
    ] = None,
    n_lags: NLags = 24,
    n_origins: Annotated[
        int, typer.Option(help="Time origins at most, spread over those that there are.")
    ] = 32,
    wave_number: Annotated[
        float,
        typer.Option(help="Wave number of F_s, in 1/σ; 7.25 is the peak of S(k) of ka3d."),
    ] = 7.25,
    overlap_distance: Annotated[
        float, typer.Option(help="How far is away, for the overlap, in σ.")
    ] = 0.3,
    cage: Annotated[
        float, typer.Option(help="Distance within which neighbours are of the cage, in σ.")
    ] = 1.5,
    r_bond: BondLength = None,
    r_break: BreakLength = None,
    system: System = None,
    species: Species = None,
    length_unit: LengthUnit = None,
    box: Box = None,
    frames: Frames = None,
    accept: Accept = None,
    overwrite: Overwrite = False,
) -> None:
    """Follow the particles of a run of yours: MSD, F_s, overlap, χ₄ and relaxation times.

    Averages are over the particles of each species and over time origins, of plain and of
    cage-relative displacements; they are those of equilibrium if the run is. Local relaxation times
    (bond breaking, overlap) are those of each particle after each origin; who has not relaxed at
    the last lag is marked as censored. Lengths are in σ, times in the unit of --dt; a file that
    states no time step is refused without it.

    Examples:
        gnnglass relaxation glass.gsd -o relaxation
        gnnglass relaxation run.dump --system kam2d --dt 0.005 --last-lag 100000 -o relaxation
        gnnglass relaxation tracks.xyz --dt 0.5 --r-bond 1.5 --r-break 2 -o curves.csv

    OUT is a folder with NAME-relaxation.csv, .json, .png and .gsd: the curves, these with all
    options and relaxation times, their figure, and the frames at the origins with relaxation times
    as fields; or one such file. Next, gnnglass structure, and gnnglass compare with --predictor and
    --target tau_overlap set the times against the structure.
    """
    from gnnglass.dynamics import (
        BondBreaking,
        RunRelaxation,
        SelfOverlap,
        TimeCorrelations,
        TimeOrigins,
        lags_within,
    )
    from gnnglass.systems.glass_former import stated_mixture
    from gnnglass.trajectories import Material
    from gnnglass.trajectories.material import require_reach

    files = _products(out, trajectory)
    for ending, file in files.items():
        require_replaceable(
            file, ours=_OF_RELAXATION[ending], overwrite=overwrite, inputs=[trajectory]
        )
        require_writable(file)
    read, options = reading(
        system=system, species=species, length_unit=length_unit, box=box, frames=frames
    )
    whole = _timed(read(trajectory), dt, trajectory)
    material = Material.of([whole])
    former, unknown, accepted = stated_mixture(whole, material, accept or ())
    require_reach(material, cage, whose="--cage", accept=accept or ())
    bonds = BondBreaking(lengths(r_bond), lengths(r_break), system=former)
    left_out = unknown if former is None and r_bond is None and r_break is None else ""
    if not left_out:
        bonds.cutoffs(whole[0])
    neighbors = {"r_max": cage}
    relaxation = RunRelaxation(
        TimeCorrelations(wave_number, overlap_distance, neighbors=neighbors),
        None if left_out else bonds,
        SelfOverlap(overlap_distance, neighbors=neighbors),
    )
    origins = TimeOrigins(whole, lags_within(whole, n_lags, last_lag)).thinned(n_origins)
    with Bar("time origins", "window") as bar:
        relaxation.compute(origins, progress=bar)
    chosen: dict[str, Any] = {
        "source": str(trajectory),
        **options,
        "dt": whole.metadata["dt"],
        "lag_steps": list(origins.lag_steps),
        "n_origins": origins.n_origins,
        "wave_number": wave_number,
        "overlap_distance": overlap_distance,
        "cage": cage,
        "r_bond": bonds.r_bond,
        "r_break": bonds.r_break,
    }
    _write_relaxation(relaxation, files, chosen, accepted, overwrite)
    typer.echo(relaxation.sentence())
    for row in relaxation.local_times().to_dict("records"):
        typer.echo(_local_times_in_words(row))
    if left_out:
        typer.echo(
            f"left out: bond breaking ({left_out}; give --system, or --r-bond and --r-break)"
        )
    for file in files.values():
        typer.echo(file)
    if ".gsd" in files:
        made = files[".gsd"]
        next_step("structure", made, "-o", made.with_suffix(".structure.gsd"))
    else:
        next_step("relaxation", trajectory, "-o", "relaxation")


def _products(out: Path, trajectory: Path) -> dict[str, Path]:
    """Ending -> file that is written: the one that is asked for, or all in a folder.

    Raises:
        InputError: If there is no product with the ending.
    """
    if out.suffix in _OF_RELAXATION and not out.is_dir():
        return {out.suffix: out}
    if not out.is_dir() and (out.exists() or out.suffix[1:].isalpha()):
        if out.exists():
            # Of a device this says so.
            require_writable(out)
        raise InputError(
            f"--out is {out}, which is no folder; give a folder, or a file ending in "
            f"{', '.join(_OF_RELAXATION)} (of these, --overwrite replaces one that is there)."
        )
    return {end: out / f"{trajectory.stem}-relaxation{end}" for end in _OF_RELAXATION}


def _timed(trajectory: Trajectory, dt: float | None, file: Path) -> Trajectory:
    """The trajectory with the time per step that is given, if it states none.

    Raises:
        InputError: If nobody says, or both do and differ.
    """
    stated = trajectory.metadata.get("dt")
    if dt is None:
        if stated is None:
            raise InputError(
                f"{file} does not state its time step; give --dt, the time per step (where it only "
                "counts frames, that between frames)."
            )
        return trajectory
    require_positive(dt=dt)
    if stated is not None and not math.isclose(stated, dt, rel_tol=1e-6):
        raise InputError(f"{file} states a time step of {stated:g}; leave --dt out.")
    return trajectory.stating(dt=dt)


def _is_figure(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(200)
    return head.startswith(b"\x89PNG") and SOFTWARE.encode() in head


#: Stands in figures and JSON of ours.
SOFTWARE = "gnnglass relaxation"
_OF_RELAXATION: dict[str, Recogniser] = {
    ".csv": begins_with("cage_relative,species,time,msd,self_scattering,"),
    ".json": begins_with(f'{{"made_by": "{SOFTWARE}"'),
    ".png": _is_figure,
    ".gsd": is_trajectory,
}


def _write_relaxation(
    found: RunRelaxation,
    files: Mapping[str, Path],
    options: Mapping[str, Any],
    accepted: Mapping[str, str],
    overwrite: bool,
) -> None:
    from matplotlib.figure import Figure

    from gnnglass.dynamics.time_correlation import LABELS
    from gnnglass.trajectories import write

    figure = Figure(figsize=(8, 6), layout="constrained")
    for curve, ax in zip(LABELS, figure.subplots(2, 2).flat, strict=True):
        legend = found.plot(ax, curve=curve).get_legend()
        assert legend is not None
        legend.remove()
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    tables = {
        "curves": found.to_frame(),
        "relaxation_times": found.relaxation_times(),
        "local_relaxation_times": found.local_times(),
    }
    # As pandas writes tables, a missing number is null.
    rows = {
        name: json.loads(table.to_json(orient="records", double_precision=15))
        for name, table in tables.items()
    }
    facts = {"made_by": SOFTWARE, "version": __version__, "options": options, "accepted": accepted}
    made = found.annotated.stating(relaxation=dict(options)).accepting(accepted)
    for ending, file in files.items():
        if ending == ".gsd":
            write(file, made, overwrite=overwrite)
            continue
        with written_whole(file, ours=_OF_RELAXATION[ending], overwrite=overwrite) as aside:
            if ending == ".csv":
                tables["curves"].to_csv(aside, index=False)
            elif ending == ".png":
                figure.savefig(aside, dpi=150, metadata={"Software": SOFTWARE})
            else:
                aside.write_text(json.dumps({**facts, **rows}, ensure_ascii=False), "utf-8")


def _local_times_in_words(row: Mapping[str, Any]) -> str:
    bound = "more than " if row["censored"] >= 0.5 else ""
    without = f", and {row['without']:.1%} have no bonds" if row["without"] else ""
    return (
        f"{row['species']}: the median of {row['quantity']} is {bound}{row['median']:.3g}; "
        f"{row['censored']:.1%} had not relaxed by the last lag{without}"
    )


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

    require_replaceable(out, ours=is_trajectory, overwrite=overwrite, inputs=[source])
    trajectory = read_as(
        source, system=system, species=species, length_unit=length_unit, box=box, frames=frames
    )
    if phase is not None:
        trajectory = trajectory.stating(phase=phase)
    write(out, trajectory, overwrite=overwrite)
    typer.echo(f"{out}: {trajectory!r}")
    next_step("show", out)
