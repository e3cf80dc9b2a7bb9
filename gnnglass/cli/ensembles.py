"""Commands that deal with ensembles: carry one out, tell how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gnnglass.cli.shared import Scheduler, Workers
from gnnglass.errors import FileError


def ensemble(
    file: Annotated[
        Path, typer.Argument(help="TOML with [system], [simulate], [phases.*]; or a study file.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the ensemble.")],
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Simulate independent runs of each phase; what is done already is not done again.

    OUT is a signac project: every run is a job with thermal.gsd and inherent.gsd.
    """
    from gnnglass.ensembles import Ensemble
    from gnnglass.study import plan_runs, read_ensemble_file

    definition = read_ensemble_file(file)
    made = Ensemble(out)
    made.run(plan_runs(definition, made), workers=workers, scheduler=scheduler)
    typer.echo(f"{out}: {len(made)} runs; `gnnglass status {out}` lists them.")


def status(
    folder: Annotated[Path, typer.Argument(help="Folder of an ensemble or of a study.")],
    each: Annotated[bool, typer.Option("--all", help="List every run, not only counts.")] = False,
) -> None:
    """Tell which runs are done, running, failed (and why) or planned."""
    from gnnglass.ensembles import Ensemble
    from gnnglass.ensembles.status import counts, summary

    places = [folder, folder / "runs", folder / "dynamics"]
    found = [made for made in map(Ensemble, places) if len(made)]
    if not found:
        raise FileError(f"{folder} holds no ensemble and no study that has begun.")
    for made in found:
        table = made.status()
        typer.echo(f"{made.folder}: {len(made)} runs: {counts(table)}")
        shown = table.drop(columns=["folder"]).to_string() if each else summary(table)
        typer.echo(f"{shown}\n")
