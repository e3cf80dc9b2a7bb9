"""All commands, and those that deal with whole studies."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from gnnglass import __version__
from gnnglass._files import require_own_folder
from gnnglass.cli import analysis, learning, simulation
from gnnglass.cli._options import OWN, Device, OverwriteFolder, Scheduler, Workers

app = typer.Typer(
    name="gnnglass",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to work in.")] = Path(
        "gnnglass-demo"
    ),
    workers: Workers = None,
    scheduler: Scheduler = None,
    device: Device = "auto",
    overwrite: OverwriteFolder = False,
) -> None:
    """Simulate, train, explain and compare a small 2D mixture, down to report.html."""
    with resources.as_file(resources.files("gnnglass.studies") / "demo.toml") as path:
        run(path, out, workers, scheduler, device, overwrite)


@app.command()
def run(
    study: Annotated[Path, typer.Argument(help="Study file (TOML).")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; by default named like the study.")
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    device: Device = "auto",
    overwrite: OverwriteFolder = False,
) -> None:
    """Do everything a study file says; what is done already is not done again."""
    from gnnglass.study import Study, run_study

    folder = out or Path(study.stem)
    require_own_folder(folder, OWN, overwrite=overwrite, besides=[study])
    definition = Study.from_file(study)
    run_study(definition, folder, workers=workers, scheduler=scheduler, device=device)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished study.")],
) -> None:
    """Draw the report of a finished study again."""
    from gnnglass.study.report import rebuild_report

    typer.echo(rebuild_report(folder))


@app.command("list")
def list_names() -> None:
    """List all that has a name, and what it is: systems, engines, models, attributions and more."""
    from gnnglass.explain import ATTRIBUTIONS
    from gnnglass.models import MODELS
    from gnnglass.planted import MOTIFS
    from gnnglass.simulate import ENGINES
    from gnnglass.structure import INDICATORS
    from gnnglass.systems import GLASS_FORMERS
    from gnnglass.training import card, shipped_classifiers
    from gnnglass.trajectories import FORMATS

    registries = (GLASS_FORMERS, ENGINES, FORMATS, MODELS, ATTRIBUTIONS, INDICATORS, MOTIFS)
    for registry in registries:
        typer.echo(f"{registry.kind}:")
        for name in registry.names():
            about = registry.describe(name)
            label = f"{about.label} [{about.unit}]" if about.unit else about.label
            # What is called by its name only is said to be what its docstring says.
            known = label if registry in (ATTRIBUTIONS, INDICATORS) else about.summary
            shown = name if registry.available(name) else f"{name} (not installed)"
            typer.echo(f"  {shown:24} {known}".replace("`", "").rstrip())
    typer.echo("trained classifier:")
    for name in shipped_classifiers():
        typer.echo(f"  {name:24} {card(name).about}")


for command in (
    simulation.simulate,
    simulation.ensemble,
    simulation.status,
    learning.train,
    learning.explain,
    simulation.dynamics,
    analysis.structure,
    analysis.compare,
    analysis.correlation_length,
    analysis.convert,
):
    app.command()(command)
