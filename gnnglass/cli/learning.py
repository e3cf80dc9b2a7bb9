"""Commands that deal with classifiers: train one, explain its decisions."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gnnglass._files import require_replaceable
from gnnglass.cli._options import (
    Accept,
    Box,
    Engine,
    Frames,
    Input,
    LengthUnit,
    Out,
    Overwrite,
    Species,
    System,
    at_level,
    read_as,
    system_of,
)
from gnnglass.errors import FileError, InputError

if TYPE_CHECKING:
    from gnnglass.trajectories import Trajectory


def train(
    out: Out,
    runs: Annotated[
        list[Path] | None, typer.Argument(help="Trajectories that store their phase.")
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="NAME=PATTERN",
            help="Trajectories of one class; give it once per class or pattern, such as "
            "--class 'liquid=hot-*.gsd'.",
        ),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(help="Class that is explained by default; the one called glass, if any."),
    ] = None,
    model: Annotated[str, typer.Option(help="Network.")] = "message-passing",
    indicators: Annotated[
        list[str] | None,
        typer.Option(
            "--indicator",
            metavar="NAME",
            help="Structural indicator that the network is given of every particle; give it once "
            "per indicator.",
        ),
    ] = None,
    system: System = None,
    species: Species = None,
    length_unit: LengthUnit = None,
    box: Box = None,
    frames: Frames = None,
    accept: Accept = None,
    supervision: Annotated[
        Literal["local", "ball", "global"],
        typer.Option(help="Labels per particle, per neighbourhood, or per snapshot."),
    ] = "local",
    ball_radius: Annotated[
        float | None,
        typer.Option(help="Radius of the neighbourhoods of --supervision ball."),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1)] = 30,
    validation: float = 0.25,
    test: float = 0.25,
    seed: int = 0,
    device: str = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Train a classifier on trajectories of two phases, one independent run each.

    Runs that differ in system, composition, density or level, or that are not independent, are
    refused. With --accept phase, files are of the class they are given as, whatever phase they
    store.
    """
    from gnnglass import training
    from gnnglass.models import recipe_for
    from gnnglass.study.definition import explained_phase
    from gnnglass.training.classifier import is_classifier
    from gnnglass.trajectories.material import DIFFERENCES

    training.choose_device(device)
    by_class = _of_classes(classes or [])
    inputs = [*(runs or []), *(path for _, path in by_class)]
    require_replaceable(out, ours=is_classifier, overwrite=overwrite, inputs=inputs)

    def read(path: Path) -> Trajectory:
        return read_as(
            path, system=system, species=species, length_unit=length_unit, box=box, frames=frames
        )

    members: dict[str, list[Trajectory]] = {}
    for path in runs or []:
        trajectory = read(path)
        phase = trajectory.metadata.get("phase")
        if not isinstance(phase, str):
            raise InputError(
                f"{path} does not store its phase; say it with --class 'NAME={path}', or store it "
                "with gnnglass convert --phase."
            )
        members.setdefault(phase, []).append(trajectory)
    for phase, path in by_class:
        members.setdefault(phase, []).append(read(path))
    if len(members) > 1:
        # The last label is the explained one.
        last = explained_phase(members, explain)
        members[last] = members.pop(last)
    labelled = training.LabelledSet.from_trajectories(members, accept=accept or ())
    split = training.split_by_run(labelled, validation=validation, test=test, seed=seed)
    first = labelled.snapshots[0]
    classifier = training.fit(
        labelled,
        split,
        model=model,
        recipe=recipe_for(
            model,
            first.dimension,
            first.type_names,
            indicators=indicators or [],
            system=labelled.material.system,
        ),
        options=training.TrainingOptions(
            supervision=supervision, ball_radius=ball_radius, epochs=epochs, seed=seed
        ),
        accept=[name for name in accept or () if name in DIFFERENCES],
        device=device,
    )
    classifier.save(out, overwrite=overwrite)
    chosen = labelled.where(split.test)
    judged = training.evaluate(
        classifier.predict_proba([labelled.snapshots[i] for i in chosen])[:, 1],
        labelled.targets[chosen],
        [labelled.runs[i] for i in chosen],
    )
    typer.echo(
        f"{out}: {labelled.level} level, AUC {judged.auc.sentence('.3f')}, accuracy "
        f"{judged.accuracy.sentence('.3f')} on {judged.n_snapshots} snapshots of "
        f"{judged.n_runs} held-out runs; explains {classifier.explained}"
    )


def explain(
    model: Annotated[
        Path,
        typer.Argument(
            help="Trained classifier: a file (.safetensors), or a name of gnnglass list."
        ),
    ],
    trajectory: Input,
    out: Out,
    attribution: Annotated[
        str | None, typer.Option(help="By default the Grad-CAM of the model's kind.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Class whose logit is explained; by default the classifier's own."),
    ] = None,
    field: Annotated[str, typer.Option(help="Name of the field to write.")] = "importance",
    system: System = None,
    species: Species = None,
    length_unit: LengthUnit = None,
    box: Box = None,
    frames: Frames = None,
    accept: Accept = None,
    engine: Engine = "lammps",
    device: str = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Give every particle of a trajectory its importance for the decision of a classifier.

    A classifier of inherent structures is given inherent structures: they are computed on the
    way, and are what is written. What is not like what the classifier was trained on (system,
    composition, density, temperature) is refused, unless the difference is accepted by name.
    """
    from gnnglass import explain as explaining
    from gnnglass.training import TrainedClassifier
    from gnnglass.trajectories import write
    from gnnglass.trajectories.gsd import is_ours

    require_replaceable(out, ours=is_ours, overwrite=overwrite, inputs=[model, trajectory])
    classifier = TrainedClassifier.load(model, device)
    whole = read_as(
        trajectory, system=system, species=species, length_unit=length_unit, box=box, frames=frames
    )
    chosen = attribution or f"{classifier.model.kind}-gradcam"
    method = explaining.ATTRIBUTIONS.create(chosen)
    # Before minutes of minimisation, not after.
    method.check(classifier.model)
    for snapshot in whole:
        classifier.recipe.species(snapshot)
    classifier.recipe(whole[0])
    # Minima of another level may still be found; whatever else differs is refused first.
    as_wanted = whole.stating(level=classifier.level)
    classifier.require_fit(as_wanted, accept or (), whose=str(trajectory))
    levelled = at_level(
        whole, classifier.level, system_of(whole, classifier.system), engine, accept or ()
    )
    target = target or classifier.explained
    annotated = explaining.annotate(
        classifier, levelled, method, field, target=target, accept=accept or ()
    )
    probability = classifier.predict_proba(levelled, accept=accept or ())
    explained = {"model": str(model), "attribution": chosen, "target": target}
    write(out, annotated.stating(explained=explained), overwrite=overwrite)
    typer.echo(f"{'step':>12}  P({target})")
    for snapshot, p in zip(levelled, probability[:, classifier.labels.index(target)], strict=True):
        typer.echo(f"{snapshot.step:12d}  {p:.3f}")
    typer.echo(f"{out}: {len(annotated)} frames with particles/gnnglass/{field}")


def _of_classes(given: Sequence[str]) -> list[tuple[str, Path]]:
    """The files that options ``NAME=PATTERN`` name, each with its class."""
    found = []
    for option in given:
        name, separator, pattern = option.partition("=")
        if not (name and separator and pattern):
            raise InputError(
                f"--class was given {option!r}; expected NAME=PATTERN, such as liquid=hot-*.gsd."
            )
        paths = sorted(glob.glob(pattern))  # noqa: PTH207 - patterns may be absolute
        if not paths:
            raise FileError(f"no file matches {pattern}.")
        found += [(name, Path(path)) for path in paths]
    return found
