"""All commands, and those that deal with whole studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gnnglass import __version__
from gnnglass._files import require_own_folder
from gnnglass._shipped import file_of
from gnnglass.cli import analysis, learning, listing, showing, simulation
from gnnglass.cli._help import Commands, printable
from gnnglass.cli._names import completing
from gnnglass.cli._options import OWN, Device, OverwriteFolder, Scheduler, Workers, next_step

app = typer.Typer(
    name="gnnglass",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # As it is written: rich would take words in brackets for its markup.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="All quantities are in reduced units: lengths in σ, energies and kT in ε, times in "
    "√(m σ²/ε). Begin with gnnglass demo, or with gnnglass show FILE on a trajectory of yours.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gnnglass {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """What in a disordered structure makes it a glass?"""


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to work in.")] = Path(
        "gnnglass-demo"
    ),
    workers: Workers = None,
    scheduler: Scheduler = None,
    device: Device = "auto",
    overwrite: OverwriteFolder = False,
) -> None:
    """Simulate, train, explain and compare a small 2D mixture, down to report.html.

    It takes about ten minutes on two cores, is in reduced units (σ, ε), and can be killed at any
    time: the same command goes on where it was.

    Examples:
        gnnglass demo
        gnnglass demo -o elsewhere --workers 1

    OUT is filled like the folder of any study: report.html to open in a browser, results.json with
    every number, classifiers and annotated trajectories. Next, gnnglass show OUT tells what was
    found.
    """
    run(Path("demo"), out, workers, scheduler, device, overwrite)


def run(
    study: Annotated[
        Path,
        typer.Argument(
            help="Study file (TOML), or a name of gnnglass list studies.",
            autocompletion=completing("studies"),
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; by default named like the study.")
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    device: Device = "auto",
    overwrite: OverwriteFolder = False,
) -> None:
    """Do everything a study file says; what is done already is not done again.

    The file is in reduced units (σ, ε); gnnglass show STUDY tells what it would do. It can be
    killed at any time: the same command goes on where it was, and ends with the same numbers.

    Examples:
        gnnglass run mine.toml
        gnnglass run kam2d -o gnnglass-kam2d --workers 8
        gnnglass run mine.toml --scheduler tcp://127.0.0.1:8786 --device cuda

    OUT is filled with report.html, results.json, classifiers, runs and annotated trajectories.
    Next, gnnglass show OUT tells what was found.
    """
    folder, file = out or Path(study.stem), file_of("study", study)
    require_own_folder(folder, OWN, overwrite=overwrite, besides=[file])
    from gnnglass.study import Study, run_study

    definition = Study.from_file(file)
    run_study(definition, folder, workers=workers, scheduler=scheduler, device=device)
    next_step("show", folder)


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished study.")],
) -> None:
    """Draw the report of a finished study again.

    Nothing is computed anew, so that a figure looks as this version draws it; units are as in the
    study.

    Examples:
        gnnglass report gnnglass-demo
        gnnglass report .

    FOLDER/report.html is written again. Next, open it in a browser, or read gnnglass show FOLDER.
    """
    from gnnglass.study.report import rebuild_report

    typer.echo(rebuild_report(folder))
    next_step("show", folder)


for command, name in (
    (demo, "demo"),
    (showing.show, "show"),
    (listing.list_names, "list"),
    (simulation.simulate, "simulate"),
    (simulation.ensemble, "ensemble"),
    (simulation.status, "status"),
    (analysis.convert, "convert"),
    (simulation.inherent, "inherent"),
    (learning.train, "train"),
    (learning.explain, "explain"),
    (simulation.dynamics, "dynamics"),
    (analysis.relaxation, "relaxation"),
    (analysis.structure, "structure"),
    (analysis.compare, "compare"),
    (analysis.correlation_length, "correlation-length"),
    (run, "run"),
    (report, "report"),
):
    app.command(name, help=printable(command))(command)
