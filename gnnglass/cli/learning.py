"""Commands that deal with classifiers: train one, explain its decisions."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gnnglass._files import require_replaceable
from gnnglass._shipped import file_of
from gnnglass.cli._names import completing, require_known
from gnnglass.cli._options import (
    Accept,
    Box,
    Device,
    Engine,
    Frames,
    Input,
    LengthUnit,
    Out,
    Overwrite,
    Seed,
    Species,
    System,
    at_level,
    next_step,
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
    model: Annotated[
        str,
        typer.Option(help="Network (gnnglass list models).", autocompletion=completing("models")),
    ] = "message-passing",
    indicator: Annotated[
        list[str] | None,
        typer.Option(
            help="Structural indicator (gnnglass list indicators) that the network is given of "
            "every particle; give it once per indicator.",
            autocompletion=completing("indicators"),
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
        typer.Option(help="Radius of the neighbourhoods of --supervision ball, in σ."),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Largest number of epochs.")] = 30,
    validation: Annotated[
        float, typer.Option(help="Share of the runs of each class that decide when to stop.")
    ] = 0.25,
    test: Annotated[
        float, typer.Option(help="Share of the runs of each class that judge the classifier.")
    ] = 0.25,
    seed: Seed = 0,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Train a classifier on trajectories of two phases, one independent run each.

    Runs that differ in system, composition, density or level, or that are not independent, are
    refused; lengths are in σ. With --accept phase, files are of the class they are given as,
    whatever phase they store.

    Examples:
        gnnglass train liquid-*.gsd glass-*.gsd -o gnn.safetensors
        gnnglass train --class 'liquid=hot-*.gsd' --class 'glass=cold-*.gsd' -o gnn.safetensors
        gnnglass train many/workspace/*/inherent.gsd --model linear -o linear.safetensors

    OUT (.safetensors) holds the network, what it was trained on and how; its AUC and accuracy on
    runs that it has not seen are printed. Next, gnnglass explain maps its decisions, and gnnglass
    show tells what it is made for.
    """
    from gnnglass._options import require_classes, require_one_level
    from gnnglass.study.definition import explained_phase
    from gnnglass.trajectories.material import DIFFERENCES
    from gnnglass.trajectories.runs import run_names

    # All that can be known without torch and without a look at particles comes first.
    by_class = _of_classes(classes or [])
    inputs = [*(runs or []), *(path for _, path in by_class)]
    require_replaceable(out, ours=_is_classifier, overwrite=overwrite, inputs=inputs)
    require_known("models", model)
    require_known("indicators", *(indicator or ()))

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
    for name, path in by_class:
        members.setdefault(name, []).append(read(path))
    require_classes(members)
    last = explained_phase(members, explain)
    members[last] = members.pop(last)
    every = [trajectory for of_class in members.values() for trajectory in of_class]
    require_one_level([one.metadata.get("level", "thermal") for one in every])

    from gnnglass import training
    from gnnglass.models import recipe_for

    training.choose_device(device)
    numbered = {name: [f"{name}-{k}" for k in range(len(of))] for name, of in members.items()}
    training.deal_runs(numbered, validation=validation, test=test, seed=seed)
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
            indicators=indicator or [],
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
    held_out = dict(zip(run_names(every), every, strict=True))[split.test[-1]].source
    next_step("explain", out, held_out, "-o", out.with_suffix(".explained.gsd"))


def _is_classifier(path: Path) -> bool:
    from gnnglass.training.classifier import is_classifier

    return is_classifier(path)


def explain(
    model: Annotated[
        Path,
        typer.Argument(
            help="Trained classifier: a file (.safetensors), or a name of gnnglass list "
            "classifiers.",
            autocompletion=completing("classifiers"),
        ),
    ],
    trajectory: Input,
    out: Out,
    attribution: Annotated[
        str | None,
        typer.Option(
            help="Method (gnnglass list attributions); by default Grad-CAM.",
            autocompletion=completing("attributions"),
        ),
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
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Give every particle of a trajectory its importance for the decision of a classifier.

    A classifier of inherent structures is given inherent structures: they are computed on the
    way, and are what is written. What is not like what the classifier was trained on (system,
    composition, density, temperature) is refused, unless the difference is accepted by name.
    Importance has no unit: it is compared within a configuration.

    Examples:
        gnnglass explain gnn.safetensors glass.gsd -o explained.gsd
        gnnglass explain ka3d-inherent run.dump --system ka3d --frames -1: -o explained.gsd
        gnnglass explain gnn.safetensors glass.gsd --attribution saliency -o saliency.gsd

    OUT is the trajectory (GSD) with the field particles/gnnglass/importance, for OVITO; the
    probability of each frame is printed. Next, gnnglass structure adds what to compare it with, and
    gnnglass compare does so.
    """
    from gnnglass.trajectories import write
    from gnnglass.trajectories.gsd import is_ours

    # All that can be known without torch comes first.
    file_of("classifier", model)
    require_known("attributions", attribution)
    require_known("engines", engine)
    require_replaceable(out, ours=is_ours, overwrite=overwrite, inputs=[model, trajectory])
    whole = read_as(
        trajectory, system=system, species=species, length_unit=length_unit, box=box, frames=frames
    )
    from gnnglass import explain as explaining
    from gnnglass.training import TrainedClassifier

    classifier = TrainedClassifier.load(model, device)
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
    next_step("structure", out, "-o", out.with_suffix(".structure.gsd"))


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
